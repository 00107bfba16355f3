"""Values on the host as they are read for a file."""

from __future__ import annotations

import numpy as np

from multinet.typing import Host, Tensor
from multinet.variables import Variable


def as_array(value: Tensor) -> Host:
    """Return a Variable, tensor or host data as an array in C order."""
    array = value.numpy() if hasattr(value, "__multinet_tensor__") else value
    return np.ascontiguousarray(array).reshape(np.shape(array))


def lent(value: Tensor) -> Host:
    """Return what `as_array` does, to be written at once and not to be kept.

    The array is the memory of a Variable where that is an array.
    """
    raw = value.uncast() if isinstance(value, Variable) else value
    return as_array(raw if isinstance(raw, np.ndarray) else value)
