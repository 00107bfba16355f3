"""Padding: values around a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet.ops.core import as_tensor, host, is_scalar, op, shape_of
from multinet.registry import current
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
    widths = [
        (int(a), int(b)) for a, b in np.broadcast_to(np.asarray(pad_width), (rank, 2))
    ]
    if mode not in _MODES:
        raise ArgumentError(f"Expected mode {', '.join(_MODES)}, got {mode!r}.")
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        value = value if is_scalar(value) else host(value).item()
        if backend.dtype(x) == "bool":
            value = bool(value)
        return backend.pad(x, widths, value)
    if constant_values is not None:
        raise ArgumentError(
            f"ops.pad takes constant_values in mode 'constant', not {mode!r}."
        )
    for axis, (before, after) in enumerate(widths):
        if before or after:
            x = _pad_by_index(x, axis, before, after, mode)
    return x


def _pad_by_index(x: Any, axis: int, before: int, after: int, mode: str) -> Any:
    backend, size = current(), shape_of(x)[axis]
    place = backend.arange(-before, size + after, 1, "int32")
    if mode == "edge":
        index = backend.clip(place, 0, size - 1) if isinstance(size, int) else place
    elif mode == "wrap":
        index = backend.mod(place, size) if isinstance(size, int) else place
    else:  # a zigzag; `reflect` does not repeat the edge
        shift, period = (1, 2 * size - 2) if mode == "reflect" else (0, 2 * size)
        index = place
        if isinstance(size, int):
            period = max(period, 1)
            around = backend.mod(place, period)
            index = backend.minimum(
                around, backend.subtract(period - 1 + shift, around)
            )
    return backend.take(x, index, axis)
