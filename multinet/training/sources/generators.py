"""Generators as a source: batches as they come, their number unknown.

A generator, or another iterator, goes on from epoch to epoch and cannot start again. A
function that returns one is called for each epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import optree

from multinet.drawing import Drawing
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.core import is_array
from multinet.registry import owner
from multinet.training.sources.columns import Stack, bytes_of, leaf_of, row, signature
from multinet.training.sources.preparing import batch_of, column
from multinet.training.sources.source import (
    Chunk,
    Column,
    Data,
    Leaf,
    Room,
    Tree,
    most_steps,
)

_INVALID = (ArgumentError, DTypeError, ShapeError)
_MOST_TENSORS = 32  # of a chunk: tensors are joined by one call

Batch = list[Column]
Kinds = list[tuple[Any, ...]]


@runtime_checkable
class Resumable(Protocol):
    """An iterator of the user's that knows its position."""

    def state(self) -> Data:
        """Return the position, as plain data."""
        ...

    def restore(self, state: Data) -> None:
        """Go to a position."""
        ...


class GeneratorSource:
    """Batches of an iterator, or of those that a function returns, one for each epoch.

    A batch is x, (x, y) or (x, y, sample_weight); its arrays may be on the device. The
    first one is drawn at once, for `spec`, and is given first. The others are drawn
    when somebody asks for their chunk, as many as its `Room` says; one of another shape
    waits for the next chunk. What the generator raises comes out as it is, after the
    batches before it.

    `state` holds the number of batches given. `restore` draws and drops as many from a
    generator that begins anew, or calls `restore` of an iterator that has `state` and
    `restore`.
    """

    size: int | None = None

    def __init__(
        self, given: Iterator[Any] | Callable[[], Iterator[Any]], raw: bool = False
    ) -> None:
        self.raw = raw  # whether x is for the host stage of a model
        self._make = None if isinstance(given, Iterator) else given
        self.epoch: int | None = None
        self.done = 0  # batches of the epoch that were given
        self._restored = False
        self._structure: Any = None  # of the trees, known with the first batch
        self._leaves: list[Leaf] = []
        self._kinds: Kinds | None = None  # of the leaves of a tuple that was right
        self._start(given if isinstance(given, Iterator) else _made(given))
        first = self._draw()
        if first is None:
            raise ArgumentError(
                "Expected a generator of at least one batch, got one that is empty or "
                "has come to its end. A generator cannot start again: make a new one, "
                "or pass a function that returns one."
            )
        self._waiting = first
        self.spec: Tree = optree.tree_unflatten(self._structure, self._leaves)
        hosted = all(isinstance(x, np.ndarray) for x in first)
        most = most_steps(sum(map(bytes_of, first)))
        self.most = most if hosted else min(most, _MOST_TENSORS)

    @property
    def once(self) -> bool:
        """Whether there is one pass over the data, and none after it."""
        return self._make is None

    def _start(self, iterator: Iterator[Any]) -> None:
        self._iterator, self._fresh = iterator, True
        self._knowing = iterator if isinstance(iterator, Resumable) else None
        self._drawn = self._given = 0  # batches of this iterator
        self._waiting: Batch | None = None  # drawn, but not given
        self._failure: Exception | None = None  # raised, but not told
        self._mark: Any = None  # where the iterator was before its last batch

    # -- the epochs --------------------------------------------------------------------

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, or those that are left of it."""
        self._begin(epoch)
        while (first := self._draw()) is not None:
            steps, rows = room(first, None)
            chunk = self._stack(first, steps, rows)
            self.done += chunk.steps
            self._given += chunk.steps
            yield chunk

    def _begin(self, epoch: int) -> None:
        going_on = self._restored and epoch == self.epoch
        if self._make is not None and not (self._fresh or going_on):
            self.close()
            self._start(_made(self._make))
        self._fresh = self._restored = False
        if not going_on:
            self.epoch, self.done = epoch, 0

    def _stack(self, first: Batch, steps: int, rows: int) -> Chunk:
        """Return the first batch and those after it that have its shapes."""
        if steps == 1:
            return Chunk([row(x) for x in first], 1)
        kind = signature(first)
        stacks = [Stack(x, max(steps, rows)) for x in first]
        count = 1
        while count < steps:
            batch = self._draw_ahead()
            if batch is None:
                break
            if signature(batch) != kind:
                self._waiting = batch
                break
            for stack, x in zip(stacks, batch, strict=True):
                stack.add(x)
            count += 1
        return Chunk([stack.column() for stack in stacks], count)

    # -- batches -----------------------------------------------------------------------

    def _draw_ahead(self) -> Batch | None:
        """Return the next batch, None at the end and before an error."""
        try:
            return self._draw()
        except Exception as error:
            self._failure = error
            return None

    def _draw(self) -> Batch | None:
        """Return the next batch, None at the end."""
        if self._waiting is not None:
            batch, self._waiting = self._waiting, None
            return batch
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._knowing is not None:
            self._mark = self._knowing.state()
        try:
            with Drawing():
                given = next(self._iterator)
        except StopIteration:
            return None
        self._drawn += 1
        kinds = None if self.raw else _kinds(given)
        try:
            if kinds is not None and kinds == self._kinds:
                return list(map(column, given))
            batch = self._checked(*batch_of(given, self.raw))
        except _INVALID as error:
            raise type(error)(f"Batch {self._drawn} of the data: {error}") from error
        self._kinds = kinds
        return batch

    def _checked(self, tree: Tree, batch: Batch) -> Batch:
        """Return the batch, if it is like the first one but for its sizes."""
        structure, leaves = optree.tree_structure(tree), [leaf_of(x) for x in batch]
        if self._structure is None:
            self._structure, self._leaves = structure, leaves
        if structure != self._structure:
            raise ArgumentError(
                "Expected (x, y, sample_weight) as in the first batch, "
                f"{self._structure}, got {structure}."
            )
        for old, new in zip(self._leaves, leaves, strict=True):
            if len(old.shape) != len(new.shape):
                raise ShapeError(
                    f"Expected an array of {len(old.shape)} axes, as in the first "
                    f"batch, got shape {new.shape}."
                )
            if old.dtype != new.dtype:
                raise DTypeError(
                    f"Expected {old.dtype}, as in the first batch, got {new.dtype}. "
                    "Let all batches have arrays of one dtype."
                )
        return batch

    # -- the position ------------------------------------------------------------------

    def state(self) -> Data:
        """Return the epoch, and how many batches were given of it and in all."""
        position = None
        if self._knowing is not None:
            ahead = self._waiting is not None or self._failure is not None
            position = self._mark if ahead else self._knowing.state()
        return {
            "epoch": self.epoch,
            "batches": self.done,
            "drawn": self._given,
            "iterator": position,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where a source of the same batches was: see the class."""
        if self._make is not None:
            self.close()
            self._start(_made(self._make))
        if self._knowing is not None:
            self._knowing.restore(state["iterator"])
            self._waiting = self._failure = None
        else:
            self._skip(state["drawn"])
        self._drawn = self._given = state["drawn"]
        self.epoch, self.done = state["epoch"], state["batches"]
        self._restored, self._fresh = True, self.epoch is None

    def _skip(self, count: int) -> None:
        """Draw and drop batches until so many of the iterator are gone."""
        if count < self._given:
            raise ArgumentError(
                f"Expected a generator that has given at most {count} batches, got one "
                f"that has given {self._given}. A generator cannot go back: make a new "
                "one, or pass a function that returns one."
            )
        for i in range(self._given, count):
            if self._waiting is not None:
                self._waiting = None
            elif next(self._iterator, self) is self:
                raise ArgumentError(
                    f"Expected a generator of more than {count} batches, as that many "
                    f"were given before, got one of {i}."
                )

    def close(self) -> None:
        """Close an iterator that a function has returned; leave the user's own."""
        end = getattr(self._iterator, "close", None)
        if self._make is not None and end is not None:
            end()


def _kinds(given: Tree) -> Kinds | None:
    """Return what makes a tuple of arrays as right as another; None of others."""
    if type(given) is not tuple or not given:
        return None
    found = []
    for x in given:
        if type(x) is np.ndarray:
            found.append((x.shape, x.dtype))
        elif (home := owner(x)) is not None:
            found.append((home.shape(x), home.dtype(x), home.name))
        else:
            return None
    sizes = {shape[:1] for shape, *_ in found}
    if len(sizes) > 1 or () in sizes or (0,) in sizes:
        return None
    return [(len(shape), *rest) for shape, *rest in found]


def _made(make: Callable[[], Any]) -> Iterator[Any]:
    made = make()
    if not isinstance(made, Iterator) or is_array(made):
        raise ArgumentError(
            "Expected a function that returns a new generator, or another iterator, "
            f"of batches each time, got one that returns a {type(made).__name__}. Let "
            "it yield the batches, or return iter(...)."
        )
    return made
