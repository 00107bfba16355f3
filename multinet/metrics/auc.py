"""AUC: the area under a curve that thresholds draw, of one or of many labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.checks import flag, number, one_of, whole
from multinet.config import epsilon
from multinet.configurable import arguments
from multinet.errors import ArgumentError, ShapeError
from multinet.losses.shapes import beside, real
from multinet.metrics.base import Metric, divide_no_nan, masked
from multinet.metrics.confusion import counts_at, limits_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.typing import Config, PolicyLike, Tensor

_CURVES = {"roc": "ROC", "pr": "PR", "prgain": "PRGAIN"}
_SUMMATIONS = ("interpolation", "minoring", "majoring")
_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class AUC(Metric):
    """The area under a `curve`: "ROC", "PR" or "PRGAIN".

    "ROC" is the true over the false positive rate, "PR" precision over recall,
    "PRGAIN" the gains of these two. It is computed from the counts at `num_thresholds`
    thresholds, or at the `thresholds` that are given. `summation_method` is
    "interpolation" (trapezoids; of "PR" the counts are interpolated), "minoring" or
    "majoring". `from_logits` says that predictions are logits.

    With `multi_label` data are (samples, labels), each label has a curve of its own,
    and the result is the mean of the areas, weighted by `label_weights`; `num_labels`
    makes the Variables at once. Without it, all labels share one curve, to which each
    counts by its weight.

    Sources: Davis and Goadrich, "The relationship between precision-recall and ROC
    curves", 2006; Flach and Kull, "Precision-recall-gain curves", 2015.

    >>> area = metrics.AUC()
    >>> area.update_state([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> float(area.result())
    0.75
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
        known = [*_CURVES.values(), *_CURVES]
        self.curve = _CURVES[one_of(curve, "curve", known).lower()]
        self.summation_method = one_of(
            summation_method, "summation_method", _SUMMATIONS
        )
        self.from_logits = from_logits
        self.multi_label = flag(multi_label, "multi_label")
        self.num_labels = num_labels
        self.label_weights = _weights(label_weights, num_labels)
        self._given = None if thresholds is None else sorted(limits_of(thresholds))
        steps = whole(num_thresholds, "num_thresholds", least=2) - 1
        inner = self._given
        if inner is None:
            inner = [i / steps for i in range(1, steps)]
        self.num_thresholds = len(inner) + 2
        # Beyond 0 and 1, so that the first takes all as positive and the last none.
        self._limits = [-epsilon(), *inner, 1.0 + epsilon()]
        self._totals: dict[str, Any] = {}
        if not multi_label and num_labels is not None:
            raise ArgumentError(
                f"num_labels={num_labels} is only for multi_label=True: all labels "
                "share one curve."
            )
        if not multi_label:
            self._make(())
        elif num_labels is not None:
            self._make((whole(num_labels, "num_labels"),))

    def _make(self, labels: tuple[int, ...]) -> None:
        shape = (self.num_thresholds, *labels)
        for name in _COUNTS:
            self._totals[name] = self.add_variable(shape, name=name)
            setattr(self, name, self._totals[name])

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, with the one below 0 and the one above 1."""
        return list(self._limits)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the counts of a batch, where the mask of `y_pred` holds."""
        weight = masked(sample_weight, y_pred)
        y_pred = real(y_pred, self.dtype, "predictions")
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        shape = current().shape(y_pred)
        if self.multi_label:
            self._check_labels(shape)
        elif self.label_weights is not None:
            weight = self._weigh_labels(y_pred, weight)
        counts = counts_at(
            y_true, y_pred, self._limits, weight, self.dtype, self.multi_label
        )
        for total, count in zip(self._totals.values(), counts.values(), strict=True):
            total.assign(ops.add(as_tensor(total), count))

    def _check_labels(self, shape: Sequence[int]) -> None:
        """Make the Variables of the first batch; refuse others that do not fit."""
        known = self._totals["true_positives"].shape[1:] if self._totals else None
        if len(shape) != 2 or known not in (None, (shape[1],)):
            labels = "labels" if known is None else str(known[0])
            raise ShapeError(
                f"Expected predictions (samples, {labels}) with multi_label=True, got "
                f"shape {tuple(shape)}."
            )
        _weights(self.label_weights, shape[1])
        if known is None:
            self._make((shape[1],))

    def _weigh_labels(self, y_pred: Any, weight: Any) -> Any:
        """Return the weight of each prediction: its sample's times its label's."""
        shape = current().shape(y_pred)
        _weights(self.label_weights, shape[-1] if shape else 1)
        labels = ops.convert_to_tensor(self.label_weights, dtype=self.dtype)
        labels = ops.broadcast_to(labels, shape)
        if weight is None:
            return labels
        weight = real(weight, self.dtype, "sample_weight")
        return ops.multiply(beside(y_pred, weight, "sample_weight"), labels)

    def result(self) -> Tensor:
        """Return the area, the mean over the labels with `multi_label`."""
        if not self._totals:
            raise ArgumentError(f"{self.name!r} has not seen a batch yet.")
        counts = [as_tensor(total) for total in self._totals.values()]
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(_area_of_precision(*counts))
        x, y = _POINTS[self.curve](*counts)
        heights = {
            "interpolation": lambda a, b: ops.divide(ops.add(a, b), 2.0),
            "minoring": ops.minimum,
            "majoring": ops.maximum,
        }[self.summation_method](_head(y), _tail(y))
        areas = ops.multiply(ops.subtract(_head(x), _tail(x)), heights)
        return self._over_labels(ops.sum(areas, axis=0))

    def interpolate_pr_auc(self) -> Tensor:
        """Return the area under "PR" with interpolated counts, whatever the curve."""
        counts = [as_tensor(total) for total in self._totals.values()]
        return self._over_labels(_area_of_precision(*counts))

    def _over_labels(self, areas: Any) -> Any:
        """Return the mean of the labels' areas, or the only area."""
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = ops.convert_to_tensor(self.label_weights, dtype=self.dtype)
        return divide_no_nan(ops.sum(ops.multiply(areas, weights)), ops.sum(weights))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**arguments(self, AUC), "thresholds": self._given}


def _weights(weights: Any, labels: int | None) -> list[float] | None:
    """Return the weights of labels as numbers; refuse a wrong number of them."""
    if weights is None:
        return None
    listed = [number(float(w), "label_weights", least=0) for w in weights]
    if labels is not None and len(listed) != labels:
        raise ShapeError(
            f"Expected label_weights for {labels} labels, got {len(listed)}."
        )
    return listed


def _rates(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """Return the false and the true positive rate."""
    return divide_no_nan(fp, ops.add(fp, tn)), divide_no_nan(tp, ops.add(tp, fn))


def _precision(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """Return recall and precision."""
    return divide_no_nan(tp, ops.add(tp, fn)), divide_no_nan(tp, ops.add(tp, fp))


def _gains(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """Return the gains of recall, at least 0, and of precision: 0 and 1 without tp."""
    odds = divide_no_nan(ops.add(tp, fn), ops.add(tn, fp))
    none = ops.equal(tp, 0)

    def gain(missed: Any, without: float) -> Any:
        loss = ops.multiply(odds, divide_no_nan(missed, tp))
        return ops.where(none, without, ops.subtract(1.0, loss))

    return ops.maximum(gain(fn, 0.0), 0.0), gain(fp, 1.0)


_POINTS = {"ROC": _rates, "PR": _precision, "PRGAIN": _gains}


def _head(x: Any) -> Any:
    return ops.take(x, range(current().shape(x)[0] - 1), axis=0)


def _tail(x: Any) -> Any:
    return ops.take(x, range(1, current().shape(x)[0]), axis=0)


def _area_of_precision(tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
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
    return ops.sum(divide_no_nan(area, total), axis=0)
