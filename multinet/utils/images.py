"""Images and arrays, by Pillow: `pip install pillow`."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from multinet import ops
from multinet.checks import one_of, shown, whole
from multinet.config import standardize_data_format
from multinet.dtypes import floatx
from multinet.dtypes import to_numpy as numpy_dtype
from multinet.errors import ArgumentError, ShapeError
from multinet.tracebacks import shortening
from multinet.typing import DType, Host, Tensor, Tree

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow() -> ModuleType:
    """Return Pillow's module of images; `ImportError` saying how to get it."""
    try:
        from PIL import Image  # optional
    except ImportError as error:
        raise ImportError(
            "Images need Pillow, which is not installed: pip install pillow"
        ) from error
    return Image


@shortening
def array_to_img(
    x: Tensor,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DType | None = None,
) -> Tree:
    """Return an array (height, width, channels) as an image of Pillow.

    `scale` stretches the values to 0...255. One channel is gray, three are RGB, four
    RGBA; of "channels_first" data the first axis has them.
    """
    image = pillow()
    array = np.asarray(ops.convert_to_numpy(x)).astype(_dtype(dtype))
    if array.ndim != 3:
        raise ShapeError(
            "Expected an image of three axes, (height, width, channels), got shape "
            f"{array.shape}."
        )
    if standardize_data_format(data_format) == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        array = array * (255 / (array.max() or 1))
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ShapeError(
            f"Expected 1, 3 or 4 channels, got {channels}: an array of shape "
            f"{np.shape(x)}."
        )
    if channels == 1:
        array = array[..., 0]
        kind = np.int32 if array.size and array.max() > 255 else np.uint8
        return image.fromarray(array.astype(kind))
    return image.fromarray(array.astype(np.uint8))


@shortening
def img_to_array(
    img: Tree, data_format: str | None = None, dtype: DType | None = None
) -> Host:
    """Return an image of Pillow as an array (height, width, channels)."""
    array = np.asarray(img).astype(_dtype(dtype))
    if array.ndim not in (2, 3):
        raise ShapeError(f"Expected an image of two or three axes, got {array.shape}.")
    if array.ndim == 2:
        array = array[..., None]
    first = standardize_data_format(data_format) == "channels_first"
    return array.transpose(2, 0, 1) if first else array


@shortening
def save_img(
    path: str | os.PathLike[str] | BinaryIO,
    x: Tensor,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file; `kwargs` are those of Pillow's `save`.

    The format is that of the path's suffix unless it is given. JPEG has no opacity: a
    fourth channel is left out of it, with a warning.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = Path(path).suffix[1:]
    kind = (file_format or "").lower()
    kind = "jpeg" if kind == "jpg" else kind
    image = array_to_img(x, data_format=data_format, scale=scale)
    if kind == "jpeg" and image.mode == "RGBA":
        warnings.warn(
            "JPEG has no opacity: the fourth channel is left out.", stacklevel=2
        )
        image = image.convert("RGB")
    image.save(path, format=kind or None, **kwargs)


@shortening
def load_img(
    path: str | bytes | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Tree:
    """Return an image file as an image of Pillow.

    `color_mode` is "grayscale", "rgb" or "rgba". `target_size` is (height, width);
    `keep_aspect_ratio` crops to its ratio, about the centre, before resizing.
    """
    image = pillow()
    modes = _MODES[one_of(color_mode, "color_mode", _MODES)]
    one_of(interpolation, "interpolation", _FILTERS)
    if not isinstance(path, io.BytesIO | str | bytes | os.PathLike):
        raise ArgumentError(
            f"Expected a path or io.BytesIO, got a {type(path).__name__}."
        )
    if not isinstance(path, io.BytesIO):
        path = io.BytesIO(Path(os.fsdecode(path)).read_bytes())
    img = image.open(path)
    if img.mode not in modes:
        img = img.convert(modes[0])
    img.load()
    if target_size is None:
        return img
    height, width = (whole(size, "each of target_size") for size in target_size)
    if img.size == (width, height):
        return img
    box = _box(img.size, (width, height)) if keep_aspect_ratio else None
    method = image.Resampling[interpolation.upper()]
    return img.resize((width, height), method, box=box)


@shortening
def smart_resize(
    x: Tensor,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Tensor:
    """Return images (height, width, channels), or a batch of them, in another size.

    They are cropped to the ratio of `size` about the centre first, so nothing is
    distorted. Arrays of NumPy give arrays of NumPy.
    """
    if len(size) != 2:
        raise ArgumentError(f"Expected size as (height, width), got {shown(size)}.")
    images = ops.convert_to_tensor(x)
    shape = ops.shape(images)
    if len(shape) not in (3, 4):
        raise ShapeError(
            "Expected images (height, width, channels), or a batch of them, got shape "
            f"{shape}."
        )
    first = standardize_data_format(data_format) == "channels_first"
    axis = len(shape) - (2 if first else 3)
    left, top, right, bottom = _box((shape[axis + 1], shape[axis]), (size[1], size[0]))
    place = [slice(None)] * len(shape)
    place[axis], place[axis + 1] = slice(top, bottom), slice(left, right)
    images = ops.get_item(images, tuple(place))
    images = ops.image.resize(
        images, size, interpolation=interpolation, data_format=data_format
    )
    return ops.convert_to_numpy(images) if isinstance(x, np.ndarray) else images


def _box(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest centred part of a target's ratio: left, top, right, bottom."""
    (width, height), (wide, high) = size, target
    w = max(1, min(width, height * wide // high))
    h = max(1, min(height, width * high // wide))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def _dtype(dtype: DType | None) -> np.dtype[Any]:
    return numpy_dtype(floatx() if dtype is None else dtype)
