"""Every loss has Keras's value, reduction and gradient."""

import functools
import inspect

import jax
import keras
import numpy as np
import pytest
from references import compiled

from multinet import config, losses
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def probabilities(*shape):
    raw = RNG.uniform(0.05, 1.0, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def bits(*shape):
    return RNG.integers(0, 2, shape).astype("float32")


UNIT = RNG.normal(size=(8, 5))
UNIT = (UNIT / np.linalg.norm(UNIT, axis=1, keepdims=True)).astype("float32")

PAIRS = {
    "real": (numbers(6, 4), numbers(6, 4)),
    "positive": (RNG.uniform(0, 2, (6, 4)).astype("float32"), probabilities(6, 4)),
    "binary": (bits(6, 4), RNG.uniform(0.02, 0.98, (6, 4)).astype("float32")),
    "binary_logits": (bits(6, 4), 3 * numbers(6, 4)),
    "signs": (2 * bits(6, 4) - 1, numbers(6, 4)),
    "classes": (one_hot(6, 4), probabilities(6, 4)),
    "class_logits": (one_hot(6, 4), 3 * numbers(6, 4)),
    "deep": (one_hot(2, 3, 4), probabilities(2, 3, 4)),
    "sparse": (RNG.integers(0, 4, 6), probabilities(6, 4)),
    "sparse_column": (RNG.integers(0, 4, (6, 1)), probabilities(6, 4)),
    "sparse_logits": (RNG.integers(0, 4, (2, 3)), 3 * numbers(2, 3, 4)),
    "regions": (bits(2, 5, 5, 1), RNG.uniform(0, 1, (2, 5, 5, 1)).astype("float32")),
    "embedding": (RNG.integers(0, 3, 8), UNIT),
    "labels": (np.array([[1, 2, 2], [3, 0, 0]]), numbers(2, 7, 4)),
    "vector": (numbers(6), numbers(6, 1)),
}

CASES = [
    ("MeanSquaredError", "real", {}),
    ("MeanSquaredError", "vector", {}),
    ("MeanAbsoluteError", "real", {}),
    ("MeanAbsolutePercentageError", "real", {}),
    ("MeanSquaredLogarithmicError", "positive", {}),
    ("Huber", "real", {"delta": 0.7}),
    ("LogCosh", "real", {}),
    ("CTC", "labels", {}),
    ("CosineSimilarity", "real", {}),
    ("CosineSimilarity", "real", {"axis": 0}),
    ("Poisson", "positive", {}),
    ("KLDivergence", "positive", {}),
    ("Hinge", "signs", {}),
    ("Hinge", "binary_logits", {}),
    ("SquaredHinge", "signs", {}),
    ("CategoricalHinge", "classes", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("BinaryCrossentropy", "binary", {"label_smoothing": 0.1, "axis": 0}),
    ("BinaryCrossentropy", "binary_logits", {"from_logits": True}),
    (
        "BinaryCrossentropy",
        "binary_logits",
        {"from_logits": True, "label_smoothing": 0.2},
    ),
    ("BinaryFocalCrossentropy", "binary", {"apply_class_balancing": True}),
    ("BinaryFocalCrossentropy", "binary_logits", {"from_logits": True, "gamma": 3.0}),
    ("CategoricalCrossentropy", "classes", {}),
    ("CategoricalCrossentropy", "classes", {"label_smoothing": 0.1}),
    ("CategoricalCrossentropy", "deep", {"axis": 1}),
    ("CategoricalCrossentropy", "class_logits", {"from_logits": True}),
    ("CategoricalFocalCrossentropy", "classes", {}),
    ("CategoricalFocalCrossentropy", "class_logits", {"from_logits": True}),
    ("CategoricalGeneralizedCrossEntropy", "sparse", {"q": 0.4}),
    ("SparseCategoricalCrossentropy", "sparse", {}),
    ("SparseCategoricalCrossentropy", "sparse_column", {}),
    ("SparseCategoricalCrossentropy", "sparse_logits", {"from_logits": True}),
    (
        "SparseCategoricalCrossentropy",
        "sparse_logits",
        {"from_logits": True, "ignore_class": 1},
    ),
    ("SparseCategoricalCrossentropy", "sparse", {"ignore_class": 2}),
    ("Dice", "regions", {}),
    ("Dice", "regions", {"axis": (1, 2, 3)}),
    ("Tversky", "regions", {"alpha": 0.3, "beta": 0.7}),
    ("Circle", "embedding", {}),
    ("Circle", "embedding", {"gamma": 20.0, "remove_diagonal": False}),
]
NAMES = [f"{name}-{pair}-{i}" for i, (name, pair, _) in enumerate(CASES)]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "none", "mean_with_sample_weight"]


@functools.cache
def by_keras(index, reduction):
    """Return Keras's value of a case."""
    name, pair, options = CASES[index]
    loss = getattr(keras.losses, name)(**options, reduction=reduction)
    return np.asarray(compiled(loss)(*PAIRS[pair]))


@functools.cache
def gradient_by_keras(index):
    """Return Keras's gradient of a case for the predictions."""
    name, pair, options = CASES[index]
    loss = getattr(keras.losses, name)(**options)
    return np.asarray(compiled(jax.grad(loss, argnums=1))(*PAIRS[pair]))


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_loss_has_the_value_of_keras(backend, name, pair, options, reduction):
    y_true, y_pred = PAIRS[pair]
    loss = getattr(losses, name)(**options, reduction=reduction)
    found = loss(backend.from_numpy(y_true), backend.from_numpy(y_pred))
    wanted = by_keras(CASES.index((name, pair, options)), reduction)
    found = backend.to_numpy(found)
    assert found.dtype == wanted.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6)


