"""Source: what stands between the loop and the data that users pass.

A source gives the batches of an epoch in chunks: several batches of one shape, stacked
along a new first axis, so that one dispatch runs them all. How many go into a chunk is
the loop's choice, told by its `Room`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
import optree

Host: TypeAlias = np.ndarray[Any, Any]
Tensor: TypeAlias = Any  # a tensor of the backend in use
Tree: TypeAlias = Any  # leaves in tuples, lists and dicts
Column: TypeAlias = Host | Tensor  # (batch, ...), or (steps, batch, ...) in a chunk
Data: TypeAlias = dict[str, Any]  # numbers, strings, None, and lists and dicts of them

_MOST_STEPS, _MOST_BYTES = 1024, 1 << 23  # of one chunk


@dataclass
class Trees:
    """What belongs together: x, y and sample_weight, `None` where not given."""

    x: Tree
    y: Tree = None
    sample_weight: Tree = None

    def tree(self) -> tuple[Tree, Tree, Tree]:
        """Return the three as one tree."""
        return self.x, self.y, self.sample_weight

    def leaves(self) -> list[Any]:
        """Return the leaves of the three, in order."""
        return optree.tree_leaves(self.tree())  # type: ignore[arg-type]

    def map(self, function: Callable[[Any], Any]) -> Self:
        """Return the same with `function` applied to each leaf."""
        tree: Tree = self.tree()
        return type(self)(*optree.tree_map(function, tree))


class HostBatch(Trees):
    """Trees of host arrays with one first axis, of samples."""

    def size(self) -> int:
        """Return the number of samples."""
        return len(optree.tree_leaves(self.x)[0])

    def take(self, index: Host | slice) -> HostBatch:
        """Return the samples at an index array or slice."""
        return self.map(lambda array: array[index])


class DeviceBatch(Trees):
    """Trees of tensors, as a step sees them."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Shape and dtype of an array of each batch; None is the number of samples."""

    shape: tuple[int | None, ...]
    dtype: str


class Chunk(NamedTuple):
    """Batches of one shape, stacked.

    `columns` are the leaves of (x, y, sample_weight), each (rows, batch, ...): host
    arrays, or tensors that are on the device already. The first `steps` rows are
    batches; those after them are not set.
    """

    columns: list[Column]
    steps: int


class Room(Protocol):
    """What a source asks before each chunk."""

    def __call__(self, batch: Sequence[Column], left: int | None) -> tuple[int, int]:
        """Return how many batches to stack, and how many rows of memory to take.

        `batch` holds the leaves of one batch, `left` is how many batches of its shape
        are left, None if unknown. The batches are at least 1 and at most `left`, the
        rows at least as many as they. A source may stack fewer.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """Batches for the loop, epoch after epoch.

    `spec` is (x, y, sample_weight) with a `Leaf` for each array. `size` is the number
    of batches an epoch, None where only its end will tell. `most` is how many batches
    are worth stacking: few if they are large.
    """

    @property
    def spec(self) -> Tree:
        """The trees of a batch, with a `Leaf` for each array."""
        ...

    @property
    def size(self) -> int | None:
        """The number of batches an epoch."""
        ...

    @property
    def most(self) -> int:
        """How many batches to stack at most."""
        ...

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, or those that are left of it after `restore`.

        Batches of another shape, such as a smaller last one, are a chunk of their own.
        No batch is drawn before somebody asks for its chunk. An iterator that is left
        before its end ends the epoch; arrays go on from there in the next one.
        """
        ...

    def state(self) -> Data:
        """Return the position after the last chunk yielded, as plain data."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a position of a source like this one: `chunks` goes on from there."""
        ...

    def close(self) -> None:
        """End what works for this source; a second call does nothing."""
        ...


def is_used_up(source: Source) -> bool:
    """Return whether a source that came to its end has nothing for another epoch."""
    return source.size is None and getattr(source, "once", True)


def most_steps(size: int) -> int:
    """Return how many batches of `size` bytes are worth stacking."""
    return max(1, min(_MOST_STEPS, _MOST_BYTES // max(1, size)))


def warn_if_short(done: int, wanted: int | None, size: int | None = None) -> None:
    """Warn where an epoch had fewer batches than were asked for, or none at all.

    `size` is the number of batches in a pass over data that can start again.
    """
    if size is None:
        remedy = (
            "A generator cannot start again: let it yield steps_per_epoch * epochs "
            "batches, or pass a function that returns a new one each epoch."
        )
    else:
        remedy = (
            f"The data have {size} batches, and what follows begins with the first: "
            f"let the steps divide {size}, or leave them out."
        )
    if done < (wanted or 1):
        asked = "1 batch was" if wanted in (1, None) else f"{wanted} batches were"
        warnings.warn(
            f"The data ran out: at least {asked} expected in this epoch, {done} came. "
            f"{remedy}",
            stacklevel=2,
        )
