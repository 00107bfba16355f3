"""Indices out of range: what is left of them where nobody can be told."""

from __future__ import annotations

from multinet import dtypes
from multinet.interface import filling
from multinet.ops.core import shape_of
from multinet.registry import current
from multinet.typing import Size, Tensor


def inside(indices: Tensor, size: Size) -> Tensor:
    """Return where integers are in [0, size), as bool."""
    backend = current()
    low = backend.less_equal(0, indices)
    return backend.logical_and(low, backend.less(indices, size))


def spoiled(x: Tensor, valid: Tensor) -> Tensor:
    """Return x where all of a mask holds, else what stands for an index out of range.

    The gradient passes: rows whose index is valid have theirs.
    """
    backend = current()
    whole = backend.all(valid, tuple(range(len(shape_of(valid)))), False)
    dtype = backend.dtype(x)
    if not (dtypes.is_float(dtype) or dtypes.is_complex(dtype)):
        return backend.where(whole, x, filling(dtype))
    zero = backend.full((), 0, dtype)
    return backend.add(x, backend.where(whole, zero, filling(dtype)))
