"""Masked outputs: metrics count the positions that the mask leaves in, as in Keras."""

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
        results.append([*history["loss"], *model.evaluate(TOKENS, TARGETS, verbose=0)])
    np.testing.assert_allclose(results[0], results[1], rtol=2e-5)


def test_training_counts_what_evaluation_counts(backend):
    # Keras on JAX drops the mask on the way out of a training step, and only there.
    model = build(multinet)
    model.compile(multinet.optimizers.SGD(0.0), "mse", metrics=["mae"])
    history = model.fit(TOKENS, TARGETS, batch_size=4, verbose=0).history
    error = np.abs(model.predict(TOKENS, verbose=0) - TARGETS)[..., 0]
    np.testing.assert_allclose(history["mae"][0], error[TOKENS != 0].mean(), rtol=1e-5)
