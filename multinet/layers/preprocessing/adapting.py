"""Data for `adapt`: arrays whole, and whatever gives batches, with a bar."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from typing import Any, Protocol, runtime_checkable

import numpy as np
import optree

from multinet.drawing import Drawing
from multinet.errors import ArgumentError
from multinet.ops.core import is_array
from multinet.progress import make_progress
from multinet.typing import Tree, Verbose


@runtime_checkable
class Chunks(Protocol):
    """What gives the batches of a model, a `Source`, as far as `adapt` asks."""

    spec: Tree
    size: int | None

    def chunks(
        self, epoch: int, room: Callable[..., tuple[int, int]]
    ) -> Generator[Any, None, None]:
        """Yield batches, one by one as `room` says."""
        ...


def is_data(data: Tree, lists: bool = True) -> bool:
    """Return whether data are an array, a tensor, or lists, if those count as such."""
    if isinstance(data, list | tuple):
        return lists
    return isinstance(data, np.ndarray | str | bytes) or is_array(data)


class Batches:
    """The batches of a stream: a `Source`, a data set, a generator, an iterable.

    Of (x, y) and (x, y, sample_weight) it gives x, of a `Source` too. At most `steps`
    of them are drawn.
    """

    def __init__(
        self, data: Tree, steps: int | None, name: str, verbose: Verbose
    ) -> None:
        if isinstance(data, dict) or not _streams(data):
            raise ArgumentError(
                f"{name}.adapt expects an array, a tensor, or what gives batches of "
                f"them, got {type(data).__name__}."
            )
        self.data, self.steps, self.name, self.verbose = data, steps, name, verbose

    def __iter__(self) -> Iterator[Any]:
        """Yield x of each batch, and show how many there were."""
        total = self._total()
        batches = itertools.islice(_batches(self.data), self.steps)
        title = f"Adapt {self.name}"
        done = 0
        with make_progress(self.verbose, 0, total, title) as bar:
            bar.begin(0)
            while True:
                with Drawing():
                    batch = next(batches, self)
                if batch is self:
                    break
                yield batch[0] if isinstance(batch, tuple) else batch
                done += 1
                bar.step(done, {})
            bar.stepped(done)
            bar.end({})
        if done == 0:
            raise ArgumentError(
                f"{self.name}.adapt expects at least one batch, got none. A generator "
                "that was read once is empty: make a new one."
            )

    def _total(self) -> int | None:
        if isinstance(self.data, Chunks):
            size = self.data.size
        else:
            size = len(self.data) if isinstance(self.data, Sized) else None
        known = [n for n in (size, self.steps) if n is not None]
        return min(known, default=None)


def _streams(data: object) -> bool:
    return isinstance(data, Iterable | Chunks) or callable(data) or _indexed(data)


def _indexed(data: object) -> bool:
    """Return whether data are batches by number, `PyDataset` above all."""
    return isinstance(data, Sized) and hasattr(data, "__getitem__")


def _batches(data: Any) -> Iterator[Any]:
    if isinstance(data, Chunks):
        return _of_chunks(data)
    if _indexed(data) and not hasattr(data, "__iter__"):
        return (data[i] for i in range(len(data)))
    return iter(data if isinstance(data, Iterable) else data())


def _of_chunks(source: Chunks) -> Iterator[Any]:
    structure = optree.tree_structure(source.spec)  # type: ignore[arg-type]
    for chunk in source.chunks(0, lambda batch, left: (1, 1)):
        x, _, _ = optree.tree_unflatten(structure, [c[0] for c in chunk.columns])
        yield x
