"""Activations, regularizers and constraints have Keras's values."""

import inspect

import numpy as np
import pytest

from multinet import activations, constraints, regularizers
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(4)
X = np.concatenate(
    [RNG.normal(size=30) * 3, [-8.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0, 6.0, 9.0]]
).astype("float32")
X = X.reshape(5, 8)
W = RNG.normal(size=(5, 4)).astype("float32")
W[:, 1] = 0.0

ACTIVATIONS = [
    ("linear", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1, "max_value": 4.0}),
    ("relu", {"negative_slope": 0.1, "max_value": 4.0, "threshold": 1.5}),
    ("leaky_relu", {}),
    ("relu6", {}),
    ("elu", {"alpha": 0.7}),
    ("selu", {}),
    ("celu", {"alpha": 0.7}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("silu", {}),
    ("mish", {}),
    ("glu", {}),
    ("sigmoid", {}),
    ("log_sigmoid", {}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("tanh", {}),
    ("hard_tanh", {}),
    ("tanh_shrink", {}),
    ("hard_shrink", {"threshold": 0.3}),
    ("soft_shrink", {"threshold": 0.3}),
    ("threshold", {"threshold": 0.5, "default_value": 7.0}),
    ("exponential", {}),
    ("softplus", {}),
    ("squareplus", {"b": 2}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("softsign", {}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("log_softmax", {}),
    ("sparsemax", {}),
]


@pytest.mark.parametrize("name,options", ACTIVATIONS)
def test_activation_has_the_value_of_keras(backend, name, options):
    import keras

    found = getattr(activations, name)(backend.from_numpy(X), **options)
    wanted = getattr(keras.activations, name)(keras.ops.array(X), **options)
    np.testing.assert_allclose(
        backend.to_numpy(found), np.asarray(wanted), rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize("name", sorted({name for name, _ in ACTIVATIONS}))
def test_name_and_signature_are_those_of_keras(name):
    import keras

    function = activations.get(name)
    assert activations.serialize(function) == name
    assert activations.deserialize(name) is function
    ours = inspect.signature(function).parameters.values()
    theirs = inspect.signature(getattr(keras.activations, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


def test_names_cover_those_of_keras():
    from keras.src.activations import ALL_OBJECTS_DICT

    for name in ALL_OBJECTS_DICT:
        assert callable(activations.get(name))
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu


def test_own_function_is_kept_and_unknown_name_is_explained():
    assert activations.get(abs) is abs
    with pytest.raises(ArgumentError, match="'softmax'"):
        activations.get("sofmax")
    with pytest.raises(ArgumentError, match="Define it with def"):
        activations.serialize(lambda x: x)


REGULARIZERS = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.2, "l2": 0.1}),
    ("L1L2", {}),
    ("OrthogonalRegularizer", {"factor": 0.5}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 1.5}),
    ("MaxNorm", {"max_value": 1.5, "axis": (0, 1)}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.4, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
]


@pytest.mark.parametrize("name,options", REGULARIZERS)
def test_regularizer_has_the_value_of_keras(backend, name, options):
    import keras

    regularizer = getattr(regularizers, name)(**options)
    found = backend.to_numpy(regularizer(backend.from_numpy(W)))
    wanted = getattr(keras.regularizers, name)(**options)(keras.ops.array(W))
    assert found.shape == () and found.dtype == np.float32
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-5)
    again = regularizers.deserialize(regularizers.serialize(regularizer))
    assert again.get_config() == regularizer.get_config()


@pytest.mark.parametrize("name,options", CONSTRAINTS)
def test_constraint_has_the_value_of_keras(backend, name, options):
    import keras

    constraint = getattr(constraints, name)(**options)
    found = backend.to_numpy(constraint(backend.from_numpy(W)))
    wanted = getattr(keras.constraints, name)(**options)(keras.ops.array(W))
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-5, atol=1e-7)
    again = constraints.deserialize(constraints.serialize(constraint))
    assert again.get_config() == constraint.get_config()


@pytest.mark.parametrize(
    "name", ["l1", "l2", "l1_l2", "L1L2", "orthogonal_regularizer"]
)
def test_regularizers_are_found_by_name(name):
    assert isinstance(regularizers.get(name), regularizers.Regularizer)


def test_wrong_arguments_are_explained(backend):
    with pytest.raises(ArgumentError, match="l2"):
        regularizers.L2(-1.0)
    with pytest.raises(ShapeError, match="matrix"):
        regularizers.OrthogonalRegularizer()(backend.full((2, 2, 2), 1.0, "float32"))
    with pytest.raises(ArgumentError, match="'max_norm'"):
        constraints.get("maxnorm")
