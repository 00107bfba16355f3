"""Every layer: whole files between Keras and here, masks, and the other data format."""

import inspect
import json
import warnings

import keras as peer
import numpy as np
import optree
import pytest
from every_layer import made, rows, title
from layer_cases import SPREAD, data, gradients
from references import without_draws

import multinet
from multinet import layers

ROWS = rows()
#: What Keras writes in other words, once a layer is built.
OTHERWISE = {"axis", "attention_axes", "build_config", "dtype", "name"}
OTHERWISE |= {"renorm_clipping", "x_factor", "y_factor"}
NO_FILE = {"Lambda"}  # whose code is not written: see test_functions_and_wrappers


def model_of(K, row):
    """Return a model of a row's layer alone."""
    layer = row.make(K.layers)
    if not made(row).weights:
        return K.Sequential([layer])
    leaves, spec = optree.tree_flatten(row.given)
    inputs = [K.Input(x.shape[1:], dtype=x.dtype.name) for x in leaves]
    given = optree.tree_unflatten(spec, inputs)
    with without_draws():
        spread = type(layer).__name__ in SPREAD
        return K.Model(inputs, layer(*given) if spread else layer(given))


def assert_equal(mine, other, path):
    """Compare data; numbers that Keras rounds to float32 are near."""
    if isinstance(mine, dict) and isinstance(other, dict):
        for key in set(mine) & set(other) - OTHERWISE:
            assert_equal(mine[key], other[key], f"{path}/{key}")
    elif isinstance(mine, list) and isinstance(other, list):
        for one, another in zip(mine, other, strict=True):
            assert_equal(one, another, path)
    else:
        assert mine == other or mine == pytest.approx(other), path


def same(ours, theirs):
    """Compare the weights of models, and the configurations of their layers."""
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    configs = [model.layers[-1].get_config() for model in (ours, theirs)]
    assert_equal(*(json.loads(json.dumps(config)) for config in configs), "config")


@pytest.mark.parametrize("row", [r for r in ROWS if r.name not in NO_FILE], ids=title)
def test_a_whole_file_goes_to_keras_and_comes_back(row, tmp_path):
    rng = np.random.default_rng(3)
    models = {}
    for name, K, other in (("ours", multinet, peer), ("theirs", peer, multinet)):
        model = model_of(K, row)
        weights = model.get_weights()
        model.set_weights([rng.uniform(1, 2, w.shape).astype(w.dtype) for w in weights])
        model.save(tmp_path / f"{name}.keras")
        with without_draws():
            models[name] = model, other.saving.load_model(tmp_path / f"{name}.keras")
    same(*models["ours"])
    same(*models["theirs"][::-1])


# -- masks -----------------------------------------------------------------------------

#: What these return is a tensor that has a mask already: in a graph Keras has none
#: there, or one of the input itself.
OWN_MASK = {"Equalization", "Lambda", "SpectralNormalization"}
MASKED = [
    row
    for row in ROWS
    if isinstance(row.given, np.ndarray)
    and row.given.dtype == "float32"
    and row.given.ndim > 2
    and row.name not in OWN_MASK | {"Softmax"}  # whose mask has an entry for a number
    # Steps are the second axis.
    and not (row.case and row.case[1].get("data_format") == "channels_first")
]


def steps(K):
    """Return a layer that sets a mask of the steps of its input."""

    class Steps(K.layers.Layer):
        def call(self, inputs):
            return inputs

        def compute_mask(self, inputs, mask=None):
            return K.ops.ones(inputs.shape[:2], "bool")

    return Steps()


def mask_after(K, row):
    """Return what a layer says of masks: whether it supports them, and the shape of
    that of its output, if its input has one.
    """
    layer = row.make(K.layers)
    with without_draws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = layer(steps(K)(K.Input(batch_shape=row.given.shape)))
    found = [getattr(part, "_keras_mask", None) for part in optree.tree_leaves(y)]
    shapes = [None if mask is None else tuple(mask.shape) for mask in found]
    return layer.supports_masking, shapes


@pytest.mark.parametrize("row", MASKED, ids=title)
def test_a_layer_passes_on_the_masks_that_keras_passes_on(row):
    assert mask_after(multinet, row) == mask_after(peer, row)


# -- channels first and last -----------------------------------------------------------


def formatted():
    """Yield each row whose class has two data formats."""
    for row in ROWS:
        signature = inspect.signature(getattr(layers, row.name))
        if "data_format" in signature.parameters and row.case is not None:
            yield row


JAX = pytest.param("jax", marks=pytest.mark.long)  # which compiles


@pytest.fixture(params=["numpy", "torch", "tensorflow", "strict", JAX])
def format_backend(request):
    """Each backend, in use for the test."""
    with multinet.use_backend(request.param) as chosen:
        yield chosen


def in_format(row, form):
    """Return a layer of a row for a data format, and its inputs."""
    name, arguments, shape = row.case
    given, axis = data(shape), -len(shape) + (2 if name.startswith("ConvLSTM") else 1)
    layer = getattr(layers, name)(**{**arguments, "data_format": form})
    first = arguments.get("data_format") == "channels_first"
    return (
        layer,
        moved(moved(given, axis, -1) if first else given, -1, axis, form),
        axis,
    )


def moved(x, source, target, form="channels_first"):
    """Return an array with an axis elsewhere, if the channels are first."""
    if form == "channels_last":
        return x
    return np.ascontiguousarray(np.moveaxis(x, source, target))


@pytest.mark.parametrize("row", list(formatted()), ids=title)
def test_channels_first_are_channels_last_in_another_place(row, format_backend):
    found, shape = {}, None
    for form in ("channels_last", "channels_first"):
        layer, given, axis = in_format(row, form)
        layer.build(given.shape)
        rng = np.random.default_rng(7)
        layer.set_weights([rng.uniform(0.2, 1.2, w.shape) for w in layer.weights])
        shape = shape or layer.compute_output_shape(given.shape)
        where = max(axis, -len(shape) + 1) if row.name != "Flatten" else -1
        cotangent = moved(data(shape), -1, where, form)
        output, (at_input, *rest) = gradients(format_backend, layer, given, cotangent)
        output, at_input = (
            moved(output, where, -1, form),
            moved(at_input, axis, -1, form),
        )
        found[form] = [output, at_input, *rest]
    for last, first in zip(*found.values(), strict=True):
        np.testing.assert_allclose(first, last, rtol=1e-5, atol=1e-5)
