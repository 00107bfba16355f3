"""Policies by themselves: names, configurations, maps, and what takes them."""

import json

import keras
import numpy as np
import pytest

import multinet
from multinet import config, dtype_policies, layers, losses, metrics, mixed_precision
from multinet.dtype_policies import DTypePolicy, DTypePolicyMap, FloatDTypePolicy
from multinet.errors import ArgumentError
from multinet.holders import inventory

NAMES = ("float32", "float64", "bfloat16", "int32", "mixed_float16", "mixed_bfloat16")


@pytest.fixture(autouse=True)
def plain():
    """Leave the process without a policy of its own."""
    yield
    dtype_policies._global = None


@pytest.mark.parametrize("name", NAMES)
def test_the_dtypes_and_the_configuration_are_those_of_keras(name):
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert repr(ours) == repr(theirs)
    assert ours.get_config() == theirs.get_config()
    written = dtype_policies.serialize(ours)
    assert written == keras.dtype_policies.serialize(theirs)
    assert dtype_policies.deserialize(json.loads(json.dumps(written))) == ours
    assert keras.dtype_policies.deserialize(written) == theirs


def test_what_names_a_policy():
    policy = DTypePolicy("mixed_float16")
    assert dtype_policies.get(policy) is policy
    assert dtype_policies.get(np.float64) == DTypePolicy("float64")
    assert dtype_policies.get(dtype_policies.serialize(policy)) == policy
    assert dtype_policies.get(None) == DTypePolicy("float32") == DTypePolicy()


def test_equality_is_that_of_keras():
    class Own(DTypePolicy):
        pass

    assert DTypePolicy("float32") == FloatDTypePolicy("float32")
    assert hash(DTypePolicy("float32")) == hash(FloatDTypePolicy("float32"))
    assert DTypePolicy("float32") != DTypePolicy("float64")
    assert Own("float32") != DTypePolicy("float32")
    assert DTypePolicy("float32") != "float32"
    assert repr(FloatDTypePolicy("float64")) == '<DTypePolicy "float64">'
    written = dtype_policies.serialize(FloatDTypePolicy("float64"))
    theirs = keras.FloatDTypePolicy("float64")
    assert written == keras.dtype_policies.serialize(theirs)
    assert type(dtype_policies.deserialize(written)) is FloatDTypePolicy


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("mixed_float8", "mixed_float16"),
        ("int8_from_float32", "quantized"),
        (3, "DTypePolicy"),
        ({"class_name": "Policy", "config": {}}, "Unknown dtype policy"),
    ],
)
def test_what_is_no_policy_is_refused(wrong, hint):
    with pytest.raises(ArgumentError, match=hint):
        dtype_policies.get(wrong)
    with pytest.raises(ArgumentError, match=hint):
        layers.Dense(1, dtype=wrong)


def test_a_class_of_the_program_is_found_among_custom_objects():
    class Own(DTypePolicy):
        pass

    written = dtype_policies.serialize(Own("float64"))
    assert type(dtype_policies.deserialize(written, {"Own": Own})) is Own


# -- the policy of the process ---------------------------------------------------------


def test_the_policy_of_the_process_is_that_of_new_layers():
    before = layers.Dense(2)
    config.set_dtype_policy("mixed_bfloat16")
    after = layers.Dense(2)
    assert config.dtype_policy() == after.dtype_policy == DTypePolicy("mixed_bfloat16")
    assert before.dtype_policy == DTypePolicy("float32")
    assert multinet.Input((3,)).dtype == keras.Input((3,)).dtype == "float32"
    config.set_dtype_policy(DTypePolicy("float64"))
    assert layers.Dense(2).dtype == "float64"
    with pytest.raises(ArgumentError, match="DTypePolicy"):
        config.set_dtype_policy(np.float32)


def test_without_a_policy_layers_are_in_floatx():
    multinet.set_floatx("float64")
    try:
        assert layers.Dense(2).dtype == config.dtype_policy().name == "float64"
    finally:
        multinet.set_floatx("float32")


def test_the_old_names_of_keras_are_there():
    public = [name for name in dir(keras.mixed_precision) if name[0] != "_"]
    assert sorted(mixed_precision.__all__) == sorted(public)
    mixed_precision.set_global_policy("mixed_float16")
    assert mixed_precision.global_policy() == mixed_precision.Policy("mixed_float16")
    assert multinet.DTypePolicy is mixed_precision.DTypePolicy


# -- layers, losses, metrics -----------------------------------------------------------


