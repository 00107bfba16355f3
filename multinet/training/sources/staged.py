"""Batches that have gone through the host stage of a model."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Protocol, TypeAlias

import optree

from multinet.training.sources.columns import Stack, row, signature
from multinet.training.sources.preparing import as_data, column
from multinet.training.sources.source import (
    Chunk,
    Column,
    Data,
    HostBatch,
    Leaf,
    Room,
    Source,
    Tree,
)
from multinet.typing import AnyModel

Batch: TypeAlias = list[Column]


class Stage(Protocol):
    """The host stage of a model."""

    def spec(self) -> Tree:
        """Return symbolic tensors for what it gives, as a tree."""
        ...

    def run(self, inputs: Tree) -> Tree:
        """Return what it gives for a batch, as arrays."""
        ...


class StagedSource:
    """A source behind the host stage of a model, through which x of each batch goes.

    Batches are drawn one by one, as texts of each have lengths of their own; those
    that come out alike are stacked.
    """

    def __init__(self, source: Source, stage: Stage) -> None:
        self.source, self.stage = source, stage
        _, y, weight = source.spec
        x = optree.tree_map(_leaf, stage.spec())
        self.spec: Tree = (x, y, weight)
        self.most = source.most
        self.batch_size = getattr(source, "batch_size", None)
        self._structure = optree.tree_structure(source.spec)  # type: ignore[arg-type]
        self._mark: Data | None = None  # before a batch that was drawn ahead

    @property
    def size(self) -> int | None:
        """The number of batches an epoch."""
        return self.source.size

    @property
    def endless(self) -> bool:
        """Whether the data know of no end."""
        return getattr(self.source, "endless", False)

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of an epoch, or those that are left of it."""
        drawn = self.source.chunks(epoch, _alone)
        done, batch = 0, self._next(drawn)
        while batch is not None:
            left = None if self.size is None else self.size - done
            steps, rows = room(batch, left)
            chunk, batch = self._stacked(batch, drawn, steps, rows)
            done += chunk.steps
            yield chunk
            self._mark = None
            if batch is None:
                batch = self._next(drawn)
        drawn.close()

    def _stacked(
        self, first: Batch, drawn: Generator[Chunk, None, None], steps: int, rows: int
    ) -> tuple[Chunk, Batch | None]:
        """Return the first batch and those like it; and one that was drawn ahead."""
        if steps == 1:
            return Chunk([row(x) for x in first], 1), None
        stacks, count = [Stack(x, max(steps, rows)) for x in first], 1
        kind = signature(first)
        while count < steps:
            mark = self.source.state()
            batch = self._next(drawn)
            if batch is None:
                break
            if signature(batch) != kind:
                self._mark = mark
                return Chunk([stack.column() for stack in stacks], count), batch
            for stack, x in zip(stacks, batch, strict=True):
                stack.add(x)
            count += 1
        return Chunk([stack.column() for stack in stacks], count), None

    def _next(self, drawn: Generator[Chunk, None, None]) -> Batch | None:
        chunk = next(drawn, None)
        if chunk is None:
            return None
        leaves = [each[0] for each in chunk.columns]
        x, y, weight = optree.tree_unflatten(self._structure, leaves)
        return HostBatch(staged(self.stage, x), y, weight).leaves()

    def state(self) -> Data:
        """Return the position after the last chunk yielded, as plain data."""
        return self.source.state() if self._mark is None else self._mark

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a position of a source like this one."""
        self.source.restore(state)

    def close(self) -> None:
        """End what works for the source."""
        self.source.close()


def through_stage(source: Source, model: AnyModel) -> Source:
    """Return a source as a model's step takes it: behind its host stage, if any."""
    stage = model._host_stage(source.spec[0])
    return source if stage is None else StagedSource(source, stage)


def staged_batch(batch: HostBatch, model: AnyModel) -> HostBatch:
    """Return a batch as a model's step takes it: behind its host stage, if any."""
    stage = model._host_stage(batch.x)
    if stage is None:
        return batch
    return HostBatch(staged(stage, batch.x), batch.y, batch.sample_weight)


def staged(stage: Stage, x: Tree) -> Tree:
    """Return what a host stage gives for x, in the dtypes that data have."""
    return optree.tree_map(column, stage.run(x))


def _alone(batch: Any, left: int | None) -> tuple[int, int]:
    return 1, 1


def _leaf(tensor: Any) -> Leaf:
    return Leaf((None, *tensor.shape[1:]), as_data(tensor.dtype))
