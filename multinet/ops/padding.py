"""Padding: values around a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.checks import at_least
from multinet.ops.core import as_tensor, host, is_scalar, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, larger
from multinet.typing import Numbers, Tensor

_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


@op
def pad(
    x: Tensor,
    pad_width: int | Sequence[Any],
    mode: str = "constant",
    constant_values: Numbers | None = None,
) -> Tensor:
    """Surround with values: one width, one (before, after), or one pair for each axis.

    `mode` is constant, reflect, symmetric, edge or wrap.
    """
    x, backend = as_tensor(x), current()
    rank = len(shape_of(x))
    widths = _widths(pad_width, rank)
    if mode not in _MODES:
        raise ArgumentError(f"Expected mode {', '.join(_MODES)}, got {mode!r}.")
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        value = value if is_scalar(value) else host(value).item()
        return backend.pad(x, widths, _in_kind(value, backend.dtype(x)))
    if constant_values is not None:
        raise ArgumentError(
            f"ops.pad takes constant_values in mode 'constant', not {mode!r}."
        )
    for axis, (before, after) in enumerate(widths):
        if isinstance(before + after, Dim) or before + after:
            x = _pad_by_index(x, axis, before, after, mode)
    return x


def _widths(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    """Return (before, after) for each axis; some frameworks would cut by negatives."""
    if any(isinstance(n, Dim) for n in optree.tree_leaves(pad_width)):
        return _unknown_widths(pad_width, rank)
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (rank, 2))
    except ValueError as error:
        raise ShapeError(
            f"Expected pad_width as an int, a pair, or {rank} pairs, got {pad_width!r}."
        ) from error
    return [
        (at_least(a, 0, "pad_width"), at_least(b, 0, "pad_width"))
        for a, b in pairs.tolist()
    ]


def _unknown_widths(pad_width: Any, rank: int) -> list[tuple[Any, Any]]:
    """Return the same where sizes are not known yet, which arrays cannot hold."""
    if isinstance(pad_width, Dim):
        return [(pad_width, pad_width)] * rank
    pairs = list(pad_width)
    if not isinstance(pairs[0], tuple | list):
        return [tuple(pairs)] * rank  # type: ignore[list-item]
    return [tuple(pair) for pair in (pairs if len(pairs) == rank else pairs * rank)]  # type: ignore[misc]


def _in_kind(value: Any, dtype: str) -> Any:
    """Return a fill value as a scalar that `dtype` holds."""
    if dtype == "bool":
        return bool(value)
    if isinstance(value, complex) and not dtypes.is_complex(dtype):
        raise DTypeError(f"Expected real constant_values for {dtype}, got {value}.")
    if isinstance(value, float) and dtypes.is_integer(dtype):
        if not value.is_integer():
            raise DTypeError(
                f"Expected whole constant_values for {dtype}, got {value}. Cast the "
                "tensor to a float first."
            )
        return int(value)
    return value


def _pad_by_index(x: Any, axis: int, before: int, after: int, mode: str) -> Any:
    backend, size = current(), shape_of(x)[axis]
    place = backend.arange(-before, size + after, 1, "int32")
    if mode == "edge":
        index = backend.clip(place, 0, size - 1)
    elif mode == "wrap":
        index = backend.mod(place, size)
    else:  # a zigzag; `reflect` does not repeat the edge
        shift, period = (1, 2 * size - 2) if mode == "reflect" else (0, 2 * size)
        period = larger(period, 1)
        around = backend.mod(place, period)
        index = backend.minimum(around, backend.subtract(period - 1 + shift, around))
    return backend.take(x, index, axis)
