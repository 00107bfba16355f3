"""Loss: the base class, the shape rules and the reductions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

from multinet import dtype_policies, dtypes, ops
from multinet.config import epsilon
from multinet.configurable import Configurable, arguments, as_argument
from multinet.errors import ArgumentError, ShapeError
from multinet.holders import Holder
from multinet.names import snake_case
from multinet.ops.core import as_tensor, floating, in_dtype
from multinet.registry import current
from multinet.saving.exports import inner
from multinet.symbolic.dims import differ
from multinet.typing import Config, PolicyLike, Tensor

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def match_ranks(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return two tensors, a last axis of 1 added or removed if ranks differ by 1."""
    shape, other = current().shape(x), current().shape(y)
    if len(shape) == len(other) + 1:
        y, x = _match(y, x, other, shape)
    elif len(other) == len(shape) + 1:
        x, y = _match(x, y, shape, other)
    return x, y


def _match(small: Any, large: Any, shape: Any, larger: Any) -> tuple[Any, Any]:
    backend, last = current(), len(larger) - 1
    if differ(larger[last], 1):
        return small, large
    if len(shape) == 1:
        return backend.expand_dims(small, 1), large
    return small, backend.squeeze(large, (last,))


def pair(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return float targets and predictions of one rank; `ShapeError` if none fits."""
    y_pred = floating(y_pred)
    y_true = as_tensor(y_true, current().dtype(y_pred))
    y_true, y_pred = match_ranks(y_true, y_pred)
    shape, other = current().shape(y_true), current().shape(y_pred)
    if not current().symbolic and shape != other and not _broadcast(shape, other):
        raise ShapeError(
            f"Expected targets of the shape of the predictions, {other}, got {shape}. "
            "Integer class labels need a sparse loss, or ops.one_hot."
        )
    return y_true, y_pred


def _broadcast(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    if len(shape) != len(other):
        return False
    return all(n == m or 1 in (n, m) for n, m in zip(shape, other))


def mean_last(x: Tensor) -> Tensor:
    """Return the mean over the last axis; a scalar as it is."""
    rank = len(current().shape(x))
    return current().mean(x, (rank - 1,), False) if rank else x


def reduce_values(
    values: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: str | None = None,
) -> Tensor:
    """Return losses weighted, then reduced to a scalar (or kept, for None or "none").

    Weights have the shape of `values`, or of its first axes. `mask` drops values: the
    means are over those it keeps.
    """
    backend = current()
    dtype = backend.dtype(values)
    weight = None if sample_weight is None else as_tensor(sample_weight, dtype)
    if mask is not None:
        mask = as_tensor(mask, dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            total = float(max(math.prod(backend.shape(mask)), 1))
            kept = ops.add(ops.sum(mask), epsilon())
            mask = ops.multiply(mask, ops.divide(total, kept))
        weight = mask if weight is None else ops.multiply(_align(weight, mask), mask)
    if weight is not None:
        values, weight = match_ranks(values, weight)
        weight = _align(weight, values)
        values = backend.multiply(values, weight)
    shape = backend.shape(values)
    if reduction in (None, "none") or not shape:
        return values
    total = backend.sum(values, tuple(range(len(shape))), False)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        count = ops.sum(weight)
        nothing = ops.equal(count, 0.0)
        return ops.where(
            nothing, 0.0, ops.divide(total, ops.where(nothing, 1.0, count))
        )
    return backend.divide(total, max(math.prod(shape), 1))


def _align(weight: Any, values: Any) -> Any:
    """Return `weight` with axes of 1 appended, up to the rank of `values`."""
    backend = current()
    shape, missing = backend.shape(weight), len(backend.shape(values))
    missing -= len(shape)
    return backend.reshape(weight, (*shape, *[1] * missing)) if missing > 0 else weight


class Loss(Configurable, Holder):
    """The base of losses: subclass it and write `call(y_true, y_pred)`.

    `call` returns one value a sample (or a position); `reduction` makes a scalar of
    them: "sum_over_batch_size" (or "mean") divides the sum by their number, "sum" does
    not, "mean_with_sample_weight" divides by the weights' sum, "none" keeps them.
    It computes in `dtype`, a policy's compute dtype; by default in floatx, or wider if
    the predictions are.
    """

    _direction: str | None = "down"  # as a metric: what callbacks take for better

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: PolicyLike | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        if reduction is not None and reduction not in REDUCTIONS:
            raise ArgumentError(
                f"Expected reduction among {REDUCTIONS} or None, got {reduction!r}."
            )
        self.reduction = reduction
        given = dtype is not None
        self.dtype = dtype_policies.get(dtype).compute_dtype if given else None

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        raise NotImplementedError(
            f"{type(self).__name__} must define call(self, y_true, y_pred)."
        )

    def valid(self, y_true: Tensor, y_pred: Tensor, values: Tensor) -> Tensor:
        """Return a mask of the values that count, or None for all."""
        return None

    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
        *,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the reduced loss; a bool `mask` shaped like the values drops some."""
        dtype = self.dtype
        if dtype is None:
            y_pred = as_tensor(y_pred)
            dtype = dtypes.promote(current().dtype(y_pred), dtypes.floatx())
        y_pred, y_true = as_tensor(y_pred, dtype), in_dtype(y_true, dtype)
        values = self.call(y_true, y_pred)
        valid = self.valid(y_true, y_pred, values)
        if valid is not None:
            mask = valid if mask is None else ops.logical_and(valid, mask)
        return reduce_values(values, sample_weight, mask, self.reduction)


class FunctionLoss(Loss):
    """A loss whose `call` is a function of (y_true, y_pred, **its other arguments)."""

    function: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "function" in vars(cls):
            names = list(inspect.signature(cls.function).parameters)[2:]
            cls._extra = tuple(names)

    _extra: ClassVar[tuple[str, ...]] = ()

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        options = {name: getattr(self, name) for name in self._extra}
        return type(self).function(y_true, y_pred, **options)


class LossFunctionWrapper(Loss):
    """A Loss of any function of (y_true, y_pred, **kwargs)."""

    _written_as = inner("losses.losses", "LossFunctionWrapper")

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **kwargs: Any,
    ) -> None:
        name = name or getattr(fn, "__name__", None)
        super().__init__(name, reduction, dtype)
        self.fn, self.kwargs = fn, kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the losses before weights and reduction."""
        y_true, y_pred = match_ranks(as_tensor(y_true), as_tensor(y_pred))
        return self.fn(y_true, y_pred, **self.kwargs)

    def get_config(self) -> Config:
        """Return the constructor's arguments, those of the function too."""
        extra = {name: as_argument(value) for name, value in self.kwargs.items()}
        return {**arguments(self, LossFunctionWrapper), **extra}
