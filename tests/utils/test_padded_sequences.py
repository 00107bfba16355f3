"""pad_sequences against Keras."""

import keras
import numpy as np
import pytest

from multinet.errors import ArgumentError, ShapeError
from multinet.utils import pad_sequences

RAGGED = [[1], [], [1, 2], [1, 2, 3, 4]]
VECTORS = [[[1, 1]], [], [[3, 1], [3, 2], [3, 3]]]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 1, 2, 6])
@pytest.mark.parametrize("sequences", [RAGGED, VECTORS], ids=["numbers", "vectors"])
def test_sequences_are_padded_as_keras_does(sequences, maxlen, truncating, padding):
    options = dict(
        maxlen=maxlen, truncating=truncating, padding=padding, value=7, dtype="float32"
    )
    ours = pad_sequences(sequences, **options)
    theirs = keras.utils.pad_sequences(sequences, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_strings_are_padded():
    words = pad_sequences([["a"], ["b", "cd"]], dtype=object, value="-")
    assert words.tolist() == [["-", "a"], ["b", "cd"]]


@pytest.mark.parametrize(
    "arguments, error, said",
    [
        (dict(sequences=[1, 2]), ArgumentError, "sequence 0 to be a list"),
        (dict(sequences=3), ArgumentError, "sequences to be a list"),
        (dict(sequences=[[1]], value="x"), ArgumentError, "dtype=object"),
        (dict(sequences=[[1]], padding="left"), ArgumentError, "padding"),
        (dict(sequences=[[1]], truncating="no"), ArgumentError, "truncating"),
        (dict(sequences=[[1]], maxlen=0), ArgumentError, "maxlen"),
        (dict(sequences=[[[1]], [[1, 2]]]), ShapeError, r"\(1,\).*\(2,\).*sequence 1"),
    ],
)
def test_what_cannot_be_padded_is_told(arguments, error, said):
    with pytest.raises(error, match=said):
        pad_sequences(**arguments)
