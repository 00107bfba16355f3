"""Configurations: their grammar, what is refused, sharing, and built layers."""

import copy
import json
import sys

import keras
import numpy as np
import pytest

import multinet
from multinet import initializers, layers, losses, metrics, optimizers, saving
from multinet.errors import ArgumentError
from multinet.objects.serialization import from_data, to_data, to_shared_data
from multinet.objects.sharing import ObjectSharing
from multinet.random import SeedGenerator

VALUES = [
    None,
    True,
    3,
    2.5,
    "same",
    [1, [2, "a"]],
    {"a": 1, "b": {"c": None}},
    slice(1, None, 2),
    Ellipsis,
    b"bytes",
    np.arange(6, dtype="float32").reshape(2, 3),
    np.float32(0.5),
    np.array(3),
]


def through_json(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_written_as_by_keras_and_read_back(value):
    data = saving.serialize_keras_object(value)
    theirs = keras.saving.serialize_keras_object(value)
    if isinstance(value, np.ndarray) and value.ndim:
        theirs["class_name"] = "__numpy__"  # a tensor to Keras on NumPy
    assert through_json(data) == through_json(theirs)
    again = saving.deserialize_keras_object(through_json(data))
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(again, value)
    else:
        assert again == value


def test_tensors_and_variables_are_data(backend):
    tensor = backend.from_numpy(np.array([1.0, 2.0], "float32"))
    for value in (tensor, multinet.Variable(tensor)):
        data = through_json(to_data(value))
        assert data["config"] == {"value": [1.0, 2.0], "dtype": "float32"}
        again = from_data(data)
        np.testing.assert_array_equal(backend.to_numpy(again), [1.0, 2.0])


def test_dtypes_are_their_names():
    assert to_data(np.float16) == to_data(np.dtype("float16")) == "float16"


def test_tuples_stay_tuples_until_json():
    assert to_data((1, (2, 3))) == (1, (2, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.layers.Dense(3, activation="relu", name="d"),
        lambda lib: lib.layers.Conv2D(3, 2, kernel_regularizer="l2", name="c"),
        lambda lib: lib.losses.BinaryCrossentropy(from_logits=True),
        lambda lib: lib.metrics.Precision(0.3, name="p"),
        lambda lib: lib.optimizers.Adam(0.5),
        lambda lib: lib.optimizers.schedules.CosineDecay(0.5, 10),
        lambda lib: lib.initializers.HeNormal(3),
        lambda lib: lib.regularizers.L1L2(0.5, 0.25),
        lambda lib: lib.constraints.MaxNorm(3),
        lambda lib: lib.activations.relu,
        lambda lib: lib.losses.mean_squared_error,
    ],
)
def test_an_object_is_written_as_by_keras(make):
    mine, theirs = (
        through_json(lib.saving.serialize_keras_object(make(lib)))
        for lib in (multinet, keras)
    )
    for part in ("module", "class_name", "registered_name"):
        assert mine[part] == theirs[part]


@pytest.mark.parametrize(
    "module",
    [
        "activations",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "optimizers",
        "optimizers.schedules",
        "regularizers",
    ],
)
def test_each_module_serializes_as_that_of_keras(module):
    ours, theirs = multinet, keras
    for part in module.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    make = {
        "activations": lambda lib: lib.elu,
        "constraints": lambda lib: lib.UnitNorm(1),
        "initializers": lambda lib: lib.RandomUniform(seed=1),
        "layers": lambda lib: lib.Flatten(name="flat"),
        "losses": lambda lib: lib.Hinge(),
        "metrics": lambda lib: lib.MeanSquaredError(),
        "optimizers": lambda lib: lib.SGD(0.5, name="sgd"),
        "optimizers.schedules": lambda lib: lib.ExponentialDecay(0.5, 10, 0.5),
        "regularizers": lambda lib: lib.L2(0.5),
    }[module]
    mine = through_json(ours.serialize(make(ours)))
    wanted = through_json(theirs.serialize(make(theirs)))
    if module == "activations":
        assert mine == wanted == "elu"
        assert ours.deserialize(wanted) is ours.elu
        return
    for part in ("module", "class_name", "registered_name"):
        assert mine[part] == wanted[part]
    read = ours.deserialize(wanted)
    assert (
        read.get_config().items()
        >= {
            k: v for k, v in make(ours).get_config().items() if k in wanted["config"]
        }.items()
    )


def test_inner_modules_of_keras_are_ours_by_class_name():
    config = {"units": 3, "name": "d"}
    where = "keras.src.layers.core.dense"
    data = {"module": where, "class_name": "Dense", "config": config}
    assert type(saving.deserialize_keras_object(data)) is layers.Dense
    where = "keras.src.backend.torch.optimizers.torch_adam"
    data = {"module": where, "class_name": "Adam", "config": {"learning_rate": 0.5}}
    data["registered_name"] = "Adam"
    assert type(optimizers.deserialize(data)) is optimizers.Adam
    assert type(saving.deserialize_keras_object(data)) is optimizers.Adam
    for module, kind in (("metrics.hinge_metrics", metrics), ("losses.losses", losses)):
        data = {"module": f"keras.src.{module}", "class_name": "Hinge", "config": {}}
        assert type(saving.deserialize_keras_object(data)) is kind.Hinge


def test_a_seed_generator_is_written_as_by_keras():
    data = through_json(to_data(initializers.HeNormal(SeedGenerator(4))))
    theirs = keras.initializers.HeNormal(keras.random.SeedGenerator(4))
    wanted = keras.saving.serialize_keras_object(theirs)["config"]["seed"]
    assert {k: data["config"]["seed"][k] for k in ("module", "class_name")} == {
        k: wanted[k] for k in ("module", "class_name")
    }
    again = from_data(data)
    assert isinstance(again.seed, SeedGenerator) and again.seed.seed == 4
    assert initializers.deserialize(data).seed.seed == 4
    assert keras.saving.deserialize_keras_object(data).seed.get_config()["seed"] == 4


# -- refusals --------------------------------------------------------------------------


def test_a_lambda_is_neither_written_nor_read():
    with pytest.raises(ArgumentError, match="def"):
        to_data(lambda x: x)
    data = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
    for safe_mode in (True, False):
        with pytest.raises(ArgumentError, match="lambda.*code"):
            saving.deserialize_keras_object(data, safe_mode=safe_mode)
    with pytest.raises(ArgumentError, match="lambda"):
        layers.Activation.from_config({"activation": data})


ATTACKS = [
    ("os", "system", {}),
    ("keras.utils", "get_file", {}),
    ("keras.src.utils.file_utils", "get_file", {}),
    ("multinet.utils", "to_categorical", {}),
    ("keras.layers", "Input", {}),
    ("keras.models", "load_model", {}),
    ("antigravity", "Dense2", {}),
    ("builtins", "eval", {}),
]


@pytest.mark.parametrize("module,name,config", ATTACKS, ids=lambda x: str(x))
def test_what_is_no_class_of_ours_is_refused(module, name, config):
    before = set(sys.modules)
    data = {"module": module, "class_name": name, "config": config}
    for registered in (None, name):
        with pytest.raises(ArgumentError, match="register_keras_serializable"):
            saving.deserialize_keras_object({**data, "registered_name": registered})
    assert "antigravity" not in set(sys.modules) - before


def test_a_module_of_a_framework_is_not_read_from_data():
    data = {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}
    for registered in (None, "TorchModuleWrapper"):
        with pytest.raises(ArgumentError, match="is code: it is neither written to a"):
            saving.deserialize_keras_object({**data, "registered_name": registered})


@pytest.mark.parametrize("name", ["eval", "get_file", "system", "load"])
def test_what_is_no_function_of_ours_is_refused(name):
    data = {"module": "builtins", "class_name": "function", "config": name}
    with pytest.raises(ArgumentError, match="Unknown function"):
        saving.deserialize_keras_object({**data, "registered_name": "function"})


def test_a_class_of_ours_with_a_name_that_is_not_registered_is_refused():
    data = to_data(layers.Dense(2))
    with pytest.raises(ArgumentError, match="evil>Dense"):
        saving.deserialize_keras_object({**data, "registered_name": "evil>Dense"})
    data = to_data(losses.Hinge())
    with pytest.raises(ArgumentError, match="evil>Hinge"):
        losses.deserialize({**data, "registered_name": "evil>Hinge"})


def test_a_table_reads_its_own_kind_only():
    data = to_data(layers.Dense(2))
    with pytest.raises(ArgumentError, match="loss"):
        losses.deserialize(data)
    with pytest.raises(ArgumentError, match="layer"):
        layers.deserialize(to_data(losses.Hinge()))
    with pytest.raises(ArgumentError, match="Unknown initializer"):
        layers.Dense(2, kernel_initializer={"class_name": "Hinge", "config": {}})


def test_an_unknown_argument_names_the_class():
    data = to_data(layers.Dense(2))
    data["config"]["depth"] = 3
    with pytest.raises(ArgumentError, match="depth") as info:
        saving.deserialize_keras_object(data)
    assert any("Dense" in note for note in info.value.__notes__)


def test_options_of_keras_that_do_something_are_refused():
    data = through_json(to_data(layers.Dense(2)))
    data["config"]["quantization_config"] = None
    assert saving.deserialize_keras_object(data).units == 2
    data["config"]["quantization_config"] = {"mode": "int8"}
    with pytest.raises(ArgumentError, match="quantization_config"):
        saving.deserialize_keras_object(data)


# -- sharing and building --------------------------------------------------------------


def test_a_shared_object_stays_one():
    inner = layers.Dense(2, name="inner")
    pair = [layers.TimeDistributed(inner, name=name) for name in "ab"]
    data = through_json(to_shared_data(pair))
    ids = [entry["config"]["layer"]["shared_object_id"] for entry in data]
    assert ids[0] == ids[1]
    assert "shared_object_id" not in data[0]
    with ObjectSharing():
        first, second = from_data(data)
    assert first.layer is second.layer
    first, second = from_data(data)
    assert first.layer is not second.layer
    assert "shared_object_id" not in str(to_data(pair))


def test_a_built_layer_says_its_shapes_and_is_built_again(backend):
    layer = layers.Dense(3)
    assert layer.get_build_config() is None
    layer(backend.from_numpy(np.ones((2, 4), "float32")))
    data = through_json(to_data(layer))
    assert data["build_config"] == {"input_shape": [2, 4]}
    again = from_data(data)
    assert again.built and again.kernel.shape == (4, 3)


def test_build_configurations_are_those_of_keras():
    x = np.ones((2, 3, 4), "float32")
    for name, given in (
        ("Dense", (3,)),
        ("LSTM", (3,)),
        ("MultiHeadAttention", (2, 3)),
        ("Dropout", (0.5,)),
    ):
        inputs = (x, x) if name == "MultiHeadAttention" else (x,)
        mine, theirs = (getattr(lib.layers, name)(*given) for lib in (multinet, keras))
        mine(*inputs)
        theirs(*inputs)
        built = through_json(mine.get_build_config())
        assert built == through_json(theirs.get_build_config()), name
        again = from_data(through_json(to_data(mine)))
        shapes = [w.shape for w in again.weights]
        assert shapes == [w.shape for w in mine.weights]


def test_a_copy_knows_its_configuration_and_shapes():
    class Wide(layers.Dense):
        def __init__(self, units, scale=2, **kwargs):
            super().__init__(units * scale, **kwargs)

    layer = Wide(3)
    layer.build((None, 4))
    again = copy.deepcopy(layer)
    assert again.get_config() == layer.get_config()
    assert again.get_build_config() == layer.get_build_config()
