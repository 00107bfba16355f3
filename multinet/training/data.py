"""Arrays in, batches out: checking, dtypes, splitting, shuffling, weights by class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from multinet import config, dtypes, philox, seeds
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.core import host, is_array
from multinet.random import host as host_random

Array = np.ndarray[Any, Any]
_SHORT = 1 << 13  # words, drawn at once
_PLAIN = frozenset((int, float, bool, complex, str, bytes, type(None)))  # in lists
_MOST_STEPS, _MOST_BYTES = 1024, 1 << 23  # of one chunk


@dataclass
class Batch:
    """Trees of host arrays, or of tensors, with one first axis.

    `None` where not given.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None

    def tree(self) -> tuple[Any, Any, Any]:
        """Return the three as one tree."""
        return self.x, self.y, self.sample_weight

    def size(self) -> int:
        """Return the number of samples."""
        return len(optree.tree_leaves(self.x)[0])

    def map(self, function: Any) -> Batch:
        """Return the batch with `function` applied to each array."""
        tree: Any = self.tree()
        return Batch(*optree.tree_map(function, tree))

    def take(self, index: Any) -> Batch:
        """Return the samples at an index array or slice."""
        return self.map(lambda array: array[index])


def prepare(x: Any, y: Any = None, sample_weight: Any = None) -> Batch:
    """Return a batch of host arrays, floats as floatx and integers as int32.

    Accepts NumPy arrays, tensors, lists of numbers, and trees of them. `ShapeError` if
    the numbers of samples differ.
    """
    if type(x) is type(y) is np.ndarray and sample_weight is None:
        batch = Batch(_array(x), _array(y))
        if len(batch.x) == len(batch.y):
            return batch
    batch = Batch(_arrays(x), _arrays(y), _arrays(sample_weight))
    sizes = {len(leaf) for leaf in optree.tree_leaves(batch.tree())}  # type: ignore[arg-type]
    if len(sizes) != 1:
        shapes = [leaf.shape for leaf in optree.tree_leaves(batch.tree())]  # type: ignore[union-attr]
        raise ShapeError(
            "Expected x, y and sample_weight to have the same number of samples (first "
            f"axis), got shapes {shapes}."
        )
    return batch


def size_of_batch(value: int | None) -> int:
    """Return the batch size asked for: 32 by default."""
    size = 32 if value is None else value
    if not isinstance(size, int | np.integer) or size < 1:
        raise ArgumentError(
            f"Expected batch_size to be a positive integer, got {value!r}."
        )
    return int(size)


def validation(given: Any) -> Batch:
    """Return what `validation_data` holds: (x, y), or sample weights too."""
    if not isinstance(given, tuple | list | dict):
        _refuse_sources(given)
    if not isinstance(given, tuple | list) or not 2 <= len(given) <= 3:
        raise ArgumentError(
            "Expected validation_data=(x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}."
        )
    return prepare(*given)


def _refuse_sources(x: Any) -> None:
    """Refuse what NumPy would read item by item, perhaps without end."""
    if isinstance(x, list | tuple):
        for item in x:
            if type(item) not in _PLAIN:
                _refuse_sources(item)
    elif not is_array(x):
        raise ArgumentError(
            "Expected data as arrays, tensors or lists of numbers, or as dicts and "
            f"tuples of them, got {_article(type(x).__name__)}. Data sources such as "
            "generators, data sets and loaders are not there yet: join what they give "
            "into arrays, with np.concatenate for instance, and pass those."
        )


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def _arrays(tree: Any) -> Any:
    if type(tree) is np.ndarray:
        return _array(tree)

    def is_leaf(node: Any) -> bool:
        return not isinstance(node, tuple | dict) and not _holds_arrays(node)

    return optree.tree_map(_array, tree, is_leaf=lambda n: n is not None and is_leaf(n))


def _holds_arrays(node: Any) -> bool:
    """Return whether a list is a structure of arrays, rather than rows of numbers."""
    return isinstance(node, list) and any(
        isinstance(item, dict | tuple) or len(getattr(item, "shape", ())) > 0
        for item in node
    )


def _array(leaf: Any) -> Array:
    if type(leaf) is np.ndarray and leaf.ndim:
        kind = leaf.dtype.type
        if kind is np.int32 or kind is np.float32 and dtypes.floatx() == "float32":
            return leaf
    if type(leaf) is not np.ndarray:
        _refuse_sources(leaf)
    array = leaf if type(leaf) is np.ndarray else np.asarray(host(leaf))
    if array.dtype.kind in "OSUMmV" and array.dtype.name not in dtypes.ALL:
        array = host(leaf)  # which refuses it
    if array.ndim == 0:
        raise ShapeError("Expected arrays with a first axis of samples, got a scalar.")
    kind = array.dtype.kind
    if kind in "iu":
        return _int32(array)
    if kind == "b":
        return array
    if kind == "c":
        return array.astype(dtypes.to_numpy(dtypes.of_host(array.dtype)), copy=False)
    return array.astype(dtypes.to_numpy(dtypes.floatx()), copy=False)


def _int32(array: Array) -> Array:
    info = np.iinfo(np.int32)
    if array.size and (array.max() > info.max or array.min() < info.min):
        raise DTypeError(
            f"Integers given as data become int32, but {array.dtype} values reach from "
            f"{array.min()} to {array.max()}. Convert them to float, or re-number them."
        )
    return array.astype(np.int32, copy=False)


