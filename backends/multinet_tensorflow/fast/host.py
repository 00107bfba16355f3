"""Tensors from arrays of the host, faster and without TensorFlow's copy of the copy."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from multinet import dtypes
from multinet.interface.memory import aligned_copy

# What NumPy lends by DLPack: its own dtypes, in the byte order of the machine.
_NUMPYS = {dtype for dtype in map(dtypes.to_numpy, dtypes.ALL) if dtype.isbuiltin == 1}
_from_dlpack = tf.experimental.dlpack.from_dlpack


def lendable(array: np.ndarray[Any, Any]) -> bool:
    """Return whether a tensor may have memory of the host: eager, on the one device."""
    return array.dtype in _NUMPYS and tf.executing_eagerly() and _one_device()


def lent(array: np.ndarray[Any, Any]) -> Any:
    """Return a tensor whose memory is a copy of an array that is made here."""
    return _from_dlpack(aligned_copy(array).__dlpack__())


@functools.cache
def _one_device() -> bool:
    return len(tf.config.list_logical_devices()) == 1
