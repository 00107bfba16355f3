"""Data sets as a source: loaders, iterables of batches, and `PyDataset`s."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sized
from typing import Any, Protocol, TypeGuard

import optree

from multinet.bridging import bridged
from multinet.checks import shown, whole
from multinet.errors import ArgumentError
from multinet.ops.core import host
from multinet.training.sources.classes import weigh_classes
from multinet.training.sources.generators import GeneratorSource
from multinet.training.sources.orders import Orders
from multinet.training.sources.preparing import batch_of
from multinet.training.sources.source import Chunk, Data, HostBatch, Room
from multinet.training.sources.workers import Ahead, Remote
from multinet.typing import Tree
from multinet.utils.pydataset import PyDataset

_ENDLESS = sys.maxsize // 2  # what has more batches says that it has no end


class Batches(Protocol):
    """A `PyDataset`, or what is one but for its class: batches by their numbers."""

    workers: int
    use_multiprocessing: bool
    max_queue_size: int
    num_batches: int | None

    def __getitem__(self, index: int, /) -> Tree:
        """Return a batch."""
        ...

    def on_epoch_begin(self) -> None:
        """Do what comes before an epoch."""
        ...

    def on_epoch_end(self) -> None:
        """Do what comes after an epoch."""
        ...


def is_batches(x: object) -> TypeGuard[Batches]:
    """Return whether an object has all that makes a `PyDataset`."""
    names = ("__getitem__", "num_batches", "workers", "on_epoch_begin", "on_epoch_end")
    return all(hasattr(type(x), name) for name in names)


class IterableSource(GeneratorSource):
    """Batches of what can be iterated over again and again, such as a loader.

    A pass over it that an epoch leaves goes on in the next epoch. `size` is its `len`,
    None where it has none; `endless` says that it knows of no end. `class_weight`
    weighs the samples of each batch.
    """

    def __init__(
        self,
        given: Iterable[Any],
        class_weight: Mapping[int, float] | None = None,
        raw: bool = False,
    ) -> None:
        self.given, self.class_weight = given, class_weight
        self.size, self.endless = _size(given)
        self._passed = False  # all of the data
        try:
            super().__init__(self._pass, raw)
        except BaseException:
            self.close()
            raise

    def _pass(self) -> Iterator[Any]:
        """Begin a pass over the data."""
        self._passed = False
        return self._items(_pass_over(self.given))

    def _items(self, batches: Iterator[Any]) -> Generator[Any, None, None]:
        try:
            for batch in batches:
                # A loader makes lists of what is a tuple.
                if type(batch) is list and 1 <= len(batch) <= 3:
                    batch = tuple(batch)
                yield batch if self.class_weight is None else self._weighed(batch)
            self._passed = True
        finally:
            end = getattr(batches, "close", None)
            if end is not None:
                end()

    def _weighed(self, batch: Tree) -> Tree:
        x, y, weight = batch_of(batch, self.raw)[0]
        labels: Tree = (y, weight)
        y, weight = optree.tree_map(host, labels)
        assert self.class_weight is not None
        return weigh_classes(HostBatch(x, y, weight), self.class_weight).tree()

    def _begin(self, epoch: int) -> None:
        """Begin a pass, unless the one before was left by the epoch before."""
        left = self.epoch == epoch - 1 and self.done > 0 and not self._passed
        if left and not self._restored and self.done != self.size:
            following = self._draw()
            if following is not None:
                self._waiting = following
                self.epoch = epoch
                self.done = self.done if self.size is not None else 0
                return
        super()._begin(epoch)

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of a pass, or those that are left of it."""
        yield from super().chunks(epoch, room)
        if self.size is not None and self.done < self.size:
            warnings.warn(
                f"The data have {self.size} batches by their len(), but gave "
                f"{self.done}. Let __len__ return how many there are.",
                stacklevel=2,
            )

    def close(self) -> None:
        """End the pass."""
        super().close()
        self._iterator = iter(())


