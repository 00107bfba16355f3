"""normalize, to_categorical, Config, get_source_inputs and legacy data."""

import copy
import pickle

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, ops, utils
from multinet.errors import ArgumentError


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_arrays_are_normalized_as_keras_does(order, axis):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    x[1] = 0
    ours = utils.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    np.testing.assert_allclose(ours, x / np.where(norm == 0, 1, norm), rtol=1e-6)
    if axis != 0:  # which Keras takes for -1
        np.testing.assert_allclose(ours, keras.utils.normalize(x, axis, order))


def test_tensors_are_normalized_to_tensors(backend):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    ours = utils.normalize(ops.convert_to_tensor(x), order=2)
    assert ops.is_tensor(ours)
    expected = x / np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(ops.convert_to_numpy(ours), expected, rtol=1e-5)


def test_tensors_of_labels_give_tensors(backend):
    rows = utils.to_categorical(ops.convert_to_tensor([0, 2, 1]), 3)
    assert ops.is_tensor(rows)
    np.testing.assert_array_equal(ops.convert_to_numpy(rows), np.eye(3)[[0, 2, 1]])
    assert isinstance(utils.to_categorical([0, 2]), np.ndarray)


def test_a_config_is_attributes_items_and_json():
    config = utils.Config(b=1, a="x")
    config.c = [1.5]
    config["d"] = None
    assert (config.b, config["a"], config.get("none", 3)) == (1, "x", 3)
    assert list(config) == ["a", "b", "c", "d"] and len(config) == 4 and "c" in config
    assert config.to_json() == keras.utils.Config(b=1, a="x", c=[1.5], d=None).to_json()
    config.update({"a": 2})
    assert config.pop("b") == 1 and config.pop("b", 0) == 0
    del config["c"]
    assert config.as_dict() == {"a": 2, "d": None}


def test_a_frozen_config_refuses_every_change():
    config = utils.Config(a=1)
    config.freeze()
    assert config.frozen
    changes = [
        lambda: setattr(config, "a", 2),
        lambda: config.__setitem__("a", 2),
        lambda: config.__delitem__("a"),
        lambda: config.pop("a"),
        lambda: config.update(a=2),
    ]
    for change in changes:
        with pytest.raises(ArgumentError, match="frozen"):
            change()
    config.unfreeze()
    config.a = 2
    assert config.a == 2


def test_a_config_is_copied_and_names_what_is_near():
    config = utils.Config(learning_rate=1)
    for copied in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        copied.learning_rate = 2
        assert (config.learning_rate, copied.learning_rate) == (1, 2)
    with pytest.raises(AttributeError, match="learning_rate"):
        config.learning_rat  # noqa: B018
    with pytest.raises(ArgumentError, match=r"config\['keys'\]"):
        config.keys = 1


def test_the_inputs_of_a_tensor_are_found_once_and_in_order():
    a, b, c = (multinet.Input((3,), name=name) for name in "abc")
    shared = layers.Dense(3)(a)
    x = layers.Add()([shared, layers.Concatenate()([b, shared])[:, :3]])
    x = layers.Add()([x, layers.Dense(3)(a), c])
    assert [t.name for t in utils.get_source_inputs(x)] == ["a", "b", "c"]
    assert utils.get_source_inputs(a) == [a]
    assert utils.get_source_inputs(3) == 3


def test_a_deep_graph_has_its_inputs():
    start = x = multinet.Input((2,))
    for _ in range(3000):
        x = -x
    assert utils.get_source_inputs(x)[0] is start


def test_legacy_data_name_a_class_and_its_config():
    data = utils.legacy.serialize_keras_object(layers.Dense(3, name="d"))
    assert data["class_name"] == "Dense" and data["config"]["units"] == 3
    made = utils.legacy.deserialize_keras_object(data, vars(layers))
    assert isinstance(made, layers.Dense) and made.name == "d"
    assert utils.legacy.serialize_keras_object(None) is None
    named = utils.legacy.deserialize_keras_object("f", custom_objects={"f": max})
    assert named is max


@pytest.mark.parametrize(
    "data", ["os.system", {"class_name": "os.system", "config": {}}]
)
def test_legacy_data_name_nothing_but_what_is_known(data):
    with pytest.raises(ArgumentError, match="custom_objects"):
        utils.legacy.deserialize_keras_object(data)
