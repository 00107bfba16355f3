"""What the program makes known: registered classes and functions, scopes."""

import threading

import keras
import pytest

import multinet
from multinet import layers, losses, saving, utils
from multinet.errors import ArgumentError


class Scale(layers.Layer):
    """A layer that nothing has registered."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return multinet.ops.multiply(inputs, self.factor)


def squash(x):
    return multinet.ops.tanh(x)


def test_names_are_those_of_keras(registry):
    mine = saving.register_keras_serializable("mine")(Scale)
    assert mine is Scale
    assert saving.get_registered_name(Scale) == "mine>Scale"
    assert saving.get_registered_object("mine>Scale") is Scale
    assert registry["mine>Scale"] is Scale
    saving.register_keras_serializable("mine", "other")(squash)
    assert saving.get_registered_name(squash) == "mine>other"
    saving.register_keras_serializable()(squash)
    assert saving.get_registered_object("Custom>squash") is squash
    assert saving.get_registered_name(len) == "len"
    assert saving.get_registered_object("nothing") is None


def test_the_functions_are_in_utils_and_saving_as_in_keras():
    for name in saving.__all__:
        assert hasattr(keras.saving, name) or name == "load_torch_state_dict"
        if hasattr(keras.utils, name):
            assert getattr(utils, name) is getattr(saving, name)


def test_a_registered_layer_is_written_by_its_name_and_found(registry):
    saving.register_keras_serializable("mine")(Scale)
    config = saving.serialize_keras_object(Scale(3.0, name="scale"))
    assert config["registered_name"] == "mine>Scale"
    assert config["class_name"] == "Scale"
    again = layers.deserialize({**config, "module": "gone.with.the.wind"})
    assert type(again) is Scale and again.factor == 3.0 and again.name == "scale"


def test_registered_functions_are_found_by_every_table(registry):
    saving.register_keras_serializable("mine")(squash)
    dense = layers.Dense(2, activation=squash)
    config = dense.get_config()
    assert config["activation"]["config"] == "mine>squash"
    assert layers.Dense.from_config(config).activation is squash
    assert multinet.activations.get("mine>squash") is squash
    assert losses.get("squash") is squash


def test_what_is_not_registered_is_explained():
    config = saving.serialize_keras_object(Scale())
    with pytest.raises(ArgumentError, match=r"'Scale'.*register_keras_serializable"):
        saving.deserialize_keras_object(config)
    with pytest.raises(ArgumentError, match="custom_objects"):
        saving.deserialize_keras_object({**config, "registered_name": "my>Dense"})


def test_near_names_are_given(registry):
    saving.register_keras_serializable("mine")(Scale)
    config = {"module": None, "class_name": "Scal", "config": {}}
    with pytest.raises(ArgumentError, match="mine>Scale"):
        saving.deserialize_keras_object({**config, "registered_name": "mine>Scal"})
    config = {"module": "keras.layers", "class_name": "Dens", "config": {"units": 1}}
    with pytest.raises(ArgumentError, match="'Dense'"):
        saving.deserialize_keras_object(config)


@pytest.mark.parametrize("where", ["argument", "scope", "outer scope"])
def test_custom_objects_are_found(where):
    dense = layers.TimeDistributed(Scale(4.0))
    config = saving.serialize_keras_object(dense)
    known = {"Scale": Scale}
    if where == "argument":
        again = saving.deserialize_keras_object(config, known)
    elif where == "scope":
        with saving.custom_object_scope(known):
            again = layers.deserialize(config)
    else:
        with saving.custom_object_scope(known), saving.CustomObjectScope({"a": squash}):
            again = layers.deserialize(config)
    assert type(again.layer) is Scale and again.layer.factor == 4.0


def test_a_scope_ends_and_is_not_seen_by_other_threads():
    seen = []
    with saving.custom_object_scope({"Scale": Scale}):
        look = saving.get_registered_object
        thread = threading.Thread(target=lambda: seen.append(look("Scale")))
        thread.start()
        thread.join()
        assert look("Scale") is Scale
    assert seen == [None] and saving.get_registered_object("Scale") is None


def test_a_custom_class_may_take_the_place_of_ours():
    class Dense(layers.Dense):
        pass

    config = saving.serialize_keras_object(layers.Dense(2))
    again = saving.deserialize_keras_object(config, {"Dense": Dense})
    assert type(again) is Dense


@pytest.mark.parametrize("thing", [3, "name", object()])
def test_only_classes_and_functions_are_registered(thing, registry):
    with pytest.raises(ArgumentError, match="class or a function"):
        saving.register_keras_serializable()(thing)


def test_a_class_without_get_config_is_not_registered(registry):
    with pytest.raises(ArgumentError, match="get_config"):
        saving.register_keras_serializable()(type("Plain", (), {}))


def test_functions_in_losses_and_metrics(registry):
    @saving.register_keras_serializable("mine")
    def apart(y_true, y_pred, by=1.0):
        return multinet.ops.multiply(multinet.ops.subtract(y_true, y_pred), by)

    loss = losses.LossFunctionWrapper(apart, name="apart", by=2.0)
    again = losses.deserialize(losses.serialize(loss))
    assert again.fn is apart and again.kwargs == {"by": 2.0}
    metric = multinet.metrics.MeanMetricWrapper(apart, by=3.0)
    again = multinet.metrics.deserialize(multinet.metrics.serialize(metric))
    assert again.fn is apart and again.kwargs == {"by": 3.0}


def test_data_of_the_wrong_type_are_refused_as_such():
    for config in (
        {"class_name": "Dense", "config": [1, 2]},
        {"class_name": "function", "config": ["relu"]},
        {"class_name": "__typespec__", "config": "float32"},
    ):
        for library in (multinet, keras):
            with pytest.raises(TypeError):
                library.saving.deserialize_keras_object(dict(config))


def test_a_function_of_ours_is_none_that_is_said_to_be_registered():
    config = {"class_name": "function", "module": "builtins", "config": "relu"}
    read = saving.deserialize_keras_object
    assert read({**config, "registered_name": "relu"}) is multinet.activations.relu
    for library in (multinet, keras):
        with pytest.raises(ValueError):
            library.saving.deserialize_keras_object(
                {**config, "registered_name": "mine>relu"}
            )


def test_a_module_may_be_named_as_one_of_this_package():
    config = {"module": "multinet.layers", "class_name": "Dense"}
    made = saving.deserialize_keras_object({**config, "config": {"units": 2}})
    assert type(made) is layers.Dense
    with pytest.raises(ArgumentError, match="Unknown class 'Dense'"):
        saving.deserialize_keras_object(
            {**config, "module": "multinets.layers", "config": {"units": 2}}
        )
