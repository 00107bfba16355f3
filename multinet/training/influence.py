"""Which weights a run on shapes makes its outputs of: the others are not trained."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Iterable
from typing import Any

import optree

from multinet.interface import Backend, fused, primitives
from multinet.registry import current
from multinet.symbolic.backend import SymbolicBackend
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import Tree
from multinet.variables import Variable

# What came out of a function that a method was handed, or of a framework's own: it may
# hold anything.
_ANY = 0


class Tracing(SymbolicBackend):
    """A backend of shapes that notes of which tensors each result was made.

    Results are told apart by their identities, and held so that these stay theirs.
    """

    def __init__(self, concrete: Backend[Any]) -> None:
        super().__init__(concrete)
        #: Each result, and the identities of the Variables that it was made of.
        self.made_of: dict[int, tuple[Any, frozenset[int]]] = {}
        self.read: set[int] = set()

    def placeholder(self, variable: Variable) -> SymbolicArray:
        """Return what stands for the value of a Variable, and note which it is."""
        value = super().placeholder(variable)
        self.read.add(id(variable))
        self.made_of[id(value)] = value, frozenset((id(variable),))
        return value

    def know(self, data: Tree) -> None:
        """Know data, which are made of no Variable."""
        for leaf in optree.tree_leaves(data):  # type: ignore[arg-type]
            self.made_of[id(leaf)] = leaf, frozenset()

    def note(self, given: Tree, result: Tree) -> None:
        """Know what a method made of its arguments."""
        leaves: list[Any] = optree.tree_leaves(given)  # type: ignore[arg-type]
        sources = frozenset().union(*map(self.sources, leaves))
        for leaf in optree.tree_leaves(result):  # type: ignore[arg-type]
            if type(leaf) is SymbolicArray and id(leaf) not in self.made_of:
                self.made_of[id(leaf)] = leaf, sources

    def sources(self, leaf: object) -> frozenset[int]:
        """Return the identities of the Variables that a value was made of."""
        if callable(leaf):
            return frozenset((_ANY,))
        known = self.made_of.get(id(leaf))
        if known is not None:
            return known[1]
        return frozenset((_ANY,) if type(leaf) is SymbolicArray else ())

    def without(self, weights: Iterable[Variable], outputs: Tree) -> list[Variable]:
        """Return the weights that were read, and are in none of the outputs."""
        leaves: list[Any] = optree.tree_leaves(outputs)  # type: ignore[arg-type]
        found = frozenset().union(*map(self.sources, leaves))
        if _ANY in found:
            return []
        return [w for w in weights if id(w) in self.read and id(w) not in found]


def _noted(name: str) -> Callable[..., Any]:
    method = getattr(SymbolicBackend, name)

    @functools.wraps(method)
    def noted(self: Tracing, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.note((args, kwargs), result)
        return result

    return noted


_LOOKS = frozenset(("common_dtype", "dtype", "is_tensor", "shape"))

for _name in (*primitives(), *fused()):
    if _name not in _LOOKS:
        setattr(Tracing, _name, _noted(_name))
abc.update_abstractmethods(Tracing)


def tracing() -> Tracing:
    """Return a backend of shapes beside the one in use that notes what is made."""
    kind: Any = Tracing  # whose methods are written below
    return kind(current().concrete)
