"""Metrics of masked outputs count the positions that the mask leaves in, as in Keras."""

import keras as peer
import numpy as np

import multinet

RNG = np.random.default_rng(4)
TOKENS = RNG.integers(0, 4, (12, 6))
TARGETS = RNG.normal(size=(12, 6, 1)).astype("float32")


def build(keras):
    """Return a model whose output keeps the mask of its Embedding."""
    inputs = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(4, 3, mask_zero=True)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def test_loss_and_metrics_of_masked_outputs_agree_with_keras(backend):
    ours, theirs = build(multinet), build(peer)
    theirs.set_weights(ours.get_weights())
    results = []
    for model in (ours, theirs):
        model.compile("sgd", "mse", metrics=["mae"])
        history = model.fit(
            TOKENS, TARGETS, batch_size=4, epochs=2, shuffle=False, verbose=0
        ).history
        scores = model.evaluate(TOKENS, TARGETS, verbose=0)
        results.append([*history["loss"], *history["mae"], *scores])
    np.testing.assert_allclose(results[0], results[1], rtol=2e-5)
