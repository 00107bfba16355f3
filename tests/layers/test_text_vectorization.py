"""TextVectorization against Keras, on every backend."""

import random
import string

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


# -- many at once ----------------------------------------------------------------------

LETTERS = "abXY.,!' \t\n\r\x0b\x0c\0\x1c\x85é漢-"


def many_texts():
    draw = random.Random(0)
    texts = ["".join(draw.choices(LETTERS, k=draw.randrange(40))) for _ in range(500)]
    lengths = " ".join(n * "xy" + " " + n * "xz" for n in range(1, 40))
    return [*texts, "", "  ", "a\0 a a\0\0", lengths, lengths[::-1], "last"]


@pytest.mark.parametrize("size", [1, 40, 10_000])
@pytest.mark.parametrize("lowered", [True, False])
def test_many_texts_have_the_places_that_python_finds(size, lowered):
    texts = many_texts()
    punctuation = str.maketrans("", "", string.punctuation)
    rows = [
        [word.decode() for word in text.encode().split()]
        for text in (
            text.translate(punctuation).replace("X", "x").replace("Y", "y")
            if lowered
            else text
            for text in texts
        )
    ]
    words = sorted({word for row in rows for word in row})[:size]
    places = {word: i for i, word in enumerate(words, 2)}
    expected = [[places.get(word, 1) for word in row] for row in rows]
    layer = layers.TextVectorization(
        vocabulary=words,
        standardize="lower_and_strip_punctuation" if lowered else None,
    )
    given = np.array(texts, dtype=object)  # of str they would lose a last NUL
    found = layer(given)
    for wanted, got in zip(expected, found, strict=True):
        np.testing.assert_array_equal(got[: len(wanted)], wanted)
        assert not got[len(wanted) :].any()
    np.testing.assert_array_equal(layer(given[:, None]), found)
    few = layer(given[:20])
    np.testing.assert_array_equal(few, found[:20, : few.shape[1]])


def test_many_texts_of_bytes_that_are_no_utf_8_are_split_one_by_one():
    texts = np.array([b"a \xff b"] * 100, dtype=object)
    layer = layers.TextVectorization(
        vocabulary=["a", "ÿ"], standardize=None, encoding="latin-1"
    )
    np.testing.assert_array_equal(layer(texts), [[2, 3, 1]] * 100)
