"""Pixels as the networks were trained on them: one function for each way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multinet import dtypes, ops
from multinet.checks import one_of
from multinet.config import floatx, image_data_format
from multinet.errors import ShapeError
from multinet.tracebacks import shortening
from multinet.typing import Tensor

# Red, green and blue over all of ImageNet: of pixels from 0 to 1, and from 0 to 255.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLUE_GREEN_RED = (103.939, 116.779, 123.68)


@shortening
def centred(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as blue, green, red, less ImageNet's mean of each: "caffe".

    `x` is one image or a batch, of 3 channels from 0 to 255, integers or floats; the
    result is of `config.floatx()` or of the floats' dtype. A float array of the host is
    written over, as Keras does; a tensor never is.
    """
    axis = _channel_axis(x, data_format)
    x = _floats(x)
    x = np.flip(x, axis) if _is_host(x) else ops.flip(x, axis)
    return _shifted(x, axis, _BLUE_GREEN_RED)


@shortening
def scaled(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images whose pixels are between -1 and 1: "tf".

    `x` and the result are as those of `centred`.
    """
    _channel_axis(x, data_format)
    x = _divided(_floats(x), 127.5)
    if not _is_host(x):
        return ops.subtract(x, 1.0)
    x -= 1.0
    return x


@shortening
def standardized(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images with ImageNet's mean 0 and deviation 1 in each channel: "torch".

    `x` and the result are as those of `centred`.
    """
    axis = _channel_axis(x, data_format)
    x = _shifted(_divided(_floats(x), 255.0), axis, MEAN)
    return _divided(x, _along(axis, DEVIATION, x))


@shortening
def unchanged(x: Tensor, data_format: str | None = None) -> Tensor:
    """Return images as they are: these networks take pixels from 0 to 255."""
    return x


def _is_host(x: Tensor) -> bool:
    """Return whether it is an array of the program, rather than a tensor."""
    return isinstance(x, np.ndarray) and not ops.is_tensor(x)


def _floats(x: Tensor) -> Tensor:
    if dtypes.is_float(_dtype(x)):
        return x
    return x.astype(floatx()) if _is_host(x) else ops.cast(x, floatx())


def _dtype(x: Tensor) -> str:
    return dtypes.standardize(x.dtype) if _is_host(x) else ops.dtype(x)


def _shifted(x: Tensor, axis: int, mean: Sequence[float]) -> Tensor:
    mean = _along(axis, mean, x)
    if not _is_host(x):
        return ops.subtract(x, mean)
    x -= mean
    return x


def _divided(x: Tensor, divisor: Tensor) -> Tensor:
    if not _is_host(x):
        return ops.divide(x, divisor)
    x /= divisor
    return x


def _along(axis: int, values: Sequence[float], x: Tensor) -> Tensor:
    """Return a number for each channel, in the shape and dtype for arithmetic."""
    shaped = np.reshape(values, (3,) + (1,) * (-axis - 1))
    if _is_host(x):
        return shaped.astype(x.dtype)
    return ops.convert_to_tensor(shaped, dtype=ops.dtype(x))


def _channel_axis(x: Tensor, data_format: str | None) -> int:
    """Return the axis of the channels, counted from the end."""
    known = ("channels_first", "channels_last")
    data_format = one_of(data_format or image_data_format(), "data_format", known)
    if ops.ndim(x) not in (3, 4):
        raise ShapeError(
            "Expected an image (3 axes) or a batch of them (4), got shape "
            f"{ops.shape(x)}."
        )
    return -3 if data_format == "channels_first" else -1
