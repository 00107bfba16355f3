"""Ops whose result size depends on values: right, or refused, never wrong."""

import ml_dtypes
import numpy as np
import pytest

from multinet import Input, KerasTensor, Model, ops
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError

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


@pytest.mark.parametrize("name", sorted(set(WITHOUT_SIZE) - {"repeat"}))
def test_the_size_is_unknown_in_a_graph_that_runs_where_there_are_values(name, backend):
    entry = Input((), dtype="int32")
    outputs = WITHOUT_SIZE[name](entry)
    assert outputs.shape == (None,)
    model = Model(entry, outputs)
    for data in (FIRST, SECOND):
        want = value(WITHOUT_SIZE[name](backend.from_numpy(data)))
        np.testing.assert_array_equal(value(model(data)), want)


def test_repeats_of_a_symbolic_tensor_are_refused():
    with pytest.raises(TraceError, match="depends on values"):
        WITHOUT_SIZE["repeat"](KerasTensor((5,), "int32"))


def test_all_that_unique_tells_of_a_symbolic_tensor():
    tell = dict.fromkeys(("return_index", "return_inverse", "return_counts"), True)
    shapes = [part.shape for part in ops.unique(KerasTensor((None, 3)), **tell)]
    assert shapes == [(None,), (None,), (None, 3), (None,)]
    rows, inverse = ops.unique(KerasTensor((4, 3)), axis=0, return_inverse=True)
    assert rows.shape == (None, 3) and inverse.shape == (4,)


WIDTHS = [
    ("float32", "int8"),
    ("float32", "uint16"),
    ("float32", "bfloat16"),
    ("int16", "int8"),
    ("int8", "int32"),
    ("uint8", "float32"),
    ("float16", "uint32"),
    ("bfloat16", "int32"),
]


@pytest.mark.parametrize("have,want", WIDTHS)
def test_a_view_cuts_and_joins_as_the_bytes_of_numpy_do(have, want, backend):
    data = np.random.default_rng(0).normal(size=(2, 8)) * 50
    array = data.astype(getattr(ml_dtypes, have, have))
    wanted = array.view(getattr(ml_dtypes, want, want))
    found = ops.view(ops.convert_to_tensor(array, have), want)
    assert ops.dtype(found) == want
    assert value(found).tobytes() == wanted.tobytes()
    assert tuple(ops.shape(found)) == wanted.shape
    assert ops.view(KerasTensor((None, 8), have), want).shape == (None, wanted.shape[1])


def test_what_is_not_cut_or_joined():
    with pytest.raises(DTypeError, match="as wide as float32"):
        ops.view(np.ones(4, "float32"), "complex64")
    with pytest.raises(ShapeError, match="a multiple of 4"):
        ops.view(np.ones((2, 6), "int8"), "float32")
    with pytest.raises(ShapeError, match="got a scalar"):
        ops.view(np.float32(1), "int8")


def test_differences_beyond_the_size_are_none(backend):
    for n, axis in ((3, 1), (5, 1), (2, 0), (3, 0)):
        found = value(ops.diff(np.ones((2, 3), "float32"), n, axis))
        assert found.shape == np.diff(np.ones((2, 3)), n, axis).shape
        assert ops.diff(KerasTensor((2, 3)), n, axis).shape == found.shape


def test_scalars_beside_tensors(backend):
    x = np.float32([1, 4])
    np.testing.assert_array_equal(value(ops.divide_no_nan(x, 2)), x / 2)
    np.testing.assert_array_equal(value(ops.divide_no_nan(x, 0)), [0, 0])
    np.testing.assert_array_equal(value(ops.divide_no_nan(2, x)), 2 / x)
    np.testing.assert_allclose(value(ops.linspace(x, 2, 3)), np.linspace(x, 2, 3))
    assert ops.linspace(KerasTensor((None, 3)), 2, 10, axis=1).shape == (None, 10, 3)


def test_the_length_of_a_window_is_whole(backend):
    np.testing.assert_allclose(value(ops.hanning(6.0)), np.hanning(6), atol=1e-6)
    with pytest.raises(ArgumentError, match="the length of a window"):
        ops.hanning(6.5)


def test_a_correlation_of_integers_is_float(backend):
    found = ops.correlate(np.int8([100, 100, 7]), np.int8([100, 1]))
    assert ops.dtype(found) == "float32"
    np.testing.assert_array_equal(value(found), [10100, 10007])


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
