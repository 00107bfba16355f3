"""What masks or weights of 0 leave out reaches no loss and no gradient."""

import functools

import jax
import keras
import numpy as np
import pytest
from references import compiled

from multinet import losses, ops

RNG = np.random.default_rng(3)
LEFT = [1, 4]  # the rows that are left out
KEPT = np.array([0, 2, 3, 5])


def probabilities(*shape):
    raw = RNG.uniform(0.05, 1.0, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


UNIT = RNG.normal(size=(6, 5))
UNIT = (UNIT / np.linalg.norm(UNIT, axis=1, keepdims=True)).astype("float32")
PAIRS = {
    "real": RNG.normal(size=(2, 6, 4)).astype("float32"),
    "column": (
        RNG.normal(size=(6,)).astype("float32"),
        RNG.normal(size=(6, 1)).astype("float32"),
    ),
    "positive": (RNG.uniform(0, 2, (6, 4)).astype("float32"), probabilities(6, 4)),
    "binary": (one_hot(6, 4), RNG.uniform(0.02, 0.98, (6, 4)).astype("float32")),
    "signs": (2 * one_hot(6, 4) - 1, RNG.normal(size=(6, 4)).astype("float32")),
    "classes": (one_hot(6, 4), probabilities(6, 4)),
    "deep": (one_hot(6, 4, 3).swapaxes(1, 2), probabilities(6, 4, 3).swapaxes(1, 2)),
    "sparse": (RNG.integers(0, 4, 6).astype("int32"), probabilities(6, 4)),
    "sparse_column": (
        RNG.integers(0, 4, (6, 1)).astype("int32"),
        probabilities(6, 4),
    ),
    "regions": (
        RNG.integers(0, 2, (6, 3, 3, 1)).astype("float32"),
        RNG.uniform(0, 1, (6, 3, 3, 1)).astype("float32"),
    ),
    "embedding": (np.array([0, 1, 0, 1, 0, 1], "int32"), UNIT),
}
CASES = [
    ("MeanSquaredError", "real", {}),
    ("MeanSquaredError", "column", {}),
    ("MeanAbsoluteError", "real", {}),
    ("MeanAbsolutePercentageError", "real", {}),
    ("MeanSquaredLogarithmicError", "positive", {}),
    ("Huber", "real", {}),
    ("LogCosh", "real", {}),
    ("CosineSimilarity", "real", {}),
    ("Poisson", "positive", {}),
    ("KLDivergence", "positive", {}),
    ("Hinge", "binary", {}),
    ("Hinge", "signs", {}),
    ("SquaredHinge", "binary", {}),
    ("CategoricalHinge", "classes", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("BinaryCrossentropy", "signs", {"from_logits": True}),
    ("BinaryFocalCrossentropy", "binary", {"apply_class_balancing": True}),
    ("CategoricalCrossentropy", "classes", {"label_smoothing": 0.1}),
    ("CategoricalCrossentropy", "real", {"from_logits": True}),
    ("CategoricalCrossentropy", "deep", {"axis": 1}),
    ("CategoricalFocalCrossentropy", "classes", {}),
    ("CategoricalGeneralizedCrossEntropy", "sparse", {"q": 0.4}),
    ("SparseCategoricalCrossentropy", "sparse", {}),
    ("SparseCategoricalCrossentropy", "sparse_column", {"from_logits": True}),
    ("SparseCategoricalCrossentropy", "sparse", {"ignore_class": 2}),
    ("Dice", "regions", {"axis": (1, 2, 3)}),
    ("Dice", "regions", {}),
    ("Tversky", "regions", {"axis": (1, 2, 3)}),
    ("Circle", "embedding", {"gamma": 4.0}),
]
NAMES = [f"{name}-{pair}-{i}" for i, (name, pair, _) in enumerate(CASES)]


def spoiled(x):
    """Return an array with what no loss can bear in the rows that are left out."""
    x = np.array(x)
    is_float = x.dtype.kind == "f"
    x[LEFT[0]], x[LEFT[1]] = (np.nan, np.inf) if is_float else (-7, 99)
    return x


@functools.cache
def by_keras(index):
    """Return the loss and the gradient of Keras on the rows that are kept."""
    name, pair, options = CASES[index]
    loss = getattr(keras.losses, name)(**options)
    y_true, y_pred = (y[KEPT] for y in PAIRS[pair])
    both = compiled(jax.value_and_grad(loss, argnums=1))(y_true, y_pred)
    return [np.asarray(x) for x in both]


# Those whose weights go another way than their masks, and one of each form.
WEIGHED = [0, 1, 10, 19, 24, 26, 28]
HOW = [("mask", i) for i in range(len(CASES))] + [("weights", i) for i in WEIGHED]


@pytest.mark.parametrize("how,index", HOW, ids=[f"{how}-{NAMES[i]}" for how, i in HOW])
def test_rows_left_out_reach_neither_loss_nor_gradient(backend, how, index):
    name, pair, options = CASES[index]
    y_true, y_pred = (backend.from_numpy(spoiled(y)) for y in PAIRS[pair])
    shown = np.isin(np.arange(6), KEPT)
    given = (
        {"mask": backend.from_numpy(shown)}
        if how == "mask"
        else {"sample_weight": backend.from_numpy(1.5 * shown.astype("float32"))}
    )
    loss = getattr(losses, name)(**options)
    value, _, (found,) = backend.value_and_grad(
        lambda x: (loss(y_true, x, **given),), (y_pred,)
    )
    value, found = backend.to_numpy(value), backend.to_numpy(found)
    wanted, gradient = by_keras(index)
    if how == "weights":
        # The mean is over all rows, but those with the class that is ignored.
        left = len(LEFT)
        kept = (PAIRS[pair][0][KEPT] != options.get("ignore_class")).sum(0).min()
        wanted, gradient = (1.5 * x * kept / (kept + left) for x in (wanted, gradient))
    np.testing.assert_allclose(value, wanted, rtol=2e-5)
    np.testing.assert_allclose(found[KEPT], gradient, rtol=5e-5, atol=2e-6)
    assert np.all(found[LEFT] == 0)


PER_ROW = {
    "function": lambda y_true, y_pred: ops.mean(ops.log(y_true / y_pred) ** 2, -1),
    "element": lambda y_true, y_pred: ops.log(y_true / y_pred) ** 2,
    "across": lambda y_true, y_pred: (
        ops.mean(ops.square(y_true - y_pred), -1)
        + 0 * ops.sum(ops.log(y_true * y_pred) + ops.log(1 - y_pred))
    ),
}


@pytest.mark.parametrize("kind", ["function", "element", "across"])
@pytest.mark.parametrize("rank", [1, 2])
def test_losses_of_users_do_not_meet_what_is_left_out(real_backend, kind, rank):
    targets, given = PAIRS["positive"][0] + 0.1, PAIRS["positive"][1]
    shown = np.isin(np.arange(6), KEPT)
    weights = shown[:, None] * np.ones((6, 1), "float32") if rank == 2 else shown
    loss = losses.LossFunctionWrapper(PER_ROW[kind], reduction="sum")
    y_true, y_pred = map(real_backend.from_numpy, map(spoiled, (targets, given)))
    weights = real_backend.from_numpy(weights.astype("float32"))
    value, _, (found,) = real_backend.value_and_grad(
        lambda x: (loss(y_true, x, weights),), (y_pred,)
    )
    t, p = targets[KEPT].astype("float64"), given[KEPT].astype("float64")
    wanted, slope = np.log(t / p) ** 2, -2 * np.log(t / p) / p
    if kind == "across":
        wanted, slope = (t - p) ** 2, 2 * (p - t)
    if kind != "element":
        wanted, slope = wanted.mean(-1), slope / 4
    found = real_backend.to_numpy(found)
    np.testing.assert_allclose(real_backend.to_numpy(value), wanted.sum(), rtol=1e-5)
    np.testing.assert_allclose(found[KEPT], slope, rtol=1e-4, atol=1e-6)
    assert np.all(found[LEFT] == 0)


def test_positions_of_a_sequence_are_left_out_one_by_one(backend):
    scores = RNG.normal(size=(2, 3, 4)).astype("float32")
    labels = RNG.integers(0, 4, (2, 3)).astype("int32")
    mask = np.array([[True, True, False], [True, False, False]])
    logs = scores.astype("float64") - np.log(np.exp(scores).sum(-1, keepdims=True))
    each = -np.take_along_axis(logs, labels[..., None], -1)[..., 0]
    labels[~mask], scores[~mask] = 77, np.nan
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = np.array([2.0, 0.5], "float32")
    found = loss(
        *map(backend.from_numpy, (labels, scores, weights)),
        mask=backend.from_numpy(mask),
    )
    wanted = (each * weights[:, None])[mask].sum() / mask.sum()
    np.testing.assert_allclose(backend.to_numpy(found), wanted, rtol=1e-5)


def test_columns_are_left_out_where_a_loss_goes_along_the_samples(backend):
    y_true, y_pred = PAIRS["real"][:, :, :3]
    weights = np.array([1.0, 0.0, 2.0], "float32")
    wanted = keras.losses.CosineSimilarity(axis=0)(y_true, y_pred, weights)
    spoiled = y_pred.copy()
    spoiled[:, 1] = np.nan
    loss = losses.CosineSimilarity(axis=0)
    found = loss(*map(backend.from_numpy, (y_true, spoiled, weights)))
    np.testing.assert_allclose(backend.to_numpy(found), np.asarray(wanted), rtol=1e-5)


def test_a_loss_of_one_number_sees_all_as_in_keras(real_backend):
    y_true, y_pred = PAIRS["real"]
    weights = np.array([1, 0, 2, 0.5, 0, 1], "float32")
    loss = losses.LossFunctionWrapper(lambda t, p: ops.mean(ops.square(t - p)))
    found = loss(*map(real_backend.from_numpy, (y_true, y_pred, weights)))
    found = real_backend.to_numpy(found)
    wanted = np.mean((y_true - y_pred).astype("float64") ** 2) * weights.mean()
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
