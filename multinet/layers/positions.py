"""Masks over positions: their shapes, and keeping out what they hide.

A product with 0 is no way to leave a NaN out, in the value or in a gradient; `where`
before the computation is.
"""

from __future__ import annotations

from multinet import dtypes, ops
from multinet.errors import ShapeError
from multinet.ops.core import boolean
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Shape, Tensor


def checked(
    layer: str, mask: Tensor, wanted: Shape, of: str = "its input", exact: bool = True
) -> Tensor:
    """Return a mask as bool; `ShapeError` unless it has the sizes `wanted`.

    That of one sample does for all of a batch. Unless `exact`, axes may lack at the
    end.
    """
    mask = boolean(mask)
    shape = ops.shape(mask)
    lacks = len(shape) < len(wanted) if exact else not shape
    pairs = list(zip(shape, wanted))
    fits = not any(differ(n, m) for n, m in pairs[1:])
    if pairs and differ(*pairs[0]):
        fits = fits and not differ(shape[0], 1)
    if lacks or len(shape) > len(wanted) or not fits:
        raise ShapeError(
            f"{layer} expects a mask of shape {public_shape(wanted)}, an entry for "
            f"each position of {of}; got {public_shape(shape)}."
        )
    return mask


def spread(mask: Tensor, x: Tensor) -> Tensor:
    """Return a mask over the first axes of x with axes of size 1 for the others."""
    shape = ops.shape(mask)
    missing = len(ops.shape(x)) - len(shape)
    return ops.reshape(mask, (*shape, *[1] * missing)) if missing else mask


def zeroed(x: Tensor, mask: Tensor) -> Tensor:
    """Return x, 0 where a mask over its first axes is false."""
    return ops.where(spread(mask, x), x, 0)


def finite(x: Tensor, mask: Tensor) -> Tensor:
    """Return x, 0 for what is not finite where a mask over its first axes is false.

    For layers whose results at masked positions follow from the inputs there.
    """
    if not dtypes.is_float(ops.dtype(x)):
        return x
    return ops.where(ops.logical_or(spread(mask, x), ops.isfinite(x)), x, 0)


def masked_softmax(x: Tensor, mask: Tensor | None, axes: tuple[int, ...]) -> Tensor:
    """Return softmax over axes of what `mask` keeps, 0 elsewhere."""
    if mask is not None:
        lowest = -3e4 if ops.dtype(x) == "float16" else -1e9
        x = ops.where(mask, x, lowest)
    if len(axes) == 1:
        y = ops.softmax(x, axis=axes[0])
    else:
        y = ops.exp(ops.subtract(x, ops.logsumexp(x, axis=axes, keepdims=True)))
    return y if mask is None else ops.where(mask, y, 0.0)
