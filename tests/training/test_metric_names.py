"""The names of metrics in the logs, and results that are no single number."""

import numpy as np
import pytest

import multinet
from multinet import layers, metrics, ops

RNG = np.random.default_rng(5)
X = RNG.normal(size=(8, 3)).astype("float32")
Y = (X[:, :2] > 0).astype("float32")


def bias(y_true, y_pred):
    return ops.mean(ops.subtract(y_pred, y_true), axis=-1)


def two_outputs():
    inputs = multinet.Input((3,))
    outputs = [layers.Dense(2, name=name)(inputs) for name in "ab"]
    return multinet.Model(inputs, outputs)


def test_names_have_the_output_and_each_is_there_once(backend):
    """The list is what Keras 3.15.1 logs for these arguments, in our order."""
    model, own = two_outputs(), metrics.MeanAbsoluteError(name="own")
    for _ in range(2):  # compiled again with the same object, the names stay
        model.compile(
            "sgd",
            "mse",
            metrics=[
                [own, "mae", bias],
                ["mae", "mae", metrics.MeanAbsoluteError(name="mae")],
            ],
            weighted_metrics=[["mae"], ["mae", bias]],
        )
        logs = model.fit(X, [Y, Y], epochs=1, verbose=0).history
    assert list(logs) == [
        "loss",
        "a_loss",
        "b_loss",
        "a_own",
        "a_mae",
        "a_bias",
        "b_mae",
        "b_mae_1",
        "b_mae_2",
        "a_weighted_mae",
        "b_weighted_mae",
        "b_bias",
    ]
    assert own.name == "own"
    assert model.metrics_names == list(logs)
    assert list(model.evaluate(X, [Y, Y], verbose=0, return_dict=True)) == list(logs)


def test_a_metric_with_and_without_weights_is_in_the_logs_twice(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    weight = np.arange(8, dtype="float32")
    error = np.abs(Y - model.predict(X, verbose=0)).mean(1)
    logs = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["mae"], error.mean(), rtol=1e-5)
    weighted = np.average(error, weights=weight)
    np.testing.assert_allclose(logs["weighted_mae"], weighted, rtol=1e-5)


@pytest.mark.parametrize("classes", [1, 2])
def test_a_metric_of_a_number_for_each_class_is_logged(backend, classes):
    answer = layers.Dense(classes, "sigmoid")
    model = multinet.Sequential([multinet.Input((3,)), answer])
    model.compile("sgd", "mse", metrics=[metrics.F1Score(threshold=0.5)])
    said = model.predict(X, verbose=0) > 0.5
    y = Y[:, :classes]
    right = (said * y).sum(0)
    expected = 2 * right / (said.sum(0) + y.sum(0))
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    score = logs["f1_score"]
    assert isinstance(score, float) if classes == 1 else score.shape == (2,)
    np.testing.assert_allclose(score, expected.squeeze(), rtol=1e-5)
    assert len(model.fit(X, y, verbose=0).history["f1_score"]) == 1
