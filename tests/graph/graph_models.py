"""Small models of all kinds, with data of any sizes for each."""

import numpy as np

import multinet
from multinet import layers, ops


def mlp():
    x = multinet.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="hidden")(x)
    h = layers.Dropout(0.5, seed=1, name="dropout")(h)
    return multinet.Model(x, layers.Dense(3, name="head")(h), name="mlp")


def cnn():
    x = multinet.Input((None, None, 2), name="pictures")
    h = layers.Conv2D(4, 3, 2, "same", activation="relu", name="conv")(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = layers.MaxPooling2D(2, padding="same", name="pool")(h)
    h = layers.GlobalAveragePooling2D(name="mean")(h)
    return multinet.Model(x, layers.Dense(3, name="head")(h), name="cnn")


def masked():
    x = multinet.Input((None,), dtype="int32", name="words")
    h = layers.Embedding(7, 4, mask_zero=True, name="table")(x)
    h = layers.Bidirectional(layers.GRU(3, name="gru"), name="both")(h)
    return multinet.Model(x, layers.Dense(2, name="head")(h), name="masked")


def shared():
    """Two inputs of other lengths through one layer, nested, with ops between."""
    inner = multinet.Sequential([layers.Dense(4, name="inside")], name="inner")
    a, b = multinet.Input((None, 3), name="a"), multinet.Input((None, 3), name="b")
    one, other = inner(a), inner(b)
    h = ops.concatenate([one, other], axis=1)
    h = ops.sum(h, axis=1) / ops.cast(ops.shape(h)[1], "float32")
    return multinet.Model([a, b], layers.Dense(2, name="head")(h), name="shared")


def attending():
    x = multinet.Input((None, 4), name="x")
    h = layers.MultiHeadAttention(2, 3, name="attention")(x, x, use_causal_mask=True)
    h = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, h]))
    h = layers.RNN(layers.LSTMCell(3, name="cell"), name="rnn")(h)
    return multinet.Model(x, h, name="attending")


RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


MODELS = {
    mlp: lambda b, t: normal(b, 6),
    cnn: lambda b, t: normal(b, t + 4, t, 2),
    masked: lambda b, t: RANDOM.integers(0, 7, (b, t)).astype("int32"),
    shared: lambda b, t: [normal(b, t, 3), normal(b, t + 2, 3)],
    attending: lambda b, t: normal(b, t, 4),
}
