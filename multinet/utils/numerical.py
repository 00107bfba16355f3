"""Labels as one-hot rows, and arrays scaled to unit norm."""

from __future__ import annotations

import numpy as np

from multinet import ops
from multinet.checks import number
from multinet.dtypes import floatx
from multinet.dtypes import to_numpy as numpy_dtype
from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Tensor, Tensors


@shortening
def normalize(x: Tensor, axis: int = -1, order: float = 2) -> Tensor:
    """Return an array divided by its norm of an order along an axis.

    Rows of norm 0 stay as they are. Arrays of NumPy give arrays of NumPy, tensors give
    tensors.
    """
    number(order, "order", above=0)
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


@shortening
def to_categorical(x: Tensors, num_classes: int | None = None) -> Tensor:
    """Return integer labels as one-hot floats: (...) -> (..., num_classes).

    A last axis of size 1 is dropped. `num_classes` is the largest label plus 1 by
    default. Tensors give tensors, other labels give arrays of NumPy.

    >>> utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(ops.convert_to_numpy(x))
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
    rows = np.eye(classes, dtype=numpy_dtype(floatx()))[labels]
    return ops.convert_to_tensor(rows) if ops.is_tensor(x) else rows
