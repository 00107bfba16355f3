"""What loops and branches carry: trees as tensors, Variables written, random draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet.ops.core import as_tensor
from multinet.scope import Capture, stream
from multinet.streams import Entry
from multinet.typing import Numbers, Tree


def tensors_of(tree: Tree) -> tuple[tuple[Any, ...], Any]:
    """Return the leaves of a tree as tensors, and its structure; None is no leaf."""
    leaves, structure = optree.tree_flatten(tree)
    return tuple(as_tensor(leaf) for leaf in leaves), structure


def tree_of(structure: Tree, leaves: Sequence[Any]) -> Tree:
    return optree.tree_unflatten(structure, leaves)


class Flattened:
    """A function of trees as one of flat tuples; `structure` is that of its result."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.structure: Any = None

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        leaves, self.structure = tensors_of(self.function(*args))
        return leaves


class _Again(Exception):
    """A function wrote Variables, or drew random numbers, that its loop did not carry.

    Control flow runs functions as if they did neither, which is the usual case, and
    begins anew when it sees that they do.
    """


class Carried:
    """The Variables that a loop or branch carries, and whether its draws need a place.

    `placed` says that every run has a place, `False` that it gets one if it draws.

    >>> carried.run(lambda: loop(carried))  # until nothing new turns up
    """

    def __init__(self, placed: bool = True) -> None:
        self.variables: dict[int, Any] = {}
        self.placed = placed
        self.entry = entry_here()

    def run(self, loop: Callable[[], Any]) -> Tree:
        while True:
            try:
                return loop()
            except _Again:
                continue

    def start(self) -> list[Any]:
        """Return the values to begin with."""
        return [v.__multinet_tensor__() for v in self.variables.values()]

    def call(
        self,
        function: Callable[..., Any],
        values: Sequence[Any],
        place: Numbers,
        entry: Entry | None = None,
    ) -> Tree:
        """Return function() and the values after it.

        `place` tells this run from others; `entry` is that of the draws, if it is not
        the one of the loop's body.
        """
        draws = (entry or self.entry).inside(place if self.placed else None)
        with Capture(self.variables.values(), values, stream=draws) as scope:
            result = function()
        new = {k: v for k, v in scope.writes.items() if k not in self.variables}
        lost = draws.used and not self.placed
        if new or lost:
            self.variables.update(new)
            self.placed = self.placed or lost
            raise _Again
        return result, tuple(scope.values_of(list(self.variables.values())))

    def finish(self, values: Sequence[Any]) -> None:
        """Assign the values at the end."""
        for variable, value in zip(self.variables.values(), values, strict=True):
            variable.assign(value)


def entry_here() -> Entry:
    draws = stream()
    return Entry(draws, draws.enter())
