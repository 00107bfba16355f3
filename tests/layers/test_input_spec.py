"""InputSpec, against Keras's: what fits, what does not, and as data."""

import keras
import numpy as np
import pytest

import multinet
from multinet import Input, InputSpec, Layer, Model, layers, ops
from multinet.errors import ArgumentError, ShapeError

SPECS = {
    "shape": {"shape": (None, 4, 3)},
    "ndim": {"ndim": 3},
    "max": {"max_ndim": 2},
    "min": {"min_ndim": 3},
    "axes": {"min_ndim": 2, "axes": {-1: 3}},
    "free axis": {"axes": {1: None}},
    "dtype": {"dtype": "int32"},
}
SHAPES = [(2, 3), (2, 4, 3), (2, 4, 4), (2, 4, 3, 1), (2, 4, 1), (3,)]


class Taking(Layer):
    """Hands its inputs on."""

    def __init__(self, spec, **options):
        super().__init__(**options)
        self.input_spec = spec

    def call(self, inputs):
        return inputs


def theirs(spec, shape, dtype):
    from keras.src.layers.input_spec import assert_input_compatibility

    try:
        x = keras.KerasTensor(shape, dtype)
        assert_input_compatibility(keras.InputSpec(**spec), x, "layer")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_fits_is_what_fits_in_keras(spec, shape, dtype):
    layer, x = Taking(InputSpec(**spec)), np.zeros(shape, dtype)
    if theirs(spec, shape, dtype):
        assert layer(x) is not None
        return
    with pytest.raises(ShapeError, match="does not fit: expected .*, found shape="):
        layer(x)


def test_a_last_axis_of_1_may_be_there_or_not(backend):
    layer = Taking(InputSpec(shape=(2, 4, 1), allow_last_axis_squeeze=True))
    for shape in ((2, 4), (2, 4, 1)):
        layer(np.zeros(shape, "float32"))
    for shape in ((2,), (2, 4, 2), (2, 4, 1, 2), (2, 3)):
        with pytest.raises(ShapeError):
            layer(np.zeros(shape, "float32"))


def test_it_holds_on_every_backend_and_for_symbolic_tensors(real_backend):
    layer = Taking(InputSpec(ndim=2, axes={-1: 3}), name="taking")
    layer(np.zeros((2, 3), "float32"))
    for wrong in (np.zeros((2, 4), "float32"), Input((4,)), Input((3, 3))):
        with pytest.raises(ShapeError, match="Input 0 of layer 'taking'"):
            layer(wrong)
    assert layer(Input((None,))).shape == (None, None)  # not known yet


def test_a_model_checks_when_it_is_called(real_backend):
    x = Input((None, 3))
    model = Model(x, Taking(InputSpec(shape=(None, 4, 3)))(layers.Dense(3)(x)))
    model(np.zeros((2, 4, 3)))
    with pytest.raises(ShapeError, match=r"shape=\(None, 4, 3\)"):
        model(np.zeros((2, 5, 3)))
    model = Model(x, layers.Dense(3)(x))
    model.input_spec = InputSpec(shape=(None, 4, 3))
    with pytest.raises(ShapeError, match=r"found shape=\(2, 3, 3\)"):
        model(np.zeros((2, 3, 3)))


def test_several_inputs_and_those_that_may_be_missing(backend):
    a, x = InputSpec(ndim=1, name="a"), np.zeros(3, "float32")
    layer = Taking([a, InputSpec(ndim=2, name="b", optional=True)])
    layer([x, np.zeros((2, 2))])
    layer({"b": np.zeros((2, 2)), "a": x})
    layer([x, None])
    with pytest.raises(ShapeError, match="Input 1"):
        layer([x, x])
    with pytest.raises(ArgumentError, match="expects 2 inputs, got 1"):
        layer([x])
    with pytest.raises(ArgumentError, match=r"\['b'\] missing"):
        layer({"a": x, "c": x})
    with pytest.raises(ArgumentError, match="a tensor as input 0"):
        layer([None, np.zeros((2, 2))])


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_spec_as_data(spec):
    config = InputSpec(**spec).get_config()
    wanted = keras.InputSpec(**spec).get_config()
    assert {name: config[name] for name in wanted} == wanted
    assert InputSpec.from_config(config).get_config() == config
    assert repr(InputSpec(ndim=2, name="x")) == "InputSpec(ndim=2, name=x)"


@pytest.mark.parametrize("axes", [3, {"a": 1}, {3: 1}])
def test_bad_axes_are_refused(axes):
    with pytest.raises(ArgumentError):
        InputSpec(ndim=2, axes=axes)


def test_a_layer_without_one_has_none():
    assert multinet.layers.Dense(2).input_spec is None


FITTED = {
    "conv": (lambda: layers.Conv2D(3, 3), (2, 6, 6, 1), (2, 6, 6, 3)),
    "groups": (lambda: layers.Conv1D(4, 3, groups=2), (2, 6, 2), (2, 6, 4)),
    "first": (
        lambda: layers.Conv1D(4, 3, data_format="channels_first"),
        (2, 1, 6),
        (2, 2, 6),
    ),
    "norm": (layers.BatchNormalization, (2, 6, 1), (2, 6, 3)),
    "prelu": (layers.PReLU, (2, 6, 1), (2, 6, 3)),
    "shared": (lambda: layers.PReLU(shared_axes=[1]), (2, 6, 1), (2, 6, 3)),
}


@pytest.mark.parametrize("name", FITTED)
def test_other_channels_than_it_was_built_for_are_refused(name, backend):
    # One channel would broadcast, or be taken for groups.
    make, shape, other = FITTED[name]
    layer = make()
    layer(np.ones(shape, "float32"))
    with pytest.raises(ShapeError, match="expected axis"):
        layer(np.ones(other, "float32"))


def test_a_shared_axis_of_prelu_may_have_any_size(backend):
    layer = layers.PReLU(shared_axes=[1])
    layer(np.ones((2, 6, 3), "float32"))
    outputs = layer(np.ones((2, 9, 3), "float32"))
    assert tuple(ops.shape(outputs)) == (2, 9, 3)


@pytest.mark.parametrize("shape", [2, "x"])
def test_what_is_no_shape_is_refused_as_one(shape):
    layer = layers.GroupQueryAttention(2, 4, 2)
    for error in (ValueError, TypeError):
        with pytest.raises(error, match=r"Expected a shape such as \(None, 3\)"):
            layer.compute_output_shape((2, 4, 8), (2, 2, 8), shape)