class DatasetSource(IterableSource):
    """Batches of a `PyDataset`, made by its workers, in an order if `orders` are given.

    Processes live as long as the data set may not change in an epoch's begin or end:
    until the end of the pass, or of the fit.
    """

    def __init__(
        self,
        given: Batches,
        class_weight: Mapping[int, float] | None = None,
        orders: Orders | None = None,
        epochs: int = 1,
        raw: bool = False,
    ) -> None:
        self.dataset, self.orders, self.epochs = given, orders, epochs
        self.remotes: list[Remote] = []
        self._start_at = 0  # of the pass
        self._order: int | None = None  # the number of the pass's order
        self._begun = False  # the epoch, by the data set's own method
        _check(given)
        super().__init__(given, class_weight, raw)  # type: ignore[arg-type]

    def _pass(self) -> Iterator[Any]:
        self._passed = False
        self._begin_epoch()
        self.size, self.endless = _size(self.dataset)
        start, self._start_at = self._start_at, 0
        return self._items(self._made(itertools.islice(self._indices(), start, None)))

    def _begin_epoch(self) -> None:
        if not self._begun:
            self.dataset.on_epoch_begin()
            self._begun = True

    def _indices(self) -> Iterator[int]:
        if self.size is None:
            return itertools.count()
        if self.orders is None:
            return iter(range(self.size))
        if self._order is None or self.orders.count != self.size:
            self.orders.begin(self.size, self.epochs)
        self._order = self.orders.epoch
        return map(int, self.orders.next())

    def _made(self, indices: Iterator[int]) -> Iterator[Any]:
        data = self.dataset
        if data.use_multiprocessing and data.workers > 0:
            if not self.remotes:
                self._hire(data.workers)
            return self._ahead(indices)
        if data.workers > 1:
            return _closing(
                Ahead([data.__getitem__] * data.workers, indices, data.max_queue_size)
            )
        return (data[i] for i in indices)

    def _hire(self, count: int) -> None:
        for _ in range(count):
            self.remotes.append(Remote(self.dataset))

    def _ahead(self, indices: Iterator[int]) -> Generator[Any, None, None]:
        ahead = Ahead([*self.remotes], indices, self.dataset.max_queue_size)
        threads, ended = ahead.threads, False
        try:
            yield from ahead
            ended = True
        finally:
            ahead.close()
            if ended and not _changes(self.dataset):
                for thread in threads:
                    thread.join()
            else:
                self._dismiss()

    def _dismiss(self) -> None:
        remotes, self.remotes = self.remotes, []
        for remote in remotes:
            remote.close()

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of a pass, or those that are left of it."""
        self._begin_epoch()
        try:
            yield from super().chunks(epoch, room)
        finally:
            self._begun = False
            self.dataset.on_epoch_end()

    # -- the position ------------------------------------------------------------------

    def state(self) -> Data:
        """Return the epoch, the batches given of it and of the pass, and its order."""
        orders = None
        if self.orders is not None and self._order is not None:
            orders = self.orders.state(self._order)
        return super().state() | {"orders": orders}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where a source of the same data was, making no batch twice."""
        self.close()
        if self.orders is not None and state["orders"] is not None:
            self.orders.restore(state["orders"])
            self._order = None
        self._start_at = state["drawn"]
        self._start(self._pass())
        self._drawn = self._given = state["drawn"]
        self.epoch, self.done = state["epoch"], state["batches"]
        self._restored, self._fresh = True, self.epoch is None

    def close(self) -> None:
        """End the pass, and the workers."""
        if hasattr(self, "_iterator"):
            super().close()
        self._dismiss()


def _pass_over(given: Iterable[Any]) -> Iterator[Any]:
    """Begin a pass over data, in the quick way that a bridge may have for a loader."""
    if all(hasattr(given, name) for name in ("batch_sampler", "collate_fn", "dataset")):
        return bridged("iterate_loader")(given)
    return iter(given)


def _closing(ahead: Ahead) -> Generator[Any, None, None]:
    try:
        yield from ahead
    finally:
        ahead.close()


def _changes(data: Batches) -> bool:
    """Return whether a data set does anything of its own between epochs."""
    names = ("on_epoch_begin", "on_epoch_end")
    return any(getattr(type(data), n) is not getattr(PyDataset, n) for n in names)


def _check(data: Batches) -> None:
    """Refuse what is no number of workers or of batches that wait."""
    whole(data.workers, "workers", least=0)
    whole(data.max_queue_size, "max_queue_size")


def _size(data: Any) -> tuple[int | None, bool]:
    """Return how many batches data say they have, None if unknown, and if no end."""
    if is_batches(data):
        size = data.num_batches
        if size is None:
            return None, True
        if whole(size, "the number of batches", least=0) == 0:
            raise ArgumentError(
                f"Expected a data set of at least one batch, got {type(data).__name__} "
                "of length 0."
            )
        return size, False
    if not isinstance(data, Sized):
        return None, _says_endless(data)
    try:
        size = len(data)
    except (TypeError, NotImplementedError, OverflowError):  # of an unknown length
        return None, _says_endless(data)
    except ValueError as error:
        raise ArgumentError(f"{shown(data)} has no right length: {error}") from error
    return (None, True) if size > _ENDLESS else (size or None, False)


def _says_endless(data: Any) -> bool:
    cardinality = getattr(data, "cardinality", None)
    return callable(cardinality) and int(cardinality()) == -1  # type: ignore[arg-type]
