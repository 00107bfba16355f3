"""A function of JAX as a layer computes and learns as the function itself."""

import pickle

import jax
import jax.numpy as jnp
import keras as reference
import numpy as np
import pytest
import tensorflow as tf
from flax import linen

import multinet as keras
from multinet import layers, saving
from multinet.errors import ArgumentError, BackendError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True, params=["jax", "tensorflow"])
def used(request):
    """Return the backend in use: JAX, or TensorFlow, for which JAX is converted."""
    with keras.use_backend(request.param) as backend:
        yield backend


@saving.register_keras_serializable("tests_of_jax_layers")
def dense(params, inputs):
    return jnp.tanh(inputs @ params["w"]) @ params["v"]


@saving.register_keras_serializable("tests_of_jax_layers")
def start(rng, inputs):
    one, two = jax.random.split(rng)
    w = jax.random.normal(one, (inputs.shape[-1], 3))
    return {"w": w, "v": jax.random.normal(two, (3, 1))}


@saving.register_keras_serializable("tests_of_jax_layers")
def averaging(params, state, rng, inputs, training):
    """Scale, keep a mean and a count, and drop some if there is a key."""
    mean = jnp.where(
        training, 0.9 * state["mean"] + 0.1 * inputs.mean(0), state["mean"]
    )
    outputs = (inputs - mean) * params
    if rng is not None:
        outputs = outputs * jax.random.bernoulli(rng, 0.5, outputs.shape)
    return outputs, {"mean": mean, "count": state["count"] + training}


def fixed():
    return {"w": np.eye(4, 3, dtype="float32"), "v": np.ones((3, 1), "float32")}


def test_outputs_and_gradients_are_those_of_the_function():
    layer = layers.JaxLayer(dense, params=fixed())
    assert layer.built and [v.shape for v in layer.trainable_weights] == [
        (3, 1),
        (4, 3),
    ]
    expected = dense(fixed(), X)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-6)
    theirs = jax.grad(lambda params: jnp.sum(jnp.square(dense(params, X))))(fixed())
    mine = keras.grad(lambda _: keras.ops.sum(keras.ops.square(layer(X))))(
        layer.trainable_weights
    )
    np.testing.assert_allclose(mine[0], theirs["v"], rtol=1e-6)
    np.testing.assert_allclose(mine[1], theirs["w"], rtol=1e-6)


@pytest.mark.parametrize("eager", [False, True])
def test_training_is_that_of_keras(eager):
    losses = []
    for library in (keras, reference):
        layer = library.layers.JaxLayer(dense, params=fixed())
        model = library.Sequential([library.Input((4,)), layer])
        optimizer = library.optimizers.Adam(0.02)
        model.compile(optimizer, "mse", run_eagerly=eager)
        options = {"batch_size": 4, "shuffle": False, "verbose": 0}
        history = model.fit(X, Y, epochs=3, **options)
        losses.append([*history.history["loss"], *model.predict(X, verbose=0)[:, 0]])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5, atol=1e-5)


def test_state_is_kept_and_keys_come_in_training():
    state = {"mean": np.zeros(4, "float32"), "count": 0}
    layer = layers.JaxLayer(
        averaging, params=np.ones(4, "float32"), state=state, seed=3
    )
    names = [(v.name, v.dtype) for v in layer.weights]
    assert names == [("params", "float32"), ("state", "int32"), ("state", "float32")]
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse")
    model.fit(X, X, batch_size=6, epochs=2, shuffle=False, verbose=0)
    assert layer.state["count"].numpy() == 4
    mean = np.zeros(4)
    for rows in (X[:6], X[6:]) * 2:
        mean = 0.9 * mean + 0.1 * rows.mean(0)
    np.testing.assert_allclose(layer.state["mean"].numpy(), mean, rtol=1e-5)
    expected = (X - mean) * layer.params.numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4)
    first, second = (np.asarray(layer(X, training=True)) for _ in range(2))
    dropped = np.equal(first, 0)
    assert 0.2 < dropped.mean() < 0.8 and (dropped != np.equal(second, 0)).any()


def test_it_is_built_by_its_first_function_and_goes_through_files(tmp_path):
    keras.set_random_seed(0)
    layer = layers.JaxLayer(dense, start, name="j")
    model = keras.Sequential([keras.Input((None, 4)), layer])
    assert model.output_shape == (None, None, 1) and len(layer.trainable_weights) == 2
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    x = X[None]
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
    other = layers.JaxLayer(dense, start)
    other.build((None, 4))
    assert (other.params["w"].numpy() != layer.params["w"].numpy()).any()


def test_under_a_policy_parameters_are_read_in_its_dtype():
    layer = layers.JaxLayer(dense, params=fixed(), dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(X).dtype) == "bfloat16"
    assert layer.params["w"].dtype == "float32"


def test_what_cannot_be_is_told():
    with pytest.raises(ArgumentError, match="`call_fn`: `inputs`"):
        layers.JaxLayer(lambda params: 1, params=1.0)
    with pytest.raises(ArgumentError, match="Unsupported argument in `init_fn`: `x`"):
        layers.JaxLayer(dense, lambda x, inputs: 1)
    with pytest.raises(ArgumentError, match="cannot all be None"):
        layers.JaxLayer(dense)
    layer = layers.JaxLayer(lambda state, inputs: (inputs, [1.0, 2.0]), state=[1.0])
    with pytest.raises(ShapeError, match="state of the structure"):
        layer(X)
    with keras.use_backend("numpy"):
        with pytest.raises(BackendError, match="backends jax and tensorflow"):
            layers.JaxLayer(dense, params=fixed())


