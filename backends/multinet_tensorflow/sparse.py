"""TensorFlow's sparse tensors: SparseTensor of entries, IndexedSlices of rows."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from multinet.errors import ShapeError
from multinet.interface import NativeSparse, SparseParts

_KINDS = (tf.SparseTensor, tf.IndexedSlices)


class Sparse(NativeSparse):
    """SparseTensor and IndexedSlices; the rows of the second may repeat."""

    def is_kind(self, cls: type) -> bool:
        return issubclass(cls, _KINDS)

    def parts(self, x: Any) -> SparseParts:
        if isinstance(x, tf.SparseTensor):
            return SparseParts(x.indices, x.values, _shape(x.shape), True)
        shape = x.dense_shape
        if shape is None:
            raise ShapeError(
                "Expected IndexedSlices with a dense_shape, got some without. Give "
                "tf.IndexedSlices the third argument."
            )
        # Both may be what a user gave, a tuple of numbers.
        shape = tuple(tf.get_static_value(tf.convert_to_tensor(shape)).tolist())
        indices = tf.expand_dims(tf.convert_to_tensor(x.indices), 1)
        return SparseParts(indices, tf.convert_to_tensor(x.values), shape, False)

    def make(self, parts: SparseParts) -> Any:
        indices, values, shape, _ = parts
        axes = indices.shape[1]
        if axes == len(shape):
            entries = tf.SparseTensor(tf.cast(indices, tf.int64), values, shape)
            return tf.sparse.reorder(entries)
        if axes == 1:
            return tf.IndexedSlices(values, tf.squeeze(indices, 1), tf.constant(shape))
        return None


def _shape(shape: tf.TensorShape) -> Any:
    return tuple(shape.as_list())
