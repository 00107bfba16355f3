"""Small helpers, under Keras's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.dtypes import floatx
from multinet.dtypes import to_numpy as numpy_dtype
from multinet.errors import ArgumentError
from multinet.seeds import set_random_seed

__all__ = ["set_random_seed", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
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
