"""Masks of other shapes than their inputs are refused in one sentence."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
KINDS = {
    "SimpleRNN": lambda: layers.SimpleRNN(2),
    "LSTM": lambda: layers.LSTM(2),
    "LSTM unfused": lambda: layers.LSTM(2, activation="relu", unroll=True),
    "GRU": lambda: layers.GRU(2, go_backwards=True),
    "cells": lambda: layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)]),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(2)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
    "GlobalAveragePooling1D": lambda: layers.GlobalAveragePooling1D(),
    "BatchNormalization": lambda: layers.BatchNormalization(),
}
WRONG = [(4, 6), (3, 5), (4, 4), (5, 4), (5,), (4, 1), (4, 5, 3, 1)]


@pytest.mark.parametrize("shape", WRONG, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_per_step_has_an_entry_for_each(backend, kind, shape):
    with pytest.raises(ShapeError, match=r"expects a mask.*\(4, 5\).*got"):
        KINDS[kind]()(X, mask=np.ones(shape, bool))


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "TimeDistributed"])
def test_the_mask_of_one_sample_does_for_all(backend, kind):
    shown = np.array([[1, 1, 0, 1, 0]], bool)
    layer = KINDS[kind]()
    one, each = (
        ops.convert_to_numpy(layer(X, mask=mask))
        for mask in (shown, np.repeat(shown, 4, axis=0))
    )
    np.testing.assert_allclose(one, each, rtol=1e-6)


def test_it_is_said_while_a_graph_is_built_too():
    x, mask = multinet.Input((5, 3)), multinet.Input((6,), dtype="bool")
    for kind in KINDS:
        with pytest.raises(ShapeError, match=r"expects a mask.*\(None, 5\).*got"):
            KINDS[kind]()(x, mask=mask)


ATTENTION = {
    "multi": lambda: layers.MultiHeadAttention(2, 3),
    "grouped": lambda: layers.GroupQueryAttention(3, 2, 1),
}
V = np.random.default_rng(1).normal(size=(4, 6, 3)).astype("float32")


@pytest.mark.parametrize(
    "name, shape",
    [
        ("query_mask", (4, 6)),
        ("query_mask", (3, 5)),
        ("value_mask", (4, 5)),
        ("value_mask", (6,)),
        ("key_mask", (4, 7)),
        ("key_mask", (2, 6)),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ATTENTION)
def test_masks_of_query_value_and_key_have_their_lengths(backend, kind, name, shape):
    part = name.removesuffix("_mask")
    with pytest.raises(ShapeError, match=f"position of the {part}; got"):
        ATTENTION[kind]()(X, V, **{name: np.ones(shape, bool)})


@pytest.mark.parametrize(
    "shape",
    [(4, 6), (6, 5), (6,), (4, 6, 5), (3, 5, 6), (4, 3, 5, 6), (4, 5, 7), (1, 4, 1, 6)],
    ids=str,
)
@pytest.mark.parametrize("kind", ATTENTION)
def test_an_attention_mask_broadcasts_to_the_scores(backend, kind, shape):
    with pytest.raises(ShapeError, match=r"attention_mask.*\(4, 2, 5, 6\); got"):
        ATTENTION[kind]()(X, V, attention_mask=np.ones(shape, bool))


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_masks_of_one_head_have_the_lengths_of_query_and_value(backend, name):
    layer = getattr(layers, name)()
    with pytest.raises(ShapeError, match="position of the query; got"):
        layer([X, V], mask=[np.ones((4, 6), bool), None])
    with pytest.raises(ShapeError, match="position of the value; got"):
        layer([X, V], mask=[None, np.ones((4, 5), bool)])
    with pytest.raises(ArgumentError, match="masks as a list"):
        layer([X, V], mask=np.ones((4, 6), bool))