@pytest.mark.parametrize("name", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_a_layer_takes_a_name_a_policy_or_a_configuration(name):
    theirs = keras.layers.Dense(2, dtype=name)
    for given in (name, DTypePolicy(name), dtype_policies.serialize(DTypePolicy(name))):
        ours = layers.Dense(2, dtype=given)
        for attribute in ("dtype", "compute_dtype", "variable_dtype", "input_dtype"):
            assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert ours.get_config()["dtype"] == theirs.get_config()["dtype"]
    again = layers.Dense.from_config(ours.get_config())
    assert again.dtype_policy == ours.dtype_policy
    assert keras.layers.Dense.from_config(theirs.get_config()).dtype == theirs.dtype


def test_the_dtype_of_losses_and_metrics_is_what_a_policy_computes_in():
    for given in ("mixed_float16", DTypePolicy("mixed_float16")):
        theirs = keras.metrics.Mean(dtype="mixed_float16")
        assert metrics.Mean(dtype=given).dtype == theirs.dtype
        theirs = keras.losses.MeanSquaredError(dtype="mixed_float16")
        assert losses.MeanSquaredError(dtype=given).dtype == theirs.dtype


def test_under_a_mixed_policy_losses_and_metrics_stay_in_float32():
    config.set_dtype_policy("mixed_float16")
    half = np.ones((2, 3), "float16")
    loss = losses.MeanSquaredError()(half, half)
    assert multinet.ops.dtype(loss) == metrics.Mean().dtype == "float32"


def test_a_new_policy_is_an_edit_of_the_layer_and_keeps_its_weights():
    layer = layers.Dense(2)
    layer.build((None, 3))
    found = inventory(layer)
    layer.dtype_policy = "mixed_float16"
    assert not found.valid()
    assert [name for _, name in found.edits()] == ["dtype_policy"]
    assert (layer.compute_dtype, layer.kernel.dtype) == ("float16", "float32")


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_predict_follows_a_new_policy(name):
    with multinet.use_backend(name):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
        x = np.ones((4, 3), "float32")
        assert model.predict(x, verbose=0).dtype == "float32"
        model.layers[0].dtype_policy = "mixed_float16"
        assert model.predict(x, verbose=0).dtype == "float16"


# -- maps ------------------------------------------------------------------------------


def both_maps():
    """Return the same map here and in Keras."""
    made = []
    for package in (dtype_policies, keras.dtype_policies):
        policies = package.DTypePolicyMap(default_policy="mixed_float16")
        policies["model/head"] = package.DTypePolicy("float32")
        policies["model/block_.*"] = package.DTypePolicy("bfloat16")
        made.append(policies)
    return made


@pytest.mark.parametrize(
    "path", ["model/head", "model/head/inner", "model/block_1", "model", "block_1"]
)
def test_a_map_finds_by_path_or_pattern_as_in_keras(path):
    ours, theirs = both_maps()
    assert ours[path].name == theirs[path].name


def test_a_map_is_a_mapping_and_a_policy():
    ours, theirs = both_maps()
    assert list(ours) == list(theirs) and len(ours) == len(theirs)
    assert "model/head" in ours and "model" not in ours
    for attribute in ("name", "compute_dtype", "variable_dtype"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    written = dtype_policies.serialize(ours)
    assert written == keras.dtype_policies.serialize(theirs)
    again = dtype_policies.deserialize(json.loads(json.dumps(written)))
    assert again == ours and again is not ours
    del ours["model/head"]
    assert ours["model/head"].name == "mixed_float16" and again != ours


def test_a_map_refuses_what_keras_refuses():
    ours, _ = both_maps()
    with pytest.raises(ArgumentError, match="already"):
        ours["model/head"] = "float64"
    ours["model/.*_1"] = "float64"
    with pytest.raises(ArgumentError, match="narrow a pattern"):
        ours["model/block_1"]
    with pytest.raises(ArgumentError, match="got a map"):
        DTypePolicyMap(ours)
    with pytest.raises(ArgumentError, match="policy_map"):
        DTypePolicyMap(policy_map=[("a", "float32")])


def test_a_map_without_a_default_keeps_its_policies_and_asks_the_process():
    policies = DTypePolicyMap(policy_map={"a": DTypePolicy("float64")})
    written = dtype_policies.serialize(policies)
    config.set_dtype_policy("mixed_bfloat16")
    again = dtype_policies.deserialize(written)
    assert again["a"].name == "float64" and again["b"].name == "mixed_bfloat16"


def test_layers_find_their_policy_in_a_map_by_the_path_they_are_built_in():
    def parts(package, policies):
        model = package.Sequential(
            [
                package.layers.Dense(4, dtype=policies, name="block_1"),
                package.layers.Dense(2, dtype=policies, name="head"),
            ],
            name="model",
        )
        model.build((None, 3))
        return model.layers

    ours, theirs = both_maps()
    pairs = zip(parts(multinet, ours), parts(keras, theirs), strict=True)
    for layer, reference in pairs:
        assert layer.compute_dtype == reference.compute_dtype
        assert layer.kernel.dtype == reference.kernel.dtype


def test_arguments_of_another_type_are_errors_of_types_and_of_values():
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match="name of a policy"):
            DTypePolicy(123)
        with pytest.raises(kind, match="as a dict"):
            DTypePolicyMap("float32", 5)


def test_a_map_shows_its_policies():
    policies = DTypePolicyMap(policy_map={"a": DTypePolicy("float64")})
    assert repr(policies) == (
        "<DTypePolicyMap default_policy='float32', mapping=[('a', 'float64')]>"
    )
