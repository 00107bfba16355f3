"""F-scores, coefficients of determination and correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import losses, ops
from multinet.checks import number
from multinet.config import epsilon
from multinet.errors import ArgumentError, ShapeError
from multinet.losses.kept import fill
from multinet.losses.shapes import beside, pair, real, same_shape
from multinet.metrics.base import FunctionMetric, Metric, divide_no_nan, masked
from multinet.ops.core import as_tensor, boolean, cast_tensor
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import PolicyLike, Tensor


def _weighed(
    metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[Any, Any, Any]:
    """Return targets, predictions and weights that broadcast to them, or None.

    What weighs 0 is replaced by 0.
    """
    weight = masked(sample_weight, y_pred)
    y_true = real(y_true, metric.dtype, "targets")
    y_pred = real(y_pred, metric.dtype, "predictions")
    same_shape(y_true, y_pred)
    if weight is None:
        return y_true, y_pred, None
    weight = real(weight, metric.dtype, "sample_weight")
    weight = beside(y_true, weight, "sample_weight")
    kept = boolean(weight)
    return fill(kept, y_true, 0.0), fill(kept, y_pred, 0.0), weight


class FBetaScore(Metric):
    """(1 + beta**2) * precision * recall / (beta**2 * precision + recall), by class.

    Targets and predictions are (samples, classes). Without `threshold` the best class
    of a sample is its prediction. `average` is None (by class), "micro", "macro" or
    "weighted" (by the classes' frequencies).
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(
                "Expected average None, 'micro', 'macro' or 'weighted', got "
                f"{average!r}."
            )
        if threshold is not None:
            threshold = number(threshold, "threshold", above=0, most=1)
        self.average, self.threshold = average, threshold
        self.beta = number(beta, "beta", above=0)
        self._totals: dict[str, Any] = {}

    def build(self, y_true_shape: Sequence[int], y_pred_shape: Sequence[int]) -> None:
        """Make the Variables for predictions of this shape."""
        if len(y_pred_shape) != 2 or tuple(y_true_shape) != tuple(y_pred_shape):
            raise ShapeError(
                "Expected targets and predictions (samples, classes), got shapes "
                f"{tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[1],)
        names = ("true_positives", "false_positives", "false_negatives")
        names += ("intermediate_weights",)
        self._totals = {name: self.add_variable(shape, name=name) for name in names}

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch, where the mask of `y_pred` holds."""
        y_true, y_pred, weight = _weighed(self, y_true, y_pred, sample_weight)
        if not self._totals:
            self.build(current().shape(y_true), current().shape(y_pred))
        if self.threshold is None:
            best = ops.max(y_pred, axis=-1, keepdims=True)
            guess = ops.logical_and(
                ops.equal(y_pred, best), ops.greater(ops.abs(y_pred), 1e-9)
            )
        else:
            guess = ops.greater(y_pred, float(self.threshold))
        guess = cast_tensor(guess, self.dtype)
        axis = None if self.average == "micro" else 0

        def count(hits: Any) -> Any:
            hits = hits if weight is None else ops.multiply(hits, weight)
            return ops.sum(hits, axis=axis)

        new = (
            count(ops.multiply(guess, y_true)),
            count(ops.multiply(guess, ops.subtract(1.0, y_true))),
            count(ops.multiply(ops.subtract(1.0, guess), y_true)),
            count(y_true),
        )
        for total, value in zip(self._totals.values(), new, strict=True):
            total.assign(ops.add(as_tensor(total), value))

    def result(self) -> Tensor:
        """Return the score, one a class without `average`."""
        if not self._totals:
            raise ArgumentError(f"{self.name!r} has not seen a batch yet.")
        tp, fp, fn, weights = (as_tensor(total) for total in self._totals.values())
        precision = divide_no_nan(tp, ops.add(tp, fp))
        recall = divide_no_nan(tp, ops.add(tp, fn))
        square = float(self.beta) ** 2
        above = ops.multiply(ops.multiply(precision, recall), 1.0 + square)
        below = ops.add(ops.multiply(precision, square), recall)
        score = divide_no_nan(above, below)
        if self.average == "weighted":
            shares = divide_no_nan(weights, ops.sum(weights))
            return ops.sum(ops.multiply(score, shares))
        return ops.mean(score) if self.average == "macro" else score


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall; arguments as of `FBetaScore`."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


class R2Score(Metric):
    """1 - residual / total sum of squares, of predictions (samples, outputs).

    `class_aggregation` is None (by output), "uniform_average" or
    "variance_weighted_average"; `num_regressors` adjusts for as many regressors.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ArgumentError(
                f"Expected class_aggregation among {known}, got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ArgumentError(
                f"Expected num_regressors >= 0, got {num_regressors!r}."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(dtype="int32", name="num_samples")
        self._totals: dict[str, Any] = {}

    def build(self, y_true_shape: Sequence[int], y_pred_shape: Sequence[int]) -> None:
        """Make the Variables for predictions of this shape."""
        if len(y_pred_shape) != 2 or tuple(y_true_shape) != tuple(y_pred_shape):
            raise ShapeError(
                "Expected targets and predictions (samples, outputs), got shapes "
                f"{tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        names = ("squared_sum", "sum", "residual", "count")
        shape = (y_pred_shape[1],)
        self._totals = {name: self.add_variable(shape, name=name) for name in names}

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch, where the mask of `y_pred` holds."""
        y_true, y_pred, weight = _weighed(self, y_true, y_pred, sample_weight)
        shape = current().shape(y_true)
        if not self._totals:
            self.build(shape, current().shape(y_pred))
        if weight is None:
            weight = ops.ones((shape[0], 1), self.dtype)
        weighted = ops.multiply(y_true, weight)
        error = ops.square(ops.subtract(y_true, y_pred))
        new = (
            ops.sum(ops.multiply(y_true, weighted), axis=0),
            ops.sum(weighted, axis=0),
            ops.sum(ops.multiply(error, weight), axis=0),
            ops.sum(ops.broadcast_to(weight, shape), axis=0),
        )
        for total, value in zip(self._totals.values(), new, strict=True):
            total.assign(ops.add(as_tensor(total), value))
        size = ops.multiply(shape[0], shape[1])  # of all outputs, as Keras counts
        self.num_samples.assign(ops.add(as_tensor(self.num_samples), size))

    def result(self) -> Tensor:
        """Return the score, one an output without aggregation."""
        if not self._totals:
            raise ArgumentError(f"{self.name!r} has not seen a batch yet.")
        squares, sums, residual, count = map(as_tensor, self._totals.values())
        mean = divide_no_nan(sums, count)
        total = ops.subtract(squares, ops.multiply(sums, mean))
        score = ops.subtract(1.0, divide_no_nan(residual, total))
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            share = divide_no_nan(total, ops.sum(total))
            score = ops.sum(ops.multiply(score, share))
        if self.num_regressors:
            samples = cast_tensor(as_tensor(self.num_samples), self.dtype)
            freedom = ops.subtract(samples, float(self.num_regressors + 1))
            unexplained = ops.multiply(
                ops.subtract(1.0, score), ops.subtract(samples, 1.0)
            )
            score = ops.subtract(1.0, divide_no_nan(unexplained, freedom))
        return score


def _centred(x: Any, axis: int) -> Any:
    return ops.subtract(x, ops.mean(x, axis=axis, keepdims=True))


@shortening
def pearson_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return the correlation between targets and predictions along an axis."""
    y_true, y_pred = pair(y_true, y_pred)
    cosine = losses.cosine_similarity(
        _centred(y_true, axis), _centred(y_pred, axis), axis
    )
    return ops.negative(cosine)


@shortening
def concordance_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))**2) along an axis.

    Source: Lin, "A concordance correlation coefficient to evaluate reproducibility",
    1989.
    """
    y_true, y_pred = pair(y_true, y_pred)
    x, y = _centred(y_true, axis), _centred(y_pred, axis)
    covariance = ops.mean(ops.multiply(x, y), axis=axis)
    variances = ops.add(
        ops.mean(ops.square(x), axis=axis), ops.mean(ops.square(y), axis=axis)
    )
    shift = ops.subtract(ops.mean(y_true, axis=axis), ops.mean(y_pred, axis=axis))
    below = ops.add(variances, ops.square(shift))
    return ops.divide(ops.multiply(covariance, 2.0), ops.add(below, epsilon()))


class PearsonCorrelation(FunctionMetric):
    """The mean correlation between targets and predictions along `axis`."""

    function = pearson_correlation
    _direction = "up"

    def __init__(
        self,
        name: str | None = "pearson_correlation",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis


class ConcordanceCorrelation(FunctionMetric):
    """The mean concordance between targets and predictions along `axis`."""

    function = concordance_correlation
    _direction = "up"

    def __init__(
        self,
        name: str | None = "concordance_correlation",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis
