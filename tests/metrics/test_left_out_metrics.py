"""What weights of 0 leave out, NaN too, reaches no metric."""

import keras
import numpy as np
import pytest

from multinet import metrics

RNG = np.random.default_rng(5)
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 1.5], "float32")
LEFT, KEPT = WEIGHTS == 0, WEIGHTS != 0


def probabilities(*shape):
    raw = RNG.uniform(0.02, 1.0, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


PAIRS = {
    "real": RNG.normal(size=(2, 6, 4)).astype("float32"),
    "column": RNG.normal(size=(2, 6, 1)).astype("float32"),
    "positive": (RNG.uniform(0, 2, (6, 4)).astype("float32"), probabilities(6, 4)),
    "binary": (one_hot(6, 2), RNG.uniform(0.1, 0.9, (6, 2)).astype("float32")),
    "flat": (
        np.array([1, 0, 0, 1, 1, 1], "float32"),
        RNG.uniform(0, 1, (6, 1)).astype("float32"),
    ),
    "classes": (one_hot(6, 4), probabilities(6, 4)),
    "sparse": (RNG.integers(0, 4, 6).astype("int32"), probabilities(6, 4)),
    "labels": RNG.integers(0, 3, (2, 6)).astype("int32"),
}
CASES = [
    ("Accuracy", "labels", {}),
    ("BinaryAccuracy", "flat", {}),
    ("SparseCategoricalAccuracy", "sparse", {}),
    ("TopKCategoricalAccuracy", "classes", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "sparse", {"k": 2}),
    ("MeanSquaredError", "real", {}),
    ("RootMeanSquaredError", "column", {}),
    ("CosineSimilarity", "real", {}),
    ("KLDivergence", "positive", {}),
    ("Hinge", "classes", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("SparseCategoricalCrossentropy", "sparse", {}),
    ("TruePositives", "binary", {}),
    ("Precision", "binary", {}),
    ("Precision", "classes", {"top_k": 2}),
    ("Recall", "binary", {"class_id": 1}),
    ("AUC", "flat", {}),
    ("F1Score", "classes", {}),
    ("IoU", "labels", {"num_classes": 3, "target_class_ids": [0, 2]}),
    ("R2Score", "column", {}),
    ("PearsonCorrelation", "real", {}),
]
NAMES = [f"{name}-{pair}-{i}" for i, (name, pair, _) in enumerate(CASES)]


def spoiled(x):
    """Return an array with what no metric can bear in the rows that weigh nothing."""
    x = np.array(x)
    x[LEFT] = np.nan if x.dtype.kind == "f" else 99
    return x


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
def test_rows_of_weight_zero_are_as_if_absent(backend, name, pair, options):
    metric = getattr(metrics, name)(**options)
    peer = getattr(keras.metrics, name)(**options)
    given = [backend.from_numpy(spoiled(y)) for y in PAIRS[pair]]
    metric.update_state(*given, backend.from_numpy(WEIGHTS))
    weights = WEIGHTS[KEPT]
    if "IoU" in name:  # Keras counts in integers
        weights = (2 * weights).astype("int32")
    peer.update_state(*(y[KEPT] for y in PAIRS[pair]), weights)
    found, wanted = backend.to_numpy(metric.result()), np.asarray(peer.result())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_values_of_weight_zero_are_as_if_absent(backend, name):
    values = RNG.normal(size=6).astype("float32")
    metric = getattr(metrics, name)()
    metric.update_state(backend.from_numpy(spoiled(values)), WEIGHTS)
    total = (values.astype("float64") * WEIGHTS).sum()
    wanted = total / WEIGHTS.sum() if name == "Mean" else total
    np.testing.assert_allclose(backend.to_numpy(metric.result()), wanted, rtol=1e-5)


def test_a_mean_of_what_is_not_left_out_shows_nan(backend):
    metric = metrics.Mean()
    metric.update_state([1.0, np.nan], [0.0, 1.0])
    assert np.isnan(backend.to_numpy(metric.result()))


class Counted(metrics.Metric):
    def __init__(self, **options):
        super().__init__(**options)
        self.seen = self.add_variable((2,), name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign(self.seen + y_true[0])

    def result(self):
        return self.seen


def test_a_result_that_is_a_variable_stays_what_it_was(real_backend):
    metric, ones = Counted(), np.ones((1, 2), "float32")
    metric.update_state(ones, ones)
    first = metric.result()
    second = metric(ones, ones)
    metric.update_state(ones, ones)
    results = [real_backend.to_numpy(x) for x in (first, second, metric.result())]
    np.testing.assert_array_equal(results, [[1, 1], [2, 2], [3, 3]])
