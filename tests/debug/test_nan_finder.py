"""The layer, op and step that first made a NaN are found, the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import multinet
from multinet import Input, Model, Sequential, Variable, debug, layers, ops
from multinet.errors import CheckFailed, NotFinite

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
X = np.linspace(0.5, 2.0, 24, dtype="float32").reshape(8, 3)
MODES = pytest.mark.parametrize("mode", [debug.nan_finder, debug.checked])


class Apply(layers.Layer):
    """A layer of one function, so that its ops stand in a line of a program."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def log_of_negative(x):
    return ops.log(ops.negative(ops.exp(x)))


def nothing_by_nothing(x):
    return ops.divide(ops.multiply(x, 0.0), ops.multiply(x, 0.0))


def root_of_zero(x):
    return ops.sqrt(ops.multiply(x, 0.0))


def network(function, *options, loss="mse", optimizer="sgd"):
    """A compiled model whose layer `bad` applies a function."""
    inner = [layers.Dense(3, name="before"), Apply(function, name="bad")]
    model = Sequential([Input((3,)), *inner, layers.Dense(1, name="after")], name="net")
    model.compile(optimizer, loss, *options)
    return model


def found(function, *args, **kwargs) -> NotFinite:
    """Return what is raised."""
    with pytest.raises(NotFinite) as caught:
        function(*args, **kwargs)
    return caught.value


def told(error: NotFinite) -> tuple[Any, ...]:
    return error.op, error.layer, error.step, error.backward


def line_of(function) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno + 1}"


# -- forward ---------------------------------------------------------------------------


def test_a_log_of_a_negative_number_is_named_with_its_line(backend):
    with debug.nan_finder():
        error = found(Apply(log_of_negative, name="bad"), X)
    assert told(error) == ("log", "bad", None, False)
    assert "made a NaN" in str(error) and line_of(log_of_negative) in str(error)


def test_nothing_by_nothing_in_a_layer_of_ones_own(backend):
    with debug.nan_finder():
        error = found(Apply(nothing_by_nothing, name="bad"), X)
    assert told(error) == ("divide", "bad", None, False)


def test_an_overflow_of_float16(backend):
    layer = Apply(lambda x: ops.multiply(x, 60000.0), name="bad", dtype="float16")
    with debug.nan_finder():
        error = found(layer, np.full((2, 3), 10, "float16"))
        assert told(error) == ("multiply", "bad", None, False)
        assert "an infinite number" in str(error)
        layer(np.full((2, 3), 1, "float16"))


def test_the_layer_inside_of_others_is_named(backend):
    inner = Apply(log_of_negative, name="bad")
    outer = Apply(inner, name="outer")
    with debug.nan_finder():
        assert found(outer, X).layer == "outer/bad"


def test_outside_of_layers_no_layer_is_named(backend):
    with debug.nan_finder():
        error = found(ops.log, -1.0)
    assert error.layer is None and "outside of layers" in str(error)


def test_what_was_not_finite_before_is_not_made(backend):
    x = ops.convert_to_tensor(np.array([np.nan, np.inf, 1.0], "float32"))
    with debug.nan_finder():
        y = ops.where(ops.isnan(x), x, ops.add(x, float("-inf")))
        full = ops.full((2,), float("inf"))
        assert np.isinf(ops.convert_to_numpy(full)).all()
    assert np.isnan(ops.convert_to_numpy(y)[:2]).all()


def test_nothing_is_raised_outside_of_the_block(backend):
    with debug.nan_finder():
        found(ops.log, -1.0)
    assert np.isnan(ops.convert_to_numpy(ops.log(-1.0)))


