"""How masks reach `call` and leave a layer: of lists, in graphs, and where read."""

import json
import pickle
import warnings

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError
from multinet.layers import mask_of

TOKENS = np.array([[3, 1, 2, 0], [1, 4, 0, 0], [2, 2, 1, 3]], "int32")
SHOWN = TOKENS != 0
TABLE = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
X = np.random.default_rng(1).normal(size=(3, 4, 4)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def embedding():
    """Return a masking embedding of known weights."""
    return layers.Embedding(5, 4, mask_zero=True, weights=[TABLE])


class Halves(layers.Layer):
    """The two halves of sequences and of their masks; it does not say that it masks."""

    def call(self, inputs):
        return ops.split(inputs, 2, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else ops.split(mask, 2, axis=1)


class Shares(layers.Layer):
    """A softmax over time that cannot do without a mask, as in Keras's guide."""

    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        assert mask is not None
        shown = ops.expand_dims(ops.cast(mask, "float32"), -1)
        e = ops.multiply(ops.exp(inputs), shown)
        return ops.divide(e, ops.sum(e, axis=1, keepdims=True))


# -- several outputs -------------------------------------------------------------------


def test_each_of_several_outputs_has_its_own_mask(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        halves = Halves()(embedding()(TOKENS))
    assert Halves().supports_masking
    for half, wanted in zip(halves, np.split(SHOWN, 2, axis=1), strict=True):
        np.testing.assert_array_equal(numpy(mask_of(half)), wanted)


def test_each_output_of_a_dict_has_its_own_mask(backend):
    class Both(layers.Layer):
        def call(self, inputs):
            return {"b": inputs, "a": ops.flip(inputs, axis=1)}

        def compute_mask(self, inputs, previous_mask):
            return {"b": previous_mask, "a": ops.flip(previous_mask, axis=1)}

    found = Both()(embedding()(TOKENS))
    np.testing.assert_array_equal(numpy(mask_of(found["a"])), SHOWN[:, ::-1])
    np.testing.assert_array_equal(numpy(mask_of(found["b"])), SHOWN)


def test_masks_of_several_outputs_reach_the_layers_after_them_in_a_graph(backend):
    x = multinet.Input((4,), dtype="int32")
    halves = Halves()(embedding()(x))
    pooled = [layers.GlobalAveragePooling1D()(half) for half in halves]
    first, second = multinet.Model(x, pooled)(TOKENS[[0, 2]])
    rows = TABLE[TOKENS[[0, 2]]]
    np.testing.assert_allclose(numpy(first), rows[:, :2].mean(1), rtol=1e-5)
    wanted = [rows[0, 2], rows[1, 2:].mean(0)]
    np.testing.assert_allclose(numpy(second), wanted, rtol=1e-5)


# -- several inputs --------------------------------------------------------------------


def look(keras, seen):
    """Return a layer that writes down which masks `call` and `compute_mask` get."""

    def which(masks):
        if isinstance(masks, dict):
            return {name: mask is not None for name, mask in masks.items()}
        if isinstance(masks, list | tuple):
            return type(masks)(mask is not None for mask in masks)
        return masks is not None

    class Look(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(("call", which(mask)))
            tree = inputs.values() if isinstance(inputs, dict) else inputs
            return keras.ops.add(*tree) if tree is not inputs else list(tree)[0] + 0.0

        def compute_mask(self, inputs, previous_mask=None):
            seen.append(("compute_mask", which(previous_mask)))
            return None

    return Look()


FORMS = {
    "none": lambda h: [X, X],
    "one": lambda h: [h, X],
    "both": lambda h: [h, h],
    "tuple": lambda h: (X, h),
    "dict": lambda h: {"b": h, "a": X},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_of_several_inputs_gets_the_masks_in_their_form(form):
    found = []
    for keras in (multinet, peer):
        seen = []
        masked = keras.layers.Embedding(5, 4, mask_zero=True)(TOKENS)
        look(keras, seen)(FORMS[form](masked))
        found.append(seen[-2:])
    assert found[0] == found[1]


def test_masks_of_several_inputs_reach_call_while_a_graph_is_built(backend):
    seen = []
    x = multinet.Input((4,), dtype="int32")
    look(multinet, seen)([embedding()(x), multinet.Input((4, 4))])
    assert seen == [("call", [True, False]), ("compute_mask", [True, False])]


def test_a_model_of_a_dict_gets_masks_by_name(backend):
    inputs = {"b": multinet.Input((4, 4)), "a": multinet.Input((4, 4))}
    pool = layers.GlobalAveragePooling1D
    model = multinet.Model(inputs, [pool()(inputs["b"]), pool()(inputs["a"])])
    masked, plain = model({"a": X.copy(), "b": X}, mask={"a": None, "b": SHOWN})
    wanted = (X * SHOWN[..., None]).sum(1) / SHOWN.sum(1, keepdims=True)
    np.testing.assert_allclose(numpy(masked), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numpy(plain), X.mean(1), rtol=1e-5, atol=1e-6)


# -- graphs ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_layer_that_needs_a_mask_can_be_called_while_a_graph_is_built(backend, kind):
    x = multinet.Input((4,), dtype="int32")
    parts = [embedding(), layers.Dense(1, kernel_initializer="ones"), Shares()]
    if kind == "sequential":
        model = multinet.Sequential([x, *parts])
    else:
        y = x
        for part in parts:
            y = part(y)
        model = multinet.Model(x, y)
    e = np.exp(TABLE[TOKENS].sum(-1, keepdims=True)) * SHOWN[..., None]
    wanted = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(numpy(model(TOKENS)), wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(TOKENS, verbose=0), wanted, rtol=1e-4, atol=1e-6
    )


def test_symbolic_tensors_have_symbolic_masks_as_in_keras():
    found = []
    for keras in (multinet, peer):
        x = keras.Input((4,), dtype="int32")
        h = keras.layers.Embedding(5, 4, mask_zero=True)(x)
        dense = keras.layers.Dense(2)(h)
        merged = keras.layers.Add()([h, keras.layers.Dense(4)(x[:, :, None] * 1.0)])
        steps = keras.layers.LSTM(2, return_sequences=True, return_state=True)(h)
        tensors = [x, h, dense, merged, *steps, keras.layers.LSTM(2)(h)]
        masks = [getattr(t, "_keras_mask", None) for t in tensors]
        found.append([m if m is None else (m.shape, m.dtype) for m in masks])
        assert dense._keras_mask is h._keras_mask
    assert found[0] == found[1]


def test_a_graph_may_use_a_symbolic_mask(backend):
    x = multinet.Input((4,), dtype="int32")
    h = embedding()(x)
    count = ops.sum(ops.cast(h._keras_mask, "float32"), axis=1)
    model = multinet.Model(x, count)
    np.testing.assert_allclose(numpy(model(TOKENS)), SHOWN.sum(1))
    np.testing.assert_allclose(model.predict(TOKENS, verbose=0), SHOWN.sum(1))


def test_keras_reads_a_graph_that_uses_a_symbolic_mask():
    x = multinet.Input((4,), dtype="int32")
    h = layers.Dense(2)(embedding()(x))
    model = multinet.Model(x, ops.cast(mask_of(h), "float32"))
    for module in (peer, multinet):
        again = module.models.model_from_json(model.to_json())
        np.testing.assert_allclose(again.predict(TOKENS, verbose=0), SHOWN)


def test_the_mask_that_a_model_inside_sets_is_read_at_its_output(backend):
    x = multinet.Input((4,), dtype="int32")
    encoder = multinet.Model(x, embedding()(x))
    h = encoder(x)
    assert h._keras_mask.shape == (None, 4) and h._keras_mask.dtype == "bool"
    model = multinet.Model(x, ops.cast(h._keras_mask, "float32"))
    np.testing.assert_allclose(numpy(model(TOKENS)), SHOWN)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(numpy(again(TOKENS)), SHOWN)
    copied = pickle.loads(pickle.dumps(encoder))
    assert copied.output._keras_mask.shape == (None, 4)
    with pytest.raises(ArgumentError, match="sets in its call"):
        json.loads(model.to_json())


def test_a_layer_that_loses_a_mask_says_so_where_it_is_called():
    x = multinet.Input((4,), dtype="int32")
    with pytest.warns(UserWarning, match="neither uses nor passes on") as found:
        layers.Flatten()(embedding()(x))
    assert found[0].filename == __file__


# -- where masks are read --------------------------------------------------------------


def test_the_mask_of_an_output_can_be_read(backend):
    h = layers.Dense(3)(embedding()(TOKENS))
    np.testing.assert_array_equal(numpy(mask_of(h)), SHOWN)
    assert mask_of(layers.Dense(3)(X)) is None


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_tensors_that_take_attributes_show_it_as_those_of_keras(name):
    with multinet.use_backend(name):
        h = embedding()(TOKENS)
        y = layers.Dense(3)(h)
        for tensor in (h, y):
            np.testing.assert_array_equal(numpy(tensor._keras_mask), SHOWN)
        assert not hasattr(layers.Dense(3)(X), "_keras_mask")


def test_call_can_read_the_mask_of_what_a_layer_inside_gave(backend):
    class Mean(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embedding = embedding()

        def call(self, tokens):
            h = self.embedding(tokens)
            shown = ops.expand_dims(ops.cast(mask_of(h), "float32"), -1)
            total = ops.sum(ops.multiply(h, shown), axis=1)
            return ops.divide(total, ops.sum(shown, axis=1))

    x = multinet.Input((4,), dtype="int32")
    model = multinet.Model(x, Mean()(x))
    wanted = (TABLE[TOKENS] * SHOWN[..., None]).sum(1) / SHOWN.sum(1, keepdims=True)
    np.testing.assert_allclose(
        model.predict(TOKENS, verbose=0), wanted, rtol=1e-5, atol=1e-6
    )


def test_a_mask_that_is_given_passes_on_as_in_keras(backend):
    y = layers.LSTM(2, return_sequences=True)(X, mask=SHOWN)
    np.testing.assert_array_equal(numpy(mask_of(y)), SHOWN)
    x, shown = multinet.Input((4, 4)), multinet.Input((4,), dtype="bool")
    symbolic = layers.LSTM(2, return_sequences=True)(x, mask=shown)
    assert symbolic._keras_mask is shown
