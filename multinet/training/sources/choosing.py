"""The one door for data: what users pass becomes a Source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from multinet import config
from multinet.checks import flag, number
from multinet.errors import ArgumentError
from multinet.ops.core import is_array
from multinet.training.sources.arrays import ArraySource
from multinet.training.sources.classes import weigh_classes
from multinet.training.sources.generators import GeneratorSource
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
    """Return whether `x` gives batches by itself: a source, a generator, a function."""
    if isinstance(x, np.ndarray | list | tuple | dict):
        return False
    if isinstance(x, Source):
        return True
    return (isinstance(x, Iterator) or callable(x)) and not is_array(x)


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
) -> Source:
    """Return the source of what a user passes: arrays, a generator or a Source.

    `shuffle` permutes the samples of arrays by `orders`, for a fit of so many epochs;
    other sources come in the order that they have.
    """
    if is_stream(x):
        _refuse_beside(x, y, sample_weight, batch_size, class_weight)
        return x if isinstance(x, Source) else GeneratorSource(x)
    batch = prepare(x, y, sample_weight)
    if class_weight is not None:
        batch = weigh_classes(batch, class_weight)
    orders = orders if flag(shuffle, "shuffle") else None
    return ArraySource(batch, size_of_batch(batch_size), orders, epochs)


def validation_source(given: Tree, batch_size: int | None = None) -> Source:
    """Return the source of `validation_data`, arrays of which are in batches."""
    if is_stream(given):
        return given if isinstance(given, Source) else GeneratorSource(given)
    return ArraySource(validation(given), size_of_batch(batch_size))


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
    held_size = size_of_batch(validation_batch_size, "validation_batch_size")
    if validation_batch_size is None:
        held_size = size_of_batch(batch_size)
    number(validation_split, "validation_split", least=0, below=1)
    if validation_data is not None or not validation_split:
        training, held = source_of(x, y, sample_weight, **options), None
        if validation_data is not None:
            held = validation_source(validation_data, held_size)
        return training, held
    if is_stream(x):
        raise ArgumentError(
            f"Expected arrays to split by validation_split={validation_split}, got "
            f"{_named(x)}. Pass validation_data."
        )
    batch, rest = split(prepare(x, y, sample_weight), validation_split)
    held = ArraySource(rest, held_size)
    return source_of(*batch.tree(), **options), held


def steps_of(source: Source, steps: int | None) -> int | None:
    """Return how many batches an epoch takes, None to its unknown end.

    At most as many as asked for, as the source has, and as `config` lets an epoch go.
    """
    known = (steps, source.size, config.max_steps_per_epoch())
    return min((n for n in known if n), default=None)


def _refuse_beside(x: Tree, y: Tree, weight: Tree, size: Any, classes: Any) -> None:
    """Refuse what belongs to arrays and came beside a source."""
    remedies = {
        "y": (y, "Let the batches be tuples (x, y)."),
        "sample_weight": (weight, "Let the batches be tuples (x, y, sample_weight)."),
        "batch_size": (size, "The batches have the sizes that it gives them."),
        "class_weight": (classes, "Let the batches be tuples (x, y, sample_weight)."),
    }
    for name, (value, remedy) in remedies.items():
        if value is not None:
            raise ArgumentError(
                f"Expected {name}=None where x is {_named(x)}, got "
                f"{value if name == 'batch_size' else type(value).__name__}. {remedy}"
            )


def _named(x: Tree) -> str:
    return f"a {type(x).__name__}"
