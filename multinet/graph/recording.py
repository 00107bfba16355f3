"""The backend that records: each call of a method becomes a node of a graph.

Shapes and dtypes come from the symbolic backend, so there is no second list of rules.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.calls import active
from multinet.errors import ArgumentError, TraceError, near
from multinet.graph.values import Body, Node, Value
from multinet.interface import Backend, Key, fused, primitives
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic import SymbolicArray, SymbolicBackend
from multinet.typing import AnyVariable, Host, Numbers, Tensor, Tensors, Tree

#: Methods that tell something of a tensor or a machine, and those that take functions.
_UNRECORDED = ("jit", "argument", "program", "from_numpy", "fold_in")


def recorded() -> list[str]:
    """Return the names of the methods that become nodes by themselves, whole ones too.

    Those that take functions, and what makes tensors of host data, are written out.
    """
    return [
        name
        for name in (*primitives(), *fused())
        if SIGNATURES[name].result not in ("host", "given") and name not in _UNRECORDED
    ]


def wholes(names: bool | Collection[str]) -> frozenset[str]:
    """Return the fused methods to keep whole: all for True, none for False."""
    known = frozenset(fused()) & frozenset(recorded())
    if isinstance(names, bool):
        return known if names else frozenset()
    for name in names:
        if name not in known:
            raise ArgumentError(
                f"Expected the names of fused methods to keep whole, got {name!r}."
                f"{near(name, known)}"
            )
    return frozenset(names)


@cache
def parameters(op: str) -> inspect.Signature:
    """Return what a method of the interface takes, after `self`."""
    signature = inspect.signature(getattr(Backend, op))
    return signature.replace(parameters=list(signature.parameters.values())[1:])


class Recorder(SymbolicBackend):
    """Run a program on shapes, and note each call of a method as a node.

    `whole` are the fused methods that are one node; the others are recorded as the
    primitives of their bodies. `body` is what is being recorded, `root` the outermost;
    constants and Variables belong to it, wherever they are met.
    """

    reruns = False

    def __init__(self, concrete: Backend[Any], whole: Collection[str]) -> None:
        super().__init__(concrete)
        self.whole = whole
        complete: Any = SymbolicBackend  # with the rules that `by_form` gave it
        self.rules: Any = complete(concrete)
        self.body = self.root = Body()
        self.constants: dict[int, tuple[Value, Host]] = {}
        self.variables: dict[int, tuple[Value, AnyVariable]] = {}
        self.layers: dict[int, str] = {}  # where each Variable was read first
        self._tensors: dict[int, tuple[Any, Value]] = {}
        self._count = 0

    # -- values ------------------------------------------------------------------------

    def value(self, like: SymbolicArray, name: str | None = None) -> Value:
        """Return a new value of a shape and a dtype."""
        if name is None:
            name, self._count = f"%{self._count}", self._count + 1
        return Value(like, name)

    def constant(self, array: Host) -> Value:
        """Return the value of host data, which the graph keeps a copy of."""
        array = np.array(array)
        like = SymbolicArray(array.shape, dtypes.standardize(array.dtype))
        value = self.value(like, f"constant_{len(self.constants)}")
        self.constants[id(value)] = value, array
        return value

    def placeholder(self, variable: AnyVariable) -> SymbolicArray:
        """Return the value that stands for a Variable."""
        found = self.variables.get(id(variable))
        if found is None:
            value = self.value(super().placeholder(variable), variable.path)
            found = self.variables[id(variable)] = value, variable
            self.layers[id(variable)] = self.layer()
        return found[0]

    def lift(self, x: Tensor) -> Tensor:
        """Return a leaf of arguments: tensors of the concrete backend as constants."""
        if isinstance(x, Value):
            return x
        if isinstance(x, SymbolicArray):
            raise TraceError(
                f"{x!r} is no value of the graph that is being captured. A tensor that "
                "another trace made cannot be used inside; pass it as an argument."
            )
        if not self.concrete.is_tensor(x):
            return x
        known = self._tensors.get(id(x))
        if known is None:  # the tensor is held, so that its identity stays its own
            value = self.constant(self.concrete.to_numpy(x))
            known = self._tensors[id(x)] = x, value
        return known[1]

    def lifted(self, tree: Tree) -> Tree:
        """Return a tree with each leaf as `lift` gives it."""
        return optree.tree_map(self.lift, tree)

    def layer(self) -> str:
        """Return the path of the layer that is being called."""
        context = active.get()
        return "/".join(x.name for x in context.path) if context is not None else ""

    # -- nodes -------------------------------------------------------------------------

    def record(self, op: str, arguments: dict[str, Any], results: Tree) -> Tree:
        """Add a node; return its values in the tree of `results`, which are shapes."""
        outputs = optree.tree_map(self.value, results)
        leaves: Any = optree.tree_leaves(outputs)
        self.body.nodes.append(Node(op, arguments, leaves, self.layer()))
        return outputs

    def recorded_call(
        self, op: str, args: tuple[Tree, ...], kwargs: dict[str, Tree]
    ) -> Tensors:
        """Record a call of a method that takes tensors and options."""
        bound = parameters(op).bind(*args, **kwargs)
        bound.apply_defaults()
        given = {name: self.lifted(x) for name, x in bound.arguments.items()}
        bound.arguments.update(given)
        results = getattr(self.rules, op)(*bound.args, **bound.kwargs)
        return self.record(op, given, results)

    def inner(self, function: Callable[..., Any], *likes: SymbolicArray) -> Body:
        """Return the body of a function of tensors like these."""
        body = Body([self.value(x) for x in likes])
        self.inside(body, lambda: function(*body.inputs))
        return body

    def inside(self, body: Body, run: Callable[[], Tensors]) -> Tensors:
        """Run what is recorded into a body; its outputs are the tensors returned."""
        around, self.body = self.body, body
        try:
            results = run()
            body.outputs = list(self.lifted(tuple(results)))
            return results
        finally:
            self.body = around

    # -- host data ---------------------------------------------------------------------

    def from_numpy(self, array: Host) -> Value:
        return self.constant(array)

    def argument(self, value: Numbers, dtype: str) -> Value:
        return self.constant(np.asarray(value, dtypes.to_numpy(dtype)))

    def fold_in(self, key: Key, data: Numbers) -> Value:
        given = self.lifted({"key": key, "data": data})
        return self.record("fold_in", given, self.rules.fold_in(**given))


def _recording(op: str) -> Callable[..., Any]:
    def call(self: Recorder, *args: Tree, **kwargs: Tree) -> Tensors:
        if op in _FUSED and op not in self.whole:
            return getattr(super(Recorder, self), op)(*args, **kwargs)
        return self.recorded_call(op, args, kwargs)

    call.__name__ = op
    return call


_FUSED = frozenset(fused())

for _name in recorded():
    setattr(Recorder, _name, _recording(_name))
