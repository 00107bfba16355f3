"""Subclassed models of every way to hold parts, in the files of Keras."""

import h5py
import keras
import numpy as np
import pytest
from order_cases import CASES, model_of
from references import without_draws

import multinet

X = np.ones((2, 3), "float32")


def built(K, name):
    """Return a case's model, built by a call, with weights that differ all over."""
    K.backend.clear_session()
    model = model_of(K, *CASES[name])
    with without_draws():
        # On shapes alone: XLA would compile op by op.
        model(K.KerasTensor(X.shape) if K is keras else X)
    numbers = np.random.default_rng(1)
    model.set_weights([numbers.normal(size=w.shape) for w in model.get_weights()])
    return model


def shapes(path):
    """Return the shapes of the arrays of a file, by their paths."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item.shape

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_model_has_the_arrays_of_keras_and_each_reads_the_other(name, tmp_path):
    ours, theirs = built(multinet, name), built(keras, name)
    mine, other = tmp_path / "mine.weights.h5", tmp_path / "other.weights.h5"
    ours.save_weights(mine)
    theirs.save_weights(other)
    assert shapes(mine) == shapes(other)
    weights = ours.get_weights()
    ours.set_weights([np.zeros_like(w) for w in weights])
    ours.load_weights(other)
    for have, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-7)  # Keras has some in float64
    theirs.set_weights([np.zeros_like(w) for w in weights])
    theirs.load_weights(mine)
    for have, want in zip(theirs.get_weights(), weights, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-7)  # Keras has some in float64
