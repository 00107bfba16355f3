"""Every layer in a file: the arrays, paths and shapes of Keras, read on both sides."""

import h5py
import keras as peer
import numpy as np
import pytest
from every_layer import kept
from layer_cases import CASES, build, label, make, random_weights
from references import without_draws

import multinet
from multinet.layers import around


def holding(K, layer, case):
    """Return a model that has a layer as its attribute `inner`, built."""

    class Holding(K.Model):
        def __init__(self):
            super().__init__(name="holding")
            self.inner = layer

        def call(self, x):
            return self.inner(x)

    with without_draws():
        build(layer, case[2])
    layer.set_weights(random_weights(layer))
    model = Holding()
    model.built = True
    return model


def arrays(path):
    """Return the arrays of a file, by their paths."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(note)
    return found


#: Layers around others: tests/models/test_models_in_files.py has models of them.
AROUND = {"Bidirectional", "RNN", "StackedRNNCells", "TimeDistributed"}
#: In tests/layers/test_functions_and_wrappers.py, and what LoRA writes in test_lora.py.
ELSEWHERE = {"Lambda", "SpectralNormalization", "Wrapper"}
#: Around what a framework has: in tests/bridges.
ELSEWHERE |= around.NAMES
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell"}


def is_layer(thing):
    return isinstance(thing, type) and issubclass(thing, multinet.Layer)


def test_every_public_layer_is_here_or_in_a_layer():
    space = multinet.layers
    names = {name for name in space.__all__ if is_layer(getattr(space, name))}
    cases = {getattr(space, case[0]) for case in CASES}
    # Those of preprocessing have no weights, or vocabularies: see test_vocabularies.
    names = {n for n in names if ".preprocessing" not in getattr(space, n).__module__}
    absent = {name for name in names if getattr(space, name) not in cases}
    assert absent == AROUND | CELLS | ELSEWHERE | {"InputLayer", "Layer"}


@pytest.mark.parametrize("case", list(kept()), ids=label)
def test_a_layer_has_the_arrays_of_keras_and_each_reads_the_other(case, tmp_path):
    models = {}
    for name, K in (("ours", multinet), ("theirs", peer)):
        models[name] = holding(K, make(K.layers, case), case)
        models[name].save_weights(tmp_path / f"{name}.weights.h5")
    found = {name: arrays(tmp_path / f"{name}.weights.h5") for name in models}
    shapes = {n: {k: v.shape for k, v in found[n].items()} for n in found}
    assert shapes["ours"] == shapes["theirs"]

    models["ours"].set_weights([w + 1 for w in models["ours"].get_weights()])
    models["ours"].load_weights(tmp_path / "theirs.weights.h5")
    for mine, theirs in zip(models["ours"].weights, models["theirs"].weights):
        assert np.array_equal(mine.numpy(), np.asarray(theirs)), mine.path
    models["ours"].set_weights([w + 1 for w in models["ours"].get_weights()])
    models["ours"].save_weights(tmp_path / "new.weights.h5")
    models["theirs"].load_weights(tmp_path / "new.weights.h5")
    for mine, theirs in zip(models["ours"].weights, models["theirs"].weights):
        assert np.array_equal(mine.numpy(), np.asarray(theirs)), mine.path
