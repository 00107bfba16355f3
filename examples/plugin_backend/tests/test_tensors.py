"""What is particular to tensors that are graphs."""

import ml_dtypes
import numpy as np
import pytest
from pytensor.tensor.variable import TensorConstant

from multinet import registry
from multinet.errors import BackendError, DTypeError, TraceError

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]], np.float32)


@pytest.fixture
def F():
    return registry.get("pytensor")


def test_what_is_built_on_values_is_a_value(F):
    y = F.tanh(F.matmul(F.from_numpy(X), F.from_numpy(X.T)))
    assert isinstance(y, TensorConstant)
    np.testing.assert_allclose(F.to_numpy(y), np.tanh(X @ X.T), rtol=1e-6)


def test_outputs_of_one_op_are_computed_at_once(F, monkeypatch):
    calls = []
    right = np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda *a: calls.append(1) or right(*a))
    F.qr(F.from_numpy(X.T), False)
    assert len(calls) <= 2  # one of them on an empty stack, for the shapes


def test_a_tensor_being_traced_has_a_shape_but_no_value(F):
    seen = []

    def look(x):
        y = F.concatenate([x, F.slice(x, (0, 0), (1, 3), (1, 1))], 0)
        seen.append((F.shape(y), F.dtype(y)))
        with pytest.raises(TraceError, match="Return it"):
            F.to_numpy(y)
        return (y,)

    F.jit(look, ())(F.from_numpy(X))
    assert seen == [((3, 3), "float32")]


@pytest.mark.parametrize("use", ["from_numpy", "full", "cast", "bitcast", "arange"])
def test_bfloat16_is_refused_by_name(F, use):
    calls = {
        "from_numpy": lambda: F.from_numpy(np.zeros(2, ml_dtypes.bfloat16)),
        "full": lambda: F.full((2,), 1.0, "bfloat16"),
        "cast": lambda: F.cast(F.from_numpy(X), "bfloat16"),
        "bitcast": lambda: F.bitcast(F.full((2,), 1, "uint16"), "bfloat16"),
        "arange": lambda: F.arange(0, 3, 1, "bfloat16"),
    }
    with pytest.raises(DTypeError, match="no bfloat16 tensors.*float32"):
        calls[use]()


def test_jit_traces_once_for_each_signature(F):
    traces = []

    def double(x):
        traces.append(F.shape(x))
        return (F.add(x, x),)

    compiled = F.jit(double, ())
    for array in (X, X + 1, X[:1], X, X[:1]):
        got = F.to_numpy(compiled(F.from_numpy(array))[0])
        np.testing.assert_array_equal(got, array + array)
    assert traces == [(2, 3), (1, 3)]


def test_jit_inside_of_a_trace_may_close_over_its_tensors(F):
    one = F.full((2, 3), 1.0, "float32")

    def outer(x):
        inner = F.jit(lambda y: (F.multiply(F.multiply(x, x), y),), ())
        return inner(one)

    for function in (outer, F.jit(outer, ())):
        value, pullback = F.vjp(function, (F.from_numpy(X),))
        np.testing.assert_allclose(F.to_numpy(value[0]), X * X)
        np.testing.assert_allclose(F.to_numpy(pullback((one,))[0]), 2 * X)


def test_an_output_that_feeds_another_gets_both_gradients(F):
    one = F.full((2, 3), 1.0, "float32")

    def function(x):
        y = F.multiply(x, x)
        return y, F.multiply(y, x)

    _, pullback = F.vjp(function, (F.from_numpy(X),))
    slope = F.to_numpy(pullback((one, one))[0])
    np.testing.assert_allclose(slope, 2 * X + 3 * X**2, rtol=1e-6)


def test_loops_close_over_tensors_to_second_order(F):
    # y = w**3 x by a scan; d2y/dw2 = 6 w x.
    x, w = F.full((), 2.0, "float32"), F.full((), 1.5, "float32")
    one = F.full((), 1.0, "float32")

    def power(w):
        step = lambda carry, _: ((F.multiply(carry[0], w),), ())  # noqa: E731
        return F.scan(step, (x,), (), 3, False)[0]

    def slope(w):
        return F.vjp(power, (w,))[1]((one,))

    for run in (slope, F.jit(slope, ())):
        np.testing.assert_allclose(F.to_numpy(run(w)[0]), 3 * 1.5**2 * 2, rtol=1e-6)
        second = F.vjp(run, (w,))[1]((one,))[0]
        np.testing.assert_allclose(F.to_numpy(second), 6 * 1.5 * 2, rtol=1e-6)


def test_custom_gradient_may_close_over_what_is_traced(F):
    one = F.full((2, 3), 1.0, "float32")

    def outer(scale, x):
        def rule(x):
            return (F.multiply(x, x),), lambda c: (F.multiply(c, scale),)

        own = F.custom_gradient(rule)
        return F.vjp(lambda x: tuple(own(x)), (x,))[1]((one,))

    scale = F.full((), 7.0, "float32")
    for run in (outer, F.jit(outer, ())):
        got = F.to_numpy(run(scale, F.from_numpy(X))[0])
        np.testing.assert_allclose(got, np.full((2, 3), 7.0))


def test_while_loop_says_that_it_has_no_gradient(F):
    def halve(x):
        below = lambda x: F.less(1.0, x)  # noqa: E731
        return F.while_loop(below, lambda x: (F.multiply(x, 0.5),), (x,))

    x = F.full((), 9.0, "float32")
    with pytest.raises(TraceError, match="Use scan"):
        F.vjp(halve, (x,))[1]((x,))

    def stopped(x):
        return (F.multiply(halve(F.stop_gradient(x))[0], x),)

    slope = F.vjp(stopped, (x,))[1]((F.full((), 1.0, "float32"),))[0]
    assert F.to_numpy(slope) == 9 / 16


def test_an_unknown_device_lists_the_known_ones(F):
    with pytest.raises(BackendError, match="cpu:0"):
        F.device("gpu:3")
