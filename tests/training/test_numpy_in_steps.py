"""Functions of NumPy in what users write for a step: right, or told in one sentence."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import TraceError

RNG = np.random.default_rng(7)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")
START = np.ones((3, 1), "float32"), np.zeros(1, "float32")
ERROR = (X.sum(1, keepdims=True) - Y).astype("float64")

FUNCTIONS = {
    "sum": (lambda e: np.sum(e), np.sum),
    "mean": (lambda e: np.mean(e, axis=-1), np.mean),
    "abs": (lambda e: np.abs(e), lambda e: np.abs(e).mean()),
    "square": (lambda e: np.square(e), lambda e: np.square(e).mean()),
    "exp": (lambda e: np.exp(e), lambda e: np.exp(e).mean()),
    "maximum": (lambda e: np.maximum(e, 0.0), lambda e: np.maximum(e, 0).mean()),
    "max": (lambda e: np.max(e), np.max),
    "where": (lambda e: np.where(e > 0, e, 0.0), lambda e: np.maximum(e, 0).mean()),
    "concatenate": (lambda e: np.concatenate([e, e]), np.mean),
    "array": (lambda e: np.array(e), np.mean),
}
WORDS = (
    "A function of NumPy got a tensor where .* compiled or differentiated.*"
    "multinet.ops|Use the operations of the library|NumPy's functions take numbers"
)


def fitted(**options):
    """Return the logs of an epoch of one step, or the error that it raised."""
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile(multinet.optimizers.SGD(0.0), **options)
    model.set_weights([*START])
    return model.fit(X, Y, verbose=0).history


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", ["loss", "metric"])
def test_in_losses_and_metrics(real_backend, name, kind):
    function, expected = FUNCTIONS[name]

    def own(y_true, y_pred):
        return function(y_pred - y_true)

    try:
        if kind == "loss":
            found = fitted(loss=own)["loss"]
        else:
            found = fitted(loss="mse", metrics=[own])["own"]
    except TraceError as error:
        assert real_backend.name != "numpy" or name == "array"
        with pytest.raises(TraceError, match=WORDS):
            raise error
    else:
        np.testing.assert_allclose(found, [expected(ERROR)], rtol=1e-5)


def test_the_line_is_shown(real_backend):
    def own(y_true, y_pred):
        return np.multiply(np.exp(y_pred), y_true)

    if real_backend.name == "numpy":
        assert np.isfinite(fitted(loss=own)["loss"]).all()
        return
    words = r"np.multiply\(np.exp\(y_pred\), y_true\), .*test_numpy_in_steps.py:\d+"
    with pytest.raises(TraceError, match=words):
        fitted(loss=own)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_layers_while_a_graph_is_made(real_backend, name):
    function = FUNCTIONS[name][0]

    class Own(layers.Layer):
        def call(self, inputs):
            return function(inputs)

    expected = np.shape(function(np.ones((8, 3), "float32")))
    try:
        found = Own()(multinet.Input((3,), batch_size=8))
    except TraceError as error:  # of torch, whose methods take other arguments
        assert name in ("sum", "mean", "max")
        with pytest.raises(TraceError, match=WORDS):
            raise error
    else:
        assert found.shape == expected


def test_a_layer_of_them_tells_in_fit_where_a_framework_cannot(real_backend):
    class Own(layers.Layer):
        def call(self, inputs):
            return np.abs(inputs)

    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1), Own()])
    model.compile("sgd", "mse")
    if real_backend.name == "numpy":
        assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()
        return
    with pytest.raises(TraceError, match=r"np.abs\(inputs\).*multinet.ops"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("transform", [multinet.jit, multinet.grad])
@pytest.mark.parametrize("name", ["sum", "abs", "where"])
def test_in_functions_that_are_compiled_or_differentiated(
    real_backend, transform, name
):
    function, _ = FUNCTIONS[name]
    x = ops.convert_to_tensor(X)
    slopes = {"sum": np.ones_like(X), "abs": np.sign(X), "where": 1.0 * (X > 0)}
    expected = slopes[name] if transform is multinet.grad else np.sum(function(X))
    try:
        found = transform(lambda x: ops.sum(function(x)))(x)
    except TraceError as error:
        with pytest.raises(TraceError, match=WORDS):
            raise error
    else:
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_errors_that_are_not_about_tensors_stay_as_they_are(real_backend):
    def own(y_true, y_pred):
        return np.concatenate([np.ones((2, 2)), np.ones((3, 3))])

    with pytest.raises(ValueError, match="dimensions"):
        fitted(loss=own)

    def other(y_true, y_pred):
        return np.sum(np.ones(3), axis=5)

    with pytest.raises(np.exceptions.AxisError):
        fitted(loss=other)
