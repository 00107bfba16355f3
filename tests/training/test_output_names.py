"""What the logs call the losses and metrics of several outputs, as in Keras."""

import keras as peer
import numpy as np
import pytest

import multinet

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 1)).astype("float32")


def distance(y_true, y_pred):
    """A loss of the program, by operators alone."""
    return (y_true - y_pred) ** 2


def subclassed(keras, form):
    """Return a model whose `call` gives three outputs in a form."""

    class Three(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = [keras.layers.Dense(1, use_bias=False) for _ in range(3)]

        def call(self, inputs):
            return form(part(inputs) for part in self.parts)

    return Three()


def functional(keras, form):
    """Return the same as a graph, with named layers."""
    x = keras.Input((3,))
    parts = [keras.layers.Dense(1, name=n, use_bias=False) for n in ("p", "q", "r")]
    return keras.Model(x, form(part(x) for part in parts))


def named(outputs):
    return dict(zip(("zed", "mid", "alpha"), outputs))


def m(keras):
    return keras.metrics.MeanAbsoluteError(name="m")


CASES = {
    "one loss": lambda k: {"loss": "mse"},
    "losses": lambda k: {"loss": ["mse", "mae", "MeanSquaredError"]},
    "twice": lambda k: {"loss": ["mse", "mae", "mse"]},
    "objects": lambda k: {
        "loss": [distance, k.losses.MeanAbsoluteError(name="own"), lambda y, p: y - p]
    },
    "one of three": lambda k: {"loss": [None, "mse", None]},
    "two of three": lambda k: {"loss": ["mse", None, "mae"]},
    "metrics": lambda k: {
        "loss": "mse",
        "metrics": [["mae", "mse"], [m(k)], ["mae", m(k), distance]],
    },
    "weighted": lambda k: {
        "loss": "mse",
        "metrics": [["mae"], [], ["mae"]],
        "weighted_metrics": [["mae"], ["mse"], []],
    },
}


def logs(keras, make, form, case):
    """Return what `evaluate` gives, from equal weights."""
    model = make(keras, form)
    model(X)
    shapes = [w.shape for w in model.weights]
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(size=shape).astype("float32") for shape in shapes])
    model.compile("sgd", run_eagerly=True, **CASES[case](keras))
    targets = [Y, Y + 1, Y + 2]
    found = model.evaluate(X, form(targets), verbose=0, return_dict=True)
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("make", [subclassed, functional])
def test_outputs_in_a_list_are_named_as_in_keras(make, case):
    mine, theirs = (logs(keras, make, list, case) for keras in (multinet, peer))
    assert sorted(mine) == sorted(theirs)
    for name, wanted in theirs.items():
        np.testing.assert_allclose(mine[name], wanted, rtol=1e-4)


@pytest.mark.parametrize("case", ["one loss"])
def test_outputs_in_a_dict_have_their_keys(case):
    mine, theirs = (logs(k, subclassed, named, case) for k in (multinet, peer))
    assert (
        sorted(mine) == sorted(theirs) == ["alpha_loss", "loss", "mid_loss", "zed_loss"]
    )
    for name, wanted in theirs.items():
        np.testing.assert_allclose(mine[name], wanted, rtol=1e-4)


def test_metrics_of_one_output_with_and_without_weights_are_told_apart():
    weights = np.arange(8, dtype="float32")
    found = []
    for keras in (multinet, peer):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.set_weights([np.ones((3, 1), "float32"), np.zeros(1, "float32")])
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
        logs = model.evaluate(X, Y, sample_weight=weights, verbose=0, return_dict=True)
        found.append(logs)
    assert sorted(found[0]) == sorted(found[1]) == ["loss", "mae", "weighted_mae"]
    for name, wanted in found[1].items():
        np.testing.assert_allclose(found[0][name], wanted, rtol=1e-4)


@pytest.mark.parametrize("form", ["alone", "list"])
@pytest.mark.parametrize("loss", ["mse", ["mse"], {"own": "mse"}, {"own": ["mse"]}])
def test_the_only_output_of_a_graph_has_the_name_of_its_layer(form, loss):
    found = []
    for keras in (multinet, peer):
        x = keras.Input((3,))
        y = keras.layers.Dense(1, name="own", kernel_initializer="ones")(x)
        model = keras.Model(x, [y] if form == "list" else y)
        options = {
            "metrics": {"own": ["mse", "mae"]},
            "weighted_metrics": {"own": "mse"},
        }
        model.compile("sgd", loss, **options)
        found.append(model.evaluate(X, Y, verbose=0, return_dict=True))
    assert sorted(found[0]) == sorted(found[1])
    for name, wanted in found[1].items():
        np.testing.assert_allclose(found[0][name], wanted, rtol=1e-5)


def test_losses_of_several_outputs_in_lists_of_one():
    found = []
    for keras in (multinet, peer):
        x = keras.Input((3,))
        parts = [
            keras.layers.Dense(1, name=name, kernel_initializer="ones")(x)
            for name in ("p", "q")
        ]
        model = keras.Model(x, parts)
        model.compile("sgd", ["mse", ["mae"]], metrics=["mse", ["mse", "mae"]])
        found.append(model.evaluate(X, [Y, Y + 1], verbose=0, return_dict=True))
    assert sorted(found[0]) == sorted(found[1])
    for name, wanted in found[1].items():
        np.testing.assert_allclose(found[0][name], wanted, rtol=1e-5)
