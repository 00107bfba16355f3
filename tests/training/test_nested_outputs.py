"""Losses, weights and metrics as trees like the outputs are those of Keras."""

import keras
import numpy as np
import pytest

import multinet
from multinet.errors import ArgumentError

RNG = np.random.default_rng(9)
X = RNG.normal(size=(8, 3)).astype("float32")
YA, YA2 = RNG.normal(size=(2, 8, 2)).astype("float32")
YB, YC = RNG.normal(size=(2, 8, 1)).astype("float32")
KERNELS = [RNG.normal(size=(3, n)).astype("float32") for n in (2, 1, 1)]
WEIGHT = np.linspace(0.1, 1, 8).astype("float32")

IN_DICT = {"p": {"a": YA, "b": YB}, "q": [YC, YA2]}
IN_LISTS = [[YA, YB], YC]
FLAT = [YA, YB]


def apart(y_true, y_pred):
    """Return how far the first columns of two trees' leaves are apart."""
    each = zip(keras.tree.flatten(y_pred), keras.tree.flatten(y_true), strict=True)
    return sum((p[:, 0] - t[:, 0]) ** 2 for p, t in each)


#: The form of the outputs, the targets, and what compile is told.
CASES = {
    "a tree": (
        "dict",
        IN_DICT,
        {"loss": {"p": {"a": "mse", "b": "mae"}, "q": ["mse", "mse"]}},
    ),
    "None for some": (
        "dict",
        IN_DICT,
        {"loss": {"p": {"a": "mse", "b": None}, "q": [None, "mae"]}},
    ),
    "weights": (
        "dict",
        IN_DICT,
        {
            "loss": {"p": {"a": "mse", "b": "mae"}, "q": ["mse", "mae"]},
            "loss_weights": {"p": {"a": 1.0, "b": 2.0}, "q": [0.5, 3.0]},
        },
    ),
    "metrics": (
        "dict",
        IN_DICT,
        {
            "loss": "mse",
            "metrics": {"p": {"a": ["mae"], "b": ["mse"]}, "q": [["mae"], ["mae"]]},
        },
    ),
    "keys left out": ("dict", IN_DICT, {"loss": {"p": {"a": "mse"}}}),
    "targets left out": ("dict", {"p": {"a": YA}}, {"loss": {"p": {"a": "mse"}}}),
    "one for all": ("dict", IN_DICT, {"loss": "mse"}),
    "a flat list": ("dict", IN_DICT, {"loss": ["mse", "mae", "mse", "mae"]}),
    "a list for a dict": ("dict", IN_DICT, {"loss": {"p": ["mse", "mae"]}}),
    "a function of a tree": (
        "dict",
        IN_DICT,
        {"loss": {"p": apart, "q": [apart, None]}},
    ),
    "a function of the whole": (
        "dict",
        IN_DICT,
        {"loss": [apart, {"p": {"b": "mse"}}]},
    ),
    "several in a tree": (
        "dict",
        IN_DICT,
        {
            "loss": {"p": [apart, {"a": "mse"}], "q": (apart, (None, "mae"))},
            "loss_weights": {"p": [2.0, {"a": 0.5}], "q": (3.0, (1.0, 0.25))},
        },
    ),
    "weights in a flat list": (
        "lists",
        IN_LISTS,
        {"loss": [["mse", "mae"], "mse"], "loss_weights": [3.0, 0.5, 2.0]},
    ),
    "several for an output": ("flat", FLAT, {"loss": ["mse", ["mae", "mse"]]}),
    "several for the whole": ("flat", FLAT, {"loss": (apart, ["mse", "mae"])}),
    "lists": ("lists", IN_LISTS, {"loss": [["mse", "mae"], "mse"]}),
    "lists with None": ("lists", IN_LISTS, {"loss": [["mse", None], None]}),
    "metrics in lists": (
        "lists",
        IN_LISTS,
        {"loss": "mse", "metrics": [[["mae"], ["mse"]], ["mae"]]},
    ),
    "fewer targets": ("flat", [YA], {"loss": ["mse", None]}),
    "the only target": ("flat", YA, {"loss": ["mse", None]}),
    "the last target": ("flat", [YB], {"loss": [None, "mse"]}),
    "no target": ("flat", [YA, None], {"loss": ["mse", None]}),
}


def build(lib, form):
    """Return a functional model with outputs in trees."""
    x = lib.Input((3,))
    a, b, c = (
        lib.layers.Dense(w.shape[1], use_bias=False, name=f"dense_{name}")(x)
        for name, w in zip("abc", KERNELS)
    )
    outputs = {
        "dict": {"p": {"a": a, "b": b}, "q": [c, a]},
        "lists": [[a, b], c],
        "flat": [a, b],
    }
    model = lib.Model(x, outputs[form])
    for name, kernel in zip("abc", KERNELS):
        if form != "flat" or name != "c":
            model.get_layer(f"dense_{name}").set_weights([kernel])
    return model


