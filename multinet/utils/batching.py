"""Dataset: samples or batches, made when they are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optree

from multinet import philox
from multinet.checks import whole
from multinet.errors import ArgumentError
from multinet.random import host
from multinet.seeds import key_of
from multinet.typing import Host, Seed, Tree

ENDLESS, UNKNOWN = -1, -2  # what `cardinality` says of sizes that are no number


class Dataset:
    """Samples or batches, made anew in each pass; `fit` takes those of batches.

    The methods return other data sets and leave this one as it is; their names are
    those of `tf.data`. `class_names` and `file_paths` say what files became of it.

    >>> data = Dataset.of(range(4)).map(lambda x: x * 2).batch(3)
    >>> [batch.tolist() for batch in data]
    [[0, 2, 4], [6]]
    """

    def __init__(
        self,
        make: Callable[[], Iterator[Tree]],
        size: int,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ) -> None:
        self._make, self._size = make, size
        self.class_names, self.file_paths = class_names, file_paths

    @staticmethod
    def of(items: Tree) -> Dataset:
        """Return the items of what has a length and can be iterated over."""
        return Dataset(lambda: iter(items), len(items))

    def __iter__(self) -> Iterator[Tree]:
        """Begin a pass."""
        return self._make()

    def __len__(self) -> int:
        """Return how many there are; `TypeError` where that is unknown."""
        if self._size < 0:
            raise TypeError("The data set has no known length.")
        return self._size

    def cardinality(self) -> int:
        """Return how many there are, -1 for no end, -2 where that is unknown."""
        return self._size

    def _then(self, make: Callable[[], Iterator[Tree]], size: int) -> Dataset:
        return Dataset(make, size, self.class_names, self.file_paths)

    def take(self, count: int) -> Dataset:
        """Return the first `count`."""
        count = whole(count, "count", least=0)
        size = count if self._size == ENDLESS else min(count, self._size)
        return self._then(lambda: itertools.islice(iter(self), count), size)

    def skip(self, count: int) -> Dataset:
        """Return those after the first `count`."""
        count = whole(count, "count", least=0)
        size = self._size if self._size < 0 else max(0, self._size - count)
        return self._then(lambda: itertools.islice(iter(self), count, None), size)

    def map(self, function: Callable[..., Tree], **options: object) -> Dataset:
        """Return what a function makes of each; a tuple is its arguments.

        `options` are hints to the workers of `tf.data`, and do nothing.
        """

        def make() -> Iterator[Tree]:
            for item in self:
                yield function(*item) if isinstance(item, tuple) else function(item)

        return self._then(make, self._size)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Return samples stacked along a new first axis."""
        count = whole(batch_size, "batch_size")

        def make() -> Iterator[Tree]:
            items = iter(self)
            while part := list(itertools.islice(items, count)):
                if len(part) == count or not drop_remainder:
                    yield stacked(part)

        size = self._size
        if size >= 0:
            size = size // count if drop_remainder else -(-size // count)
        return self._then(make, size)

    def unbatch(self) -> Dataset:
        """Return the samples of batches."""

        def make() -> Iterator[Tree]:
            for item in self:
                leaves, tree = optree.tree_flatten(item)
                for row in zip(*leaves, strict=True):
                    yield optree.tree_unflatten(tree, row)

        return self._then(make, self._size if self._size == ENDLESS else UNKNOWN)

    def shuffle(self, buffer_size: int, seed: Seed = None) -> Dataset:
        """Return them in another order each pass: the next is any of `buffer_size`."""
        whole(buffer_size, "buffer_size")
        passes, key = itertools.count(), key_of(seed)

        def make() -> Iterator[Tree]:
            here = philox.fold_in(key, next(passes))
            rng = np.random.Generator(np.random.Philox(key=[int(k) for k in here]))
            items = iter(self)
            kept = list(itertools.islice(items, buffer_size))
            for item in items:
                i = int(rng.integers(len(kept)))
                yield kept[i]
                kept[i] = item
            yield from (kept[i] for i in rng.permutation(len(kept)))

        return self._then(make, self._size)

    def repeat(self, count: int | None = None) -> Dataset:
        """Return `count` passes one after the other, or passes without end."""
        endless = count is None or count == -1
        times = 0 if count is None or endless else whole(count, "count", least=0)

        def make() -> Iterator[Tree]:
            for _ in itertools.count() if endless else range(times):
                yield from self

        size = ENDLESS if endless else self._size
        return self._then(make, size if size < 0 else size * times)

    def cache(self) -> Dataset:
        """Return the same, kept in memory after the first whole pass."""
        kept: list[Tree] = []
        whole_pass: list[bool] = []

        def make() -> Iterator[Tree]:
            if whole_pass:
                yield from kept
                return
            found = []
            for item in self:
                found.append(item)
                yield item
            kept[:], whole_pass[:] = found, [True]

        return self._then(make, self._size)

    def prefetch(self, buffer_size: int = 1) -> Dataset:
        """Return the same: it is `fit` that makes batches ahead where that pays."""
        return self


def stacked(items: list[Tree]) -> Tree:
    """Return trees of equal samples as one tree of arrays."""
    tree = optree.tree_structure(items[0])
    columns = zip(*map(optree.tree_leaves, items), strict=True)
    return optree.tree_unflatten(tree, [_stack(column) for column in columns])


def _stack(column: tuple[Any, ...]) -> Host:
    if isinstance(column[0], str):
        out = np.empty(len(column), object)
        out[:] = column
        return out
    return np.stack([np.asarray(x) for x in column])


def from_items(
    count: int,
    item: Callable[[int], Tree],
    *,
    batch_size: int | None,
    shuffle: bool,
    seed: Seed,
    stack: Callable[[list[Tree]], Tree] = stacked,
    class_names: list[str] | None = None,
    file_paths: list[str] | None = None,
) -> Dataset:
    """Return items by their numbers, in another order each pass if `shuffle`."""
    passes, key = itertools.count(), key_of(seed) if shuffle else None
    if batch_size is not None:
        whole(batch_size, "batch_size")

    def make() -> Iterator[Tree]:
        order: Any = range(count)
        if key is not None:
            order = host.permutation(philox.fold_in(key, next(passes)), count)
        items = (item(int(i)) for i in order)
        if batch_size is None:
            yield from items
            return
        while part := list(itertools.islice(items, batch_size)):
            yield stack(part)

    size = count if batch_size is None else -(-count // batch_size)
    return Dataset(make, size, class_names, file_paths)


def check_format(format: str) -> None:
    """Refuse a kind of data set that Keras does not have; all are `Dataset`s here."""
    if format not in ("tf", "grain"):
        raise ArgumentError(
            f"Expected format to be 'tf' or 'grain', got {format!r}. Both give the "
            "same here: a data set that needs no framework."
        )
