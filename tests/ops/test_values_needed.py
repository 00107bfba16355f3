"""Ops whose result size depends on values: right, or refused, never wrong."""

import numpy as np
import pytest

from multinet import KerasTensor, ops
from multinet.errors import ArgumentError, ShapeError, TraceError

FIRST, SECOND = np.int32([0, 3, 0, 1, 1]), np.int32([2, 0, 4, 4, 2])
WITHOUT_SIZE = {
    "unique": lambda x: ops.unique(x),
    "nonzero": lambda x: ops.nonzero(x)[0],
    "where": lambda x: ops.where(ops.greater(x, 1))[0],
    "get_item": lambda x: ops.get_item(x, ops.greater(x, 1)),
    "bincount": lambda x: ops.bincount(x),
    "repeat": lambda x: ops.repeat(x, x),
    "segment_sum": lambda x: ops.segment_sum(ops.ones((5,)), x),
}
WITH_SIZE = {
    "unique": lambda x: ops.unique(x, size=4),
    "unique rows": lambda x: ops.unique(ops.stack([x, x], 1), axis=0, size=5),
    "bincount": lambda x: ops.bincount(x, minlength=5),
    "segment_sum": lambda x: ops.segment_sum(ops.ones((5,)), x, 5),
}


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("name", WITHOUT_SIZE)
def test_a_compiled_function_is_right_or_refuses(name, real_backend):
    function = WITHOUT_SIZE[name]
    compiled = real_backend.jit(lambda x: (function(x),), ())
    for data in (FIRST, SECOND):
        x = real_backend.from_numpy(data)
        want = value(function(x))
        try:
            have = value(compiled(x)[0])
        except TraceError as error:
            assert "depends on values" in str(error)
        else:
            np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("name", sorted(set(WITHOUT_SIZE) - {"segment_sum"}))
def test_a_symbolic_tensor_is_refused(name):
    with pytest.raises(TraceError, match="depends on values"):
        WITHOUT_SIZE[name](KerasTensor((5,), "int32"))


def test_the_segments_of_a_symbolic_tensor_are_any_number_of_them():
    assert WITHOUT_SIZE["segment_sum"](KerasTensor((5,), "int32")).shape == (None,)


@pytest.mark.parametrize("name", WITH_SIZE)
def test_with_a_size_they_compile(name, real_backend):
    function = WITH_SIZE[name]
    compiled = real_backend.jit(lambda x: (function(x),), ())
    for data in (FIRST, SECOND):
        x = real_backend.from_numpy(data)
        np.testing.assert_array_equal(value(compiled(x)[0]), value(function(x)))
    symbolic = function(KerasTensor((5,), "int32"))
    assert symbolic.shape == tuple(ops.shape(function(FIRST)))


def test_vectorize_maps_and_broadcasts(backend):
    @ops.vectorize
    def pick(x, y):
        """Return the larger, doubled."""
        return ops.multiply(ops.where(ops.greater(x, y), x, y), 2)

    assert pick.__name__ == "pick" and pick.__doc__
    have = value(pick([[1], [5]], [2, 3, 4]))
    np.testing.assert_array_equal(have, [[4, 6, 8], [10, 10, 10]])


def test_vectorize_keeps_core_axes_and_excluded_arguments(backend):
    scaled = ops.vectorize(
        lambda x, y, flip, scale=1.0: ops.multiply(
            ops.subtract(y, x) if flip else ops.subtract(x, y), scale
        ),
        excluded={2},
        signature="(n),(n)->(n)",
    )
    x, y = np.float32([[1, 2], [3, 4], [5, 6]]), np.float32([1, 1])
    np.testing.assert_array_equal(value(scaled(x, y, True, scale=2.0)), 2 * (y - x))


def test_vectorize_refuses_what_does_not_fit():
    with pytest.raises(ArgumentError, match="signature"):
        ops.vectorize(ops.add, signature="n,n->n")
    with pytest.raises(ArgumentError, match="arguments"):
        ops.vectorize(ops.add, signature="(n)->(n)")(np.ones(2), np.ones(2))
    with pytest.raises(ShapeError, match="agree"):
        ops.vectorize(ops.add, signature="(n),(n)->(n)")(np.ones(2), np.ones(3))
    with pytest.raises(ArgumentError, match="function"):
        ops.vectorize(3)


def test_ctc_loss_is_infinite_and_flat_where_nothing_aligns(real_backend):
    speech = np.zeros((1, 2, 3), "float32")

    def function(x):
        return (ops.sum(ops.ctc_loss([[1, 1]], x, [2], [2])),)

    outputs, pullback = real_backend.vjp(function, (ops.convert_to_tensor(speech),))
    assert value(outputs[0]) == np.inf
    np.testing.assert_array_equal(value(pullback((ops.ones(()),))[0]), speech)


def test_ctc_is_explained_where_shapes_do_not_fit():
    x = np.zeros((2, 4, 3), "float32")
    with pytest.raises(ShapeError, match="batch, time, classes"):
        ops.ctc_loss([[1]], x[0], [1], [4])
    with pytest.raises(ShapeError, match="target of shape"):
        ops.ctc_loss([[1]], x, [1, 1], [4, 4])
    with pytest.raises(ShapeError, match="one length"):
        ops.ctc_decode(x, [4])
    with pytest.raises(ArgumentError, match="strategy"):
        ops.ctc_decode(x, [4, 4], "best")
    with pytest.raises(ArgumentError, match="top_paths"):
        ops.ctc_decode(x, [4, 4], "beam_search", 2, 3)
