"""Lookups and bins of texts and integers against Keras, on every backend."""

import keras
import numpy as np
import pytest

from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError, TraceError

WORDS = np.array([["earth", "wind", "fire"], ["fire", "Ünïcode", ""], ["x", "y", "z"]])
NUMBERS = np.array([[12, 36, 1138], [42, 1000, 36], [-7, 2**40, 0]])
VOCABULARY = ["earth", "wind", "and", "fire"]
IDF = [0.3, 0.5, 0.2, 0.9]

LOOKUPS = [
    {},
    {"mask_token": ""},
    {"num_oov_indices": 3},
    {"num_oov_indices": 3, "salt": [137, 42]},
    {"output_mode": "multi_hot"},
    {"output_mode": "multi_hot", "mask_token": "", "num_oov_indices": 2},
    {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
    {"output_mode": "one_hot"},
    {"output_mode": "tf_idf", "idf_weights": IDF},
]


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("options", LOOKUPS)
def test_string_lookup_is_that_of_keras(options, backend):
    ours = layers.StringLookup(vocabulary=VOCABULARY, **options)
    theirs = keras.layers.StringLookup(vocabulary=VOCABULARY, **options)
    np.testing.assert_allclose(numbers(ours(WORDS)), np.asarray(theirs(WORDS)))
    assert ours.get_vocabulary() == theirs.get_vocabulary()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask_token": 0},
        {"num_oov_indices": 4},
        {"num_oov_indices": 4, "oov_method": "farmhash"},
        {"num_oov_indices": 4, "oov_method": "farmhash", "salt": 7},
        {"output_mode": "multi_hot"},
        {"output_mode": "count", "mask_token": 0},
        {"output_mode": "one_hot"},
        {"output_mode": "tf_idf", "idf_weights": IDF},
    ],
)
def test_integer_lookup_is_that_of_keras(options, backend):
    vocabulary = [12, 36, 42, 7]
    ours = layers.IntegerLookup(vocabulary=vocabulary, **options)
    theirs = keras.layers.IntegerLookup(vocabulary=vocabulary, **options)
    np.testing.assert_allclose(numbers(ours(NUMBERS)), np.asarray(theirs(NUMBERS)))
    assert ours.get_vocabulary() == theirs.get_vocabulary()


@pytest.mark.parametrize("mode", ["int", "count", "tf_idf"])
@pytest.mark.parametrize("most", [None, 6])
def test_adapt_makes_the_vocabulary_of_keras(mode, most):
    data = np.array([["b", "a", "a"], ["c", "a", "d"], ["d", "é", "b"]])
    options = {"output_mode": mode, "max_tokens": most}
    ours, theirs = layers.StringLookup(**options), keras.layers.StringLookup(**options)
    ours.adapt(data)
    theirs.adapt(data)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    np.testing.assert_allclose(numbers(ours(data)), np.asarray(theirs(data)), rtol=1e-6)


def test_adapt_takes_batches_of_a_generator_and_so_many_of_them():
    layer = layers.IntegerLookup()
    layer.adapt((np.array([[i, 1]]) for i in range(10**9)), steps=3)
    assert layer.get_vocabulary() == [-1, 1, 2, 0]


def test_inverse_lookups_give_tokens_back(backend):
    texts = layers.StringLookup(vocabulary=VOCABULARY, invert=True)
    assert texts(np.array([[1, 4], [0, 9]])).tolist() == [
        ["earth", "fire"],
        ["[UNK]", "[UNK]"],
    ]
    integers = layers.IntegerLookup(vocabulary=[12, 36], invert=True)
    assert numbers(integers(np.array([2, 0, 1]))).tolist() == [36, -1, 12]


@pytest.mark.parametrize(
    "options",
    [
        {"num_bins": 3},
        {"num_bins": 5, "mask_value": ""},
        {"num_bins": 5, "salt": [133, 137]},
        {"num_bins": 4, "output_mode": "one_hot"},
        {"num_bins": 4, "output_mode": "multi_hot"},
        {"num_bins": 4, "output_mode": "count"},
    ],
)
def test_hashing_is_that_of_keras(options, backend):
    ours, theirs = layers.Hashing(**options), keras.layers.Hashing(**options)
    np.testing.assert_array_equal(numbers(ours(WORDS)), np.asarray(theirs(WORDS)))
    if "mask_value" not in options:
        expected = np.asarray(theirs(NUMBERS))
        np.testing.assert_array_equal(numbers(ours(NUMBERS)), expected)


@pytest.mark.parametrize("mode", ["int", "one_hot"])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_crossing_is_that_of_keras(mode, shape, backend):
    data = [WORDS[:, 0].reshape(shape), NUMBERS[:, 1].reshape(shape)]
    ours = layers.HashedCrossing(11, output_mode=mode)
    theirs = keras.layers.HashedCrossing(11, output_mode=mode)
    np.testing.assert_array_equal(numbers(ours(data)), np.asarray(theirs(data)))


def test_integers_are_int32_unless_the_program_says_int64():
    assert layers.Hashing(3)(WORDS).dtype == np.int32
    assert layers.StringLookup(vocabulary=["a"])(WORDS).dtype == np.int32
    assert layers.Hashing(3, dtype="int64")(WORDS).dtype == np.int64


def test_a_layer_of_the_host_says_where_it_must_stand_if_there_are_no_values():
    from multinet import jit, use_backend

    with use_backend("jax"):
        lookup = layers.IntegerLookup(vocabulary=[1, 2])
        with pytest.raises(TraceError, match="before the first layer that computes"):
            jit(lookup)(np.array([1, 2]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.StringLookup(vocabulary=["a", "b", "a"]), "twice"),
        (lambda: layers.StringLookup(vocabulary=[]), "at least one token"),
        (lambda: layers.StringLookup(max_tokens=1), "above 1"),
        (lambda: layers.StringLookup(num_oov_indices=-1), "at least 0"),
        (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf"),
        (lambda: layers.StringLookup(vocabulary="/no/such/file"), "no vocabulary file"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), "invert"),
        (lambda: layers.StringLookup(sparse=True), "sparse=False beside"),
        (lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""), "reserved"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "int64"),
        (lambda: layers.IntegerLookup(salt=3), "farmhash"),
        (lambda: layers.StringLookup(vocabulary=["a"])(np.ones(2)), "texts"),
        (lambda: layers.IntegerLookup(vocabulary=[1])([0.5]), "integers"),
        (lambda: layers.Hashing(0), "above 0"),
        (lambda: layers.Hashing(3, dtype="float32"), "int32 or int64"),
        (lambda: layers.HashedCrossing(3)(["a"]), "at least two"),
        (lambda: layers.HashedCrossing(3)([[0.5], [1.5]]), "texts or integers"),
    ],
)
def test_what_is_wrong_is_said(make, words):
    with pytest.raises((ArgumentError, TypeError), match=words):
        make()


def test_a_token_outside_of_a_vocabulary_without_a_place_for_it_is_named():
    layer = layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
    with pytest.raises(ArgumentError, match="'b'"):
        layer(["a", "b"])


def test_columns_to_be_crossed_have_one_shape():
    with pytest.raises(ShapeError, match="one shape"):
        layers.HashedCrossing(3)([["a", "b"], [["c"], ["d"]]])
