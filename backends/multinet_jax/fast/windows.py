"""Convolutions in groups and transposed ones as sums over the places of the kernel.

XLA has no fast kernels on a CPU for the gradients of these. A step of a depthwise
convolution takes 0.02 of the time as a sum of products with shifted images, and one of
a transposed convolution 0.1 as a sum of matrix products that are put to their places.
"""

from __future__ import annotations

import itertools
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from multinet.interface.array import Shape
from multinet.interface.kernels import used
from multinet.interface.program import Pairs
from multinet_jax.array import Array
from multinet_jax.program import ProgramOps

#: More places than this make a program that takes long to compile.
_PLACES, _GROUPS = 64, 64


class WindowOps(ProgramOps):
    """Convolutions for which XLA has nothing fast on a CPU."""

    def conv(
        self,
        x: Array,
        kernel: Array,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Array:
        how, whole = (strides, padding, dilation), super().conv
        if groups == 1 or not _slow(x.shape[1:], kernel):
            return whole(x, kernel, *how, groups)
        if kernel.shape[-2] == 1:
            used("conv")
            wide = np.promote_types(x.dtype, np.float32)
            return _depthwise(x.astype(wide), kernel.astype(wide), *how).astype(x.dtype)
        if groups > _GROUPS:
            return whole(x, kernel, *how, groups)
        used("conv")
        pairs = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1))
        return jnp.concatenate([whole(a, b, *how, 1) for a, b in pairs], -1)

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Array:
        how = shape, strides, padding, dilation
        if groups > _GROUPS or not _slow((*x.shape[1:], *shape), kernel):
            return super().conv_transpose(x, kernel, *how, groups)
        used("conv_transpose")
        wide = np.promote_types(x.dtype, np.float32)
        pairs = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1))
        parts = [_transposed(a.astype(wide), b.astype(wide), *how) for a, b in pairs]
        return jnp.concatenate(parts, -1).astype(x.dtype)


def _slow(sizes: Any, kernel: Array) -> bool:
    """Return whether XLA is slow here: known sizes, a small kernel, on a CPU."""
    known = all(isinstance(size, int) for size in sizes)
    small = int(np.prod(kernel.shape[:-2])) <= _PLACES
    return known and small and jax.default_backend() == "cpu"


def _places(kernel: Array) -> itertools.product[tuple[int, ...]]:
    return itertools.product(*map(range, kernel.shape[:-2]))


def _depthwise(
    x: Array, kernel: Array, strides: Shape, padding: Pairs, dilation: Shape
) -> Array:
    """Return the sum over the places of the kernel of its row times images it meets."""
    channels = x.shape[-1]
    kernel = kernel.reshape(*kernel.shape[:-2], channels, -1)
    x = lax.pad(
        x, np.array(0, x.dtype), [(0, 0, 0), *((*p, 0) for p in padding), (0, 0, 0)]
    )
    if kernel.shape[-1] > 1:
        x = jnp.repeat(x, kernel.shape[-1], -1)
    steps = (1, *strides, 1)

    def term(place: tuple[int, ...]) -> Array:
        start, stop = [0] * x.ndim, list(x.shape)
        for i, (at, stride, gap) in enumerate(zip(place, strides, dilation), 1):
            reach = (kernel.shape[i - 1] - 1) * gap
            start[i] = at * gap
            stop[i] = start[i] + (x.shape[i] - reach - 1) // stride * stride + 1
        return lax.slice(x, start, stop, steps) * kernel[place].reshape(-1)

    return reduce(jnp.add, map(term, _places(kernel)))


def _transposed(
    x: Array,
    kernel: Array,
    shape: Shape,
    strides: Shape,
    padding: Pairs,
    dilation: Shape,
) -> Array:
    """Return the sum of what each place of the kernel gives, put to its place."""
    rows = x.reshape(-1, x.shape[-1])

    def term(place: tuple[int, ...]) -> Array:
        y = jnp.matmul(rows, kernel[place].T, precision=lax.Precision.HIGHEST)
        y = y.reshape(*x.shape[:-1], -1)
        widths = [(0, 0, 0)] * x.ndim
        for i, at in enumerate(place):
            before = at * dilation[i] - padding[i][0]
            taken = before + (x.shape[i + 1] - 1) * strides[i] + 1
            widths[i + 1] = before, shape[i] - taken, strides[i] - 1
        return lax.pad(y, np.array(0, y.dtype), widths)

    return reduce(jnp.add, map(term, _places(kernel)))
