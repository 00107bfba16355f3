"""Two addresses of a weight: Keras's path, and the place in the model."""

import warnings

import numpy as np
import pytest

import multinet
from multinet import grad, layers, ops, optimizers
from multinet.functional import functional_call

X = np.ones((4, 3), "float32")
Y = np.zeros((4, 3), "float32")


class Block(layers.Layer):
    """A layer with a layer whose name is always the same."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(3, name="inner")
        self.norm = layers.BatchNormalization(name="norm")

    def call(self, x, training=None):
        return self.norm(self.inner(x), training=training)


class Tower(multinet.Model):
    """A model with equal names inside, a dict and a shared layer."""

    def __init__(self):
        super().__init__(name="tower")
        self.blocks = [Block(name="block"), Block(name="block")]
        self.table = {"in": layers.Dense(3, name="inner")}
        self.alias = self.blocks[1]

    def call(self, x, training=None):
        x = self.table["in"](x)
        for block in self.blocks:
            x = block(x, training=training)
        return x


WEIGHTS = ("kernel", "bias")
STATISTICS = ("gamma", "beta", "moving_mean", "moving_variance")


def tower():
    model = Tower()
    model(X)
    return model


def test_every_weight_has_one_address(backend):
    model = tower()
    wanted = [
        f"blocks/{i}/{part}/{weight}"
        for i in range(2)
        for part, names in (("inner", WEIGHTS), ("norm", STATISTICS))
        for weight in names
    ]
    wanted += [f"table/in/{weight}" for weight in WEIGHTS]
    assert list(model.paths()) == wanted
    assert list(map(id, model.paths().values())) == list(map(id, model.weights))
    assert list(model.blocks[0].paths()) == [
        path.removeprefix("blocks/0/") for path in wanted[:6]
    ]


def test_layers_of_a_graph_are_addressed_by_their_names(backend):
    x = multinet.Input((3,))
    inner = multinet.Sequential([layers.Dense(3, name="a"), layers.Dense(3, name="b")])
    model = multinet.Model(x, layers.Dense(1, name="head")(inner(x)))
    assert list(model.paths()) == [
        *(f"{inner.name}/{n}/{w}" for n in "ab" for w in WEIGHTS),
        *(f"head/{w}" for w in WEIGHTS),
    ]


def frozen(model):
    trained = set(map(id, model.trainable_weights))
    return sorted(p for p, v in model.paths().items() if id(v) not in trained)


FIXED = [f"blocks/{i}/norm/{n}" for i in range(2) for n in STATISTICS[2:]]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("blocks/0/*", [p for n in WEIGHTS for p in [f"blocks/0/inner/{n}"]]),
        (
            "blocks/*/inner",
            [f"blocks/{i}/inner/{n}" for i in range(2) for n in WEIGHTS],
        ),
        ("*/bias", [*(f"blocks/{i}/inner/bias" for i in range(2)), "table/in/bias"]),
        ("alias/inner/kernel", ["blocks/1/inner/kernel"]),
        ("tower/inner/kernel", ["table/in/kernel"]),
        ("table/in", ["table/in/kernel", "table/in/bias"]),
    ],
)
def test_freeze_takes_patterns_of_both_addresses(pattern, wanted, backend):
    model = tower()
    model.freeze(pattern)
    if pattern == "blocks/0/*":
        wanted = [*wanted, "blocks/0/norm/gamma", "blocks/0/norm/beta"]
    assert frozen(model) == sorted([*wanted, *FIXED])
    model.unfreeze(pattern)
    assert frozen(model) == sorted(FIXED)


def test_a_frozen_part_stays_while_the_rest_trains(backend):
    model = tower()
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(X, Y + 1, verbose=0)
    model.freeze("blocks/0")
    before = {path: v.numpy() for path, v in model.paths().items()}
    model.fit(X, Y + 2, verbose=0)
    for path, v in model.paths().items():
        if path.startswith("blocks/0/"):  # with the statistics of its norm
            np.testing.assert_array_equal(v.numpy(), before[path])
    assert not np.array_equal(
        model.paths()["blocks/1/norm/beta"].numpy(), before["blocks/1/norm/beta"]
    )


def test_a_pattern_that_matches_nothing_names_what_is_near():
    model = tower()
    with pytest.warns(UserWarning, match=r"'blocks/0/iner'.*blocks/0/inner"):
        model.freeze("blocks/0/iner")


def decay_of(names, *, lists=()):
    """Return which weights one step of decay alone leaves as they are."""
    model = tower()
    optimizer = optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=lists, var_names=names)
    model.compile(optimizer, lambda y, p: ops.multiply(ops.mean(p, -1), 0.0))
    for v in model.weights:
        v.assign(np.ones(v.shape))
    model.fit(X, Y, verbose=0)
    trained = set(map(id, model.trainable_weights))
    return [
        path
        for path, v in model.paths().items()
        if id(v) in trained and np.all(v.numpy() == 1)
    ]


BIASES = ["blocks/0/inner/bias", "blocks/1/inner/bias", "table/in/bias"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["bias"], BIASES),
        (["^b"], [*BIASES, "blocks/0/norm/beta", "blocks/1/norm/beta"]),
        (["blocks/1/inner/*"], ["blocks/1/inner/kernel", "blocks/1/inner/bias"]),
        (["tower/block/inner/bias"], BIASES[:2]),
        (["alias/*/gamma", "gam*"], ["blocks/1/norm/gamma"]),
    ],
)
def test_weight_decay_spares_names_as_keras_and_patterns_of_addresses(
    names, wanted, backend
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert sorted(decay_of(names)) == sorted(wanted)


def test_a_name_of_a_layer_is_no_name_of_a_weight_as_in_keras():
    with pytest.warns(UserWarning, match="'norm' matches nothing"):
        assert decay_of(["norm"]) == []


def test_values_by_path_for_equal_inner_names(backend):
    model = tower()
    paths = model.paths()
    given = {path: np.zeros(v.shape, "float32") for path, v in paths.items()}
    given["blocks/1/norm/beta"] = np.array([1.0, 2.0, 3.0], "float32")
    outputs, state = functional_call(model, given, X)
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs), np.tile([1.0, 2.0, 3.0], (4, 1))
    )
    _, state = functional_call(model, given, X, training=True)
    assert sorted(state) == sorted(FIXED)

    def loss(parameters):
        return ops.sum(functional_call(model, parameters, X)[0])

    grads = grad(loss)({"blocks/1/norm/beta": paths["blocks/1/norm/beta"].value})
    np.testing.assert_allclose(
        ops.convert_to_numpy(grads["blocks/1/norm/beta"]), [4.0, 4.0, 4.0]
    )


def test_a_path_of_keras_that_two_weights_share_is_refused():
    model = tower()
    with pytest.raises(multinet.errors.ArgumentError, match=r"layer.paths\(\)"):
        functional_call(model, {"tower/block/inner/kernel": np.zeros((3, 3))}, X)
