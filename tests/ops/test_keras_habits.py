"""What programs for Keras do with ops, beside the cases: symbols, natives, names."""

import numpy as np
import pytest
import torch

import multinet
from multinet import KerasTensor, errors, ops

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles_whose_q_is_an_argument_of_a_compiled_function(
    name, method, real_backend
):
    x = np.random.default_rng(3).normal(size=(3, 7)).astype("float32")
    if name == "nanquantile":
        x[0, 1] = np.nan
    function = getattr(ops, name)
    fast = multinet.jit(lambda x, q: function(x, q, 1, method, True))
    for q in (0.5, [0.0, 0.25, 1.0], [0.4]):
        got = fast(ops.convert_to_tensor(x), ops.convert_to_tensor(q, "float32"))
        want = getattr(np, name)(
            x, np.asarray(q, "float32"), 1, method=method, keepdims=True
        )
        np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-5)


def test_percentiles_whose_q_is_symbolic_run_on_data(real_backend):
    q, x = multinet.Input((2,), batch_size=2), multinet.Input((5,), batch_size=4)
    y = ops.percentile(x, ops.sum(q, 1), 1)
    assert y.shape == (2, 4)
    given = np.array([[30.0, 20.0], [1.0, 99.0]], "float32")
    data = np.random.default_rng(4).normal(size=(4, 5)).astype("float32")
    got = multinet.Model([x, q], y)([data, given])
    want = np.percentile(data, [50.0, 100.0], 1)
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-5)


def test_a_quantile_outside_is_nan_where_nobody_knows_it(real_backend):
    fast = multinet.jit(lambda x, q: (ops.quantile(x, q), ops.nanquantile(x, q)))
    got = fast(ops.ones((4,)), ops.convert_to_tensor([-0.1, 0.5, 1.1]))
    for values in got:
        np.testing.assert_array_equal(
            ops.convert_to_numpy(values), [np.nan, 1.0, np.nan]
        )


SHAPES = {
    "quantile(x, q)": (lambda x: ops.quantile(x, KerasTensor((2,)), 1), (2, None)),
    "diag": (ops.diag, (None,)),
    "array_split": (lambda x: ops.array_split(x, 2)[1], (None, 3)),
    "geomspace": (lambda x: ops.geomspace(x, x, 5), (5, None, 3)),
    "istft": (lambda x: ops.istft((x, x), 4, 2, 4), (None,)),
    "istft, cut": (lambda x: ops.istft((x, x), 4, 2, 4, length=9), (9,)),
    "slice": (
        lambda x: ops.slice(x, KerasTensor((2,), "int32"), (2, -1)),
        (2, None),
    ),
    "associative_scan": (lambda x: ops.associative_scan(ops.add, x), (None, 3)),
    "associative_scan of pairs": (
        lambda x: ops.associative_scan(
            lambda a, b: (a[0] * b[0], a[1] + b[1]), (x, x), reverse=True
        )[1],
        (None, 3),
    ),
    "conv": (
        lambda x: ops.conv(ops.reshape(x, (2, 5, -1)), KerasTensor((3, 5, 4))),
        (2, 3, 4),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_from_unknown_sizes(name):
    function, shape = SHAPES[name]
    assert function(KerasTensor((None, 3))).shape == shape


@pytest.mark.parametrize("rows", [4, 5, 7])
def test_a_graph_cuts_an_unknown_axis_as_numpy_does(rows, real_backend):
    x = multinet.Input((3,))
    sums = ops.associative_scan(ops.add, x)
    model = multinet.Model(x, [ops.array_split(x, 3), ops.diag(x), sums])
    data = np.arange(rows * 3.0, dtype="float32").reshape(rows, 3)
    parts, diagonal, sums = model(data)
    np.testing.assert_array_equal(ops.convert_to_numpy(sums), np.cumsum(data, 0))
    for got, want in zip(parts, np.array_split(data, 3), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(got), want)
    np.testing.assert_array_equal(ops.convert_to_numpy(diagonal), np.diag(data))


def test_a_slice_to_the_end_from_an_unknown_start_is_refused_in_a_compiled_function():
    with multinet.use_backend("jax"):
        fast = multinet.jit(lambda x, start: ops.slice(x, start, (-1,)))
        with pytest.raises(errors.TraceError, match="Give the size"):
            fast(ops.arange(5), ops.convert_to_tensor([2]))


def test_scale_and_translate_keeps_sizes_of_none(real_backend):
    x = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype("float32")
    got, want = (
        ops.image.scale_and_translate(
            x, shape, [2.0, 2.0], [0.0, 0.0], (1, 2), "linear"
        )
        for shape in ((None, 8, 8, None), (2, 8, 8, 3))
    )
    values = ops.convert_to_numpy(want)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), values)


