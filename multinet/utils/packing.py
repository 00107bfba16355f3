"""Data as a step gets it: x, y and sample weights in one tuple, and out of it."""

from __future__ import annotations

from typing import Any

from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Tensors, Tree


def pack_x_y_sample_weight(
    x: Tensors, y: Tensors | None = None, sample_weight: Tensors | None = None
) -> Tree:
    """Return data as a step gets it: x, (x, y) or (x, y, sample_weight).

    An x that is a list or tuple, without y, is packed as (x,).
    """
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, list | tuple) else x


@shortening
def unpack_x_y_sample_weight(data: Tree) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of data as a step gets it, None where not given."""
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ArgumentError(
            "Expected data to be x or a tuple (x,), (x, y) or (x, y, sample_weight), "
            f"got a tuple of {len(data)}."
        )
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight
