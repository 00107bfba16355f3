"""Small helpers, under Keras's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.backend import clear_session, is_keras_tensor, standardize_dtype
from multinet.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from multinet.dtypes import floatx
from multinet.dtypes import to_numpy as numpy_dtype
from multinet.errors import ArgumentError
from multinet.objects import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from multinet.seeds import set_random_seed
from multinet.typing import Host, Tensors, Tree

__all__ = [
    "CustomObjectScope",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "pack_x_y_sample_weight",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


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


def to_categorical(x: Tensors, num_classes: int | None = None) -> Host:
    """Return integer labels as one-hot floats: (...) -> (..., num_classes).

    A last axis of size 1 is dropped. `num_classes` is the largest label plus 1 by
    default.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    labels = labels.astype(np.int64)
    top = int(labels.max()) + 1 if labels.size else 0
    classes = top if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or top > classes):
        raise ArgumentError(
            f"Expected labels within [0, {classes}), got {labels.min()} to "
            f"{labels.max()}."
        )
    return np.eye(classes, dtype=numpy_dtype(floatx()))[labels]
