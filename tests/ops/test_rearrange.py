"""rearrange: the patterns of einops, against NumPy's reshape and transpose."""

import numpy as np
import pytest

from multinet import KerasTensor, ops
from multinet.errors import ArgumentError, ShapeError

X = np.arange(120.0, dtype="float32").reshape(2, 3, 4, 5)

CASES = {
    "a b c d -> d c b a": X.transpose(),
    "a b c d -> (a b) (c d)": X.reshape(6, 20),
    "a b (c e) d -> a c b e d": X.reshape(2, 3, 2, 2, 5).transpose(0, 2, 1, 3, 4),
    "a b c d -> a (d c) b": X.transpose(0, 3, 2, 1).reshape(2, 20, 3),
    "a b c d -> a 1 b (c d)": X.reshape(2, 1, 3, 20),
    "a b c d -> () (a b c d)": X.reshape(1, 120),
    "a ... -> ... a": np.moveaxis(X, 0, -1),
    "... d -> d ...": np.moveaxis(X, -1, 0),
    "a ... d -> (a ...) d": X.reshape(24, 5),
    "... a b c d -> a b c d ...": X,
    "...->...": X,
}
SIZES = {"a b (c e) d -> a c b e d": {"c": 2}}


@pytest.mark.parametrize("pattern", CASES)
def test_patterns_reorder_split_and_join(pattern, backend):
    y = ops.rearrange(X, pattern, **SIZES.get(pattern, {}))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), CASES[pattern])


def test_a_unit_axis_on_the_left_is_dropped(backend):
    y = ops.rearrange(X[:, :1], "a 1 c d -> a (c d)")
    np.testing.assert_array_equal(ops.convert_to_numpy(y), X[:, 0].reshape(2, 20))


def test_unknown_sizes_stay_unknown():
    x = KerasTensor((None, 4, 6), "float32")
    y = ops.rearrange(x, "b (h e) c -> (b e) c h", e=2)
    assert y.shape == (None, 6, 2)


@pytest.mark.parametrize(
    "kind, pattern, sizes",
    [
        (ArgumentError, "a b c d", {}),
        (ArgumentError, "a b c d -> a b c", {}),
        (ArgumentError, "a a c d -> a a c d", {}),
        (ArgumentError, "a b (c e d -> a b c e d", {}),
        (ArgumentError, "a b) c d -> a b c d", {}),
        (ArgumentError, "a b (c e) d -> a b c e d", {}),
        (ArgumentError, "a b c d -> a b c d", {"z": 3}),
        (ArgumentError, "a-b b c d -> a b c d", {}),
        (ArgumentError, "a ... -> a", {}),
        (ShapeError, "a b c -> c b a", {}),
        (ShapeError, "a b (c e) d -> a b c e d", {"c": 3}),
        (ShapeError, "1 b c d -> b c d", {}),
    ],
)
def test_wrong_patterns_are_explained(kind, pattern, sizes):
    with pytest.raises(kind):
        ops.rearrange(X, pattern, **sizes)
