"""A source whose first batch is looked at before the loop asks for it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from multinet.training.sources.arrays import ArraySource
from multinet.training.sources.columns import row
from multinet.training.sources.source import Chunk, Data, Room, Source, Tree


class Peeked:
    """A source that has given its first batch, and gives it once more.

    It goes on as the source would have: the batch comes first in the epoch that it was
    drawn for. None where there was no batch.
    """

    def __init__(self, source: Source, epoch: int) -> None:
        self.source, self._before = source, source.state()
        self.batch_size = getattr(source, "batch_size", None)
        self._room: Room = _one
        self._chunks = source.chunks(epoch, lambda batch, left: self._room(batch, left))
        self.first = next(self._chunks, None)
        self._waits = True  # whether the first batch is still to come

    @property
    def spec(self) -> Tree:
        """The trees of a batch."""
        return self.source.spec

    @property
    def size(self) -> int | None:
        """The number of batches an epoch."""
        return self.source.size

    @property
    def most(self) -> int:
        """How many batches to stack at most."""
        return self.source.most

    @property
    def endless(self) -> bool:
        """Whether the data know of no end."""
        return getattr(self.source, "endless", False)

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch."""
        if not self._waits:
            yield from self.source.chunks(epoch, room)
            return
        first, self.first, self._waits = self.first, None, False
        if first is None:
            return
        try:
            room([column[0] for column in first.columns], self.size)
            yield first
            self._room = room
            yield from self._chunks
        finally:
            self._chunks.close()

    def state(self) -> Data:
        """Return the position after the last chunk yielded."""
        return self._before if self._waits else self.source.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a position, and forget the first batch unless it is the next."""
        if self._waits and state == self._before:
            return
        self.close()
        self.source.restore(state)

    def close(self) -> None:
        """Forget the first batch; the source is closed by who made it."""
        self._chunks.close()
        self.first, self._waits = None, False


class Single:
    """One batch of a source."""

    size, most = 1, 1

    def __init__(self, source: Source, chunk: Chunk) -> None:
        self.spec, self.chunk = source.spec, chunk
        self.batch_size = getattr(source, "batch_size", None)

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batch."""
        room([column[0] for column in self.chunk.columns], 1)
        yield self.chunk

    def state(self) -> Data:
        """Return nothing: there is no other position."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def peek(source: Source, epoch: int) -> tuple[Single | None, Source]:
    """Return the first batch of a source, and a source that will give it all the same.

    That of arrays is of their first samples, whatever order is to come.
    """
    if isinstance(source, ArraySource):
        batch = [x[: source.batch_size] for x in source.leaves]
        return Single(source, Chunk([row(x) for x in batch], 1)), source
    peeked = Peeked(source, epoch)
    first = peeked.first
    return (None if first is None else Single(source, first)), peeked


def _one(batch: Any, left: int | None) -> tuple[int, int]:
    return 1, 1
