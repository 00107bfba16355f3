"""Convolution by bands: windows one row high, and a product for each row of the kernel.

Bands hold an image as often as the kernel is wide, columns as often as it has elements;
the bands of the next row of the kernel are the same ones, one row further down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from multinet_numpy.scratch import scratch


def _bands(x: Any, width: int, padding: Any, out: int) -> Iterator[Any]:
    """Yield the bands of each image as a matrix (rows * out, width * c)."""
    (top, bottom), (left, right) = padding
    _, h, w, c = x.shape
    image = scratch("image", (h + top + bottom, w + left + right, c), x.dtype)
    image.fill(0)
    inside = image[top : top + h, left : left + w]
    view = as_strided(image, (len(image), out, width * c), image.strides)
    bands = scratch("columns", view.shape, x.dtype)
    for each in x:
        np.copyto(inside, each)
        np.copyto(bands, view)
        yield bands.reshape(-1, width * c)


def convolved(x: Any, kernel: Any, padding: Any, y: Any) -> Iterator[Any]:
    """Fill y with the convolution; yield its images one by one."""
    n, h, w, c = y.shape
    first, *rows = kernel.reshape(len(kernel), -1, c)
    part = scratch("part", (h * w, c), x.dtype)
    for band, out in zip(_bands(x, kernel.shape[1], padding, w), y.reshape(n, -1, c)):
        np.matmul(band[: h * w], first, out)
        for i, row in enumerate(rows, 1):
            np.add(out, np.matmul(band[i * w : (i + h) * w], row, part), out)
        yield out


def conv_kernel_into(x: Any, g: Any, padding: Any, out: Any) -> None:
    """Fill `out` with the cotangent of the kernel."""
    n, h, w, c = g.shape
    out.fill(0)
    rows = out.reshape(len(out), -1, c)
    for band, each in zip(_bands(x, out.shape[1], padding, w), g.reshape(n, -1, c)):
        for i, row in enumerate(rows):
            row += np.matmul(band[i * w : (i + h) * w].T, each)
