"""Counts of true and false positives and negatives, and ratios of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.config import epsilon
from multinet.errors import ArgumentError
from multinet.losses.shapes import beside, match_ranks, real, same_shape
from multinet.metrics.base import Metric, divide_no_nan, masked
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor

Thresholds = float | Sequence[float] | None


def _listed(thresholds: Thresholds, default: float = 0.5) -> list[float]:
    if thresholds is None:
        thresholds = default
    if isinstance(thresholds, int | float):
        thresholds = [thresholds]
    listed = [float(value) for value in thresholds]
    if not all(0 <= value <= 1 for value in listed):
        raise ArgumentError(f"Expected thresholds in [0, 1], got {listed}.")
    return listed


def flat_counts(
    y_true: Tensor,
    y_pred: Tensor,
    thresholds: Sequence[float],
    sample_weight: Tensor,
    dtype: str,
) -> dict[str, Any]:
    """Return the weighted counts at each threshold: vectors by tp, fp, tn and fn."""
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
    weight = ops.reshape(backend.broadcast_to(weight, shape), (1, -1))
    actual = ops.cast(ops.reshape(y_true, (1, -1)), "bool")
    limits = ops.reshape(ops.convert_to_tensor(list(thresholds), dtype=dtype), (-1, 1))
    guess = ops.greater(ops.reshape(y_pred, (1, -1)), limits)
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
        self._limits = _listed(thresholds)
        self._totals = {
            key: self.add_variable((len(self._limits),), name=label)
            for key, label in self.counted
        }

    def prepare(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        """Return the targets and predictions to compare."""
        return y_true, y_pred

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the counts of a batch, where the mask of `y_pred` holds."""
        weight = masked(sample_weight, y_pred)
        y_true, y_pred = self.prepare(as_tensor(y_true), as_tensor(y_pred))
        counts = flat_counts(y_true, y_pred, self._limits, weight, self.dtype)
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
            index = self.class_id
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

    With `top_k` the k best predictions of each sample are the positives (those above
    the thresholds, if given); `class_id` looks at one class only.
    """

    counted = (("tp", "true_positives"), ("fp", "false_positives"))
    _direction = "up"

    def result(self) -> Tensor:
        """Return the share, one a threshold; 0 where nothing was predicted."""
        right = self.total("tp")
        return self.single(divide_no_nan(right, ops.add(right, self.total("fp"))))


class Recall(Ratio):
    """The share of positives predicted as such; arguments as of `Precision`."""

    counted = (("tp", "true_positives"), ("fn", "false_negatives"))
    _direction = "up"

    def result(self) -> Tensor:
        """Return the share, one a threshold; 0 where there are no positives."""
        right = self.total("tp")
        return self.single(divide_no_nan(right, ops.add(right, self.total("fn"))))


class AUC(Metric):
    """The area under the curve of true over false positive rates ("ROC") or "PR".

    Computed from the counts at `num_thresholds` thresholds. `summation_method` of ROC
    is "interpolation" (trapezoids), "minoring" or "majoring"; that of PR interpolates
    the counts.

    Source: Davis and Goadrich, "The relationship between precision-recall and ROC
    curves", 2006.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: PolicyLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        if multi_label or num_labels is not None or label_weights is not None:
            raise ArgumentError(
                "AUC of several labels is not supported: make one AUC for each label."
            )
        if curve not in ("ROC", "PR"):
            raise ArgumentError(f"Expected curve 'ROC' or 'PR', got {curve!r}.")
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ArgumentError(
                "Expected summation_method 'interpolation', 'minoring' or 'majoring', "
                f"got {summation_method!r}."
            )
        if thresholds is None and num_thresholds < 2:
            raise ArgumentError(f"Expected num_thresholds > 1, got {num_thresholds!r}.")
        self.curve, self.summation_method = curve, summation_method
        self.from_logits, self.multi_label = from_logits, multi_label
        self.num_labels, self.label_weights = num_labels, label_weights
        self.thresholds = None if thresholds is None else sorted(thresholds)
        inner = self.thresholds
        if inner is None:
            steps = num_thresholds - 1
            inner = [i / steps for i in range(1, steps)]
        self.num_thresholds = len(inner) + 2
        # Beyond 0 and 1, so that the first takes all as positive and the last none.
        self._limits = [-epsilon(), *_listed(inner), 1.0 + epsilon()]
        labels = ("true_positives", "false_positives", "true_negatives")
        keys = ("tp", "fp", "tn", "fn")
        self._totals = {
            key: self.add_variable((self.num_thresholds,), name=label)
            for key, label in zip(keys, (*labels, "false_negatives"), strict=True)
        }

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the counts of a batch, where the mask of `y_pred` holds."""
        weight = masked(sample_weight, y_pred)
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = flat_counts(y_true, y_pred, self._limits, weight, self.dtype)
        for key, total in self._totals.items():
            total.assign(ops.add(as_tensor(total), counts[key]))

    def result(self) -> Tensor:
        """Return the area."""
        tp, fp, tn, fn = (as_tensor(total) for total in self._totals.values())
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _area_of_precision(tp, fp, fn)
        recall = divide_no_nan(tp, ops.add(tp, fn))
        if self.curve == "ROC":
            x, y = divide_no_nan(fp, ops.add(fp, tn)), recall
        else:
            x, y = recall, divide_no_nan(tp, ops.add(tp, fp))
        heights = {
            "interpolation": lambda a, b: ops.divide(ops.add(a, b), 2.0),
            "minoring": ops.minimum,
            "majoring": ops.maximum,
        }[self.summation_method](_head(y), _tail(y))
        return ops.sum(ops.multiply(ops.subtract(_head(x), _tail(x)), heights))


def _head(x: Any) -> Any:
    return ops.slice(x, (0,), (current().shape(x)[0] - 1,))


def _tail(x: Any) -> Any:
    return ops.slice(x, (1,), (current().shape(x)[0] - 1,))


def _area_of_precision(tp: Any, fp: Any, fn: Any) -> Any:
    """Return the area under precision over recall, by interpolated counts."""
    gained = ops.subtract(_head(tp), _tail(tp))
    positives = ops.add(tp, fp)
    change = ops.maximum(ops.subtract(_head(positives), _tail(positives)), 0.0)
    slope = divide_no_nan(gained, change)
    offset = ops.subtract(_tail(tp), ops.multiply(slope, _tail(positives)))
    safe = ops.logical_and(
        ops.greater(_head(positives), 0.0), ops.greater(_tail(positives), 0.0)
    )
    ratio = divide_no_nan(_head(positives), ops.maximum(_tail(positives), 0.0))
    ratio = ops.where(safe, ratio, 1.0)
    area = ops.multiply(slope, ops.add(gained, ops.multiply(offset, ops.log(ratio))))
    total = ops.maximum(ops.add(_tail(tp), _tail(fn)), 0.0)
    return ops.sum(divide_no_nan(area, total))