def count_batches(data: Batch, batch_size: int) -> int:
    """Return how many batches there are, as far as `config` lets an epoch go.

    The last may be smaller.
    """
    count = math.ceil(data.size() / batch_size)
    return config.at_most(count, config.max_steps_per_epoch())


class Feed:
    """Batches of arrays in memory, several at a time, copied at most once.

    `order` permutes the samples; without it, chunks are views of the arrays.
    """

    def __init__(
        self, data: Batch, batch_size: int, order: Array | None = None
    ) -> None:
        self.data = data
        leaves, self.spec = optree.tree_flatten(data.tree())  # type: ignore[arg-type]
        self.leaves: list[Array] = leaves  # type: ignore[assignment]
        self.batch_size, self.order = batch_size, order
        self.full, self.rest = divmod(data.size(), batch_size)

    def example(self) -> list[Array]:
        """Return arrays shaped like one batch."""
        size = self.batch_size if self.full else self.rest
        return [leaf[:size] for leaf in self.leaves]

    def wanted(self) -> int:
        """Return how many steps to offer at once: those of an epoch, if they are small.

        A power of two, so that data of another length seldom needs other programs.
        """
        size = sum(x.nbytes for x in self.example())
        most = max(1, min(_MOST_STEPS, _MOST_BYTES // max(1, size)))
        return 1 if self.full < 2 else min(most, 1 << (self.full - 1).bit_length())

    def chunk(self, first: int, count: int, room: int) -> list[Array]:
        """Return arrays (steps, batch, ...) of `count` steps, with room for `room`."""
        start, size = first * self.batch_size, self.batch_size
        if first >= self.full:
            count, size = 1, self.rest
        part = slice(start, start + count * size)
        if self.order is None:
            return [x[part].reshape(count, size, *x.shape[1:]) for x in self.leaves]
        rows, room = self.order[part], max(room, count)
        chunks = []
        for leaf in self.leaves:
            out = np.empty((room, size, *leaf.shape[1:]), leaf.dtype)
            flat = out.reshape(room * size, *leaf.shape[1:])
            # "clip" writes into `out` directly; the rows are in range.
            leaf.take(rows, 0, flat[: count * size], "clip")
            chunks.append(out)
        return chunks


class Shuffles:
    """The orders of a model's epochs, the same on every backend.

    They go on where the last fit ended: fits of 3 and of 2 epochs see what one of 5
    sees. `set_random_seed` starts them anew. Short orders are drawn for several epochs
    at once.
    """

    def __init__(self) -> None:
        self.key: tuple[int, int] | None = None
        self.era = -1  # of the seed that the key was drawn under
        self.epoch = 0
        self.count, self.left = 0, 0
        self.known: list[Array] = []  # of the epochs to come, the next one last

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, which sees the orders that the original sees."""
        self._reserve()
        return vars(self)

    def _reserve(self) -> None:
        if self.key is None or self.era != seeds.era():
            self.era, self.key, self.epoch = seeds.era(), seeds.site_key(), 0

    def begin(self, count: int, epochs: int) -> None:
        """Begin a fit of so many epochs on `count` samples."""
        self._reserve()
        self.count, self.left, self.known = count, epochs, []

    def next(self) -> Array:
        """Return the order of the next epoch."""
        if not self.known:
            assert self.key is not None
            ahead = min(self.left, max(1, _SHORT // max(1, self.count)))
            epochs = range(self.epoch, self.epoch + max(1, ahead))
            keys = [philox.fold_in(self.key, i) for i in reversed(epochs)]
            if len(keys) == 1:
                self.known = [host_random.permutation(keys[0], self.count)]
            else:
                self.known = list(host_random.permutations(keys, self.count))
        self.epoch, self.left = self.epoch + 1, self.left - 1
        return self.known.pop()


def split(data: Batch, fraction: float) -> tuple[Batch, Batch]:
    """Return training data, and the last `fraction` of samples for validation."""
    if not 0 < fraction < 1:
        raise ArgumentError(f"Expected validation_split within (0, 1), got {fraction}.")
    size = data.size()
    cut = math.floor(size * (1 - fraction))
    if cut == 0 or cut == size:
        raise ArgumentError(
            f"validation_split={fraction} of {size} samples leaves {cut} for training "
            f"and {size - cut} for validation. Give more samples or another fraction."
        )
    return data.take(slice(0, cut)), data.take(slice(cut, size))


def weigh_classes(data: Batch, class_weight: Mapping[int, float]) -> Batch:
    """Return the batch with sample weights multiplied by the weight of each class."""
    leaves = optree.tree_leaves(data.y)
    if len(leaves) != 1:
        raise ArgumentError(
            f"class_weight needs a model with one output, got {len(leaves)} targets. "
            "Pass sample_weight instead."
        )
    labels: Array = leaves[0]  # type: ignore[assignment]
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(-1)
    labels = labels.reshape(len(labels), -1)[:, 0].astype(np.int64)
    weights = np.ones(len(labels), dtypes.to_numpy(dtypes.floatx()))
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    if data.sample_weight is not None:
        weights = weights * optree.tree_leaves(data.sample_weight)[0]  # type: ignore[operator]
    return Batch(data.x, data.y, weights)