@pytest.mark.parametrize("name", CASES)
def test_trees_mean_what_they_mean_in_keras(name, real_backend):
    form, y, options = CASES[name]
    found = []
    for lib in (multinet, keras):
        model = build(lib, form)
        model.compile(lib.optimizers.SGD(0.1), **options)
        logs = model.fit(X, y, batch_size=4, shuffle=False, verbose=0).history
        found.append((logs, [np.asarray(w) for w in model.weights]))
    (mine, weights), (theirs, wanted) = found
    assert sorted(mine) == sorted(theirs)
    for log in theirs:
        np.testing.assert_allclose(mine[log], theirs[log], rtol=1e-5, err_msg=log)
    for x, want in zip(weights, wanted, strict=True):
        np.testing.assert_allclose(x, want, rtol=1e-5, atol=1e-6)


def test_sample_weights_are_trees_too(real_backend):
    model = build(multinet, "lists")
    model.compile("sgd", "mse", weighted_metrics=[["mae", "mae"], "mae"])
    weights = [[WEIGHT, 2 * WEIGHT], WEIGHT**2]
    found = model.evaluate(
        X, IN_LISTS, 8, sample_weight=weights, verbose=0, return_dict=True
    )
    errors = [X @ k - y for k, y in zip(KERNELS, (YA, YB, YC))]
    for label, error, weight in zip(
        ("0/dense_a", "0/dense_b", "dense_c"), errors, (WEIGHT, 2 * WEIGHT, WEIGHT**2)
    ):
        want = np.mean(weight * np.mean(error**2, -1))
        np.testing.assert_allclose(found[f"{label}_loss"], want, rtol=1e-5)
        want = np.average(np.abs(error).mean(-1), weights=weight)
        name = f"{label.rpartition('/')[2]}_mae"
        np.testing.assert_allclose(found[name], want, rtol=1e-5)


class Subclassed(multinet.Model):
    """Outputs that have no names."""

    def __init__(self):
        super().__init__()
        self.dense = multinet.layers.Dense(2)

    def call(self, x):
        y = self.dense(x)
        return {"p": {"a": y, "b": y}, "q": [y, y]}


def test_outputs_of_a_subclass_are_called_by_their_losses(real_backend):
    model = Subclassed()
    model.compile("sgd", {"p": {"a": "mse", "b": "mae"}, "q": ["mse", "mae"]})
    y = {"p": {"a": YA, "b": YA}, "q": [YA, YA]}
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    # Those of Keras 3.15.1.
    labels = ["p/a", "p/b", "q/mse", "q/mae"]
    assert sorted(found) == sorted(["loss", *(f"{label}_loss" for label in labels)])
    np.testing.assert_allclose(found["p/a_loss"], found["q/mse_loss"], rtol=1e-6)
    total = sum(found[f"{label}_loss"] for label in labels)
    np.testing.assert_allclose(found["loss"], total, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"loss": {"p": {"z": "mse"}}}, "output in loss 'z'"),
        ({"loss": {"q": [["mse"], "mae", "mae"]}}, "a list of 2 where a list of 3"),
        ({"loss": {"q": ["mse"]}}, "a list of 2 where a list of 1 came"),
        ({"loss": {"q": {"a": "mse"}}}, "a list of 2 where a dict of 1 came"),
        ({"loss": {"p": {"a": {"z": "mse"}}}}, "has one output where a dict of 1 came"),
        ({"loss": {"p": {"a": None}}}, "a loss for at least one output"),
    ],
)
def test_trees_of_another_form_are_refused(options, match):
    model = build(multinet, "dict")
    model.compile("sgd", **options)
    with pytest.raises(ArgumentError, match=match):
        model.fit(X, IN_DICT, verbose=0)


def test_one_target_does_not_stand_for_all():
    model = build(multinet, "dict")
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="y must be"):
        model.fit(X, YA, verbose=0)


@pytest.mark.parametrize("given", [multinet.losses.Loss, None])
def test_a_loss_of_the_users_takes_a_tree_and_weights(given, real_backend):
    class Sum(multinet.losses.Loss):
        def call(self, y_true, y_pred):
            each = zip(y_pred, y_true, strict=True)
            return sum(multinet.ops.sum((p - t) ** 2, -1) for p, t in each)

    def function(y_true, y_pred):
        return Sum().call(y_true, y_pred)

    model = build(multinet, "lists")
    model.compile("sgd", [Sum() if given else function, None])
    found = model.evaluate(X, IN_LISTS, 8, sample_weight=WEIGHT, verbose=0)
    each = sum(np.sum((X @ k - y) ** 2, -1) for k, y in zip(KERNELS, (YA, YB)))
    np.testing.assert_allclose(found, np.mean(WEIGHT * each), rtol=1e-5)


def test_a_loss_of_a_tree_takes_one_weight():
    model = build(multinet, "lists")
    model.compile("sgd", [lambda y, p: multinet.ops.mean(p[0]), None])
    with pytest.raises(ArgumentError, match="one sample_weight for all"):
        weights = [[WEIGHT, 2 * WEIGHT], WEIGHT]
        model.evaluate(X, IN_LISTS, 8, sample_weight=weights, verbose=0)


def test_an_unknown_output_is_a_key_error_too():
    model = build(multinet, "flat")
    model.compile("sgd", {"dense_a": "mse", "dense_z": "mse"})
    with pytest.raises(KeyError, match="Unknown output in loss 'dense_z'") as raised:
        model.fit(X, FLAT, verbose=0)
    assert isinstance(raised.value, ArgumentError)