CLIPPED = (
    ("MeanAbsolutePercentageError", "binary"),
    ("MeanSquaredLogarithmicError", "real"),
    ("Poisson", "binary"),
    ("KLDivergence", "binary"),
    ("BinaryCrossentropy", "signs"),
    ("CategoricalCrossentropy", "classes"),
    ("SparseCategoricalCrossentropy", "sparse"),
    ("BinaryFocalCrossentropy", "signs"),
    ("Tversky", "binary"),
)


@pytest.mark.parametrize("name,pair", CLIPPED)
def test_epsilon_is_the_one_that_is_set(backend, name, pair):
    y_true, y_pred = PAIRS[pair]
    # What only epsilon keeps finite.
    if name.endswith("CategoricalCrossentropy"):
        y_pred = np.eye(4, dtype="float32")[y_pred.argmax(-1)]
    y_pred = np.clip(np.round(y_pred), 0, 1)
    keras.config.set_epsilon(1e-2)
    config.set_epsilon(1e-2)
    try:
        found = getattr(losses, name)()(*map(backend.from_numpy, (y_true, y_pred)))
        wanted = np.asarray(getattr(keras.losses, name)()(y_true, y_pred))
    finally:
        keras.config.set_epsilon(1e-7)
        config.set_epsilon(1e-7)
    plain = getattr(losses, name)()(*map(backend.from_numpy, (y_true, y_pred)))
    np.testing.assert_allclose(backend.to_numpy(found), wanted, rtol=2e-6, atol=1e-6)
    assert abs(backend.to_numpy(plain) - wanted) > 1e-4


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [numbers(2), numbers(2, 1), numbers(2, 3)], ids=str)
def test_weights_and_reductions_follow_keras(backend, reduction, weights):
    y_true, y_pred = numbers(2, 3, 4), numbers(2, 3, 4)
    loss = losses.MeanSquaredError(reduction=reduction)
    found = loss(*map(backend.from_numpy, (y_true, y_pred, weights)))
    column = weights[:, None] if weights.ndim == 1 else weights
    wanted = keras.losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, column)
    np.testing.assert_allclose(backend.to_numpy(found), np.asarray(wanted), rtol=1e-5)


