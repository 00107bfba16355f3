"""Which targets, predictions, weights and masks fit together, by their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import dtypes
from multinet.errors import DTypeError, ShapeError
from multinet.ops.core import as_tensor, in_dtype
from multinet.registry import current
from multinet.symbolic.dims import Dim, Size, differ, public_shape
from multinet.typing import Tensor


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
    if not is_one(larger[last]):
        return small, large
    if len(shape) == 1:
        return backend.expand_dims(small, 1), large
    return small, backend.squeeze(large, (last,))


def pair(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return float targets and predictions of one shape; `ShapeError` if they have not.

    Ranks that differ by a last axis of 1 are brought together.
    """
    return pair_of(y_true, predictions(y_pred))


def pair_of(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `pair` does, for predictions that are floats or complex."""
    y_true = real(y_true, current().dtype(y_pred), "targets")
    y_true, y_pred = match_ranks(y_true, y_pred)
    same_shape(y_true, y_pred)
    rank = min(len(current().shape(y)) for y in (y_true, y_pred))
    return _of_rank(y_true, rank), _of_rank(y_pred, rank)


def _of_rank(x: Any, rank: int) -> Any:
    """Return `x` without a last axis of unknown size, which must be 1, beyond a rank."""
    longer = len(current().shape(x)) > rank
    return current().squeeze(x, (rank,)) if longer else x


def predictions(y_pred: Tensor) -> Tensor:
    """Return predictions as floats; `DTypeError` if they are complex."""
    y_pred = as_tensor(y_pred)
    return real(y_pred, real_dtype(y_pred), "predictions")


def real_dtype(x: Tensor) -> str:
    """Return the real float dtype in which a tensor computes."""
    return dtypes.to_float(dtypes.real_of(current().dtype(x)))


def same_shape(y_true: Tensor, y_pred: Tensor) -> None:
    """Check that targets have the shape of the predictions: none is broadcast."""
    shape, other = current().shape(y_true), current().shape(y_pred)
    if shape != other and not alike(shape, other):
        raise ShapeError(
            f"Expected targets of the shape of the predictions, {public_shape(other)}, "
            f"got {public_shape(shape)}. They are not broadcast: reshape the targets, "
            "or look at the last layer. Integer class labels need a sparse loss, or "
            "ops.one_hot."
        )


def alike(shape: Sequence[Size], other: Sequence[Size]) -> bool:
    """Return whether two shapes may be one, as far as their sizes are known."""
    if len(shape) != len(other):
        longer = max(shape, other, key=len)
        # A last axis of unknown size may be the 1 that a rank lacks.
        return abs(len(shape) - len(other)) == 1 and isinstance(longer[-1], Dim)
    return not any(map(differ, shape, other))


def real(x: Tensor, dtype: str, what: str) -> Tensor:
    """Return a tensor of `dtype`; `DTypeError` if that would drop imaginary parts."""
    x = in_dtype(x, dtype)
    have = current().dtype(x)
    if have == dtype:
        return x
    if dtypes.is_complex(have) and not dtypes.is_complex(dtype):
        raise DTypeError(
            f"Expected real {what}, got {have}: as {dtype} the imaginary parts would "
            "be lost. Compare ops.real(x) and ops.imag(x), or ops.abs(x)."
        )
    return as_tensor(x, dtype)


def fitting(values: Tensor, weight: Tensor, what: str) -> tuple[Tensor, Tensor]:
    """Return values and weights of one rank, the weights with axes of 1 appended.

    `ShapeError` unless the weights broadcast to the values. To one value for all
    weights of any shape fit.
    """
    values, weight = match_ranks(values, weight)
    return values, beside(values, weight, what) if current().shape(values) else weight


def beside(values: Tensor, weight: Tensor, what: str) -> Tensor:
    """Return weights that broadcast to values: with axes of 1 appended, or one removed.

    `ShapeError` if they are none.
    """
    shape, given = current().shape(values), current().shape(weight)
    if len(given) == len(shape) + 1 and is_one(given[-1]):
        weight, given = current().squeeze(weight, (len(shape),)), given[:-1]
    if not fits(given, shape):
        raise misfit(what, weight, values)
    return spread(weight, len(shape))


def misfit(what: str, weight: Tensor, values: Tensor) -> ShapeError:
    """Return the error of weights, or a mask, that do not fit values."""
    shape, given = map(public_shape, map(current().shape, (values, weight)))
    return ShapeError(
        f"Expected {what} of the shape {shape} of the values that are averaged, or of "
        f"its first axes, got {given}. One value a sample needs one weight a sample."
    )


def fits(given: Sequence[Size], shape: Sequence[Size]) -> bool:
    """Return whether weights broadcast to the first axes of a shape."""
    if len(given) > len(shape):
        return False
    return all(is_one(n) or not differ(n, m) for n, m in zip(given, shape))


def is_one(size: Size) -> bool:
    """Return whether a size is known to be 1."""
    return type(size) is int and size == 1


def spread(x: Tensor, rank: int) -> Tensor:
    """Return `x` with axes of 1 appended, up to a rank."""
    backend = current()
    shape = backend.shape(x)
    missing = rank - len(shape)
    return backend.reshape(x, (*shape, *[1] * missing)) if missing > 0 else x
