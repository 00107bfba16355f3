"""Masked outputs: metrics count the positions that the mask leaves in, as in Keras."""

import keras as peer
import numpy as np

import multinet

RNG = np.random.default_rng(4)
TOKENS = RNG.integers(0, 4, (12, 6))
TARGETS = RNG.normal(size=(12, 6, 1)).astype("float32")


def build(keras, end=None):
    """Return a model whose output keeps the mask of its Embedding."""
    inputs = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(4, 3, mask_zero=True)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, activation=end)(hidden))


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


COUNTED = {
    "Precision": {},
    "Recall": {"thresholds": 0.55},
    "AUC": {"num_thresholds": 20},
    "TruePositives": {},
    "BinaryIoU": {},
    "BinaryAccuracy": {},
    "RootMeanSquaredError": {},
}
BITS = RNG.integers(0, 2, (12, 6, 1)).astype("float32")
SAMPLES = RNG.uniform(0.5, 2, 12).astype("float32")


def made(keras):
    kinds = COUNTED.items()
    return [getattr(keras.metrics, kind)(name=kind, **kw) for kind, kw in kinds]


def test_counts_leave_out_masked_positions(backend):
    model = build(multinet, "sigmoid")
    spoiled = np.where(TOKENS[..., None] == 0, np.nan, BITS)
    model.compile(
        multinet.optimizers.SGD(0.0),
        "binary_crossentropy",
        metrics=made(multinet),
        weighted_metrics=[multinet.metrics.Recall(name="weighted")],
    )
    logs = model.fit(
        TOKENS, spoiled, sample_weight=SAMPLES, batch_size=4, verbose=0
    ).history
    tested = model.evaluate(
        TOKENS, spoiled, sample_weight=SAMPLES, verbose=0, return_dict=True
    )
    shown = TOKENS != 0
    scores, bits = model.predict(TOKENS, verbose=0)[shown], BITS[shown]
    wanted = []
    for metric in made(peer):
        metric.update_state(bits, scores)
        wanted.append(np.asarray(metric.result()))
    found = [tested[metric.name] for metric in made(peer)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose([logs[m.name][0] for m in made(peer)], wanted, rtol=1e-5)
    recall = peer.metrics.Recall()
    recall.update_state(bits, scores, (SAMPLES[:, None] * shown)[shown])
    np.testing.assert_allclose(tested["weighted"], np.asarray(recall.result()), 1e-5)


class Seen(multinet.metrics.Metric):
    def __init__(self):
        super().__init__(name="seen")
        self.total = self.add_variable(name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        assert sample_weight is None
        self.total.assign(self.total + multinet.ops.sum(multinet.ops.ones_like(y_pred)))

    def result(self):
        return self.total


def test_a_metric_of_the_users_gets_what_was_passed(real_backend):
    model = build(multinet)
    model.compile("sgd", "mse", metrics=[Seen()])
    assert model.evaluate(TOKENS, TARGETS, verbose=0, return_dict=True)["seen"] == 72


def test_targets_that_are_masked_do_not_reach_the_weights(backend):
    ours, theirs = build(multinet), build(peer)
    theirs.set_weights(ours.get_weights())
    spoiled = np.where(TOKENS[..., None] == 0, np.nan, TARGETS)
    ours.compile(multinet.optimizers.SGD(0.1), "mse")
    theirs.compile(peer.optimizers.SGD(0.1), "mse")
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    found = ours.fit(TOKENS, spoiled, **options).history["loss"]
    wanted = theirs.fit(TOKENS, TARGETS, **options).history["loss"]
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
