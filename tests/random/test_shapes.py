"""Shapes and dtypes of draws: those of Keras, and of symbolic tensors."""

import keras
import numpy as np
import pytest

from multinet import ops, random
from multinet.symbolic.tensor import KerasTensor

RATES = np.array([0.5, 1.0, 2.0], "float16")
CASES = [
    "uniform((2, 3), -1.0, 2.0, seed=1)",
    "uniform((n, 3), dtype='float16', seed=1)",
    "normal((n,), 1.0, 2.0, seed=1)",
    "normal((3, n), dtype='bfloat16', seed=1)",
    "truncated_normal((n, 2), seed=1)",
    "randint((n, 2), 0, 9, seed=1)",
    "randint((n, 2), 0, 9, 'uint8', seed=1)",
    "gamma((n, 3), 2.0, seed=1)",
    "gamma((n, 3), rates, 'float16', seed=1)",
    "beta((n, 3), 2.0, 0.5, seed=1)",
    "binomial((n, 3), 7.0, 0.5, seed=1)",
    "categorical(x, 5, seed=1)",
    "categorical(x, 5, 'int64', seed=1)",
    "shuffle(x, seed=1)",
    "shuffle(x, 1, seed=1)",
    "dropout(x, 0.5, seed=1)",
    "dropout(x, 0.5, (None, 1), seed=1)",
]


@pytest.mark.parametrize("expression", CASES)
def test_shape_and_dtype_are_those_of_keras(expression, backend):
    x = np.linspace(0.1, 1, 12, dtype="float32").reshape(4, 3)
    scope = {"x": x, "n": 4, "rates": RATES}
    call = lambda module: eval(expression, vars(module) | scope)  # noqa: E731
    have, want = call(random), call(keras.random)
    assert ops.shape(have) == tuple(want.shape)
    assert backend.dtype(have) == keras.backend.standardize_dtype(want.dtype)


@pytest.mark.parametrize("expression", CASES)
def test_symbolic_shapes_are_those_of_draws(expression):
    x = KerasTensor((None, 3), "float32")
    symbolic = eval(
        expression, vars(random) | {"x": x, "n": ops.shape(x)[0], "rates": RATES}
    )
    data = {"x": np.full((4, 3), 0.25, "float32"), "n": 4, "rates": RATES}
    drawn = eval(expression, vars(random) | data)
    if "n," in expression or "x" in expression or ", n" in expression:
        assert isinstance(symbolic, KerasTensor)
    shape = [4 if n is None else n for n in symbolic.shape]
    assert shape == list(ops.shape(drawn))
    assert ops.dtype(symbolic) == ops.dtype(drawn)
