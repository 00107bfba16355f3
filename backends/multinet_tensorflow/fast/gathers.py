"""Gathers by indices that may be out of range; see `multinet.interface.indices`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from multinet.interface import filling, in_program, refused


def at_hand(x: Any) -> Any:
    """Return the values of a tensor that the host has, such as a graph's constant."""
    if tf.is_symbolic_tensor(x):
        return tf.get_static_value(x)
    return x.numpy() if "CPU" in x.device else None


def gathered(
    gather: Callable[[Any], Any], indices: Any, size: int, dtype: str, trailing: int = 0
) -> Any:
    """Return gather(indices), and what stands for indices out of [0, size).

    Results are of `dtype`; `trailing` axes of theirs come after those of the indices.
    """
    if tf.executing_eagerly() and "CPU" in indices.device:
        try:
            return gather(indices)  # which looks at each of them
        except tf.errors.InvalidArgumentError as failed:
            error = refused(indices.numpy(), size)
            if error is None or not in_program():
                raise error or failed from failed
    else:
        values = at_hand(indices)
        if values is not None and refused(values, size) is None:
            return gather(indices)
    inside = within(indices, size)
    picked = gather(tf.where(inside, indices, tf.zeros_like(indices)))
    inside = tf.reshape(inside, (*indices.shape, *[1] * trailing))
    return tf.where(inside, picked, tf.constant(filling(dtype), picked.dtype))


def within(indices: Any, size: int) -> Any:
    """Return where indices are in [0, size)."""
    zero, limit = (tf.constant(n, indices.dtype) for n in (0, size))
    return tf.logical_and(zero <= indices, indices < limit)
