"""The one door for data: what users pass becomes a Source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from multinet import config
from multinet.checks import flag, number
from multinet.errors import ArgumentError
from multinet.ops.core import is_array
from multinet.ops.sparse_forms import is_sparse_tensor
from multinet.training.sources.arrays import ArraySource
from multinet.training.sources.classes import weigh_classes
from multinet.training.sources.generators import GeneratorSource
from multinet.training.sources.iterables import (
    DatasetSource,
    IterableSource,
    is_batches,
)
from multinet.training.sources.orders import Orders
from multinet.training.sources.preparing import (
    prepare,
    size_of_batch,
    split,
    validation,
)
from multinet.training.sources.source import Source
from multinet.typing import Tree


def is_stream(x: Tree) -> bool:
    """Return whether `x` gives batches by itself.

    A source, a generator, a function; or a data set: a `PyDataset`, or what can be
    iterated over and is no collection of Python's.
    """
    if isinstance(x, np.ndarray | list | tuple | dict) or is_sparse_tensor(x):
        return False
    if isinstance(x, Source):
        return True
    kinds = (isinstance(x, Iterator), callable(x), is_batches(x), _is_iterable(x))
    return any(kinds) and not is_array(x)


def _is_iterable(x: Tree) -> bool:
    collection = isinstance(x, Sequence | Set | Mapping)
    return isinstance(x, Iterable) and not collection


def _stream(
    x: Tree,
    class_weight: Mapping[int, float] | None = None,
    orders: Orders | None = None,
    epochs: int = 1,
    raw: bool = False,
) -> Source:
    """Return the source of what gives batches by itself."""
    if isinstance(x, Source):
        return x
    if is_batches(x):
        return DatasetSource(x, class_weight, orders, epochs, raw)
    if isinstance(x, Iterator) or not _is_iterable(x):
        return GeneratorSource(x, raw)
    return IterableSource(x, class_weight, raw)


def source_of(
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    *,
    batch_size: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    shuffle: bool = False,
    orders: Orders | None = None,
    epochs: int = 1,
    raw: bool = False,
) -> Source:
    """Return the source of what a user passes: arrays, a generator, a data set.

    `shuffle` permutes the samples of arrays, and the batches of a `PyDataset`, by
    `orders`, for a fit of so many epochs; others come in the order that they have.
    With `raw` x is for the host stage of a model.
    """
    orders = orders if flag(shuffle, "shuffle") else None
    if is_stream(x):
        _refuse_beside(x, y, sample_weight, batch_size, class_weight)
        return _stream(x, class_weight, orders, epochs, raw)
    batch = prepare(x, y, sample_weight, raw)
    if class_weight is not None:
        batch = weigh_classes(batch, class_weight)
    return ArraySource(batch, size_of_batch(batch_size), orders, epochs)


def validation_source(
    given: Tree, batch_size: int | None = None, raw: bool = False
) -> Source:
    """Return the source of `validation_data`, arrays of which are in batches."""
    if is_stream(given):
        return _stream(given, raw=raw)
    return ArraySource(validation(given, raw), size_of_batch(batch_size))


def fit_sources(
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    *,
    validation_data: Tree = None,
    validation_split: float = 0.0,
    validation_batch_size: int | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> tuple[Source, Source | None]:
    """Return what a fit trains on, and what it validates on.

    `options` are those of `source_of`.
    """
    options["batch_size"] = batch_size
    raw = options.get("raw", False)
    held_size = size_of_batch(validation_batch_size, "validation_batch_size")
    if validation_batch_size is None:
        held_size = size_of_batch(batch_size)
    number(validation_split, "validation_split", least=0, below=1)
    if validation_data is not None or not validation_split:
        training, held = source_of(x, y, sample_weight, **options), None
        try:
            if validation_data is not None:
                held = validation_source(validation_data, held_size, raw)
        except BaseException:
            if training is not x:
                training.close()
            raise
        return training, held
    if is_stream(x):
        raise ArgumentError(
            f"Expected arrays to split by validation_split={validation_split}, got "
            f"{_named(x)}. Pass validation_data."
        )
    batch, rest = split(prepare(x, y, sample_weight, raw), validation_split)
    held = ArraySource(rest, held_size)
    return source_of(*batch.tree(), **options), held


def steps_of(source: Source, steps: int | None, most: int | None = None) -> int | None:
    """Return how many batches an epoch takes, None to its unknown end.

    At most as many as asked for, as the source has, as `config` lets an epoch go, and
    `most`.
    """
    known = (steps, source.size, config.max_steps_per_epoch(), most)
    found = min((n for n in known if n), default=None)
    if found is None and getattr(source, "endless", False):
        raise ArgumentError(
            "Expected the number of steps, as the data have no end. Pass "
            "steps_per_epoch to fit, validation_steps for validation_data, steps to "
            "evaluate and predict."
        )
    return found


def _refuse_beside(x: Tree, y: Tree, weight: Tree, size: Any, classes: Any) -> None:
    """Refuse what belongs to arrays and came beside a source."""
    remedies = {
        "y": (y, "Let the batches be tuples (x, y)."),
        "sample_weight": (weight, "Let the batches be tuples (x, y, sample_weight)."),
        "batch_size": (size, "The batches have the sizes that it gives them."),
    }
    if isinstance(x, Source | Iterator) or callable(x):
        remedy = "Let the batches be tuples (x, y, sample_weight)."
        remedies["class_weight"] = classes, remedy
    for name, (value, remedy) in remedies.items():
        if value is not None:
            raise ArgumentError(
                f"Expected {name}=None where x is {_named(x)}, got "
                f"{value if name == 'batch_size' else type(value).__name__}. {remedy}"
            )


def _named(x: Tree) -> str:
    return f"a {type(x).__name__}"
