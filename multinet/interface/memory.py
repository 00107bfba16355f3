"""Memory of the host that a framework can keep without copying it once more."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.typing import Host

#: Bytes; XLA and Eigen take memory as it is if it begins at a multiple of so many.
ALIGNMENT = 64


def aligned_copy(array: Host, dtype: np.dtype[Any] | None = None) -> Host:
    """Return a copy in C order, of another dtype if asked, that nobody else holds."""
    kind = array.dtype if dtype is None else dtype
    memory = np.empty(array.size * kind.itemsize + ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    made = np.ndarray(array.shape, kind, memory, start)
    made[...] = array
    return made
