"""Counts of true and false positives and negatives, and ratios of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from multinet import ops
from multinet.checks import number
from multinet.errors import ShapeError
from multinet.losses.shapes import beside, match_ranks, real, same_shape
from multinet.metrics.base import Metric, divide_no_nan, masked
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor

Thresholds = float | Sequence[float] | None


def limits_of(thresholds: Thresholds, default: float = 0.5) -> list[float]:
    """Return the thresholds as a list; the default alone for None."""
    if thresholds is None:
        thresholds = default
    if not isinstance(thresholds, Iterable):
        thresholds = [thresholds]
    return [
        float(number(value, "each of the thresholds", least=0, most=1))
        for value in thresholds
    ]


def counts_at(
    y_true: Tensor,
    y_pred: Tensor,
    thresholds: Sequence[float],
    sample_weight: Tensor | None,
    dtype: str,
    by_label: bool = False,
) -> dict[str, Any]:
    """Return the weighted counts at each threshold: vectors by tp, fp, tn and fn.

    `by_label` counts apart along the last axis: (thresholds, labels).
    """
    backend = current()
    y_pred = real(y_pred, dtype, "predictions")
    y_true = real(y_true, dtype, "targets")
    y_true, y_pred = match_ranks(y_true, y_pred)
    same_shape(y_true, y_pred)
    shape = backend.shape(y_pred)
    weight = backend.full((), 1.0, dtype)
    if sample_weight is not None:
        weight = real(sample_weight, dtype, "sample_weight")
        weight = beside(y_pred, weight, "sample_weight")
    flat = (1, -1, *shape[-1:]) if by_label else (1, -1)
    weight = ops.reshape(backend.broadcast_to(weight, shape), flat)
    actual = ops.cast(ops.reshape(y_true, flat), "bool")
    limits = ops.convert_to_tensor(list(thresholds), dtype=dtype)
    limits = ops.reshape(limits, (-1, *(1 for _ in flat[1:])))
    guess = ops.greater(ops.reshape(y_pred, flat), limits)
    counts = {}
    for name, positive, right in (
        ("tp", True, True),
        ("fp", True, False),
        ("tn", False, True),
        ("fn", False, False),
    ):
        guessed = guess if positive else ops.logical_not(guess)
        truth = actual if positive == right else ops.logical_not(actual)
        hits = cast_tensor(ops.logical_and(guessed, truth), dtype)
        counts[name] = ops.sum(ops.multiply(hits, weight), axis=1)
    return counts


class _Counts(Metric):
    """Accumulates some of the counts, in Variables named by what they count."""

    counted: tuple[tuple[str, str], ...]

    def __init__(
        self,
        thresholds: Thresholds = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self._limits = limits_of(thresholds)
        self._totals: dict[str, Any] = {}
        for key, label in self.counted:
            self._totals[key] = self.add_variable((len(self._limits),), name=label)
            setattr(self, label, self._totals[key])

    def prepare(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        """Return the targets and predictions to compare."""
        return y_true, y_pred

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the counts of a batch, where the mask of `y_pred` holds."""
        weight = masked(sample_weight, y_pred)
        y_true, y_pred = self.prepare(as_tensor(y_true), as_tensor(y_pred))
        counts = counts_at(y_true, y_pred, self._limits, weight, self.dtype)
        for key, total in self._totals.items():
            total.assign(ops.add(as_tensor(total), counts[key]))

    def total(self, key: str) -> Tensor:
        """Return a count so far, one value a threshold."""
        return as_tensor(self._totals[key])

    def single(self, values: Tensor) -> Tensor:
        """Return a scalar if there is one threshold."""
        return ops.squeeze(values, 0) if len(self._limits) == 1 else values


class TruePositives(_Counts):
    """The number of positives predicted as such."""

    counted = (("tp", "accumulator"),)
    _direction = "up"

    def result(self) -> Tensor:
        """Return the count, one a threshold."""
        return self.single(self.total("tp"))


class FalsePositives(_Counts):
    """The number of negatives predicted as positives."""

    counted = (("fp", "accumulator"),)
    _direction = "down"

    def result(self) -> Tensor:
        """Return the count, one a threshold."""
        return self.single(self.total("fp"))


class TrueNegatives(_Counts):
    """The number of negatives predicted as such."""

    counted = (("tn", "accumulator"),)
    _direction = "up"

    def result(self) -> Tensor:
        """Return the count, one a threshold."""
        return self.single(self.total("tn"))


class FalseNegatives(_Counts):
    """The number of positives predicted as negatives."""

    counted = (("fn", "accumulator"),)
    _direction = "down"

    def result(self) -> Tensor:
        """Return the count, one a threshold."""
        return self.single(self.total("fn"))


class Ratio(_Counts):
    """Accumulates counts of the best predictions, or those of one class."""

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(thresholds, name, dtype)
        self.top_k, self.class_id = top_k, class_id
        if top_k is not None and thresholds is None:
            self._limits = [0.0]  # what is among the best counts, whatever its value

    def prepare(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        """Return the predictions among the best, of one class, as asked."""
        if self.top_k is not None:
            y_pred = _only_best(y_pred, self.top_k)
        if self.class_id is not None:
            index, shape = self.class_id, current().shape(y_pred)
            if len(shape) < 2:
                raise ShapeError(
                    f"class_id={index} needs predictions (samples, classes), got shape "
                    f"{tuple(shape)}."
                )
            y_true = ops.take(y_true, index, axis=-1)
            y_pred = ops.take(y_pred, index, axis=-1)
        return y_true, y_pred


def _only_best(y_pred: Any, k: int) -> Any:
    """Return predictions with all but the k best of the last axis at -1e10."""
    backend = current()
    last = len(backend.shape(y_pred)) - 1
    size = backend.shape(y_pred)[last]
    order = backend.argsort(backend.argsort(backend.negative(y_pred)))
    return backend.where(backend.less(order, min(k, size)), y_pred, -1e10)


class Precision(Ratio):
    """The share of predicted positives that are positive.

    Positives are predictions above 0.5, or above each of `thresholds`, with a result
    for each. With `top_k` the k best predictions of each sample are the positives
    (those above the thresholds, if given); `class_id` looks at one class only.

    >>> precision = metrics.Precision()
    >>> precision.update_state([1, 0, 1], [0.9, 0.8, 0.2])
    >>> float(precision.result())
    0.5
    """

    counted = (("tp", "true_positives"), ("fp", "false_positives"))
    _direction = "up"

    def result(self) -> Tensor:
        """Return the share, one a threshold; 0 where nothing was predicted."""
        right = self.total("tp")
        return self.single(divide_no_nan(right, ops.add(right, self.total("fp"))))


class Recall(Ratio):
    """The share of positives predicted as such.

    `thresholds`, `top_k` and `class_id` are those of `Precision`.

    >>> recall = metrics.Recall()
    >>> recall.update_state([1, 0, 1, 1], [0.9, 0.8, 0.2, 0.7])
    >>> float(recall.result())
    0.6666...
    """

    counted = (("tp", "true_positives"), ("fn", "false_negatives"))
    _direction = "up"

    def result(self) -> Tensor:
        """Return the share, one a threshold; 0 where there are no positives."""
        right = self.total("tp")
        return self.single(divide_no_nan(right, ops.add(right, self.total("fn"))))