def test_products_of_int8_are_int32_as_in_keras(real_backend):
    x = np.random.default_rng(1).integers(-128, 128, (2, 3, 40)).astype("int8")
    want = np.einsum("bij,bkj->bik", x, x, dtype="int32")
    y = np.swapaxes(x, 1, 2)
    for got in (ops.matmul(x, y), ops.einsum("bij,bkj->bik", x, x)):
        assert ops.dtype(got) == "int32"
        np.testing.assert_array_equal(ops.convert_to_numpy(got), want)
    assert ops.dtype(ops.matmul(x, y.astype("bool"))) == "int8"
    row = ops.matmul(ops.convert_to_tensor(x[0, 0]), ops.convert_to_tensor(y[0]))
    np.testing.assert_array_equal(ops.convert_to_numpy(row), want[0, 0])


def test_a_custom_gradient_holds_in_torchs_own_backward():
    @ops.custom_gradient
    def softplus(x):
        e = ops.exp(x)
        return ops.log(1 + e), lambda g: ops.multiply(g, 1 - 1 / ops.add(1, e))

    with multinet.use_backend("torch"):
        x = torch.tensor([100.0, 0.0], requires_grad=True)
        softplus(x).sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), [1.0, 0.5])  # else NaN
        with torch.no_grad():
            assert not softplus(x).requires_grad


@pytest.mark.parametrize("wrong", [123, None, ("gpu", 0)])
def test_a_device_is_named(wrong, real_backend):
    with pytest.raises(ValueError, match="device_name="):
        multinet.device(wrong).__enter__()


@pytest.mark.parametrize("size", [3.0, "x", None])
def test_a_size_that_is_no_int_is_a_type_error_too(size, backend):
    for error in (TypeError, ValueError):
        with pytest.raises(error):
            ops.eye(size)


@pytest.mark.parametrize("axis", [-1, 0, None])
def test_the_order_of_a_scalar_is_0_as_in_numpy(axis, backend):
    order = ops.argsort(np.float32(7), axis)
    assert ops.shape(order) == () and ops.dtype(order) == "int32"
    assert ops.convert_to_numpy(order) == np.argsort(np.float32(7), axis)


def test_bools_are_put_into_bins_as_numpy_does(backend):
    x, bins = np.array([True, False]), np.array([0, 1], "int32")
    got = ops.convert_to_numpy(ops.digitize(x, bins))
    np.testing.assert_array_equal(got, np.digitize(x, bins))
    yes_or_no = np.array([False, True])
    got = ops.convert_to_numpy(ops.searchsorted(yes_or_no, x, "right"))
    np.testing.assert_array_equal(got, np.searchsorted(yes_or_no, x, "right"))


def test_istft_without_a_window_adds_up_what_overlaps(backend):
    rows = np.random.default_rng(5).normal(size=(4, 8))
    spectrum = np.fft.rfft(rows)
    want = np.zeros(3 * 2 + 8)
    for i, row in enumerate(rows):
        want[2 * i : 2 * i + 8] += row
    pair = spectrum.real.astype("float32"), spectrum.imag.astype("float32")
    got = ops.istft(pair, 8, 2, 8, window=None, center=False)
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-5, atol=1e-5)


def test_ctc_takes_a_label_of_the_class_of_the_blank_as_torch_does(backend):
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(3, 7, 4)).astype("float32")
    labels = np.array([[1, 0, 2], [0, 1, 1], [3, 2, 0]], "int32")
    lengths, steps = np.array([3, 3, 2], "int32"), np.full(3, 7, "int32")
    want = torch.nn.functional.ctc_loss(
        torch.tensor(logits).log_softmax(-1).transpose(0, 1),
        torch.tensor(labels),
        torch.tensor(steps),
        torch.tensor(lengths),
        reduction="none",
    )
    got = ops.ctc_loss(labels, logits, lengths, steps)
    np.testing.assert_allclose(ops.convert_to_numpy(got), want.numpy(), rtol=1e-5)


@pytest.mark.parametrize("value", [1.0, -2.7, 0.0])
def test_a_float_that_is_asked_to_be_an_int_is_cut_as_numpy_does(value, backend):
    got = ops.convert_to_tensor(value, "int32")
    assert ops.dtype(got) == "int32"
    assert ops.convert_to_numpy(got) == np.float64(value).astype("int32")
    with pytest.raises(errors.DTypeError):
        ops.convert_to_tensor(3e9, "int32")


def test_a_geometric_row_ends_at_an_int(backend):
    got = ops.geomspace(np.array([1.0, 4.0], "float32"), 16, 3)
    want = np.geomspace([1.0, 4.0], 16, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(got), want, rtol=1e-6)
