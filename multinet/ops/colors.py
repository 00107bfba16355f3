"""Colours of images: grey, hue and saturation."""

from __future__ import annotations

from typing import Any

from multinet import dtypes
from multinet.config import standardize_data_format
from multinet.errors import DTypeError, ShapeError
from multinet.ops.core import as_tensor, cast_tensor, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Tensor

_GREY = (0.2989, 0.5870, 0.1140)  # luma of ITU-R BT.601


def image_rank(x: Tensor, what: str) -> int:
    """Return the number of axes: 3 of an image, 4 of a batch; else `ShapeError`."""
    rank = len(shape_of(x))
    if rank not in (3, 4):
        raise ShapeError(
            f"ops.image.{what} expects an image of 3 axes or a batch of 4, got shape "
            f"{public_shape(shape_of(x))}."
        )
    return rank


def _channels(images: Any, data_format: str | None, what: str) -> tuple[Any, int]:
    x = as_tensor(images)
    rank = image_rank(x, what)
    last = standardize_data_format(data_format) == "channels_last"
    return x, rank - 1 if last else rank - 3


def _planes(x: Any, axis: int, what: str) -> list[Any]:
    """Return the three channels, without their axis."""
    if differ(shape_of(x)[axis], 3):
        raise ShapeError(
            f"ops.image.{what} expects 3 channels at axis {axis}, got shape "
            f"{public_shape(shape_of(x))}."
        )
    backend = current()
    return [backend.squeeze(p, (axis,)) for p in backend.split(x, (1, 1, 1), axis)]


@op
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> Tensor:
    """Return the luma of colour images, as one channel in the same dtype.

    Images of one channel come back unchanged.
    """
    x, axis = _channels(images, data_format, "rgb_to_grayscale")
    channels = shape_of(x)[axis]
    if not isinstance(channels, Dim) and channels == 1:
        return x
    backend, dtype = current(), current().dtype(x)
    wide = cast_tensor(x, dtypes.promote(dtype, float))
    planes = _planes(wide, axis, "rgb_to_grayscale")
    red, green, blue = (backend.multiply(p, w) for p, w in zip(planes, _GREY))
    grey = backend.add(backend.add(red, green), blue)
    return cast_tensor(backend.expand_dims(grey, axis), dtype)


def _float_planes(images: Any, data_format: str | None, what: str) -> Any:
    x, axis = _channels(images, data_format, what)
    if not dtypes.is_float(current().dtype(x)):
        raise DTypeError(
            f"ops.image.{what} expects floats, got {current().dtype(x)}. Cast the "
            "images, and scale them to [0, 1]."
        )
    return _planes(x, axis, what), axis


@op
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> Tensor:
    """Return hue, saturation and value, each in [0, 1], of float images in [0, 1].

    Source: Smith, "Color gamut transform pairs", 1978.
    """
    (r, g, b), axis = _float_planes(images, data_format, "rgb_to_hsv")
    backend = current()
    value = backend.maximum(backend.maximum(r, g), b)
    spread = backend.subtract(value, backend.minimum(backend.minimum(r, g), b))
    coloured, lit = backend.less(0.0, spread), backend.less(0.0, value)
    saturation = backend.divide(spread, backend.where(lit, value, 1.0))
    saturation = backend.where(lit, saturation, 0.0)
    sixth = backend.divide(1 / 6, backend.where(coloured, spread, 1.0))

    def sector(x: Any, y: Any, start: float) -> Any:
        return backend.add(backend.multiply(backend.subtract(x, y), sixth), start)

    hue = backend.where(
        backend.equal(value, g), sector(b, r, 2 / 6), sector(r, g, 4 / 6)
    )
    hue = backend.where(backend.equal(value, r), sector(g, b, 0.0), hue)
    hue = backend.where(coloured, hue, 0.0)
    hue = backend.where(backend.less(hue, 0.0), backend.add(hue, 1.0), hue)
    return backend.stack([hue, saturation, value], axis)


@op
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> Tensor:
    """Return red, green and blue of float images of hue, saturation and value.

    Source: Smith, "Color gamut transform pairs", 1978.
    """
    (hue, saturation, value), axis = _float_planes(images, data_format, "hsv_to_rgb")
    backend = current()
    turn = backend.multiply(backend.mod(hue, 1.0), 6.0)
    white = backend.subtract(1.0, saturation)

    def channel(centre: float, sign: float) -> Any:
        away = backend.abs(backend.subtract(turn, centre))
        pure = backend.multiply(backend.subtract(away, 1.0 if sign > 0 else 2.0), sign)
        pure = backend.clip(pure, 0.0, 1.0)
        mixed = backend.add(white, backend.multiply(saturation, pure))
        return backend.multiply(value, mixed)

    planes = [channel(3.0, 1.0), channel(2.0, -1.0), channel(4.0, -1.0)]
    return backend.stack(planes, axis)
