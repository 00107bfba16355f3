"""Metrics that are means of losses."""

from __future__ import annotations

from multinet import losses, ops
from multinet.losses.shapes import pair
from multinet.metrics.base import FunctionMetric, Mean, masked
from multinet.ops.core import in_dtype
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import PolicyLike, Tensor


@shortening
def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return the cosine between targets and predictions: minus the loss so named."""
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis))


class MeanSquaredError(FunctionMetric):
    """The mean of (y_true - y_pred)**2."""

    function = losses.mean_squared_error
    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """The mean of |y_true - y_pred|."""

    function = losses.mean_absolute_error
    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_absolute_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """100 times the mean of |y_true - y_pred| / |y_true|."""

    function = losses.mean_absolute_percentage_error
    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_absolute_percentage_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of (log(y_true + 1) - log(y_pred + 1))**2."""

    function = losses.mean_squared_logarithmic_error
    _direction = "down"

    def __init__(
        self,
        name: str | None = "mean_squared_logarithmic_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class LogCoshError(FunctionMetric):
    """The mean of log(cosh(y_pred - y_true))."""

    function = losses.log_cosh
    _direction = "down"

    def __init__(
        self,
        name: str | None = "logcosh",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class CosineSimilarity(FunctionMetric):
    """The mean cosine between targets and predictions along `axis`."""

    function = cosine_similarity
    _direction = "up"

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: PolicyLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis


class Poisson(FunctionMetric):
    """The mean of y_pred - y_true * log(y_pred)."""

    function = losses.poisson
    _direction = "down"

    def __init__(
        self,
        name: str | None = "poisson",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class KLDivergence(FunctionMetric):
    """The mean of sum(y_true * log(y_true / y_pred))."""

    function = losses.kl_divergence
    _direction = "down"

    def __init__(
        self,
        name: str | None = "kl_divergence",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class Hinge(FunctionMetric):
    """The mean of max(1 - y_true * y_pred, 0)."""

    function = losses.hinge
    _direction = "down"

    def __init__(
        self,
        name: str | None = "hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class SquaredHinge(FunctionMetric):
    """The mean of max(1 - y_true * y_pred, 0)**2."""

    function = losses.squared_hinge
    _direction = "down"

    def __init__(
        self,
        name: str | None = "squared_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class CategoricalHinge(FunctionMetric):
    """The mean of max(1 + best wrong score - right score, 0)."""

    function = losses.categorical_hinge
    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class BinaryCrossentropy(FunctionMetric):
    """The mean cross-entropy of binary targets."""

    function = losses.binary_crossentropy
    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(FunctionMetric):
    """The mean cross-entropy of one-hot targets."""

    function = losses.categorical_crossentropy
    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(FunctionMetric):
    """The mean cross-entropy of integer labels; `ignore_class` counts as 0."""

    function = losses.sparse_categorical_crossentropy
    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis


class RootMeanSquaredError(Mean):
    """The root of the mean of (y_true - y_pred)**2."""

    _direction = "down"

    def __init__(
        self,
        name: str | None = "root_mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:  # type: ignore[override]
        """Accumulate the squared errors of a batch, where the mask holds."""
        weight = masked(sample_weight, y_pred)
        y_true, y_pred = pair(*(in_dtype(y, self.dtype) for y in (y_true, y_pred)))
        errors = ops.square(ops.subtract(y_true, y_pred))
        super().update_state(errors, weight)

    def result(self) -> Tensor:
        """Return the root of the mean so far."""
        return current().sqrt(super().result())
