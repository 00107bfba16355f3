"""Copies and pickles of models: state and all, trained or not."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import multinet
from multinet import layers, losses, metrics, optimizers
from multinet.registry import use_backend

RNG = np.random.default_rng(11)
X = RNG.normal(size=(48, 4)).astype("float32")
Y = RNG.normal(size=(48, 2)).astype("float32")


def pickled(thing):
    """Return what a pickle of a thing gives back."""
    return pickle.loads(pickle.dumps(thing))


COPIES = [copy.deepcopy, pickled]


class Residual(multinet.Model):
    """A subclassed model with lists, a metric and a random layer."""

    def __init__(self, units=5):
        super().__init__()
        self.blocks = [layers.Dense(units, activation="tanh") for _ in range(2)]
        self.drop = layers.Dropout(0.3)
        self.seen = metrics.Mean(name="seen")
        self.head = layers.Dense(2, kernel_regularizer="l2")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        self.seen.update_state(x)
        return self.head(self.drop(x))


def sequential():
    return multinet.Sequential(
        [
            multinet.Input((4,)),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.GaussianNoise(0.1),
            layers.Dense(2),
        ]
    )


def functional():
    x = multinet.Input((4,))
    shared = layers.Dense(4, activation="tanh", name="shared")
    y = layers.Dropout(0.2)(shared(shared(x)) * 0.5 + np.float32(1.5))
    return multinet.Model(x, layers.Dense(2)(y))


def nested():
    inner = multinet.Sequential([layers.Dense(4, activation="relu")], name="inner")
    return multinet.Sequential([inner, layers.Dropout(0.1), layers.Dense(2)])


MODELS = {f.__name__: f for f in (sequential, functional, nested, Residual)}
OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.05, 40)),
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, use_ema=True),
}


def compiled(name, optimizer="adam"):
    multinet.set_random_seed(2)
    model = MODELS[name]()
    model.compile(OPTIMIZERS[optimizer](), losses.Huber(0.7), metrics=["mae"])
    return model


def fit(model, epochs=2):
    """Return the logs of a fit, which shuffles and draws, and the weights after it."""
    logs = model.fit(X, Y, batch_size=16, epochs=epochs, verbose=0).history
    return [v for values in logs.values() for v in values], model.get_weights()


def same(one, other):
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("name", MODELS)
def test_copy_and_original_train_to_the_same_numbers(
    name, copied, epochs, optimizer, backend
):
    model = compiled(name, optimizer)
    if epochs:
        fit(model, epochs)
        model.predict(X, verbose=0)
    other = copied(model)
    before = other.get_weights()
    wanted = fit(model)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # what the original learns is its own
    same(fit(other), wanted)
    assert [v.path for v in other.weights] == [v.path for v in model.weights]
    assert int(other.optimizer.iterations.numpy()) == 3 * (epochs + 2)
    same(fit(copied(other)), fit(other))


def test_nothing_of_a_copy_is_shared(backend):
    model = compiled("Residual")
    fit(model)
    other = copy.deepcopy(model)
    ours, theirs = (
        {id(v) for v in [*m.variables, *m.optimizer.variables]} for m in (model, other)
    )
    assert not ours & theirs
    assert {id(v) for v in other.optimizer.optimized} == {id(v) for v in other.weights}


@pytest.mark.parametrize("copied", COPIES)
def test_a_graph_of_three_hundred_layers_is_copied(copied, backend):
    x = y = multinet.Input((3,))
    for _ in range(150):
        y = y + layers.Dense(3, activation="tanh")(y)
    model = multinet.Model(x, y)
    other = copied(model)
    np.testing.assert_array_equal(
        other.predict(X[:, :3], verbose=0), model.predict(X[:, :3], verbose=0)
    )
    part = multinet.Model(other.inputs, other.layers[40].output)
    assert part.predict(X[:, :3], verbose=0).shape == (48, 3)


def test_a_layer_between_two_models_stays_shared_in_a_copy_of_both(backend):
    layer = layers.Dense(2)
    models = [multinet.Sequential([multinet.Input((4,)), layer]) for _ in range(2)]
    first, second = copy.deepcopy(models)
    assert first.layers[0] is second.layers[0] is not layer


def test_frozen_parts_stay_frozen_in_a_copy(backend):
    model = compiled("sequential")
    model.layers[0].trainable = False
    model.layers[-1].bias.trainable = False
    other = copy.deepcopy(model)
    assert [v.path for v in other.trainable_weights] == [
        v.path for v in model.trainable_weights
    ]
    same(fit(other), fit(model))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32"])
def test_a_variable_is_copied_bit_by_bit(dtype, backend):
    v = multinet.Variable(np.arange(5), dtype=dtype, trainable=False, name="v")
    for copied in COPIES:
        other = copied(v)
        assert other is not v and other.path == "v" and not other.trainable
        assert other.dtype == dtype and other.backend == v.backend
        np.testing.assert_array_equal(other.numpy(), v.numpy())
        other.assign(other + 1)
        np.testing.assert_array_equal(v.numpy(), np.arange(5).astype(v.numpy().dtype))


def test_a_pickle_opens_on_the_backend_it_came_from(tmp_path):
    with use_backend("torch"):
        model = sequential()
        data = pickle.dumps(model)
    with use_backend("numpy"):
        other = pickle.loads(data)
    assert other.backend == "torch"


def test_where_that_backend_is_missing_a_pickle_says_what_to_do(tmp_path):
    (tmp_path / "model.pickle").write_bytes(_from_a_lost_backend())
    program = (
        "import pickle, sys\n"
        "from multinet.errors import BackendError\n"
        "try:\n"
        "    pickle.load(open(sys.argv[1], 'rb'))\n"
        "except BackendError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "model.pickle"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'lost'" in done.stdout and "save it to a file" in done.stdout


def _from_a_lost_backend():
    """Return the pickle of a layer on a backend that another process does not know."""
    from multinet_numpy.backend import NumpyBackend

    from multinet import registry
    from multinet.interface import Plugin

    lost = type("Lost", (NumpyBackend,), {"name": "lost"})
    plugin = Plugin("lost", ("numpy",), "numpy", "pip install lost", lambda: lost)
    registry.register(plugin)
    try:
        with use_backend("lost"):
            layer = layers.Dense(2)
            layer.build((None, 3))
            return pickle.dumps(layer)
    finally:
        registry.unregister("lost")
