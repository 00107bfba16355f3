"""Filters of images: blur, edges, and similarity by windows."""

from __future__ import annotations

from typing import Any

from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.checks import at_least, number, real_numbers
from multinet.ops.colors import image_rank
from multinet.ops.convolution import per_axis
from multinet.ops.core import (
    as_tensor,
    both,
    cast_tensor,
    floating,
    is_scalar,
    op,
    operands,
    shape_of,
)
from multinet.ops.resizing import restored
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Numbers, ShapeLike, Tensor


def _gauss(size: int, sigma: Any, dtype: str) -> Any:
    """Return the weights of a Gaussian window (size,), which sum to 1."""
    backend = current()
    places = backend.subtract(backend.arange(0, size, 1, dtype), (size - 1) / 2)
    scaled = backend.divide(places, as_tensor(sigma, dtype))
    weights = backend.exp(backend.multiply(backend.square(scaled), -0.5))
    return backend.divide(weights, backend.sum(weights, (0,), True))


def _filtered(x: Any, kernel: Any, margins: tuple[int, int]) -> Any:
    """Return x (n, h, w, c) with each channel correlated with a kernel (kh, kw)."""
    backend, channels = current(), shape_of(x)[-1]
    if isinstance(channels, Dim):
        raise ShapeError("Filters of images need a number of channels that is known.")
    kernel = backend.reshape(kernel, (*shape_of(kernel), 1, 1))
    kernel = backend.tile(kernel, (1, 1, 1, channels))
    widths = [(m // 2, m - m // 2) for m in margins]
    return backend.conv(x, kernel, (1, 1), widths, (1, 1), channels)


def blur(x: Tensor, size: tuple[int, int], sigma: Numbers) -> Tensor:
    """Return float images (n, h, w, c) blurred, zeros around; sizes as (kh, kw)."""
    backend, dtype = current(), current().dtype(x)
    for axis in (0, 1):
        k, form, margins = size[axis], [1, 1], [0, 0]
        form[axis], margins[axis] = k, k - 1
        weights = backend.reshape(_gauss(k, sigma[axis], dtype), tuple(form))
        x = _filtered(x, weights, (margins[0], margins[1]))
    return x


def _batch(images: Any, data_format: str | None, what: str) -> tuple[Any, bool, bool]:
    """Return images as (n, h, w, c), and whether they were single, channels first."""
    x, backend = real_numbers(f"ops.image.{what}", images), current()
    single = image_rank(x, what) == 3
    first = standardize_data_format(data_format) == "channels_first"
    x = backend.expand_dims(x, 0) if single else x
    return (backend.transpose(x, (0, 2, 3, 1)) if first else x), single, first


@op
def gaussian_blur(
    images: Tensor,
    kernel_size: ShapeLike = (3, 3),
    sigma: Numbers = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Return images convolved with a Gaussian window, zeros around, in their dtype.

    `kernel_size` and `sigma` are for the x and the y axis, as in Keras.
    """
    backend = current()
    x, single, first = _batch(images, data_format, "gaussian_blur")
    size = per_axis(kernel_size, 2, "kernel_size")
    y = floating(x)
    if isinstance(sigma, list | tuple) and any(is_scalar(s) and s <= 0 for s in sigma):
        raise ArgumentError(f"Expected sigma as two positive numbers, got {sigma!r}.")
    widths = as_tensor(sigma, backend.dtype(y))
    if shape_of(widths) != (2,):
        raise ArgumentError(f"Expected sigma as two positive numbers, got {sigma!r}.")
    sx, sy = backend.split(widths, (1, 1), 0)
    y = blur(y, (size[1], size[0]), (sy, sx))
    y = restored(y, backend.dtype(x))
    y = backend.transpose(y, (0, 3, 1, 2)) if first else y
    return backend.squeeze(y, (0,)) if single else y


@op
def sobel_edges(images: Tensor, data_format: str | None = None) -> Tensor:
    """Return the slopes of images along y and x as a last axis of 2, zeros around.

    Source: Sobel and Feldman, "A 3x3 isotropic gradient operator", 1968.
    """
    backend = current()
    x, single, first = _batch(images, data_format, "sobel_edges")
    x = floating(x)
    across = as_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], backend.dtype(x))
    edges = [
        _filtered(x, kernel, (2, 2))
        for kernel in (backend.transpose(across, (1, 0)), across)
    ]
    y = backend.stack(edges, 4)
    y = backend.transpose(y, (0, 3, 1, 2, 4)) if first else y
    return backend.squeeze(y, (0,)) if single else y


def _window(sizes: Any, filter_size: Any) -> int:
    """Return the size of a window that fits images."""
    size = at_least(filter_size, 1, "filter_size")
    if any(type(n) is int and n < size for n in sizes):
        raise ShapeError(
            f"Expected filter_size that fits images of {public_shape(sizes)}, got "
            f"{size}."
        )
    return size


def _positive(value: Any, what: str) -> float:
    if not number(value, what) > 0:
        raise ArgumentError(f"Expected a positive {what}, got {value}.")
    return value


@op
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Return the structural similarity of two images, or of each pair of two batches.

    The mean over channels and over all windows that fit, weighted by a Gaussian.

    Source: Wang et al., "Image quality assessment: from error visibility to structural
    similarity", 2004.
    """
    backend, dtype = current(), current().dtype(as_tensor(image1))
    pair = both(*operands(as_tensor(image1), as_tensor(image2), floating=True))
    forms = shape_of(pair[0]), shape_of(pair[1])
    if len(forms[0]) != len(forms[1]) or any(map(differ, *forms)):
        raise ShapeError(
            "ops.image.ssim expects two images, or batches, of one shape, got "
            f"{public_shape(forms[0])} and {public_shape(forms[1])}."
        )
    (x, single, _), (y, _, _) = (_batch(p, data_format, "ssim") for p in pair)
    filter_size = _window(shape_of(x)[1:3], filter_size)
    filter_sigma, max_val = (
        _positive(filter_sigma, "filter_sigma"),
        _positive(max_val, "max_val"),
    )
    low = backend.dtype(x) in ("float16", "bfloat16")
    x, y = (cast_tensor(v, "float32") if low else v for v in (x, y))
    weights = _gauss(filter_size, filter_sigma, backend.dtype(x))

    def mean(image: Any) -> Any:
        columns = backend.reshape(weights, (filter_size, 1))
        rows = backend.reshape(weights, (1, filter_size))
        return _filtered(_filtered(image, columns, (0, 0)), rows, (0, 0))

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mx, my = mean(x), mean(y)
    xx, yy, xy = backend.square(mx), backend.square(my), backend.multiply(mx, my)
    vx = backend.subtract(mean(backend.square(x)), xx)
    vy = backend.subtract(mean(backend.square(y)), yy)
    cxy = backend.subtract(mean(backend.multiply(x, y)), xy)
    above = backend.multiply(_affine(xy, 2.0, c1), _affine(cxy, 2.0, c2))
    below = backend.multiply(
        backend.add(backend.add(xx, yy), c1), backend.add(backend.add(vx, vy), c2)
    )
    found = backend.mean(backend.divide(above, below), (1, 2, 3), False)
    found = backend.squeeze(found, (0,)) if single else found
    return cast_tensor(found, dtype)


def _affine(x: Any, scale: float, shift: float) -> Any:
    backend = current()
    return backend.add(backend.multiply(x, scale), shift)