def test_mask_leaves_the_mean_over_what_it_keeps(backend):
    y_true, y_pred = numbers(2, 3, 4), numbers(2, 3, 4)
    mask = np.array([[True, True, False], [True, False, False]])
    found = losses.MeanSquaredError()(
        *map(backend.from_numpy, (y_true, y_pred)), mask=backend.from_numpy(mask)
    )
    wanted = ((y_true - y_pred).astype("float64") ** 2).mean(-1)[mask].mean()
    np.testing.assert_allclose(backend.to_numpy(found), wanted, rtol=1e-6)


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
def test_gradient_is_that_of_keras(backend, name, pair, options):
    y_true, y_pred = PAIRS[pair]
    loss, target = getattr(losses, name)(**options), backend.from_numpy(y_true)
    _, _, (found,) = backend.value_and_grad(
        lambda x: (loss(target, x),), (backend.from_numpy(y_pred),)
    )
    wanted = gradient_by_keras(CASES.index((name, pair, options)))
    np.testing.assert_allclose(
        backend.to_numpy(found), np.asarray(wanted), rtol=1e-5, atol=2e-6
    )


def test_half_precision_predictions_give_a_float32_loss(backend):
    y = backend.from_numpy(numbers(4, 3).astype("float16"))
    assert backend.dtype(losses.MeanSquaredError()(y, y)) == "float32"


def test_float64_predictions_keep_their_precision(backend):
    y = numbers(4, 3).astype("float64")
    found = losses.MeanSquaredError()(
        backend.from_numpy(y), backend.from_numpy(y + 1e-9)
    )
    assert backend.dtype(found) == "float64"
    np.testing.assert_allclose(backend.to_numpy(found), 1e-18, rtol=1e-5)


def test_integer_labels_in_a_one_hot_loss_are_refused(backend):
    labels, scores = (
        backend.from_numpy(np.array([0, 1, 2])),
        backend.from_numpy(numbers(3, 4)),
    )
    with pytest.raises(ShapeError, match="sparse_categorical_crossentropy"):
        losses.CategoricalCrossentropy()(labels, scores)


def test_targets_that_would_broadcast_into_a_matrix_are_refused(backend):
    with pytest.raises(ShapeError, match="shape of the predictions"):
        losses.MeanSquaredError()(
            backend.from_numpy(numbers(4)), backend.from_numpy(numbers(4, 4))
        )


@pytest.mark.parametrize("name", ["mse", "mae", "bce", "kld", "msle", "mape", "huber"])
def test_short_names_are_those_of_keras(name):
    assert losses.get(name).__name__ == keras.losses.get(name).__name__


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
def test_configuration_builds_an_equal_loss(name, pair, options):
    loss = getattr(losses, name)(reduction="sum", **options)
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
def test_configuration_is_readable_both_ways(name, pair, options):
    theirs = keras.losses.serialize(getattr(keras.losses, name)(**options))
    assert losses.deserialize(theirs).get_config()["name"] == theirs["config"]["name"]
    ours = losses.serialize(getattr(losses, name)(**options))
    if name == "CategoricalGeneralizedCrossEntropy":
        return  # Keras itself does not find this class by its name
    assert type(keras.losses.deserialize(ours)).__name__ == name


@pytest.mark.parametrize("name,pair,options", CASES, ids=NAMES)
def test_signature_is_that_of_keras(name, pair, options):
    ours = inspect.signature(getattr(losses, name)).parameters.values()
    theirs = inspect.signature(getattr(keras.losses, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


def test_unknown_name_names_the_near_ones():
    with pytest.raises(ArgumentError, match="mean_squared_error"):
        losses.get("mean_squared_eror")


def test_resolve_makes_a_loss_of_a_function(backend):
    loss = losses.resolve(lambda y_true, y_pred: backend.subtract(y_true, y_pred))
    ones = backend.full((3,), 1.0, "float32")
    assert (
        float(backend.to_numpy(loss(ones, backend.full((3,), 0.5, "float32")))) == 0.5
    )
