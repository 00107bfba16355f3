"""Layers and models under mixed policies, against Keras under the same."""

import functools

import keras
import numpy as np
import pytest
from references import without_draws

import multinet
from multinet import ops
from multinet.registry import use_backend

POLICIES = ("mixed_float16", "mixed_bfloat16")
# The spacing of numbers near 1; bfloat16 has 8 bits of them.
SPACING = {"mixed_float16": 2**-10, "mixed_bfloat16": 2**-7}
SEQUENCE = (2, 4, 6)
IMAGE = (2, 5, 5, 3)

# name -> the layer of a package, and the shape of its inputs
LAYERS = {
    "Dense": (lambda k, p: k.Dense(3, "tanh", dtype=p), (2, 6)),
    "EinsumDense": (
        lambda k, p: k.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", dtype=p),
        SEQUENCE,
    ),
    "Conv2D": (lambda k, p: k.Conv2D(4, 2, dtype=p), IMAGE),
    "BatchNormalization": (lambda k, p: k.BatchNormalization(dtype=p), IMAGE),
    "LayerNormalization": (lambda k, p: k.LayerNormalization(dtype=p), SEQUENCE),
    "RMSNormalization": (lambda k, p: k.RMSNormalization(dtype=p), SEQUENCE),
    "GroupNormalization": (lambda k, p: k.GroupNormalization(3, dtype=p), SEQUENCE),
    "UnitNormalization": (lambda k, p: k.UnitNormalization(dtype=p), SEQUENCE),
    "Embedding": (lambda k, p: k.Embedding(7, 3, dtype=p), None),
    "SimpleRNN": (lambda k, p: k.SimpleRNN(3, dtype=p), SEQUENCE),
    "LSTM": (lambda k, p: k.LSTM(3, return_sequences=True, dtype=p), SEQUENCE),
    "GRU": (lambda k, p: k.GRU(3, dtype=p), SEQUENCE),
    "RNN": (lambda k, p: k.RNN(k.LSTMCell(3, dtype=p), dtype=p), SEQUENCE),
    "Bidirectional": (
        lambda k, p: k.Bidirectional(k.GRU(2, dtype=p), dtype=p),
        SEQUENCE,
    ),
    "MultiHeadAttention": (lambda k, p: k.MultiHeadAttention(2, 3, dtype=p), SEQUENCE),
    "Softmax": (lambda k, p: k.Softmax(dtype=p), SEQUENCE),
    "PReLU": (lambda k, p: k.PReLU(dtype=p), (2, 6)),
    "Rescaling": (lambda k, p: k.Rescaling(0.5, 1.0, dtype=p), (2, 6)),
    "Dropout": (lambda k, p: k.Dropout(0.5, dtype=p), (2, 6)),
}
CASES = [(name, policy) for name in LAYERS for policy in POLICIES]


def inputs_of(name):
    shape = LAYERS[name][1]
    if shape is None:
        return np.array([[1, 3, 3], [0, 6, 2]], "int32")
    return np.random.default_rng(len(name)).normal(size=shape).astype("float32")


def arguments(name, x):
    return (x, x) if name == "MultiHeadAttention" else (x,)


@functools.cache
def reference(name, policy):
    """Return Keras's weights, outputs, and the dtypes of outputs and weights."""
    x = inputs_of(name)
    layer = LAYERS[name][0](keras.layers, policy)
    y = layer(*arguments(name, x))
    weights = [keras.ops.convert_to_numpy(w) for w in layer.weights]
    rng = np.random.default_rng(3)
    weights = [
        (w + rng.normal(size=w.shape, scale=0.1)).astype(w.dtype)
        if np.issubdtype(w.dtype, np.floating)
        else w
        for w in weights
    ]
    weights = [np.abs(w) for w in weights]  # variances too
    if layer.weights:
        layer.set_weights(weights)
    y = layer(*arguments(name, x))
    dtypes = [v.dtype for v in layer.weights]
    return (
        weights,
        np.asarray(y, "float64"),
        keras.backend.standardize_dtype(y.dtype),
        dtypes,
    )


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_dtypes_and_values_of_a_layer_are_those_of_keras(backend, name, policy):
    weights, expected, dtype, of_weights = reference(name, policy)
    layer, x = LAYERS[name][0](multinet.layers, policy), inputs_of(name)
    layer(*arguments(name, x))
    assert [v.dtype for v in layer.weights] == of_weights
    if weights:
        layer.set_weights(weights)
    y = layer(*arguments(name, x))
    assert ops.dtype(y) == dtype
    got = ops.convert_to_numpy(ops.cast(y, "float32"))
    tolerance = 8 * SPACING[policy]
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    for weight in layer.weights:  # reading one in half has not changed it
        assert ops.dtype(weight.value) == weight.dtype