def test_many_unknown_sizes_are_sizes_of_the_result():
    layer = layers.JaxLayer(lambda inputs: jnp.concatenate(inputs, axis=1))
    inputs = [keras.Input((None, 3)) for _ in range(60)]
    output = layer(inputs)
    assert output.shape == (None, None, 3)
    model = keras.Model(inputs, output)
    assert model([np.ones((2, 1, 3), "float32")] * 60).shape == (2, 60, 3)


def test_leaves_that_are_no_numbers_come_to_the_function():
    def named(params, state, inputs):
        assert params["kind"] == "line" and state["none"] is None
        return inputs * params["scale"], {**state, "count": state["count"] + 1}

    state = {"count": 0, "none": None, "name": "s"}
    layer = layers.JaxLayer(named, params={"kind": "line", "scale": 2.0}, state=state)
    np.testing.assert_allclose(layer(X), 2 * X, rtol=1e-6)
    np.testing.assert_allclose(layer(X), 2 * X, rtol=1e-6)
    assert layer.state["count"].numpy() == 2 and layer.state["name"] == "s"


def test_a_model_moves_between_jax_and_tensorflow(used):
    layer = layers.JaxLayer(dense, params=fixed())
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    expected = model.predict(X, verbose=0)
    other = "jax" if used.name == "tensorflow" else "tensorflow"
    model.to_backend(other)
    with keras.use_backend(other):
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-6)
        model.fit(X, Y, verbose=0)
        pickled = pickle.loads(pickle.dumps(layers.JaxLayer(dense, params=fixed())))
        np.testing.assert_allclose(pickled(X), dense(fixed(), X), rtol=1e-5)


def test_in_a_graph_of_tensorflow_the_number_of_samples_may_be_unknown():
    with keras.use_backend("tensorflow"):
        state = {"mean": np.zeros(4, "float32"), "count": 0}
        layer = layers.JaxLayer(averaging, params=np.ones(4, "float32"), state=state)
        specs = [tf.TensorSpec((None, 4), "float32")]

        @tf.function(input_signature=specs)
        def slope(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(layer(x) ** 2)
            return y, tape.gradient(y, x)

        for rows in (X, X[:5]):
            total, gradient = slope(tf.constant(rows))
            np.testing.assert_allclose(total, np.sum(rows**2), rtol=1e-5)
            np.testing.assert_allclose(gradient, 2 * rows, rtol=1e-5)
        assert len(layer._conversion._programs) == 1


# -- Flax ------------------------------------------------------------------------------


class Net(linen.Module):
    rate: float = 0.5

    @linen.compact
    def __call__(self, inputs, training):
        x = linen.Dense(6)(inputs)
        x = linen.BatchNorm(use_running_average=not training, momentum=0.9)(x)
        x = linen.Dropout(self.rate, deterministic=not training)(linen.tanh(x))
        return linen.Dense(1)(x)


def begun(rate):
    return Net(rate).init(jax.random.PRNGKey(0), X, training=False)


def test_a_module_of_flax_trains_as_in_keras():
    found = []
    for library in (keras, reference):
        layer = library.layers.FlaxLayer(Net(0.0), variables=begun(0.0))
        assert len(layer.trainable_weights) == 6 and len(layer.weights) == 8
        model = library.Sequential([library.Input((4,)), layer])
        model.compile(library.optimizers.SGD(0.05), "mse")
        options = {"batch_size": 4, "shuffle": False, "verbose": 0}
        loss = model.fit(X, Y, epochs=3, **options).history["loss"]
        found.append([*loss, *model.predict(X, verbose=0)[:, 0]])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_flax_gets_keys_for_dropout_and_its_statistics_move():
    layer = layers.FlaxLayer(Net(), variables=begun(0.5), seed=1)
    expected = Net().apply(begun(0.5), X, training=False)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)
    first, second = layer(X, training=True), layer(X, training=True)
    assert (np.asarray(first) != np.asarray(second)).any()
    (mean,) = [v for v in layer.non_trainable_weights if not np.allclose(v, 1.0)][:1]
    assert np.abs(mean.numpy()).max() > 0


@pytest.mark.parametrize("how", ["file", "clone"])
def test_a_module_of_flax_is_code_and_comes_from_the_program(how, tmp_path):
    layer = layers.FlaxLayer(Net(), name="net")
    model = keras.Sequential([keras.Input((4,)), layer])
    if how == "clone":
        other = keras.models.clone_model(model)
        other.set_weights(model.get_weights())
    else:
        model.save(tmp_path / "m.keras")
        with pytest.raises(ArgumentError, match="is code: it is neither written"):
            saving.load_model(tmp_path / "m.keras")
        given = {"net": Net()}
        other = saving.load_model(tmp_path / "m.keras", custom_objects=given)
    np.testing.assert_allclose(other.predict(X), model.predict(X), rtol=1e-6)


class Two(linen.Module):
    def setup(self):
        self.inner = linen.Dense(2)

    def twice(self, inputs):
        return 2 * self.inner(inputs)


def test_a_method_of_flax_may_be_named():
    layer = layers.FlaxLayer(Two(), method="twice")
    kernel = np.asarray(layer(X)).shape, [v.shape for v in layer.trainable_weights]
    assert kernel == ((12, 2), [(2,), (4, 2)])
    again = layers.FlaxLayer.from_config(layer.get_config())
    assert again.method == "twice" and again(X).shape == (12, 2)
