"""Nested structures of shapes, and tensors of those shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .parts import backend_name, space
from .places import target


def is_shape(x: Any) -> bool:
    """Return whether it is one shape."""
    return isinstance(x, tuple | list) and all(
        size is None or isinstance(size, int | np.integer) for size in x
    )


def map_shapes(function: Callable[..., Any], shape: Any, *others: Any) -> Any:
    """Return function(shape, *others) at each shape of nested ones."""
    if is_shape(shape):
        return function(tuple(shape), *others)
    if isinstance(shape, dict):
        return {
            key: map_shapes(function, value, *(other[key] for other in others))
            for key, value in shape.items()
        }
    return type(shape)(
        map_shapes(function, value, *(other[i] for other in others))
        for i, value in enumerate(shape)
    )


def _arguments(structure: Any) -> Any:
    """In a dict of shapes, `query_shape` is for the argument `query`."""
    if isinstance(structure, dict):
        return {key.removesuffix("_shape"): x for key, x in structure.items()}
    return structure


def create_keras_tensors(
    shape: Any, dtype: Any, sparse: bool = False, ragged: bool = False
) -> Any:
    """Return symbolic tensors."""
    flags = {"sparse": sparse, "ragged": ragged}
    told = {name: True for name, value in flags.items() if value}

    def one(shape: Any, dtype: str) -> Any:
        return target().KerasTensor(shape, dtype=dtype, **told)

    return _arguments(map_shapes(one, shape, dtype))


def create_eager_tensors(
    shape: Any, dtype: Any, sparse: bool = False, ragged: bool = False
) -> Any:
    """Return tensors of random values."""
    generator = np.random.default_rng(1234)

    def one(shape: Any, dtype: str) -> Any:
        if not (sparse or ragged):
            x = generator.uniform(0.0, 3.0, size=shape).astype("float32")
            return space("ops").cast(space("ops").convert_to_tensor(x), dtype)
        # The seed of the original: its integers are in the range of a test's table.
        seeded = np.random.default_rng(0)
        x = (4 * seeded.standard_normal(shape)).astype(dtype)
        return _of_another_kind(np.multiply(x, seeded.random(shape) < 0.7), sparse)

    return _arguments(map_shapes(one, shape, dtype))


def _of_another_kind(x: Any, sparse: bool) -> Any:
    backend = backend_name()
    if backend == "tensorflow":
        import tensorflow as tf

        ragged: Any = tf.RaggedTensor
        return tf.sparse.from_dense(x) if sparse else ragged.from_tensor(x, padding=0)
    if backend == "jax" and sparse:
        from jax.experimental.sparse import BCOO

        return BCOO.fromdense(x, n_batch=1)
    raise ValueError(f"no sparse or ragged tensors with {backend}")
