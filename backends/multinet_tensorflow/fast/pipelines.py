"""Calls of the host in the graphs of tf.data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from multinet.interface import Shape


def host_call(
    function: Callable[..., Sequence[Any]],
    operands: Sequence[Any],
    results: Sequence[tuple[Shape, str]],
) -> tuple[Any, ...]:
    """Return the tensors of function(*arrays), which runs when the graph does."""
    wanted = [tf.as_dtype(dtype) for _, dtype in results]
    found = tf.numpy_function(function, list(operands), wanted)
    for tensor, (shape, _) in zip(found, results):
        tensor.set_shape(shape)
    return tuple(found)
