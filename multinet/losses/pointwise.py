"""Losses that compare targets and predictions element by element."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops
from multinet.config import epsilon
from multinet.losses.base import FunctionLoss, mean_last, on_symbols
from multinet.losses.shapes import pair, pair_of
from multinet.ops.core import floating
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor


@on_symbols
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of (y_true - y_pred)**2 over the last axis."""
    y_true, y_pred = pair(y_true, y_pred)
    backend = current()
    return mean_last(backend.square(backend.subtract(y_true, y_pred)))


@on_symbols
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of |y_true - y_pred| over the last axis, of complex ones too."""
    y_true, y_pred = pair_of(y_true, floating(y_pred))
    backend = current()
    return mean_last(backend.abs(backend.subtract(y_true, y_pred)))


@on_symbols
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return 100 times the mean of |y_true - y_pred| / |y_true| over the last axis."""
    y_true, y_pred = pair(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), epsilon())
    errors = ops.abs(ops.divide(ops.subtract(y_true, y_pred), size))
    return ops.multiply(mean_last(errors), 100.0)


@on_symbols
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of (log(y_true + 1) - log(y_pred + 1))**2 over the last axis.

    Values below 1e-7 count as 1e-7.
    """
    y_true, y_pred = pair(y_true, y_pred)
    logs = [ops.log(ops.add(ops.maximum(y, epsilon()), 1.0)) for y in (y_true, y_pred)]
    return mean_last(ops.square(ops.subtract(*logs)))


@on_symbols
def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """Return the mean over the last axis of e**2 / 2 up to |e| = delta, linear beyond.

    Source: Huber, "Robust estimation of a location parameter", 1964.
    """
    y_true, y_pred = pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    size = ops.abs(error)
    beyond = ops.subtract(ops.multiply(size, delta), 0.5 * delta * delta)
    within = ops.multiply(ops.square(error), 0.5)
    return mean_last(ops.where(ops.less_equal(size, delta), within, beyond))


@on_symbols
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of log(cosh(y_pred - y_true)) over the last axis."""
    y_true, y_pred = pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    values = ops.add(error, ops.softplus(ops.multiply(error, -2.0)))
    return mean_last(ops.subtract(values, math.log(2.0)))


@on_symbols
def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return minus the cosine between targets and predictions along an axis.

    -1 is the same direction, 0 orthogonal, 1 opposite; 0 for a zero vector.
    """
    y_true, y_pred = pair(y_true, y_pred)
    product = ops.multiply(_unit(y_true, axis), _unit(y_pred, axis))
    return ops.negative(ops.sum(product, axis=axis))


def _unit(x: Any, axis: int) -> Any:
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.maximum(squares, 1e-12)))


@on_symbols
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of y_pred - y_true * log(y_pred) over the last axis."""
    y_true, y_pred = pair(y_true, y_pred)
    logs = ops.multiply(y_true, ops.log(ops.add(y_pred, epsilon())))
    return mean_last(ops.subtract(y_pred, logs))


def _signs(y_true: Any) -> Any:
    """Return targets as -1 and 1, converted if all are 0 or 1."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def _margins(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = pair(y_true, y_pred)
    product = ops.multiply(_signs(y_true), y_pred)
    return ops.maximum(ops.subtract(1.0, product), 0.0)


@on_symbols
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of max(1 - y_true * y_pred, 0) over the last axis.

    Targets are -1 or 1; if all are 0 or 1, 0 counts as -1.
    """
    return mean_last(_margins(y_true, y_pred))


@on_symbols
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return the mean of max(1 - y_true * y_pred, 0)**2 over the last axis."""
    return mean_last(ops.square(_margins(y_true, y_pred)))


@on_symbols
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return max(1 + best wrong score - right score, 0) over one-hot targets."""
    y_true, y_pred = pair(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class MeanSquaredError(FunctionLoss):
    """The mean of (y_true - y_pred)**2.

    `reduction` is that of every loss (see `Loss`).

    >>> float(losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    function = mean_squared_error

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanAbsoluteError(FunctionLoss):
    """The mean of |y_true - y_pred|."""

    function = mean_absolute_error

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """100 times the mean of |y_true - y_pred| / |y_true|."""

    function = mean_absolute_percentage_error

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """The mean of (log(y_true + 1) - log(y_pred + 1))**2."""

    function = mean_squared_logarithmic_error

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class Huber(FunctionLoss):
    """Quadratic for errors up to `delta`, linear beyond. Source: Huber, 1964.

    error**2 / 2, or delta * |error| - delta**2 / 2. `reduction` is that of every loss
    (see `Loss`).

    >>> float(losses.Huber(delta=1.0)([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    function = huber

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = delta


class LogCosh(FunctionLoss):
    """The mean of log(cosh(y_pred - y_true))."""

    function = log_cosh

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine between targets and predictions along `axis`."""

    function = cosine_similarity

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis


class Poisson(FunctionLoss):
    """The mean of y_pred - y_true * log(y_pred)."""

    function = poisson

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class Hinge(FunctionLoss):
    """The mean of max(1 - y_true * y_pred, 0), targets -1 or 1 (or 0 and 1)."""

    function = hinge

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class SquaredHinge(FunctionLoss):
    """The mean of max(1 - y_true * y_pred, 0)**2, targets -1 or 1 (or 0 and 1)."""

    function = squared_hinge

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)


class CategoricalHinge(FunctionLoss):
    """max(1 + the best wrong score - the right score, 0), targets one-hot."""

    function = categorical_hinge

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
