"""split_dataset: two parts of data, by their sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree

from multinet import philox
from multinet.checks import flag, number, shown, whole
from multinet.errors import ArgumentError, ShapeError
from multinet.random import host
from multinet.seeds import key_of
from multinet.tracebacks import shortening
from multinet.typing import Host, Seed, Tree
from multinet.utils.batching import Dataset


@shortening
def split_dataset(
    dataset: Tree,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: Seed = None,
    preferred_backend: str | None = None,
) -> tuple[Tree, Tree]:
    """Return two data sets: the first samples of `dataset`, and the last ones.

    `dataset` is an array or a tree of arrays with one first axis, a data set with
    items by number, such as torch's, or one with `take` and `skip`, such as that of
    `tf.data`, which gives two of its own kind. Sizes are numbers of samples, or
    fractions as floats; one that is not given is the rest. `shuffle` draws the samples
    of both by `seed`. `preferred_backend` is a hint to Keras and changes nothing here.

    >>> left, right = split_dataset([x, y], left_size=0.8)  # doctest: +SKIP
    >>> model.fit(left.batch(32), validation_data=right.batch(32))  # doctest: +SKIP
    """
    flag(shuffle, "shuffle")
    if left_size is None and right_size is None:
        raise ArgumentError("Expected left_size, right_size or both, got neither.")
    if _is_pipeline(dataset) and not shuffle:
        total = _count(dataset)
        left, right = _sizes(total, left_size, right_size)
        return dataset.take(left), dataset.skip(left).take(right)
    samples = _Samples(dataset)
    left, right = _sizes(len(samples), left_size, right_size)
    order = np.arange(len(samples))
    if shuffle:
        order = host.permutation(philox.fold_in(key_of(seed), 0), len(samples))
    return samples.part(order[:left]), samples.part(order[left : left + right])


class _Part(Dataset):
    """Samples by their numbers."""

    def __init__(self, samples: _Samples, places: Host) -> None:
        super().__init__(lambda: (self[i] for i in range(len(places))), len(places))
        self.samples, self.places = samples, places

    def __getitem__(self, index: int) -> Tree:
        """Return a sample."""
        return self.samples[int(self.places[index])]


class _Samples:
    """The samples of arrays, or of what has items by number or in a row."""

    def __init__(self, given: Tree) -> None:
        self.arrays = isinstance(given, np.ndarray | list | tuple | dict)
        if self.arrays:
            if isinstance(given, list):
                given = tuple(given)  # of x and y, as `fit` takes them
            self.leaves, self.tree = optree.tree_flatten(given)
            sizes = {len(leaf) for leaf in self.leaves if np.ndim(leaf)}
            if len(sizes) != 1 or not all(map(np.ndim, self.leaves)):
                shapes = [np.shape(leaf) for leaf in self.leaves]
                raise ShapeError(
                    "Expected arrays with one first axis of samples, got shapes "
                    f"{shapes}."
                )
            self.size = sizes.pop()
            return
        if not hasattr(type(given), "__getitem__"):
            if not hasattr(type(given), "__iter__"):
                raise ArgumentError(
                    "Expected arrays or a data set with a length and items, got "
                    f"{shown(given)}."
                )
            given = list(given)
        self.given, self.size = given, len(given)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Tree:
        if not self.arrays:
            return self.given[index]
        return optree.tree_unflatten(self.tree, [leaf[index] for leaf in self.leaves])

    def part(self, places: Host) -> Dataset:
        """Return the samples at some places."""
        return _Part(self, places)


def _is_pipeline(data: Any) -> bool:
    names = ("take", "skip", "cardinality")
    return all(callable(getattr(type(data), name, None)) for name in names)


def _count(data: Any) -> int:
    known = int(data.cardinality())
    if known == -1:
        raise ArgumentError("Expected data with an end to split, got endless ones.")
    return known if known >= 0 else sum(1 for _ in data)


def _sizes(total: int, left: Any, right: Any) -> tuple[int, int]:
    """Return both sizes as numbers of samples."""
    counts = [
        None if size is None else _samples_of(size, total, name)
        for size, name in ((left, "left_size"), (right, "right_size"))
    ]
    first, second = counts
    first = total - (second or 0) if first is None else first
    second = total - first if second is None else second
    if first + second > total or not (first and second):
        raise ArgumentError(
            f"Expected two parts of {total} samples, none of them empty, got {first} "
            f"and {second} (left_size={left}, right_size={right})."
        )
    return first, second


def _samples_of(size: Any, total: int, name: str) -> int:
    if isinstance(size, float):
        return round(number(size, name, above=0, below=1) * total)
    return whole(size, name)
