"""Losses and accuracies of saturated predictions, zero rows, and rows beside NaN."""

import numpy as np
import pytest

from multinet import losses, metrics

INF, NAN = np.inf, np.nan
EPSILON = 1e-7
TOP = float(np.float32(1) - np.float32(EPSILON))  # what 1 - 1e-7 is in float32
CERTAIN = np.array(
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]],
    np.float32,
)
LOGITS = np.array(
    [[1e4, -1e4, 0.0], [0.0, 0.0, 0.0], [90.0, -90.0, 30.0], [1.0, 2.0, 3.0]],
    np.float32,
)
HOT = np.eye(3, dtype=np.float32)[[0, 2, 1, 0]]
LABELS = np.array([0, 2, 1, 0], np.int32)
REAL = np.array([[0.0] * 3, [1e4, -1e4, 1e3], [0.5, -1.0, 2.0], [0.0] * 3], np.float32)
TARGETS = np.array([[0.0] * 3, [0.0] * 3, [1.0, 2.0, 3.0], [1.0] * 3], np.float32)


def probabilities(p):
    p = p / p.sum(-1, keepdims=True)
    return np.clip(p, EPSILON, TOP)


def binary(y, p):
    p = np.clip(p, EPSILON, TOP)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def binary_focal(y, p, gamma):
    truth = y * p + (1 - y) * (1 - p)
    return ((1 - truth) ** gamma * binary(y, p)).mean(-1)


def focal(y, p, gamma):
    p = probabilities(p)
    return (0.25 * (1 - p) ** gamma * -y * np.log(p)).sum(-1)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def cosine(y, x):
    norms = [np.maximum(np.linalg.norm(v, axis=-1), 1e-6) for v in (y, x)]
    return -(y * x).sum(-1) / norms[0] / norms[1]


def focal_of(gamma):
    options = {"gamma": gamma}
    return (
        lambda y, p: losses.binary_focal_crossentropy(y, p, **options),
        lambda y, p: losses.categorical_focal_crossentropy(y, p, **options),
    )


# name -> the loss, its value in float64, targets, predictions
LOSSES = {
    "binary": (
        losses.binary_crossentropy,
        lambda y, p: binary(y, p).mean(-1),
        HOT,
        CERTAIN,
    ),
    "binary of logits": (
        lambda y, x: losses.binary_crossentropy(y, x, from_logits=True),
        lambda y, x: (np.logaddexp(x, 0) - x * y).mean(-1),
        HOT,
        LOGITS,
    ),
    "categorical": (
        losses.categorical_crossentropy,
        lambda y, p: -(y * np.log(probabilities(p))).sum(-1),
        HOT,
        CERTAIN,
    ),
    "categorical of logits": (
        lambda y, x: losses.categorical_crossentropy(y, x, from_logits=True),
        lambda y, x: -(y * log_softmax(x)).sum(-1),
        HOT,
        LOGITS,
    ),
    "sparse": (
        losses.sparse_categorical_crossentropy,
        lambda y, p: -np.log(probabilities(p))[range(4), y],
        LABELS,
        CERTAIN,
    ),
    "sparse of logits": (
        lambda y, x: losses.sparse_categorical_crossentropy(y, x, from_logits=True),
        lambda y, x: -log_softmax(x)[range(4), y],
        LABELS,
        LOGITS,
    ),
    "binary focal of 0.5": (
        focal_of(0.5)[0],
        lambda y, p: binary_focal(y, p, 0.5),
        HOT,
        CERTAIN,
    ),
    "binary focal of 2": (
        focal_of(2.0)[0],
        lambda y, p: binary_focal(y, p, 2.0),
        HOT,
        CERTAIN,
    ),
    "focal of 0.5": (focal_of(0.5)[1], lambda y, p: focal(y, p, 0.5), HOT, CERTAIN),
    "focal of 0": (focal_of(0.0)[1], lambda y, p: focal(y, p, 0.0), HOT, CERTAIN),
    "generalized": (
        lambda y, p: losses.categorical_generalized_cross_entropy(y, p, 0.5),
        lambda y, p: (1 - p[range(4), y] ** 0.5) / 0.5,
        LABELS,
        CERTAIN,
    ),
    "divergence": (
        losses.kl_divergence,
        lambda y, p: (
            np.clip(y, EPSILON, 1)
            * np.log(np.clip(y, EPSILON, 1) / np.clip(p, EPSILON, 1))
        ).sum(-1),
        HOT,
        CERTAIN,
    ),
    "poisson": (
        losses.poisson,
        lambda y, p: (p - y * np.log(p + EPSILON)).mean(-1),
        HOT,
        CERTAIN,
    ),
    "squared": (
        losses.mean_squared_error,
        lambda y, x: ((y - x) ** 2).mean(-1),
        TARGETS,
        REAL,
    ),
    "absolute": (
        losses.mean_absolute_error,
        lambda y, x: np.abs(y - x).mean(-1),
        TARGETS,
        REAL,
    ),
    "log cosh": (
        losses.log_cosh,
        lambda y, x: (np.logaddexp(x - y, y - x) - np.log(2)).mean(-1),
        TARGETS,
        REAL,
    ),
    "huber": (
        losses.huber,
        lambda y, x: np.where(
            np.abs(x - y) <= 1, 0.5 * (x - y) ** 2, np.abs(x - y) - 0.5
        ).mean(-1),
        TARGETS,
        REAL,
    ),
    "cosine": (losses.cosine_similarity, cosine, TARGETS, REAL),
    "hinge": (
        losses.hinge,
        lambda y, x: np.maximum(1 - (2 * y - 1) * x, 0).mean(-1),
        HOT,
        REAL,
    ),
    "dice": (
        lambda y, p: losses.dice(y, p, axis=-1),
        lambda y, p: 1 - 2 * (y * p).sum(-1) / (y.sum(-1) + p.sum(-1) + EPSILON),
        HOT,
        CERTAIN,
    ),
}


