"""Weights by class: equal to Keras, or refused in one sentence."""

import functools
import math

import keras
import numpy as np
import pytest

import multinet
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(2)
X = RNG.normal(size=(30, 3)).astype("float32")
LABELS = RNG.integers(0, 3, 30)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
START = RNG.normal(size=(3, 3)).astype("float32"), np.zeros(3, "float32")


def classifier(kit, loss="sparse_categorical_crossentropy"):
    """Return a compiled classifier of the library that is given."""
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(3, activation="softmax")])
    model.compile(kit.optimizers.SGD(0.1), loss)
    model.set_weights([*START])
    return model


TIED = np.array([[0.0, 0, 0], [0, 1, 1], [0, 0, 1]], "float32")
TAKEN = {
    "all": (LABELS, {0: 1.0, 1: 5.0, 2: 0.5}),
    "some": (LABELS, {1: 5.0}),
    "columns": (LABELS[:, None], {0: 2, 1: np.float32(5)}),
    "floats": (LABELS.astype("float32"), {0.0: 2.0, np.int64(2): 3.0}),
    "one-hot": (ONE_HOT, {0: 2.0, 2: 0.0}),
    "none and several": (np.eye(3)[[0, 1, 2] * 10] @ TIED, {0: 2.0, 2: 0.5}),
    "smoothed": (ONE_HOT * 0.8 + 0.1, {0: 2.0, 2: 0.1}),
}


def losses(kit, case):
    """Return the losses of a fit, and of a step."""
    y, weights = TAKEN[case]
    soft = y.shape[-1] == 3
    model = classifier(kit, ("" if soft else "sparse_") + "categorical_crossentropy")
    options = {"batch_size": 10, "shuffle": False, "verbose": 0, "epochs": 2}
    found = model.fit(X, y, class_weight=weights, **options).history["loss"]
    return [*found, float(model.train_on_batch(X[:7], y[:7], class_weight=weights))]


@functools.cache
def of_keras(case):
    """Return the losses of Keras."""
    return losses(keras, case)


@pytest.mark.parametrize("case", TAKEN)
def test_losses_are_those_of_keras(case):
    np.testing.assert_allclose(losses(multinet, case), of_keras(case), rtol=2e-5)


def test_losses_are_those_of_keras_on_every_backend(backend):
    np.testing.assert_allclose(losses(multinet, "some"), of_keras("some"), rtol=2e-5)


def test_they_multiply_the_weights_of_samples():
    weights = RNG.uniform(0.5, 2, 30).astype("float32")
    by_class = np.array([1.0, 5.0, 0.5])
    both = weights * by_class[LABELS]
    for given in (weights, weights[:, None]):
        first, second = classifier(multinet), classifier(multinet)
        a = first.fit(
            X, LABELS, sample_weight=given, class_weight=dict(enumerate(by_class))
        )
        b = second.fit(X, LABELS, sample_weight=both, verbose=0)
        np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"0": 1.0, "1": 5.0}, "keys of class_weight .* got '0'"),
        ({0.5: 1.0}, "keys of class_weight .* got 0.5"),
        ({None: 1.0}, "keys of class_weight .* got None"),
        ([1.0, 5.0, 0.5], r"a dict of weights by class number.*got \[1.0"),
        (np.ones(3), "a dict of weights by class number"),
        ("balanced", "a dict of weights by class number.*'balanced'"),
        ({0: "1"}, r"class_weight\[0\] to be a number >= 0, got '1'"),
        ({0: None}, r"class_weight\[0\] to be a number >= 0, got None"),
        ({0: math.nan}, r"class_weight\[0\] to be a number >= 0, got nan"),
        ({2: -1.0}, r"class_weight\[2\] to be a number >= 0, got -1"),
    ],
)
def test_what_is_no_weight_by_class_is_refused(weights, words):
    model = classifier(multinet)
    with pytest.raises(ArgumentError, match=words):
        model.fit(X, LABELS, class_weight=weights, verbose=0)
    with pytest.raises(ArgumentError, match=words):
        model.train_on_batch(X, LABELS, class_weight=weights)


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (X[:, 0], ArgumentError, "labels that are whole numbers, got"),
        (X, ArgumentError, "or one-hot rows, got targets"),
        (np.full((30, 2), [4, 7]), ArgumentError, r"row \[4, 7\]"),
        (np.zeros((30, 2, 1)), ShapeError, r"shape \(30, 2, 1\)"),
        (None, ArgumentError, "got 0 targets"),
    ],
)
def test_targets_without_one_class_a_sample_are_refused(y, error, words):
    with pytest.raises(error, match=words):
        classifier(multinet).fit(X, y, class_weight={0: 2.0}, verbose=0)


def test_rows_without_one_class_are_told():
    words = r"20 rows of the targets \(30, 3\) have none or several, such as \[0.0, 0.0"
    with pytest.warns(UserWarning, match=words):
        classifier(multinet, "categorical_crossentropy").fit(
            X, TAKEN["none and several"][0], class_weight={0: 2.0}, verbose=0
        )


def test_a_generator_has_weights_of_its_own():
    with pytest.raises(ArgumentError, match="class_weight=None where x is a generator"):
        classifier(multinet).fit(
            ((x, y) for x, y in [(X, LABELS)]), class_weight={0: 2.0}
        )
