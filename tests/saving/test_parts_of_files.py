"""Layers that are left out of a file of weights, or that have other names in it."""

import keras
import numpy as np
import pytest

import multinet
from multinet import Input, Sequential, layers
from multinet.errors import ArgumentError


def pair(K):
    parts = [K.layers.Dense(3, name="first"), K.layers.Dense(3, name="second")]
    return K.Sequential([K.Input((3,)), *parts], name="model")


@pytest.mark.parametrize("shards", [None, 1])
def test_layers_are_left_out_of_a_file(shards, tmp_path, backend):
    model, other, theirs = pair(multinet), pair(multinet), pair(keras)
    end = "weights.h5" if shards is None else "weights.json"
    path = tmp_path / f"model.{end}"
    model.save_weights(path, max_shard_size=shards, objects_to_skip=[model.layers[0]])
    before = other.get_weights()
    other.load_weights(path, objects_to_skip=[other.layers[0]])
    theirs.load_weights(path, objects_to_skip=[theirs.layers[0]])
    for i, array in enumerate(model.get_weights()):
        wanted = before[i] if i < 2 else array
        np.testing.assert_array_equal(other.get_weights()[i], wanted)
        if i >= 2:
            np.testing.assert_array_equal(theirs.get_weights()[i], array)
    with pytest.raises(ValueError, match="first"):
        other.load_weights(path)


def test_a_format_that_names_every_weight_refuses_to_leave_some_out(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(2, name="out")])
    with pytest.raises(ArgumentError, match=r"is for .weights.h5"):
        model.save_weights(tmp_path / "a.safetensors", objects_to_skip=model.layers)
    assert not list(tmp_path.iterdir())
    model.save(tmp_path / "a.keras")
    model.save_weights(tmp_path / "a.safetensors")
    for name in ("a.keras", "a.safetensors"):
        with pytest.raises(ArgumentError, match=r"is for .weights.h5"):
            model.load_weights(tmp_path / name, objects_to_skip=[])


def classes(K):
    class Plain(K.Model):
        def __init__(self):
            super().__init__()
            self.block = K.Sequential([K.layers.Dense(3), K.layers.Dense(2)])

        def call(self, x):
            return self.block(x)

    class Renamed(K.Model):
        def __init__(self):
            super().__init__()
            self.a_block = K.Sequential([K.layers.Dense(3), K.layers.Dense(2)])

        @property
        def block(self):
            return self.a_block

        def call(self, x):
            return self.block(x)

    return Plain(), Renamed()


@pytest.mark.parametrize("library", [multinet, keras])
def test_a_part_is_found_under_a_name_that_it_had_before(library, tmp_path):
    x = np.ones((2, 4), "float32")
    plain, _ = classes(library)
    plain(x)
    plain.save_weights(tmp_path / "model.weights.h5")
    _, renamed = classes(multinet)
    renamed(x)
    renamed.load_weights(tmp_path / "model.weights.h5")
    for found, wanted in zip(renamed.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
