"""Configurations go to Keras and come from it, for each class that both have."""

import json

import argument_cases
import keras
import numpy as np
import pytest

from multinet import saving
from multinet.objects import exports

SPARSE = ("HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization")
SPARSE += ("CategoryEncoding",)  # where it is ignored
#: Arguments that Keras's own configurations lack, of all classes of a module or of one.
UNWRITTEN = {
    ("keras.losses", "dtype"),
    ("keras.layers", "use_cudnn"),
    ("keras.layers", "flash_attention"),
    ("keras.layers", "implementation"),
    ("keras.layers", "synchronized"),  # refused but on TensorFlow
    *((name, "sparse") for name in SPARSE),  # refused there as well
    ("CosineSimilarity", "axis"),
    ("DTypePolicyMap", "policy_map"),
    ("SparseCategoricalCrossentropy", "axis"),
    ("Huber", "delta"),
    ("Identity", "gain"),
    ("MaxNumBoundingBoxes", "fill_value"),
    ("RandomGrayscale", "seed"),
    ("SimpleRNN", "activity_regularizer"),
    ("SimpleRNN", "seed"),
}
#: What Keras computes these in is an integer, which weights must be then as well.
INTEGER = ("IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")


def peer_of(cls):
    """Return the class of Keras with the public name of ours, or None."""
    module, name, _ = exports.public_name(cls)
    space = keras
    for part in (*module.split(".")[1:], name):
        space = getattr(space, part, None)  # not there: a class inside of Keras
    return space


CASES = [
    (label, cls, name)
    for label, cls, name in argument_cases.cases()
    if peer_of(cls) is not None
    # The function of a Lambda is code, and no configuration holds an InputSpec.
    and cls.__name__ not in ("Lambda", "InputSpec")
    and not {(exports.public_name(cls).module, name), (cls.__name__, name)} & UNWRITTEN
]


def assert_equal(ours, theirs, path=""):
    """Compare data; numbers that Keras rounds to float32 are near."""
    if isinstance(theirs, dict) and theirs.get("class_name") == "DTypePolicy":
        theirs = theirs["config"]["name"]
    if isinstance(ours, dict) and ours.get("class_name") == "DTypePolicy":
        ours = ours["config"]["name"]
    if isinstance(theirs, dict):
        common = set(ours) & set(theirs) - {"build_config", "shared_object_id"}
        for key in common:
            assert_equal(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for i, pair in enumerate(zip(ours, theirs)):
            assert_equal(*pair, f"{path}/{i}")
    elif isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=path)
    else:
        assert ours == theirs, path


def as_json(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize(
    "cls,name", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_keras_and_we_read_each_other(cls, name):
    mine = cls(**argument_cases.arguments(cls, name))
    given = argument_cases.arguments(cls, name, keras)
    if cls.__name__ in INTEGER:
        given.setdefault("dtype", "float32")
    theirs = peer_of(cls)(**given)
    written = as_json(saving.serialize_keras_object(mine))
    of_keras = as_json(keras.saving.serialize_keras_object(theirs))
    assert_equal(written, of_keras)
    for key in set(of_keras["config"]) - set(written["config"]):
        assert of_keras["config"][key] is None, key

    read = saving.deserialize_keras_object(of_keras)
    assert type(read) is cls
    assert_equal(as_json(read.get_config()), as_json(mine.get_config()))
    back = keras.saving.deserialize_keras_object(written)
    assert type(back) is type(theirs)
    assert_equal(as_json(back.get_config()), of_keras["config"])