def test_integers_bools_and_masks_keep_their_dtypes(backend):
    seen = {}

    class Look(multinet.layers.Layer):
        def call(self, inputs, mask=None):
            seen.update({k: ops.dtype(v) for k, v in inputs.items()})
            seen["mask"] = ops.dtype(mask)
            return inputs["wide"]

    layer = Look(dtype="mixed_float16")
    data = {
        "wide": np.ones((2, 3), "float32"),
        "index": np.ones((2, 3), "int32"),
        "flag": np.ones((2, 3), "bool"),
    }
    layer(data, mask=np.ones((2,), "bool"))
    expected = {"wide": "float16", "index": "int32", "flag": "bool", "mask": "bool"}
    assert seen == expected


def test_a_layer_of_another_policy_inside_a_mixed_one_reads_its_own_dtype(backend):
    class Outer(multinet.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.exact = Look(dtype="float32")
            self.open = Look(autocast=False)

        def build(self, shape):
            self.weight = self.add_weight((2,), "ones")
            self.still = self.add_weight((2,), "ones", autocast=False)
            self.count = self.add_weight((2,), "ones", dtype="int32")

        def call(self, x):
            weights = (self.weight, self.still, self.count)
            seen = [ops.dtype(ops.multiply(w, 1)) for w in weights]
            return x, seen, self.exact(x)[1], self.open(x)[1]

    class Look(multinet.layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight((2,), "ones")

        def call(self, x):
            return x, [ops.dtype(x), ops.dtype(ops.multiply(self.weight, 1))]

    layer = Outer(dtype="mixed_float16")
    _, mine, exact, open_ = layer(np.ones((3, 2), "float32"))
    assert mine == ["float16", "float32", "int32"]
    assert exact == ["float32", "float32"]
    assert open_ == ["float16", "float32"]


def test_what_a_call_adds_to_a_variable_is_not_rounded_to_half(backend):
    class Counts(multinet.layers.Layer):
        def build(self, shape):
            self.total = self.add_weight((), "zeros", trainable=False)

        def call(self, x):
            self.total.assign_add(ops.cast(ops.sum(x), "float32"))
            self.total.assign_sub(1.0)
            return x

    layer = Counts(dtype="mixed_bfloat16", autocast=False)
    layer(np.full((1, 1), 1001.0, "float32"))
    layer(np.full((1, 1), 2.0, "float32"))
    assert float(layer.total) == 1001.0  # bfloat16 has 1000 and 1004


# -- how often weights are cast --------------------------------------------------------


@pytest.fixture
def casts(backend, monkeypatch):
    """Count the casts to float16 of matrices (5, 5)."""
    cls, found = type(backend), []
    cast = cls.cast

    def counted(self, x, dtype):
        if dtype == "float16" and tuple(self.shape(x)) == (5, 5):
            found.append(x)
        return cast(self, x, dtype)

    monkeypatch.setattr(cls, "cast", counted)
    return found


class Twice(multinet.layers.Layer):
    """Reads a weight in two ops."""

    def build(self, shape):
        self.weight = self.add_weight((5, 5))

    def call(self, x):
        return ops.matmul(ops.matmul(x, self.weight), self.weight)


def test_a_weight_is_cast_once_a_step_however_often_it_is_used(casts):
    layer = Twice(dtype="mixed_float16")
    entry = multinet.Input((5,))
    model = multinet.Model(entry, layer(layer(entry)))
    x = np.ones((2, 5), "float32")
    model.compile("sgd", "mse", run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(x, x)
        casts.clear()
    model.train_on_batch(x, x)
    assert len(casts) == 1
    before = layer.weight.numpy()
    casts.clear()
    y = ops.convert_to_numpy(model(x))
    assert len(casts) == 1
    layer.weight.assign(before * 2)  # nothing is kept from one call to the next
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), y * 16, rtol=1e-2)


def test_a_value_assigned_in_a_call_is_read_from_there_on(backend):
    class Doubles(multinet.layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight((), "ones", trainable=False)

        def call(self, x):
            before = ops.multiply(x, self.weight)
            self.weight.assign(ops.multiply(self.weight, 2.0))
            return ops.stack([before, ops.multiply(x, self.weight)])

    y = Doubles(dtype="mixed_float16")(np.ones(3, "float32"))
    expected = np.array([[1] * 3, [2] * 3])
    np.testing.assert_array_equal(ops.convert_to_numpy(y), expected)


def test_a_weight_read_in_a_loop_and_a_branch_may_be_read_after_them(real_backend):
    class Loops(multinet.layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight((5, 5), "identity")

        def call(self, x):
            def body(i, y):
                return ops.add(i, 1), ops.matmul(y, self.weight)

            _, y = ops.while_loop(lambda i, _: ops.less(i, 3), body, (0, x))
            y = ops.cond(
                ops.greater(ops.sum(y), 0.0),
                lambda: ops.matmul(y, self.weight),
                lambda: ops.matmul(y, ops.transpose(self.weight)),
            )
            return ops.matmul(y, self.weight)

    layer, x = Loops(dtype="mixed_float16"), np.ones((2, 5), "float32")
    for run in (layer, multinet.jit(lambda x: layer(x))):
        y = run(x)
        assert ops.dtype(y) == "float16"
        np.testing.assert_array_equal(ops.convert_to_numpy(y), x)


def test_a_weight_read_in_a_loop_of_the_framework_may_be_read_after_it():
    import jax
    import jax.numpy as jnp
    import tensorflow as tf

    class Loops(multinet.layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight((5, 5), "identity")

        def call(self, x):
            y = self.loop(x)
            return ops.matmul(ops.matmul(y, self.weight), self.weight)

    class OfJax(Loops):
        def loop(self, x):
            def body(y, _):
                return jnp.matmul(y, self.weight.__multinet_tensor__()), None

            return jax.lax.scan(body, x, None, length=3)[0]

    class OfTensorflow(Loops):
        def loop(self, x):
            def body(i, y):
                return i + 1, tf.matmul(y, self.weight.__multinet_tensor__())

            return tf.function(
                lambda x: tf.while_loop(lambda i, _: i < 3, body, [0, x])[1]
            )(x)

    x = np.ones((2, 5), "float32")
    for name, cls in (("jax", OfJax), ("tensorflow", OfTensorflow)):
        with use_backend(name):
            y = cls(dtype="mixed_float16")(x)
            np.testing.assert_array_equal(ops.convert_to_numpy(y), x)


# -- training --------------------------------------------------------------------------

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, 7, (32, 4)).astype("int32")
IMAGES = RNG.normal(size=(32, 5, 5, 2)).astype("float32")
LABELS = RNG.integers(0, 3, 32).astype("int32")


def _of_images(k):
    entry = k.Input((5, 5, 2))
    y = k.layers.Conv2D(4, 3, activation="relu")(entry)
    y = k.layers.BatchNormalization()(y)
    return k.Model(entry, k.layers.Dense(3)(k.layers.Flatten()(y)))


def _of_tokens(k):
    entry = k.Input((4,), dtype="int32")
    y = k.layers.Embedding(7, 6)(entry)
    # With scores, since JAX's own attention has no float16 on the CPU.
    attention = k.layers.MultiHeadAttention(2, 3)
    y, _ = attention(y, y, return_attention_scores=True)
    y = k.layers.LayerNormalization()(y)
    return k.Model(entry, k.layers.Dense(3)(k.layers.LSTM(5)(y)))


MODELS = {"images": (_of_images, IMAGES), "tokens": (_of_tokens, TOKENS)}


def fitted(package, model, x, weights):
    model.set_weights(weights)
    model.compile(
        package.optimizers.Adam(0.01),
        package.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    return model.fit(x, LABELS, **options).history


@functools.cache
def history_of_keras(name, policy):
    make, x = MODELS[name]
    keras.config.set_dtype_policy(policy)
    try:
        with without_draws():
            model = make(keras)
        rng = np.random.default_rng(1)
        weights = [np.abs(rng.normal(size=w.shape, scale=0.3)) for w in model.weights]
        history = fitted(keras, model, x, weights)
    finally:
        keras.config.set_dtype_policy("float32")
    return weights, history, model.optimizer


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", MODELS)
def test_fit_learns_as_keras_does(real_backend, name, policy):
    weights, expected, theirs = history_of_keras(name, policy)
    make, x = MODELS[name]
    multinet.config.set_dtype_policy(policy)
    try:
        model = make(multinet)
        history = fitted(multinet, model, x, weights)
    finally:
        multinet.dtype_policies._global = None
    tolerance = 16 * SPACING[policy]
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=tolerance)
    assert type(model.optimizer).__name__ == type(theirs).__name__
    assert {w.dtype for w in model.weights} == {"float32"}
    assert model.predict(x[:2], verbose=0).dtype == policy.removeprefix("mixed_")


def test_a_loss_that_is_a_function_gets_its_predictions_in_float32(backend):
    seen = []

    def loss(y_true, y_pred):
        seen.append(ops.dtype(y_pred))
        return ops.mean(ops.square(ops.subtract(y_pred, y_true)), -1)

    model = multinet.Sequential([multinet.layers.Dense(2, dtype="mixed_float16")])
    model.compile("sgd", loss)
    model.train_on_batch(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"))
    assert set(seen) == {"float32"}