@pytest.mark.parametrize("loop", ["scan", "while_loop", "cond"])
def test_a_loop_and_a_branch_are_one_op(backend, loop):
    x = ops.convert_to_tensor(X)

    def spoil(x):
        return ops.log(ops.negative(x))

    calls = {
        "scan": lambda: ops.scan(lambda c, r: (spoil(r), c), ops.sum(x, 0), x),
        "while_loop": lambda: ops.while_loop(
            lambda i, y: ops.less(i, 2), lambda i, y: (ops.add(i, 1), spoil(y)), (0, x)
        ),
        "cond": lambda: ops.cond(ops.all(ops.less(x, 9)), lambda: spoil(x), lambda: x),
    }
    with debug.nan_finder():
        assert found(calls[loop]).op == loop


# -- backward --------------------------------------------------------------------------


def test_the_gradient_of_a_root_at_zero(backend):
    layer = Apply(root_of_zero, name="bad")
    with debug.nan_finder():
        error = found(multinet.grad(lambda x: ops.sum(layer(x))), X)
    assert told(error) == ("sqrt", "bad", None, True)
    assert str(error).startswith("The gradient of sqrt made an infinite number")
    assert line_of(root_of_zero) in str(error)


def test_the_gradient_behind_a_guard(backend):
    def guarded(x):
        return ops.sum(ops.where(ops.less(x, 0), 0.0, ops.sqrt(x)))

    zeros = np.zeros(3, "float32")
    assert np.isfinite(ops.convert_to_numpy(guarded(zeros))).all()
    with debug.nan_finder():
        assert told(found(multinet.grad(guarded), zeros)) == ("sqrt", None, None, True)


def test_gradients_that_are_finite_are_what_they_are(backend):
    def function(x, w):
        return ops.sum(ops.tanh(ops.matmul(x, w)))

    w = np.full((3, 2), 0.1, "float32")
    wanted = multinet.value_and_grad(function, (0, 1))(X, w)
    with debug.nan_finder():
        got = multinet.value_and_grad(function, (0, 1))(X, w)
    for a, b in zip(multinet.tree.flatten(got), multinet.tree.flatten(wanted)):
        np.testing.assert_allclose(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-6
        )


# -- in fit ----------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize(
    ("function", "op", "backward"),
    [
        (log_of_negative, "log", False),
        (nothing_by_nothing, "divide", False),
        (root_of_zero, "sqrt", True),
    ],
)
def test_fit_names_layer_op_and_step(real_backend, mode, function, op, backward):
    model = network(function)
    with mode():
        error = found(model.fit, X, X[:, :1], batch_size=4, verbose=0)
    assert told(error) == (op, "net/bad", 1, backward)


class LateLog(layers.Layer):
    """A log whose argument sinks by a step of training until it is negative."""

    def build(self, input_shape):
        self.left = self.add_weight((), "zeros", trainable=False, name="left")

    def call(self, inputs):
        self.left.assign_add(1.0)
        return ops.multiply(inputs, ops.log(ops.subtract(3.5, self.left)))


@MODES
def test_the_step_is_the_one_that_made_it(real_backend, mode):
    model = Sequential([Input((3,)), layers.Dense(1), LateLog(name="late")], name="net")
    model.compile("sgd", "mse")
    with mode():
        error = found(model.fit, X, X[:, :1], batch_size=2, epochs=3, verbose=0)
    assert told(error) == ("log", "net/late", 4, False)


