"""Shapes that only fit by accident are refused; all that Keras documents go on."""

import functools

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import losses, metrics, ops
from multinet.errors import ShapeError

RNG = np.random.default_rng(6)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


# Losses of these targets and predictions, with these weights, cannot be meant.
WRONG_TARGETS = [((6, 1), (6, 3)), ((1, 6), (6, 3)), ((6, 3), (6, 1)), ((1, 3), (6, 3))]
WRONG_TARGETS += [((3, 1), (3, 3)), ((3,), (3, 3)), ((6,), (6, 1, 1)), ((1,), (6,))]
WRONG_WEIGHTS = [(3, 3), (2,), (4,), (3, 2), (1, 3), (3, 1, 1)]
NAMES = ["MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh", "Poisson"]
NAMES += ["BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "Hinge"]
NAMES += ["KLDivergence", "CosineSimilarity", "CategoricalFocalCrossentropy", "Dice"]
METRICS = ["MeanSquaredError", "RootMeanSquaredError", "Accuracy", "BinaryAccuracy"]
METRICS += ["CategoricalAccuracy", "TopKCategoricalAccuracy", "Precision", "AUC"]
METRICS += ["TruePositives", "F1Score", "R2Score", "PearsonCorrelation", "BinaryIoU"]


@pytest.mark.parametrize("shape,other", WRONG_TARGETS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_losses_refuse_targets_that_would_be_broadcast(backend, name, shape, other):
    y_true, y_pred = backend.from_numpy(numbers(*shape)), numbers(*other)
    with pytest.raises(ShapeError, match="targets of the shape of the predictions"):
        getattr(losses, name)()(y_true, backend.from_numpy(y_pred))


@pytest.mark.parametrize("shape,other", [*WRONG_TARGETS[:4], ((1, 2), (3, 2))], ids=str)
@pytest.mark.parametrize("name", METRICS)
def test_metrics_refuse_targets_that_would_be_broadcast(backend, name, shape, other):
    y_true, y_pred = backend.from_numpy(numbers(*shape)), numbers(*other)
    with pytest.raises(ShapeError, match="targets"):
        getattr(metrics, name)().update_state(y_true, backend.from_numpy(y_pred))


@pytest.mark.parametrize("shape", WRONG_WEIGHTS, ids=str)
def test_weights_and_masks_that_only_broadcast_are_refused(backend, shape):
    y = [backend.from_numpy(numbers(3, 2)) for _ in range(2)]
    weights = backend.from_numpy(np.ones(shape, "float32"))
    mask = backend.from_numpy(np.ones(shape, "bool"))
    loss, wrapped = losses.MeanSquaredError(), losses.LossFunctionWrapper(each)
    for call in (loss, wrapped):
        with pytest.raises(ShapeError, match=r"sample_weight of the shape \(3,\)"):
            call(*y, weights)
        with pytest.raises(ShapeError, match=r"a mask of the shape \(3,\)"):
            call(*y, mask=mask)
    for name in ("MeanSquaredError", "CosineSimilarity", "SparseCategoricalAccuracy"):
        y_true = y[0] if name[0] != "S" else backend.from_numpy(np.array([0, 1, 1]))
        with pytest.raises(ShapeError, match="sample_weight"):
            getattr(metrics, name)().update_state(y_true, y[1], weights)


def each(y_true, y_pred):
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


@pytest.mark.parametrize("name", ["Precision", "AUC", "F1Score", "R2Score", "IoU"])
@pytest.mark.parametrize("shape", [(3, 3), (2,), (2, 2), (3, 2, 1, 1)], ids=str)
def test_weights_that_fit_no_count_are_refused(backend, name, shape):
    options = {"num_classes": 2, "target_class_ids": [1]} if name == "IoU" else {}
    y = backend.from_numpy(np.array([[0.0, 1], [1, 0], [1, 1]], "float32"))
    weights = backend.from_numpy(np.ones(shape, "float32"))
    with pytest.raises(ShapeError, match="sample_weight"):
        getattr(metrics, name)(**options).update_state(y, y, weights)


RIGHT = [((4, 3), (4,)), ((4, 3), (4, 1)), ((4, 3), ()), ((4, 3), (1,)), ((4,), (4,))]
RIGHT += [((4, 5, 3), (4, 5)), ((4, 5, 3), (4, 1)), ((4, 1), (4,)), ((4, 1), (4, 1))]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
@pytest.mark.parametrize("shape,weight", RIGHT, ids=str)
def test_weights_that_keras_documents_give_its_numbers(
    backend, shape, weight, reduction
):
    y_true, y_pred, weights = numbers(*shape), numbers(*shape), numbers(*weight)
    loss = losses.MeanSquaredError(reduction=reduction)
    found = loss(*map(backend.from_numpy, (y_true, y_pred, weights)))
    wanted = peer.losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, weights)
    np.testing.assert_allclose(backend.to_numpy(found), np.asarray(wanted), rtol=1e-5)


def test_symbolic_shapes_are_refused_where_they_are_known(backend):
    scores, targets = multinet.Input((3,)), multinet.Input((1,))
    with pytest.raises(ShapeError, match=r"\(None, 3\), got \(None, 1\)"):
        losses.MeanSquaredError()(targets, scores)
    with pytest.raises(ShapeError, match="sample_weight"):
        losses.MeanSquaredError()(scores, scores, multinet.Input((3,)))
    free = multinet.Input((None,))
    assert losses.MeanSquaredError()(free, scores).shape == ()


# -- in fit ----------------------------------------------------------------------------


def model(keras, outputs=1, end=None):
    inputs = keras.Input((2,))
    x = keras.layers.Dense(outputs, kernel_initializer="ones")(inputs)
    return keras.Model(inputs, x if end is None else end(keras, x))


X = numbers(6, 2)


@pytest.mark.parametrize(
    "outputs,targets,weights,word",
    [
        (3, (6, 1), None, "targets"),
        (1, (6, 3), None, "targets"),
        (1, (6, 1), (6, 6), "sample_weight"),
        (3, (6, 3), (6, 2), "sample_weight"),
    ],
)
@pytest.mark.parametrize("loss", ["mse", each], ids=["name", "function"])
def test_fit_refuses_what_fits_by_accident(
    real_backend, outputs, targets, weights, word, loss
):
    if loss is each and word == "targets":
        loss = losses.mean_absolute_error
    ours = model(multinet, outputs)
    ours.compile("sgd", loss)
    weights = None if weights is None else np.ones(weights, "float32")
    with pytest.raises(ShapeError, match=word):
        ours.fit(X, numbers(*targets), sample_weight=weights, verbose=0)


class Own(losses.Loss):
    def call(self, y_true, y_pred):
        return each(y_true, y_pred)


class OwnOfKeras(peer.losses.Loss):
    def call(self, y_true, y_pred):
        return of_keras(y_true, y_pred)


def of_keras(y_true, y_pred):
    return peer.ops.mean(peer.ops.square(y_true - y_pred), axis=-1)


def squeezed(keras, x):
    return keras.ops.squeeze(x, -1)


def sequence(keras, x):
    return keras.layers.Reshape((2, 1))(x)


def rows(keras, x):
    return keras.layers.Reshape((2,))(x)


RANKS = {  # what the model ends in, and the targets: of each the lower rank once
    "(n,) for (n,1)": (1, None, (6,)),
    "(n,1) for (n,)": (1, squeezed, (6, 1)),
    "(n,t) for (n,t,1)": (2, sequence, (6, 2)),
    "(n,t,1) for (n,t)": (2, rows, (6, 2, 1)),
    "(n,1) for (n,1)": (1, None, (6, 1)),
}
LOSSES = {
    "function": (each, of_keras),
    "wrapper": (losses.LossFunctionWrapper(each), of_keras),
    "name": ("mae", "mae"),
    "class": (losses.LogCosh(), peer.losses.LogCosh()),
    "own class": (Own(), OwnOfKeras()),
}
WEIGHTS = {"none": None, "of samples": np.array([1, 0, 2, 0.5, 1, 3], "float32")}


@functools.cache
def by_keras(ranks, loss, weights):
    """Return the loss of Keras, or None where it refuses the shapes."""
    try:
        return result(peer, ranks, LOSSES[loss][1], weights)
    except ValueError:
        return None


def result(keras, ranks, loss, weights):
    outputs, end, shape = RANKS[ranks]
    made = model(keras, outputs, end)
    y = np.cos(np.arange(np.prod(shape))).reshape(shape).astype("float32")
    made.compile("sgd", loss, run_eagerly=True)
    return made.evaluate(X, y, sample_weight=WEIGHTS[weights], verbose=0)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ranks", RANKS)
def test_ranks_of_targets_are_those_of_keras(real_backend, ranks, loss, weights):
    wanted = by_keras(ranks, loss, weights)
    if wanted is None:
        with pytest.raises(ShapeError):
            result(multinet, ranks, LOSSES[loss][0], weights)
        return
    found = result(multinet, ranks, LOSSES[loss][0], weights)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
