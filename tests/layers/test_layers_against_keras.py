"""Every layer against Keras 3: values, gradients, weights, shapes, configurations."""

import json

import keras as peer
import numpy as np
import pytest
from layer_cases import (
    CASES,
    apply,
    build,
    data,
    expected,
    gradients,
    inputs,
    label,
    make,
    ours,
    output_shape,
    random_weights,
)
from recurrent_cases import NESTED
from references import without_draws

import multinet
from multinet import layers, ops
from multinet.layers import around

SPATIAL = ("Conv", "MaxPooling", "AveragePooling", "Global")
SPATIAL += ("UpSampling", "ZeroPadding", "Cropping", "Adaptive")
cases = pytest.mark.parametrize("case", CASES, ids=label)


#: Keys that Keras writes alone: of quantization, and None for no regularizer.
KERAS_WRITES = {"quantization_config", "activity_regularizer"}
#: Arguments that Keras takes, but forgets in a configuration.
KERAS_FORGETS = {
    "activity_regularizer",
    "seed",
    "flash_attention",
    "use_cudnn",
    "implementation",
}


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


@cases
def test_values_and_gradients_are_those_of_keras(backend, case):
    _, inference, training, wanted, moved = expected(case)
    layer, x = ours(case), inputs(case)
    found = numpy(apply(layer, x))
    np.testing.assert_allclose(found, inference, rtol=2e-5, atol=1e-5)
    cotangent = data(inference.shape, 1)
    output, found = gradients(backend, layer, x, cotangent)
    np.testing.assert_allclose(output, training, rtol=2e-5, atol=1e-5)
    for ours_, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours_, theirs, rtol=1e-4, atol=2e-5)
    if moved:
        layer(x, training=True)
        new = [v.numpy() for v in layer.non_trainable_weights][-len(moved) :]
        for ours_, theirs in zip(new, moved, strict=True):
            np.testing.assert_allclose(ours_, theirs, rtol=1e-5, atol=1e-6)


@cases
def test_weights_have_the_names_shapes_and_order_of_keras(case):
    assert [(w.name, w.shape) for w in ours(case).weights] == expected(case)[0]


def unknown(case):
    """Return shapes of a case with more and more unknown sizes."""
    name, arguments, shape = case
    if isinstance(shape, list):
        yield [(None, *part[1:]) for part in shape]
        return
    yield (None, *shape[1:])
    if name.startswith(SPATIAL) and not name.startswith("ConvLSTM"):
        first = arguments.get("data_format") == "channels_first"
        spatial = (None,) * (len(shape) - 2)
        yield (None, shape[1], *spatial) if first else (None, *spatial, shape[-1])


@cases
def test_symbolic_shapes_are_those_of_execution_and_of_keras(case):
    executed = numpy(apply(ours(case), inputs(case))).shape
    assert output_shape(make(layers, case), case[2]) == executed
    for shape in unknown(case):
        symbolic = apply(make(layers, case), symbols(shape))
        assert symbolic.shape == output_shape(make(layers, case), shape)
        assert symbolic.dtype == "float32"
        assert all(n in (None, m) for n, m in zip(symbolic.shape, executed))
        theirs = make(peer.layers, case)
        with without_draws():
            build(theirs, shape)
        wanted = output_shape(theirs, shape)
        if case[0] == "EinsumDense":  # whose None in output_shape stays one in Keras
            wanted = [m if n is None else n for n, m in zip(wanted, symbolic.shape)]
        assert symbolic.shape == tuple(wanted)


def symbols(shape):
    """Return an Input of a shape, or a list of them."""
    if isinstance(shape, list):
        return [symbols(part) for part in shape]
    return multinet.Input(batch_shape=shape)


@cases
def test_one_graph_with_unknown_sizes_runs_on_each_size(case):
    *_, shape = unknown(case)
    x = symbols(shape)
    layer = make(layers, case)
    model = multinet.Model(x, apply(layer, x))
    model.set_weights(random_weights(layer))
    executed = numpy(apply(ours(case), inputs(case)))
    np.testing.assert_array_equal(model.predict(inputs(case), verbose=0), executed)


@cases
def test_a_configuration_survives_json_and_gives_an_equal_layer(case):
    layer = make(layers, case)
    text = json.dumps(layer.get_config())
    again = type(layer).from_config(json.loads(text))
    assert json.dumps(again.get_config()) == text
    build(again, case[2])
    again.set_weights(random_weights(again))
    x = inputs(case)
    executed = numpy(apply(ours(case), x))
    np.testing.assert_array_equal(numpy(apply(again, x)), executed)


@cases
def test_a_configuration_has_the_keys_of_keras_which_can_read_it(case):
    mine = make(layers, case).get_config()
    theirs = getattr(peer.layers, case[0]).from_config(mine).get_config()
    assert set(mine) - set(theirs) <= KERAS_FORGETS
    assert set(theirs) - set(mine) <= KERAS_WRITES


REGULARIZED = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "bias_regularizer": {"class_name": "L1", "config": {"l1": 0.3}},
    "activity_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
}


@pytest.mark.parametrize("name", ["Dense", "Conv2D"])
def test_regularizers_and_constraints_survive_a_configuration(name):
    start = {"Dense": (4,), "Conv2D": (4, 3)}[name]
    layer = getattr(layers, name)(*start, **REGULARIZED)
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    again.build((None, 5, 5, 2))
    assert again.kernel.regularizer.l2 == pytest.approx(0.01)
    assert again.bias.regularizer.l1 == pytest.approx(0.3)
    assert type(again.kernel.constraint).__name__ == "MaxNorm"
    assert type(again.bias.constraint).__name__ == "NonNeg"
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again.bias.numpy(), np.ones(4, "float32"))


def test_losses_are_those_of_keras(backend):
    x = data((4, 5))
    layer = layers.Dense(3, **REGULARIZED)
    theirs = peer.layers.Dense(3, **REGULARIZED)
    layer(x), theirs.build((4, 5))
    theirs.set_weights(layer.get_weights())
    theirs(x)
    mine = sorted(float(numpy(loss)) for loss in layer.losses)
    np.testing.assert_allclose(mine, sorted(map(float, theirs.losses)), rtol=1e-5)
    assert len(mine) == 3


def test_every_class_of_the_package_is_in_the_table():
    tested = {name for name, *_ in CASES} | {"InputLayer", "InputSpec", "Layer"}
    tested |= NESTED | around.NAMES  # which are in tests/bridges
    classes = [
        getattr(layers, name).__name__  # of second names, the first
        for name in layers.__all__
        if isinstance(getattr(layers, name), type)
        # The recurrent layers, and those of preprocessing, have tables of their own.
        and ".recurrent" not in getattr(layers, name).__module__
        and ".preprocessing" not in getattr(layers, name).__module__
    ]
    assert set(classes) <= tested
