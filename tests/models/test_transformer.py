"""A transformer block on two masked inputs, against the same model in Keras.

In Keras 3.15 a MultiHeadAttention takes the mask off the tensors that it is called on,
so that a sum with one of them has none; here masks stay. The results of this model
differ where the queries themselves are padding, and nowhere else.
"""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import ops

RNG = np.random.default_rng(0)
SOURCE = RNG.integers(1, 9, (4, 6)).astype("int32")
TARGET = RNG.integers(1, 9, (4, 5)).astype("int32")
SOURCE[0, 4:], SOURCE[2, 2:], TARGET[1, 3:] = 0, 0, 0
LABELS = RNG.integers(0, 3, (4, 5)).astype("int32")


def block(keras, dropout=0.0):
    """Two embeddings, attention of one to itself and to the other, and a small MLP."""
    make = keras.layers
    a = keras.Input((6,), dtype="int32", name="source")
    b = keras.Input((5,), dtype="int32", name="target")
    source = make.Embedding(9, 8, mask_zero=True)(a)
    x = make.Embedding(9, 8, mask_zero=True)(b)
    seen = make.MultiHeadAttention(2, 4, dropout=dropout)(x, x, use_causal_mask=True)
    x = make.LayerNormalization()(make.Add()([x, seen]))
    seen = make.MultiHeadAttention(2, 4, value_dim=4)(x, source)
    x = make.LayerNormalization(epsilon=1e-6)(make.Add()([x, seen]))
    inner = make.Dense(8)(make.Dense(16, activation="gelu")(x))
    x = make.LayerNormalization()(make.Add()([x, inner]))
    pooled = make.GlobalAveragePooling1D()(x)
    tags = make.Dense(3, name="tags")(x)
    return keras.Model([a, b], [tags, make.Dense(1, name="score")(pooled)])


def pair(dropout=0.0):
    """Return our model and that of Keras, with equal weights."""
    ours, theirs = block(multinet, dropout), block(peer, dropout)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=w.shape, scale=0.4) for w in ours.weights]
    ours.set_weights(weights), theirs.set_weights(weights)
    return ours, theirs


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_outputs_are_those_of_keras(backend, dropout):
    ours, theirs = pair(dropout)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [x.shape for x in ours.outputs] == [x.shape for x in theirs.outputs]
    tags, score = map(np.asarray, theirs([SOURCE, TARGET]))
    shown = TARGET != 0
    called = [ops.convert_to_numpy(x) for x in ours([SOURCE, TARGET])]
    for found in (called, ours.predict([SOURCE, TARGET], verbose=0)):
        np.testing.assert_allclose(found[0][shown], tags[shown], rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(found[1], score, rtol=2e-5, atol=2e-5)


def test_padding_does_not_reach_the_pooled_output(backend):
    ours, _ = pair()
    short = [SOURCE[:1], TARGET[1:2]]
    longer = multinet.Model(ours.inputs, ours.outputs[1])
    score = ops.convert_to_numpy(longer(short))
    other = [SOURCE[:1].copy(), TARGET[1:2].copy()]
    weights = ours.get_weights()
    for weight in weights:
        if weight.shape == (9, 8):
            weight[0] += 5.0  # the row that padding looks up
    ours.set_weights(weights)
    np.testing.assert_allclose(
        ops.convert_to_numpy(longer(other)), score, rtol=1e-5, atol=1e-6
    )


def test_losses_of_training_are_those_of_keras(backend):
    ours, theirs = pair()
    targets, curves = np.arange(4, dtype="float32")[:, None], []
    for keras, whole in ((multinet, ours), (peer, theirs)):
        model = keras.Model(whole.inputs, whole.outputs[1])
        model.compile(keras.optimizers.SGD(0.05), "mse")
        history = model.fit(
            [SOURCE, TARGET], targets, batch_size=4, epochs=4, verbose=0, shuffle=False
        )
        curves.append(history.history["loss"])
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4)


def test_the_loss_of_tags_counts_the_tokens_alone(backend):
    ours, _ = pair()
    model = multinet.Model(ours.inputs, ours.outputs[0])
    loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    tags = model.predict([SOURCE, TARGET], verbose=0).astype("float64")
    log = tags - np.log(np.exp(tags).sum(-1, keepdims=True))
    each = -np.take_along_axis(log, LABELS[..., None], -1)[..., 0]
    found = model.evaluate([SOURCE, TARGET], LABELS, verbose=0)
    np.testing.assert_allclose(found, each[TARGET != 0].mean(), rtol=1e-5)
