"""TextVectorization against Keras, on every backend."""

import keras
import numpy as np
import pytest

from multinet import Input, layers, ops
from multinet.errors import ArgumentError, ShapeError

TEXTS = ["The cat, the CAT sat.", "a   dog\tate the cat!", "", "Ünï-côdé birds, high"]
CASES = [
    {},
    {"standardize": None},
    {"standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"split": "character"},
    {"split": None},
    {"ngrams": 2},
    {"ngrams": (1, 3)},
    {"output_sequence_length": 3},
    {"output_sequence_length": 9, "max_tokens": 6},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "ngrams": 2},
    {"output_mode": "tf_idf"},
    {"output_mode": "multi_hot", "max_tokens": 30, "pad_to_max_tokens": True},
]


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("options", CASES, ids=str)
def test_it_gives_what_that_of_keras_gives(options, backend):
    data = np.array(TEXTS)[:, None]
    ours = layers.TextVectorization(**options)
    theirs = keras.layers.TextVectorization(**options)
    ours.adapt(data)
    theirs.adapt(data)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    found, expected = numbers(ours(data)), np.asarray(theirs(data))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("options", CASES, ids=str)
def test_its_shape_and_dtype_are_known_before_its_values(options):
    layer = layers.TextVectorization(**options)
    layer.adapt(TEXTS)
    symbolic, found = (
        layer(Input((1,), dtype="string")),
        layer(np.array(TEXTS)[:, None]),
    )
    assert symbolic.dtype == found.dtype.name
    shape = symbolic.shape
    assert len(shape) == found.ndim
    assert all(n is None or n == m for n, m in zip(shape, found.shape))


def test_texts_may_be_bytes_lists_and_alone(backend):
    layer = layers.TextVectorization(vocabulary=["cat", "dog"])
    expected = [[2, 1], [3, 0]]
    for data in (["cat x", "dog"], np.array([b"cat x", b"dog"]), [["cat x"], ["dog"]]):
        assert numbers(layer(data)).tolist() == expected
    assert numbers(layer("cat x")).tolist() == [2, 1]
    assert numbers(layer(np.array(["cat x", "dog"], object))).tolist() == expected


def test_functions_get_and_give_arrays_of_str():
    kinds = []

    def standardize(texts):
        kinds.append(texts.dtype.kind)
        return np.char.lower(texts)

    layer = layers.TextVectorization(
        vocabulary=["a", "b"],
        standardize=standardize,
        split=lambda texts: [text.split("|") for text in texts],
    )
    assert numbers(layer(["A|b|c", "B"])).tolist() == [[2, 3, 1], [3, 0, 0]]
    assert kinds == ["U"]


def test_a_vocabulary_of_its_own_cannot_be_adapted():
    with pytest.raises(ArgumentError, match="cannot adapt"):
        layers.TextVectorization(vocabulary=["a"]).adapt(["b"])


@pytest.mark.parametrize(
    "options",
    [
        {"ngrams": "two"},
        {"split": "words"},
        {"ragged": True},
        {"sparse": True},
        {"output_mode": "multi_hot", "output_sequence_length": 3},
        {"output_mode": "some_hot"},
    ],
)
def test_what_is_wrong_is_refused(options):
    with pytest.raises(ArgumentError):
        layers.TextVectorization(**options)


def test_several_texts_a_sample_are_refused():
    layer = layers.TextVectorization(vocabulary=["a"])
    with pytest.raises(ShapeError, match=r"\(b, 1\)"):
        layer([["a", "b"]])
    with pytest.raises(ShapeError, match=r"\(b, 1\)"):
        layer(Input((2,), dtype="string"))
