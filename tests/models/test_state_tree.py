"""The values of a model as nested dicts, against its Variables."""

import keras
import numpy as np
import pytest

import multinet
from multinet import Input, Model, Sequential, layers
from multinet.errors import ArgumentError, ShapeError

X, Y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def model():
    x = Input((3,))
    h = layers.BatchNormalization(name="norm")(x)
    made = Model(x, layers.Dense(1, name="out")(h))
    made.compile("adam", "mse")
    return made


class Twice(Model):
    """A model whose layers have one name."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (layers.Dense(3, name="a") for _ in range(2))

    def call(self, inputs):
        return self.two(self.one(inputs))


def test_values_go_from_one_model_to_another(real_backend):
    first, second = model(), model()
    assert first.compiled and not Sequential().compiled
    first.fit(X, Y, epochs=2, verbose=0)
    tree = first.get_state_tree("numpy_array")
    kernel = tree["trainable_variables"]["out"]["kernel"]
    np.testing.assert_array_equal(kernel, first.layers[-1].kernel.numpy())
    assert set(tree["non_trainable_variables"]["norm"]) == {
        *("moving_mean", "moving_variance"),
    }
    steps = [value for value in tree["optimizer_variables"].values()]
    assert int(steps[0]["iteration"]) == 2
    tree = {k: v for k, v in tree.items() if k.endswith("trainable_variables")}
    second.set_state_tree(tree)
    for mine, theirs in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert multinet.ops.is_tensor(
        first.get_state_tree()["trainable_variables"]["out"]["bias"]
    )


def test_slots_are_made_before_they_are_set(backend):
    made = model()
    name = made.optimizer.name
    slot = "out_bias_momentum"
    made.set_state_tree({"optimizer_variables": {name: {slot: [0.5], "iteration": 7}}})
    assert int(made.optimizer.iterations) == 7
    values = made.get_state_tree("numpy_array")["optimizer_variables"][name]
    assert values[slot].tolist() == [0.5]


def test_what_does_not_fit_is_refused(backend):
    made = model()
    with pytest.raises(ArgumentError, match="value_format 'numpy'"):
        made.get_state_tree("numpy")
    with pytest.raises(ArgumentError, match="part of a state tree 'weights'"):
        made.set_state_tree({"weights": {}})
    with pytest.raises(ArgumentError, match="path in trainable_variables 'out/kernl'"):
        made.set_state_tree({"trainable_variables": {"out": {"kernl": 1}}})
    with pytest.raises(ShapeError):
        made.set_state_tree({"trainable_variables": {"out": {"bias": [1, 2]}}})
    twice = Twice()
    twice(X)
    with pytest.raises(ArgumentError, match="Two Variables have the path"):
        twice.get_state_tree()


def test_a_model_without_a_graph_has_no_inputs(backend):
    for name in ("inputs", "outputs", "input_shape", "output_shape"):
        assert not hasattr(Sequential(), name)
        assert hasattr(model(), name)


def test_the_mean_of_the_loss_is_there_once_a_model_is_compiled(real_backend):
    made = model()
    assert made.metrics_names == ["loss"]  # before any data, as in Keras
    tree = made.get_state_tree("numpy_array")["metrics_variables"]
    assert tree == {"loss": {"total": 0.0, "count": 0.0}}
    first = made.metrics[0]
    made.fit(X, Y, verbose=0)
    assert made.metrics == [first]
    np.testing.assert_allclose(float(first.count), 4.0)
    made.compile("sgd")
    assert made.metrics == []


def test_a_model_compiled_on_another_backend_has_metrics_of_its_own():
    made = Sequential([layers.Dense(1)])
    with multinet.use_backend("jax"):
        made.compile("sgd", "mse")
        assert made.metrics_names == ["loss"]
    with multinet.use_backend("numpy"):
        made.fit(X, Y, verbose=0)
        assert made.metrics[0].total.backend == "numpy"


def test_variables_are_without_the_metrics_of_compile(backend):
    for K in (multinet, keras):
        made = K.Sequential([K.Input((3,)), K.layers.Dense(1, name="out")])
        made.compile("sgd", "mse", metrics=["mae"])
        made.fit(X, Y, verbose=0)
        assert [v.name for v in made.variables] == ["kernel", "bias"]
        assert "loss/total" in [v.path for v in made.metrics_variables]