def test_the_model_stays_as_it_was_before_the_step(real_backend):
    model = network(root_of_zero)
    before = model.get_weights()
    with debug.nan_finder():
        found(model.fit, X, X[:, :1], batch_size=8, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_data_that_are_not_finite_are_told(real_backend):
    spoilt = X.copy()
    spoilt[5, 1] = np.nan
    model = network(ops.tanh)
    with debug.nan_finder():
        error = found(
            model.fit, spoilt, X[:, :1], batch_size=4, shuffle=False, verbose=0
        )
    assert str(error).startswith("The data of step 2 have a NaN")
    assert told(error) == (None, None, 2, False)


def dropping(x):
    return ops.add(ops.tanh(x), 0.5)


@MODES
def test_a_sound_fit_gives_the_same_numbers(real_backend, mode):
    losses, weights = [], []
    for watched in (False, True):
        multinet.set_random_seed(3)
        inner = [layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.2)]
        model = Sequential([Input((3,)), *inner, Apply(dropping), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        fit: Any = model.fit
        if watched:
            with mode():
                history = fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
        else:
            history = fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
        losses.append(history.history["loss"])
        weights.append(model.get_weights())
    np.testing.assert_allclose(*losses, rtol=1e-5)
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_predict_and_evaluate_are_watched(real_backend):
    model = network(log_of_negative)
    with debug.nan_finder():
        assert found(model.predict, X, verbose=0).layer == "net/bad"
        error = found(model.evaluate, X, X[:, :1], verbose=0)
    assert told(error) == ("log", "net/bad", 1, False)


def test_a_program_made_before_is_watched_too_and_goes_on_after(real_backend):
    model = network(root_of_zero)
    model.fit(X[:2], X[:2, :1], verbose=0)  # compiled: its weights are spoilt by now
    sound = network(ops.tanh)
    sound.fit(X, X[:, :1], verbose=0)
    with debug.nan_finder():
        sound.fit(X, X[:, :1], verbose=0)
        assert "watched" in sound.explain_step()
    sound.fit(X, X[:, :1], verbose=0)
    assert "watched" not in sound.explain_step()


def test_a_function_of_jit_is_watched(real_backend):
    compiled = multinet.jit(lambda x: ops.log(ops.negative(x)))
    compiled(X)
    with debug.nan_finder():
        assert found(compiled, X).op == "log"
    assert np.isnan(ops.convert_to_numpy(compiled(X))).all()


def test_a_custom_train_step_is_watched(real_backend):
    class Own(Model):
        def __init__(self):
            super().__init__(name="own")
            self.scale = Variable(1.0, name="scale")

        def call(self, inputs):
            return ops.multiply(ops.sqrt(ops.multiply(inputs, 0.0)), self.scale)

        def train_step(self, data):
            x, y = data

            def loss(scale, x):
                return ops.mean(ops.square(ops.subtract(self(x), y)))

            slope = multinet.grad(loss, 1)(self.scale, x)
            self.scale.assign_add(ops.sum(slope))
            return {"loss": ops.sum(slope)}

    model = Own()
    model.compile("sgd")
    with debug.nan_finder():
        error = found(model.fit, X, X, batch_size=8, verbose=0)
    assert told(error) == ("sqrt", "own", 1, True)


# -- error_if --------------------------------------------------------------------------


def refusing(x):
    debug.error_if(ops.any(ops.greater(x, 1.0)), "x must be at most 1")
    return x


def test_error_if_raises_where_the_condition_holds(backend):
    np.testing.assert_array_equal(ops.convert_to_numpy(refusing(X / 4)), X / 4)
    with pytest.raises(CheckFailed, match="^x must be at most 1$"):
        refusing(X)
    with pytest.raises(CheckFailed, match="x must be at most 1"):
        Apply(refusing)(X)


def test_error_if_says_nothing_of_shapes(backend):
    assert Sequential([Input((3,)), Apply(refusing)]).output_shape == (None, 3)


def test_error_if_in_a_step_is_for_checked(real_backend):
    model = Sequential([Input((3,)), Apply(refusing), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)  # compiled: it is not asked
    with debug.checked(), pytest.raises(CheckFailed, match="x must be at most 1"):
        model.fit(X, X[:, :1], verbose=0)
    with debug.checked():
        model.fit(X / 4, X[:, :1], verbose=0)


def test_error_if_in_a_derivative_and_in_jit_is_for_checked(real_backend):
    slope = multinet.grad(lambda x: ops.sum(refusing(x)))
    compiled = multinet.jit(refusing)
    np.testing.assert_array_equal(ops.convert_to_numpy(slope(X)), np.ones_like(X))
    compiled(X)
    with debug.checked():
        for function in (slope, compiled):
            with pytest.raises(CheckFailed, match="x must be at most 1"):
                function(X)
