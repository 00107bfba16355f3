"""Losses inside of layers, on symbolic tensors, and written by users."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import losses, ops
from multinet.errors import DTypeError

RNG = np.random.default_rng(8)
X = RNG.normal(size=(6, 3)).astype("float32")
Y = RNG.integers(0, 2, (6, 4)).astype("float32")
WEIGHTS = np.array([1, 0, 2, 0.5, 1, 3], "float32")


def endpoint(keras, weighted):
    """Return a model whose last layer makes the loss of targets, its second input."""

    class Endpoint(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="end")
            self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

        def call(self, logits, targets=None, sample_weight=None):
            if targets is not None:
                self.add_loss(self.loss_fn(targets, logits, sample_weight))
            return keras.ops.softmax(logits)

    inputs = [keras.Input((3,), name="x"), keras.Input((4,), name="y")]
    inputs += [keras.Input((), name="w")] * weighted
    logits = keras.layers.Dense(4)(inputs[0])
    model = keras.Model(inputs, Endpoint()(logits, *inputs[1:]))
    model.compile(keras.optimizers.SGD(0.1))
    return model


@pytest.mark.parametrize("weighted", [False, True])
def test_endpoints_train_as_in_keras(real_backend, weighted):
    ours, theirs = endpoint(multinet, weighted), endpoint(peer, weighted)
    theirs.set_weights(ours.get_weights())
    data = [X, Y, WEIGHTS][: 2 + weighted]
    found, wanted = (
        model.fit(data, epochs=3, batch_size=6, verbose=0).history
        for model in (ours, theirs)
    )
    np.testing.assert_allclose(found["loss"], wanted["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    "loss,wanted",
    [
        (losses.MeanSquaredError(), ((X - Y[:, :3]) ** 2).mean()),
        (losses.MeanSquaredError(reduction="none"), ((X - Y[:, :3]) ** 2).mean(-1)),
        (losses.mean_absolute_error, np.abs(X - Y[:, :3]).mean(-1)),
    ],
    ids=["class", "none", "function"],
)
def test_a_loss_of_symbolic_tensors_is_a_node(real_backend, loss, wanted):
    inputs = [multinet.Input((3,)), multinet.Input((3,))]
    model = multinet.Model(inputs, ops.add(loss(*inputs), loss(*inputs[::-1])))
    again = multinet.Model.from_config(model.get_config())
    copy = multinet.models.clone_model(model)
    for made in (model, again, copy):
        found = real_backend.to_numpy(made([X, Y[:, :3]]))
        np.testing.assert_allclose(found, 2 * wanted, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(losses.__all__))
def test_every_loss_knows_its_shape_without_values(name):
    cls = getattr(losses, name)
    if not isinstance(cls, type) or name in ("Loss", "LossFunctionWrapper"):
        return
    labels = name in ("Circle", "CategoricalGeneralizedCrossEntropy")
    labels = labels or name.startswith("Sparse")
    y_pred = multinet.Input((4,))
    y_true = multinet.Input((), dtype="int32") if labels else multinet.Input((4,))
    if name == "CTC":
        y_true, y_pred = multinet.Input((3,), dtype="int32"), multinet.Input((9, 5))
    assert cls()(y_true, y_pred, multinet.Input(())).shape == ()
    rank = 0 if name in ("Dice", "Tversky") else 1
    assert cls(reduction="none")(y_true, y_pred).shape == (None,) * rank


class Whole(losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        errors = ops.mean(ops.square(y_true - y_pred), axis=-1)
        return ops.sum(errors if sample_weight is None else errors * sample_weight)


class Short(losses.Loss):
    def __call__(self, y_true, y_pred):
        return ops.sum(ops.mean(ops.square(y_true - y_pred), axis=-1))


@pytest.mark.parametrize(
    "loss,weights", [(Whole, None), (Whole, WEIGHTS), (Short, None)]
)
def test_a_loss_may_override_its_call(real_backend, loss, weights):
    inputs = multinet.Input((3,))
    mask = multinet.layers.Masking()(inputs[:, None])  # the output has a mask
    model = multinet.Model(inputs, multinet.layers.Reshape((3,))(mask))
    model.compile("sgd", loss())
    found = model.evaluate(X, Y[:, :3], sample_weight=weights, verbose=0)
    errors = ((X - Y[:, :3]) ** 2).mean(-1)
    wanted = (errors * (1 if weights is None else weights)).sum()
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


Z = (X + 1j * Y[:, :3]).astype("complex64")


@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "Huber", "CategoricalCrossentropy", "Poisson"]
)
def test_imaginary_parts_are_not_dropped(backend, name):
    x, z = backend.from_numpy(X), backend.from_numpy(Z)
    for pair in ((z, z), (x, z), (z, x)):
        with pytest.raises(DTypeError, match=r"got complex64.*ops\.abs"):
            getattr(losses, name)()(*pair)


@pytest.mark.parametrize("name", ["Mean", "MeanSquaredError", "AUC", "R2Score"])
def test_metrics_refuse_complex_numbers(backend, name):
    given = [backend.from_numpy(Z)] * (1 if name == "Mean" else 2)
    with pytest.raises(DTypeError, match="complex64"):
        getattr(multinet.metrics, name)().update_state(*given)


def test_absolute_errors_of_complex_numbers_are_right(backend):
    found = losses.MeanAbsoluteError()(*map(backend.from_numpy, (Z, 2 * Z)))
    wanted = np.abs(Z.astype("complex128")).mean()
    np.testing.assert_allclose(backend.to_numpy(found), wanted, rtol=1e-5)
