"""Embedding: its table, gradient and errors beside the table of all layers."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.scope import Scope

TABLE = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("weights", [TABLE, [TABLE]], ids=["array", "list"])
def test_rows_come_from_the_table_that_was_given(backend, weights):
    layer = layers.Embedding(6, 3, weights=weights)
    ids = np.array([[0, 5], [3, 3]], "int32")
    np.testing.assert_array_equal(numpy(layer(ids)), TABLE[ids])
    np.testing.assert_array_equal(numpy(layer(ids.astype("uint8"))), TABLE[ids])
    np.testing.assert_array_equal(numpy(layer(ids.astype("float32"))), TABLE[ids])


def test_repeated_integers_add_up_their_gradients(backend):
    layer = layers.Embedding(6, 3, weights=TABLE)
    ids = np.array([[1, 1, 4], [1, 0, 4]], "int32")
    g = np.random.default_rng(1).normal(size=(2, 3, 3)).astype("float32")

    def rows(table):
        with Scope(layer.weights, [table]):
            return (layer(ids),)

    _, pullback = backend.vjp(rows, [backend.from_numpy(TABLE)])
    (gradient,) = pullback([backend.from_numpy(g)])
    expected = np.zeros((6, 3))
    np.add.at(expected, ids, g)
    np.testing.assert_allclose(numpy(gradient), expected, rtol=1e-5, atol=1e-6)


def test_it_learns_only_the_rows_it_used(backend):
    model = multinet.Sequential([multinet.Input((2,), dtype="int32")])
    model.add(layers.Embedding(6, 3, embeddings_regularizer=None))
    before = model.get_weights()[0]
    model.compile("sgd", "mse")
    ids = np.array([[1, 2], [2, 4]], "int32")
    model.fit(ids, np.ones((2, 2, 3), "float32"), epochs=1, verbose=0)
    changed = np.any(model.get_weights()[0] != before, axis=1)
    np.testing.assert_array_equal(changed, [False, True, True, False, True, False])


def test_wrong_sizes_are_explained():
    with pytest.raises(ArgumentError, match="input_dim"):
        layers.Embedding(0, 3)
    with pytest.raises(ArgumentError, match="output_dim"):
        layers.Embedding(3, 2.0)
    with pytest.raises(ShapeError, match=r"embeddings \(6, 4\) got \(6, 3\)"):
        layers.Embedding(6, 4, weights=TABLE)
