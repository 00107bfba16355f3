"""Masks: where they begin, how they travel, and what they change, against Keras."""

import gc
import warnings

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.layers import context
from multinet.layers.context import mask_of
from multinet.scope import Scope

TOKENS = np.array([[3, 1, 2, 0, 0], [1, 4, 0, 0, 0], [2, 2, 1, 3, 4]], "int32")
SHOWN = TOKENS != 0
Y = np.random.default_rng(1).normal(size=(3, 5, 2)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def look(keras, seen):
    """Return a layer that writes down the mask it is given, and passes it on."""

    class Look(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask)
            return inputs

    return Look()


def embed(keras):
    """Return the embedding of an input of 5 tokens, and that input."""
    x = keras.Input((5,), dtype="int32")
    return x, keras.layers.Embedding(5, 4, mask_zero=True)(x)


# -- where masks begin -----------------------------------------------------------------


def test_embedding_masks_zeros_only_if_asked_to(backend):
    masked = layers.Embedding(5, 4, mask_zero=True)
    np.testing.assert_array_equal(numpy(mask_of(masked(TOKENS))), SHOWN)
    assert mask_of(layers.Embedding(5, 4)(TOKENS)) is None


def test_masking_zeroes_and_masks_steps_of_its_value(backend):
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    x[0, 1:3], x[1, 3] = 0.5, 0.5
    x[1, 0, :2] = 0.5  # not all of the step
    y = layers.Masking(0.5)(x)
    shown = np.any(x != 0.5, axis=-1)
    np.testing.assert_array_equal(numpy(mask_of(y)), shown)
    np.testing.assert_array_equal(numpy(y), np.where(shown[..., None], x, 0))


# -- how they travel -------------------------------------------------------------------

PASSING = {
    "Dense": lambda k: k.layers.Dense(3),
    "Activation": lambda k: k.layers.Activation("relu"),
    "Dropout": lambda k: k.layers.Dropout(0.5),
    "BatchNormalization": lambda k: k.layers.BatchNormalization(),
    "LayerNormalization": lambda k: k.layers.LayerNormalization(),
    "GroupNormalization": lambda k: k.layers.GroupNormalization(2),
    "UnitNormalization": lambda k: k.layers.UnitNormalization(),
    "ReLU": lambda k: k.layers.ReLU(),
    "LeakyReLU": lambda k: k.layers.LeakyReLU(),
    "PReLU": lambda k: k.layers.PReLU(),
    "ELU": lambda k: k.layers.ELU(),
    "GaussianNoise": lambda k: k.layers.GaussianNoise(0.1),
    "GaussianDropout": lambda k: k.layers.GaussianDropout(0.1),
    "SpatialDropout1D": lambda k: k.layers.SpatialDropout1D(0.1),
    "ActivityRegularization": lambda k: k.layers.ActivityRegularization(0.1),
    "Rescaling": lambda k: k.layers.Rescaling(2.0),
    "Identity": lambda k: k.layers.Identity(),
    "Masking": lambda k: k.layers.Masking(99.0),
    "GlobalAveragePooling1D": lambda k: k.layers.GlobalAveragePooling1D(),
    "Flatten": lambda k: k.layers.Flatten(),
    "Conv1D": lambda k: k.layers.Conv1D(3, 2),
    "RMSNormalization": lambda k: k.layers.RMSNormalization(),
    "Permute": lambda k: k.layers.Permute((2, 1)),
    "EinsumDense": lambda k: k.layers.EinsumDense("abc,cd->abd", (None, 2)),
    "two layers": lambda k: k.Sequential([k.layers.ReLU(), k.layers.Dense(4)]),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_layer_passes_masks_on_where_that_of_keras_does(name):
    seen = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keras in (multinet, peer):
            x, h = embed(keras)
            y = look(keras, seen.setdefault(keras, []))(PASSING[name](keras)(h))
            keras.Model(x, y)(TOKENS)
    mine, theirs = seen[multinet][-1], seen[peer][-1]
    assert (mine is None) == (theirs is None)
    if mine is not None:
        np.testing.assert_array_equal(numpy(mine), theirs)


MERGING = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
MERGING += ["Concatenate", "Dot"]


@pytest.mark.parametrize("masked", [2, 1])
@pytest.mark.parametrize("name", MERGING)
def test_merging_layers_treat_masks_as_those_of_keras(backend, name, masked):
    arguments = {"Dot": {"axes": 2}}.get(name, {})
    other = np.where(TOKENS[::-1] == 4, 0, TOKENS[::-1])
    results = {}
    for keras in (multinet, peer):
        seen = []
        a, b = keras.Input((5,), dtype="int32"), keras.Input((5,), dtype="int32")
        left = keras.layers.Embedding(5, 4, mask_zero=True)
        right = keras.layers.Embedding(5, 4, mask_zero=masked == 2)
        merged = getattr(keras.layers, name)(**arguments)([left(a), right(b)])
        model = keras.Model([a, b], look(keras, seen)(merged))
        if keras is peer:
            model.set_weights(results[multinet][2])
        out = np.asarray(keras.ops.convert_to_numpy(model([TOKENS, other])))
        results[keras] = out, seen[-1], model.get_weights()
    (mine, shown, _), (theirs, wanted, _) = results[multinet], results[peer]
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert (shown is None) == (wanted is None)
    if shown is not None:
        np.testing.assert_array_equal(numpy(shown), wanted)


def test_masks_travel_outside_of_models_and_end_with_their_tensors(backend):
    gc.collect()
    before = len(context.loose)
    h = layers.Embedding(5, 4, mask_zero=True)(TOKENS)
    y = layers.Dense(3)(h)
    np.testing.assert_array_equal(numpy(mask_of(y)), SHOWN)
    np.testing.assert_allclose(
        numpy(layers.GlobalAveragePooling1D()(y)),
        (numpy(y) * SHOWN[..., None]).sum(1) / SHOWN.sum(1, keepdims=True),
        rtol=1e-5,
    )
    del h, y
    gc.collect()
    assert len(context.loose) == before


def test_masks_travel_inside_a_differentiated_function(backend):
    embedding = layers.Embedding(5, 4, mask_zero=True)
    pool = layers.GlobalAveragePooling1D()
    embedding.build()
    table = embedding.get_weights()[0]

    def mean(values):
        with Scope(embedding.weights, [values]):
            return (ops.sum(pool(embedding(TOKENS))),)

    (total,), pullback = backend.vjp(mean, [backend.from_numpy(table)])
    (gradient,) = pullback([backend.full((), 1.0, "float32")])
    weight = np.zeros(5)
    for row in TOKENS:
        for token in row[row != 0]:
            weight[token] += 1 / (row != 0).sum()
    expected = np.repeat(weight[:, None], 4, axis=1)
    np.testing.assert_allclose(numpy(gradient), expected, rtol=1e-5, atol=1e-6)


def test_a_mask_survives_the_cast_to_a_layers_dtype(backend):
    h = layers.Embedding(5, 4, mask_zero=True)(TOKENS)
    half = layers.Dense(2, dtype="float16")(h)
    assert backend.dtype(half) == "float16"
    np.testing.assert_array_equal(numpy(mask_of(half)), SHOWN)


def test_a_mask_given_to_call_wins_over_that_of_the_input(backend):
    h = layers.Embedding(5, 4, mask_zero=True)(TOKENS)
    first = np.zeros((3, 5), bool)
    first[:, 0] = True
    pooled = layers.GlobalAveragePooling1D()(h, mask=first)
    np.testing.assert_allclose(numpy(pooled), numpy(h)[:, 0], rtol=1e-6)
    inner = multinet.Input((5, 4))
    model = multinet.Model(inner, layers.GlobalAveragePooling1D()(inner))
    np.testing.assert_allclose(numpy(model(h, mask=first)), numpy(h)[:, 0], rtol=1e-6)
    stack = multinet.Sequential([layers.ReLU(), layers.GlobalAveragePooling1D()])
    expected = np.maximum(numpy(h)[:, 0], 0)
    np.testing.assert_allclose(numpy(stack(h, mask=first)), expected, rtol=1e-6)


def test_a_nested_model_takes_the_mask_of_its_input_and_gives_its_own(backend):
    inner = multinet.Input((5, 4))
    encoder = multinet.Model(inner, layers.Dense(3)(inner))
    x, h = embed(multinet)
    seen = []
    model = multinet.Model(x, look(multinet, seen)(encoder(h)))
    model(TOKENS)
    np.testing.assert_array_equal(numpy(seen[-1]), SHOWN)


def test_several_arguments_get_their_own_masks(backend):
    seen = {}

    class Two(layers.Layer):
        def call(self, left, right, left_mask=None, right_mask=None, mask=None):
            seen.update(left=left_mask, right=right_mask, mask=mask)
            return left

    h = layers.Embedding(5, 4, mask_zero=True)(TOKENS)
    plain = np.zeros((3, 5, 4), "float32")
    Two()(h, right=plain)
    np.testing.assert_array_equal(numpy(seen["left"]), SHOWN)
    assert seen["right"] is None and seen["mask"] is None


def test_a_layer_that_loses_a_mask_says_so():
    h = layers.Embedding(5, 4, mask_zero=True)(TOKENS)
    with pytest.warns(UserWarning, match="flat.*neither uses nor passes on"):
        layers.Flatten(name="flat")(h)


def test_a_custom_layer_computes_its_own_mask(backend):
    class Backwards(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs):
            return ops.flip(inputs, axis=1)

        def compute_mask(self, inputs, previous_mask):
            return ops.flip(previous_mask, axis=1)

    y = Backwards()(layers.Embedding(5, 4, mask_zero=True)(TOKENS))
    np.testing.assert_array_equal(numpy(mask_of(y)), SHOWN[:, ::-1])


# -- what they change ------------------------------------------------------------------


def tagger(keras):
    """A model that gives every token two numbers, padding masked."""
    x, h = embed(keras)
    return keras.Model(x, keras.layers.Dense(2)(keras.layers.LayerNormalization()(h)))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_leaves_masked_positions_out_as_that_of_keras(backend, weighted):
    weights = np.abs(Y[..., 0]) + 0.5 if weighted else None
    ours, theirs = tagger(multinet), tagger(peer)
    theirs.set_weights(ours.get_weights())
    for model in (ours, theirs):
        model.compile("sgd", "mse")
    arguments = {"sample_weight": weights, "verbose": 0}
    mine = ours.evaluate(TOKENS, Y, **arguments)
    np.testing.assert_allclose(mine, theirs.evaluate(TOKENS, Y, **arguments), rtol=1e-5)
    if not weighted:
        errors = ((numpy(ours(TOKENS)) - Y) ** 2).mean(-1)
        np.testing.assert_allclose(mine, errors[SHOWN].mean(), rtol=1e-5)


def test_training_with_masks_follows_that_of_keras(backend):
    ours, theirs = tagger(multinet), tagger(peer)
    theirs.set_weights(ours.get_weights())
    for model in (ours, theirs):
        model.compile("sgd", "mse")
        model.fit(TOKENS, Y, batch_size=3, epochs=3, verbose=0, shuffle=False)
    for mine, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=2e-5, atol=1e-6)
