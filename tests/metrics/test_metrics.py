"""Every metric has Keras's value over several weighted batches."""

import inspect

import numpy as np
import pytest

from multinet import losses, metrics
from multinet.errors import ArgumentError
from multinet.scope import Scope

RNG = np.random.default_rng(2)
WEIGHTS = [0.5, 0.0, 2.0, 1.0]  # of four labels


def probabilities(*shape):
    raw = RNG.uniform(0.02, 1.0, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def make(kind):
    if kind == "real":
        return RNG.normal(size=(6, 4)).astype("float32"), RNG.normal(
            size=(6, 4)
        ).astype("float32")
    if kind == "column":
        return tuple(RNG.normal(size=(6, 1)).astype("float32") for _ in range(2))
    if kind == "positive":
        return RNG.uniform(0, 2, (6, 4)).astype("float32"), probabilities(6, 4)
    if kind == "binary":
        return RNG.integers(0, 2, (6, 4)), RNG.uniform(0, 1, (6, 4)).astype("float32")
    if kind == "flat":
        return RNG.integers(0, 2, 6), RNG.uniform(0, 1, (6, 1)).astype("float32")
    if kind == "classes":
        return one_hot(6, 4), probabilities(6, 4)
    if kind == "sparse":
        return RNG.integers(0, 4, (6,)), probabilities(6, 4)
    if kind == "sparse_column":
        return RNG.integers(0, 4, (6, 1)), probabilities(6, 4)
    if kind == "sequence":
        return RNG.integers(0, 4, (6, 3)), probabilities(6, 3, 4)
    if kind == "labels":
        return RNG.integers(0, 4, (6, 5)), RNG.integers(0, 4, (6, 5))
    return RNG.integers(0, 2, (6, 4)), RNG.integers(0, 2, (6, 4)).astype("float32")


CASES = [
    ("Accuracy", "equal", {}),
    ("BinaryAccuracy", "binary", {}),
    ("BinaryAccuracy", "flat", {"threshold": 0.3}),
    ("CategoricalAccuracy", "classes", {}),
    ("SparseCategoricalAccuracy", "sparse", {}),
    ("SparseCategoricalAccuracy", "sparse_column", {}),
    ("SparseCategoricalAccuracy", "sequence", {}),
    ("TopKCategoricalAccuracy", "classes", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "sparse", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "sequence", {"k": 3}),
    ("SparseTopKCategoricalAccuracy", "sparse", {"k": 9}),
    ("MeanSquaredError", "real", {}),
    ("RootMeanSquaredError", "real", {}),
    ("MeanAbsoluteError", "real", {}),
    ("MeanAbsolutePercentageError", "real", {}),
    ("MeanSquaredLogarithmicError", "positive", {}),
    ("LogCoshError", "real", {}),
    ("CosineSimilarity", "real", {}),
    ("Poisson", "positive", {}),
    ("KLDivergence", "positive", {}),
    ("Hinge", "equal", {}),
    ("SquaredHinge", "equal", {}),
    ("CategoricalHinge", "classes", {}),
    ("BinaryCrossentropy", "binary", {"label_smoothing": 0.1}),
    ("CategoricalCrossentropy", "classes", {}),
    ("SparseCategoricalCrossentropy", "sparse", {"from_logits": True}),
    ("TruePositives", "binary", {}),
    ("FalsePositives", "binary", {"thresholds": [0.2, 0.8]}),
    ("TrueNegatives", "flat", {}),
    ("FalseNegatives", "binary", {"thresholds": 0.7}),
    ("Precision", "binary", {}),
    ("Precision", "binary", {"thresholds": [0.3, 0.6]}),
    ("Precision", "classes", {"top_k": 2}),
    ("Precision", "classes", {"class_id": 1, "thresholds": 0.2}),
    ("Recall", "binary", {}),
    ("Recall", "classes", {"top_k": 2, "class_id": 2}),
    ("PrecisionAtRecall", "binary", {"recall": 0.6}),
    ("PrecisionAtRecall", "flat", {"recall": 0.9, "num_thresholds": 1}),
    ("RecallAtPrecision", "binary", {"precision": 0.5, "num_thresholds": 7}),
    ("RecallAtPrecision", "classes", {"precision": 0.4, "class_id": 1}),
    ("SensitivityAtSpecificity", "binary", {"specificity": 0.4}),
    ("SpecificityAtSensitivity", "binary", {"sensitivity": 0.7, "num_thresholds": 20}),
    ("AUC", "binary", {}),
    ("AUC", "flat", {"num_thresholds": 20}),
    ("AUC", "binary", {"curve": "PR"}),
    ("AUC", "binary", {"summation_method": "minoring", "thresholds": [0.2, 0.5, 0.9]}),
    ("AUC", "binary", {"summation_method": "majoring", "curve": "PR"}),
    ("AUC", "binary", {"from_logits": True}),
    ("AUC", "binary", {"curve": "PRGAIN", "num_thresholds": 30}),
    ("AUC", "flat", {"curve": "PRGAIN", "summation_method": "minoring"}),
    ("AUC", "binary", {"curve": "PRGAIN", "summation_method": "majoring"}),
    ("AUC", "binary", {"multi_label": True, "num_labels": 4}),
    ("AUC", "binary", {"multi_label": True, "curve": "PR", "label_weights": WEIGHTS}),
    ("AUC", "binary", {"multi_label": True, "curve": "PRGAIN", "from_logits": True}),
    ("AUC", "binary", {"label_weights": WEIGHTS, "num_thresholds": 50}),
    ("F1Score", "classes", {}),
    ("F1Score", "binary", {"threshold": 0.4, "average": "macro"}),
    ("FBetaScore", "binary", {"beta": 2.0, "threshold": 0.4, "average": "weighted"}),
    ("FBetaScore", "classes", {"beta": 0.5, "average": "micro"}),
    ("IoU", "labels", {"num_classes": 4, "target_class_ids": [0, 2]}),
    ("MeanIoU", "labels", {"num_classes": 4}),
    ("MeanIoU", "labels", {"num_classes": 4, "ignore_class": 1}),
    ("BinaryIoU", "binary", {"threshold": 0.4}),
    ("OneHotIoU", "classes", {"num_classes": 4, "target_class_ids": [1, 3]}),
    ("OneHotMeanIoU", "classes", {"num_classes": 4}),
    ("R2Score", "real", {}),
    ("R2Score", "real", {"class_aggregation": None}),
    ("R2Score", "real", {"num_regressors": 3}),
    (
        "R2Score",
        "column",
        {"class_aggregation": "variance_weighted_average", "num_regressors": 2},
    ),
    ("PearsonCorrelation", "real", {}),
    ("ConcordanceCorrelation", "real", {}),
]
NAMES = [f"{name}-{kind}-{i}" for i, (name, kind, _) in enumerate(CASES)]


def weights_for(name, kind, shape):
    if "IoU" in name:  # Keras counts in int32 and needs a weight for each label
        shape = (6,) if kind == "classes" else shape
        return RNG.integers(1, 4, shape).astype("float32")
    shape = shape if kind == "sequence" else (6,)
    return RNG.uniform(0.1, 2, shape).astype("float32")


@pytest.mark.parametrize("name,kind,options", CASES, ids=NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_three_batches_give_the_value_of_keras(backend, name, kind, options, weighted):
    import keras

    metric = getattr(metrics, name)(**options)
    peer = getattr(keras.metrics, name)(**options)
    for _ in range(3):
        y_true, y_pred = make(kind)
        weights = None
        if weighted:
            weights = weights_for(name, kind, y_true.shape)
        given = None if weights is None else backend.from_numpy(weights)
        metric.update_state(
            backend.from_numpy(y_true), backend.from_numpy(y_pred), given
        )
        peer.update_state(y_true, y_pred, weights)
    found, wanted = backend.to_numpy(metric.result()), np.asarray(peer.result())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(metric.variables, peer.variables, strict=True):
        assert (mine.name, mine.shape) == (theirs.name, tuple(theirs.shape))


@pytest.mark.parametrize("name,kind,options", CASES, ids=NAMES)
def test_reset_forgets_the_batches(backend, name, kind, options):
    metric = getattr(metrics, name)(**options)
    y_true, y_pred = map(backend.from_numpy, make(kind))
    metric.update_state(y_true, y_pred)
    first = backend.to_numpy(metric.result())
    metric.update_state(*map(backend.from_numpy, make(kind)))
    metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)
    np.testing.assert_allclose(
        backend.to_numpy(metric(y_true, y_pred)), first, rtol=1e-6
    )


@pytest.mark.parametrize("name,kind,options", CASES, ids=NAMES)
def test_update_inside_a_scope_writes_only_the_scope(backend, name, kind, options):
    metric = getattr(metrics, name)(**options)
    y_true, y_pred = map(backend.from_numpy, make(kind))
    metric.update_state(y_true, y_pred)
    before = [v.numpy() for v in metric.variables]
    zeros = [backend.full(v.shape, 0, v.dtype) for v in metric.variables]
    with Scope(metric.variables, zeros) as scope:
        metric.update_state(y_true, y_pred)
        after = scope.values_of(metric.variables)
    for old, variable, new in zip(before, metric.variables, after, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
        np.testing.assert_allclose(backend.to_numpy(new), old, rtol=1e-6)


@pytest.mark.parametrize("name,kind,options", CASES, ids=NAMES)
def test_configuration_builds_an_equal_metric(name, kind, options):
    import keras

    metric = getattr(metrics, name)(**options)
    again = metrics.deserialize(metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    theirs = keras.metrics.serialize(getattr(keras.metrics, name)(**options))
    assert type(metrics.deserialize(theirs)) is type(metric)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_signature_is_that_of_keras(name):
    import keras

    ours = inspect.signature(getattr(metrics, name)).parameters.values()
    theirs = inspect.signature(getattr(keras.metrics, name)).parameters.values()
    ours = [(p.name, p.default) for p in ours]
    theirs = [(p.name, p.default) for p in theirs]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize(
    "shape,weights",
    [
        ((), None),
        ((5,), None),
        ((5,), (5,)),
        ((5, 3), None),
        ((5, 3), (5,)),
        ((5, 3), (5, 3)),
        ((5, 3, 2), (5, 3)),
    ],
)
def test_mean_and_sum_of_values_follow_keras(backend, name, shape, weights):
    import keras

    metric, peer = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for _ in range(2):
        values = np.asarray(RNG.normal(size=shape), "float32")
        weight = (
            None if weights is None else RNG.uniform(size=weights).astype("float32")
        )
        metric(
            backend.from_numpy(values),
            None if weight is None else backend.from_numpy(weight),
        )
        peer(values, weight)
    found = backend.to_numpy(metric.result())
    np.testing.assert_allclose(found, np.asarray(peer.result()), rtol=1e-5, atol=1e-6)


def test_mean_of_nothing_is_zero(backend):
    assert float(backend.to_numpy(metrics.Mean().result())) == 0.0


def test_half_precision_mean_accumulates_in_float32(backend):
    metric = metrics.Mean(dtype="float16")
    assert {v.dtype for v in metric.variables} == {"float32"}
    for _ in range(10):
        metric.update_state(backend.full((1000,), 0.25, "float16"))
    assert float(backend.to_numpy(metric.result())) == 0.25


@pytest.mark.parametrize(
    "true,pred,wanted",
    [
        ((8,), (8, 1), "Binary"),
        ((8, 1), (8, 1), "Binary"),
        ((8, 4), (8, 4), "Categorical"),
        ((8,), (8, 4), "SparseCategorical"),
        ((8, 1), (8, 4), "SparseCategorical"),
        ((8, 3), (8, 3, 4), "SparseCategorical"),
        ((8, 3, 4), (8, 3, 4), "Categorical"),
    ],
)
def test_accuracy_is_chosen_by_the_shapes(true, pred, wanted):
    assert (
        type(metrics.resolve("acc", None, true, pred)).__name__ == f"{wanted}Accuracy"
    )
    chosen = metrics.resolve("crossentropy", None, true, pred)
    assert type(chosen).__name__ == f"{wanted}Crossentropy"


@pytest.mark.parametrize("name", ["mse", "MeanAbsoluteError", "acc", "bce"])
def test_metric_is_named_as_it_was_asked_for(name):
    assert metrics.resolve(name, None, (8, 1), (8, 1)).name == name


def test_crossentropy_takes_logits_from_the_loss():
    loss = losses.BinaryCrossentropy(from_logits=True)
    assert metrics.resolve("ce", loss, (8, 1), (8, 1)).from_logits


def test_function_becomes_a_metric_of_its_name(backend):
    def gap(y_true, y_pred):
        return backend.subtract(y_true, y_pred)

    metric = metrics.resolve(gap)
    metric.update_state(
        backend.full((3,), 2.0, "float32"), backend.full((3,), 0.5, "float32")
    )
    assert metric.name == "gap"
    assert float(backend.to_numpy(metric.result())) == 1.5


def test_fractional_weights_count_in_the_overlap(backend):
    labels, guesses = np.array([0, 1, 2, 1]), np.array([0, 2, 2, 1])
    weights = np.array([0.5, 1.5, 2.5, 0.25], "float32")
    metric = metrics.MeanIoU(3)
    metric.update_state(*map(backend.from_numpy, (labels, guesses, weights)))
    wanted = np.mean([0.5 / 0.5, 0.25 / 1.75, 2.5 / 4.0])
    np.testing.assert_allclose(backend.to_numpy(metric.result()), wanted, rtol=1e-6)


def test_variables_of_metrics_inside_a_metric_are_its_own():
    class Both(metrics.Metric):
        def __init__(self):
            super().__init__(name="both")
            self.parts = [metrics.Mean(), metrics.Sum()]

    assert [v.name for v in Both().variables] == ["total", "count", "total"]


def test_unknown_name_names_the_near_ones():
    with pytest.raises(ArgumentError, match="binary_accuracy"):
        metrics.get("binary_acuracy")


@pytest.mark.parametrize(
    "options,words",
    [
        ({"curve": "PRG"}, "'PRGAIN'"),
        ({"num_labels": 3}, "multi_label=True"),
        ({"multi_label": True, "num_labels": 3, "label_weights": [1.0]}, "3 labels"),
        ({"label_weights": [1.0, -1.0]}, "label_weights"),
        ({"thresholds": [0.5, 2.0]}, "thresholds"),
    ],
)
def test_auc_says_what_it_cannot_take(options, words):
    with pytest.raises(ValueError, match=words):
        metrics.AUC(**options)


def test_auc_of_labels_refuses_other_shapes(backend):
    metric = metrics.AUC(multi_label=True)
    metric.update_state(*map(backend.from_numpy, make("binary")))
    with pytest.raises(ValueError, match=r"\(samples, 4\)"):
        metric.update_state(*map(backend.from_numpy, make("flat")))


def test_a_class_of_a_flat_prediction_is_refused(backend):
    with pytest.raises(ValueError, match="class_id=2"):
        metrics.Precision(class_id=2).update_state(
            *map(backend.from_numpy, (np.zeros(4), np.zeros(4, "float32")))
        )