def of_all(backend):
    """Return the function of all predictions: a loss a row, and slopes, for each."""

    def values_and_slopes(*predictions):
        results = []
        for (function, _, y_true, _), x in zip(LOSSES.values(), predictions):
            y = backend.from_numpy(y_true)
            one = lambda x, f=function, y=y: (f(y, x),)  # noqa: E731
            (values,), pull = backend.vjp(one, (x,))
            seed = backend.full(backend.shape(values), 1.0, "float32")
            results += [values, pull((seed,))[0]]
        return tuple(results)

    run = backend.jit(values_and_slopes, ())

    def found(predictions):
        results = run(*map(backend.from_numpy, predictions))
        arrays = [backend.to_numpy(y) for y in results]
        return dict(zip(LOSSES, zip(arrays[::2], arrays[1::2])))

    return found


def test_losses_of_saturated_predictions(backend):
    found = of_all(backend)
    given = [y_pred for *_, y_pred in LOSSES.values()]
    first = found(given)
    broken = [np.where(np.arange(4)[:, None] == 2, np.float32(NAN), x) for x in given]
    second, rest = found(broken), [0, 1, 3]
    for name, (_, formula, y_true, y_pred) in LOSSES.items():
        values, steep = first[name]
        exact = y_true if y_true.dtype == np.int32 else y_true.astype(np.float64)
        wanted = formula(exact, y_pred.astype(np.float64))
        np.testing.assert_allclose(values, wanted, 2e-5, 2e-6, err_msg=name)
        assert np.isfinite(steep).all(), name
        # A row of NaN changes its own loss alone.
        again, slopes = second[name]
        assert np.isnan(again[2]), name
        np.testing.assert_allclose(again[rest], values[rest], 1e-6, 1e-7, err_msg=name)
        np.testing.assert_allclose(slopes[rest], steep[rest], 1e-5, 1e-7, err_msg=name)


def mean_of(backend, metric, y_true, y_pred):
    metric.update_state(np.asarray(y_true), np.asarray(y_pred, np.float32))
    return float(backend.to_numpy(metric.result()))


SCORES = [
    [0.1, NAN, 0.3],  # NaN at the label
    [NAN, NAN, NAN],
    [0.1, 0.7, 0.2],  # right
    [NAN, 0.7, 0.2],  # NaN, which is the largest, elsewhere
    [-INF, INF, 0.2],  # right
    [0.5, 0.4, 0.1],  # second best
]


@pytest.mark.parametrize(("k", "right"), ((1, 2), (2, 4), (3, 4)))
def test_nan_is_not_among_the_best(backend, k, right):
    labels = np.ones(6, np.int32)
    sparse = metrics.SparseTopKCategoricalAccuracy(k)
    assert np.isclose(mean_of(backend, sparse, labels, SCORES), right / 6)
    hot = metrics.TopKCategoricalAccuracy(k)
    targets = np.eye(3, dtype=np.float32)[labels]
    assert np.isclose(mean_of(backend, hot, targets, SCORES), right / 6)


def test_nan_is_never_right(backend):
    labels = np.array([1, 0, 1, 0, 1, 1], np.int32)
    sparse = metrics.SparseCategoricalAccuracy()
    assert np.isclose(mean_of(backend, sparse, labels, SCORES), 2 / 6)
    targets = np.eye(3, dtype=np.float32)[labels]
    hot = metrics.CategoricalAccuracy()
    assert np.isclose(mean_of(backend, hot, targets, SCORES), 2 / 6)
    binary = metrics.BinaryAccuracy()
    found = mean_of(backend, binary, [[0.0], [1.0], [0.0]], [[NAN], [NAN], [0.1]])
    assert np.isclose(found, 1 / 3)
