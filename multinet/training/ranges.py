"""Labels and indices in the data of a fit, looked at before a step runs on them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from multinet import losses, metrics
from multinet.bounds import Bound
from multinet.errors import OutOfRange
from multinet.losses.base import FunctionLoss
from multinet.registry import current
from multinet.training import advice
from multinet.training.sources import ArraySource, Chunk, Source
from multinet.training.task import Matched
from multinet.typing import AnyModel, Host, Tree

_OF_LABELS = (
    losses.sparse_categorical_crossentropy,
    losses.categorical_generalized_cross_entropy,
    metrics.sparse_categorical_accuracy,
    metrics.sparse_top_k_categorical_accuracy,
)


@dataclass(frozen=True)
class Expected:
    """The integers that a leaf of (x, y, sample_weight) must hold: [0, size).

    `ignored` is a number that does not count, `weight` the leaf of the weights, 0 where
    a label does not count. It is `certain` unless a mask or a step of the user's own
    may leave some out.
    """

    place: int
    size: int
    what: str
    ignored: int | None = None
    weight: int | None = None
    certain: bool = True
    masked: bool = False

    def error(self, columns: Sequence[Any]) -> OutOfRange | None:
        """Return the error for what these leaves hold; None if it is as it must be."""
        values = _on_host(columns[self.place])
        if values is None or not values.size or values.dtype.kind not in "iuf":
            return None
        if values.min() > -1 and values.max() < self.size:
            return None
        wrong = ~((values > -1) & (values < self.size))
        if self.ignored is not None:
            wrong &= values != self.ignored
        weight = None if self.weight is None else _on_host(columns[self.weight])
        if weight is not None and weight.shape == values.shape[: weight.ndim]:
            wrong &= (
                weight.reshape(*weight.shape, *[1] * (values.ndim - weight.ndim)) != 0
            )
        if not wrong.any():
            return None
        first = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return OutOfRange(
            f"Expected {self.what} in [0, {self.size}), got {values[first]} in sample "
            f"{first[-1] if len(first) == 1 else tuple(map(int, first))}."
        )


class Ranges:
    """What a kind of step expects of its data, and the looks at them.

    `indices` are the uses of inputs as indices that a run on shapes noted.
    """

    def __init__(
        self,
        kind: str,
        model: AnyModel,
        spec: Tree,
        indices: Sequence[Bound],
        matched: Matched | None,
        own: bool,
    ) -> None:
        self.kind, self.matched, self.told = kind, matched, False
        self.expected = [
            Expected(bound.place, bound.size, bound.what, certain=not own)
            for bound in indices
        ]
        if matched is not None:
            self.expected += _of_labels(model, spec, matched, own)

    def look(self, source: Source) -> None:
        """Refuse arrays that hold what no step takes: once, for all of their epochs."""
        self.told = False
        if self.expected and isinstance(source, ArraySource):
            self.check(source.leaves)

    def advise(self, source: Source) -> None:
        """Warn of arrays that hold what is hardly meant."""
        advice.of_data(source, self.matched, self.expected)

    def refuse(self, source: Source, chunk: Chunk) -> Sequence[Any]:
        """Refuse batches of a stream that hold what no step takes; return them."""
        if not self.expected or isinstance(source, ArraySource):
            return ()
        columns = [
            x[: chunk.steps] if isinstance(x, np.ndarray) else x for x in chunk.columns
        ]
        self.check(columns)
        return columns

    def check(self, columns: Sequence[Any]) -> None:
        """Refuse leaves that hold what no step takes."""
        for expected in self.expected:
            if expected.certain and (error := expected.error(columns)) is not None:
                raise error

    def explain(self, source: Source, columns: Sequence[Any]) -> None:
        """Say why a loss is NaN, such as by labels out of range: once.

        `columns` are the last of a stream.
        """
        if isinstance(source, ArraySource):
            columns = source.leaves
        if self.told:
            return
        self.told = True
        for expected in self.expected if columns else ():
            error = expected.error(columns)
            if error is None:
                continue
            if not expected.masked:
                raise OutOfRange(f"The loss is NaN. {error}")
            warnings.warn(
                f"The loss is NaN. {error} That is why, unless the mask of the output "
                "leaves such labels out.",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        advice.of_nan(source, self.kind)


def _on_host(x: Any) -> Host | None:
    """Return an array, or a tensor whose values the host has."""
    if isinstance(x, np.ndarray):
        return x
    return current().known(x)


def _of_labels(
    model: AnyModel, spec: Tree, matched: Matched, own: bool
) -> Iterator[Expected]:
    """Yield what the losses and metrics of the outputs expect of the targets."""
    _, y, weights = spec
    places = {id(leaf): i for i, leaf in enumerate(optree.tree_leaves(spec))}
    targets, given = matched.targets(y), matched.weights(weights)
    graph = getattr(model, "_graph", None) is not None
    names = model.output_names if graph else matched.names
    for i, output in enumerate(matched.outputs):
        place = places.get(id(targets[i]))
        if place is None:
            continue
        loss = matched.loss.losses[i] if matched.loss is not None else None
        ignored = getattr(loss, "ignore_class", None)
        for used in (loss, *matched.by_output.of(i)):
            classes = _classes(used, output.shape)
            if classes is None:
                continue
            yield Expected(
                place,
                classes,
                f"labels of the {classes} classes of {names[i]!r}",
                getattr(used, "ignore_class", None) or ignored,
                places.get(id(given[i])),
                certain=not (own or output.masked),
                masked=output.masked,
            )


def _classes(used: Any, shape: Sequence[Any]) -> int | None:
    """Return below which number the labels of a loss or metric must be, or None."""
    if isinstance(used, metrics.IoU):
        return used.num_classes if used.sparse_y_true else None
    if getattr(used, "from_sorted_ids", False):
        return None
    function = getattr(used, "fn", None) or getattr(type(used), "function", None)
    if isinstance(used, FunctionLoss) and type(used).call is not FunctionLoss.call:
        function = None  # a subclass computes something else
    if (function or used) not in _OF_LABELS:
        return None
    size = shape[getattr(used, "axis", -1)]
    return size if type(size) is int else None
