"""Program: a step that runs many times, and the state that it carries.

This is all that the interface says of a compiled step: make it from a pure function,
run it on batches, read the state back. How the state is held, how many steps go into
one dispatch and what is compiled is the backend's choice; `explain` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeAlias

import numpy as np

from multinet.interface.array import T
from multinet.interface.mesh import Placement
from multinet.interface.program import Tensors
from multinet.typing import Host

Array = Host
# The `Backend` that makes the program; its class is written after this one.
Maker: TypeAlias = Any


class Program(Generic[T]):
    """A pure step and its state. The default: `jit`, and one step a call.

    `function(*state, *batch, *scalars)` returns `(*state, *outputs)`, where an entry of
    the state that was only read is the same object as came in. It may be traced any
    number of times. `consumed` are the entries that it may overwrite in place (the
    parameters and slots of an optimizer). `scalars` are as `Backend.argument` makes
    them, of the dtypes given.

    `jit_compile` is what the user asked of `compile`: "auto", True or False. With a
    `placement` state and batches lie on a mesh as it says; the function sees them
    whole.
    """

    def __init__(
        self,
        backend: Maker,
        function: Callable[..., Tensors[T]],
        consumed: Sequence[int],
        scalars: Sequence[str],
        jit_compile: bool | str = "auto",
        placement: Placement[T] | None = None,
    ) -> None:
        self.backend, self.function = backend, function
        self.placement = placement
        self.consumed, self.scalars = tuple(consumed), tuple(scalars)
        self.jit_compile = jit_compile
        self.held: list[T] = []
        self.lent = True  # whether someone else may hold the arrays of the state

    # -- state -------------------------------------------------------------------------

    def load(self, values: Sequence[T]) -> None:
        """Carry on from these values, which are never changed."""
        self.held, self.lent = [self._placed(*x) for x in enumerate(values)], True

    def put(self, index: int, value: T) -> None:
        """Replace one entry of the state by a value, which is never changed."""
        self.held[index] = self._placed(index, value)
        if index in self.consumed:
            self.lent = True

    def peek(self, index: int) -> T:
        """Return one entry of the state, to be read before the next run."""
        return self.held[index]

    def values(self) -> list[T]:
        """Return the state, to keep: later runs do not change it."""
        self.lent = True
        return list(self.held)

    # -- running -----------------------------------------------------------------------

    def capacity(self, batch: Sequence[Array | T], wanted: int) -> int:
        """Return how many steps on batches like this one `run` takes gladly at once.

        `batch` holds the arrays or tensors of one step, without the axis of steps.
        Between 1 and `wanted`; 1 where a loop over steps would not pay.
        """
        return 1

    def run(
        self, batch: Sequence[Array | T], scalars: Sequence[Array], count: int
    ) -> Tensors[T]:
        """Run `count` steps; return the outputs of the last one.

        Each column of the batch is a host array or a tensor of the backend, which does
        not go through the host; both mean the same. They have a first axis of steps,
        `count` of which are to be used; they are not written to, and the caller leaves
        them alone. The state is whole again when this returns, and as it was before or
        after some step if it raises.
        """
        if self.lent:
            self._own()
        outputs: Tensors[T] = ()
        for i in range(count):
            row = [self._row(x, i) for x in batch]
            outputs = self._step(row, [x[i] for x in scalars])
        return outputs

    def one(
        self, row: Sequence[Array], scalars: Callable[[], Sequence[Array]]
    ) -> Tensors[T]:
        """Run one step on the arrays of one batch, to predict in haste; the outputs.

        The caller leaves the arrays alone until it has read the outputs. `scalars`
        gives those of the step, with an axis of steps, if they are needed.
        """
        return self.run([x[None] for x in row], scalars(), 1)

    def wait(self) -> None:
        """Return when all steps have been computed."""
        for x in self.held:
            self.backend.synchronize(x)

    def explain(self) -> dict[str, str]:
        """Return which path runs and why: a line for each of path, steps and so on."""
        return {"path": "jit", "steps": "one a call: the default of the interface"}

    # -- the default -------------------------------------------------------------------

    def _placed(self, index: int, value: T) -> T:
        """Return a value for an entry of the state as it is to lie."""
        place = self.placement
        return value if place is None else place.mesh.shard(value, place.layouts[index])

    def _own(self) -> None:
        for i in self.consumed:
            self.held[i] = self.backend.copy(self.held[i])
        self.lent = False

    @cached_property
    def compiled(self) -> Callable[..., Tensors[T]]:
        """The function of one step, compiled."""
        return self.backend.jit(self.function, ())

    def _row(self, column: Array | T, index: int) -> T:
        """Return the batch of one step as a tensor."""
        backend, place = self.backend, self.placement
        if place is not None and isinstance(column, np.ndarray):
            row = column[index]
            return place.mesh.shard(row, place.of_batch(row.shape))
        if isinstance(column, np.ndarray):
            return backend.from_numpy(column[index])
        steps, *shape = backend.shape(column)
        if steps > 1:
            zeros, ones = [0] * len(shape), [1] * (len(shape) + 1)
            column = backend.slice(
                column, (index, *zeros), (index + 1, *shape), tuple(ones)
            )
        return backend.reshape(column, tuple(shape))

    def _step(self, batch: Sequence[T], scalars: Sequence[Any]) -> Tensors[T]:
        backend = self.backend
        results = self.compiled(
            *self.held,
            *batch,
            *[backend.argument(x.item(), d) for x, d in zip(scalars, self.scalars)],
        )
        self.held = [self._placed(*x) for x in enumerate(results[: len(self.held)])]
        return tuple(results[len(self.held) :])


class EagerProgram(Program[T]):
    """The program that compiles nothing, for debugging: `compile(run_eagerly=True)`."""

    def explain(self) -> dict[str, str]:
        """Return that nothing is compiled."""
        return {"path": "eager: run_eagerly=True", "steps": "one a call"}

    @cached_property
    def compiled(self) -> Callable[..., Tensors[T]]:
        """The function as it is."""
        return self.function
