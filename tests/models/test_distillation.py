"""Distillation: a student trained by Multinet ends where Keras's ends."""

import json

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, saving
from multinet.distillation import (
    DistillationLoss,
    Distiller,
    FeatureDistillation,
    LogitsDistillation,
)
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, (12,)).astype("int32")
TEACHER, STUDENT = RNG.normal(size=(2, 3, 3)).astype("float32")
WEIGHTS = [RNG.normal(size=s).astype("float32") for s in ((4, 5), (5,), (5, 3), (3,))]


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def divergence(p, q):
    return (p * np.log(p / q)).sum(-1)


def network(lib, name, weights=WEIGHTS):
    """Return a functional model of two dense layers with known weights."""
    x = lib.Input((4,), name=f"{name}_in")
    hidden = lib.layers.Dense(5, activation="tanh", name="hidden")(x)
    model = lib.Model(x, lib.layers.Dense(3, name="logits")(hidden), name=name)
    model.set_weights(weights)
    return model


def pair(lib):
    """Return a teacher and a student."""
    return network(lib, "teacher"), network(lib, "student", [w / 2 for w in WEIGHTS])


# -- losses ----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 3.0, 4])
def test_the_divergence_is_that_of_softened_logits(temperature, real_backend):
    p, q = softmax(TEACHER / temperature), softmax(STUDENT / temperature)
    want = divergence(p.astype("float64"), q.astype("float64")).mean() * temperature**2
    for loss in ("kl_divergence", multinet.losses.KLDivergence()):
        found = LogitsDistillation(temperature, loss).compute_loss(TEACHER, STUDENT)
        np.testing.assert_allclose(float(found), want, rtol=1e-5)
    theirs = keras.distillation.LogitsDistillation(
        temperature, keras.losses.KLDivergence()
    )
    np.testing.assert_allclose(
        float(theirs.compute_loss(TEACHER, STUDENT)), want, rtol=1e-5
    )


@pytest.mark.parametrize("loss", ["mse", "mae", "cosine_similarity"])
def test_other_losses_are_those_of_keras(loss, real_backend):
    for kind, args in (("Logits", (2.0, loss)), ("Feature", (loss,))):
        name = f"{kind}Distillation"
        mine = getattr(multinet.distillation, name)(*args)
        theirs = getattr(keras.distillation, name)(*args)
        np.testing.assert_allclose(
            float(mine.compute_loss(TEACHER, STUDENT)),
            float(theirs.compute_loss(TEACHER, STUDENT)),
            rtol=1e-5,
        )


def test_losses_are_trees_like_the_outputs(real_backend):
    teacher, student = {"a": TEACHER, "b": STUDENT}, {"a": STUDENT, "b": TEACHER}
    loss = {"a": "mse", "b": None}
    want = np.mean((TEACHER - STUDENT).astype("float64") ** 2)
    for kind in (LogitsDistillation(1.0, loss), FeatureDistillation(loss)):
        found = kind.compute_loss(teacher, student)
        np.testing.assert_allclose(float(found), want, rtol=1e-5)
    both = LogitsDistillation(1.0, ["mse", "mae"])
    mean = np.abs(TEACHER - STUDENT).astype("float64").mean()
    found = both.compute_loss([TEACHER, TEACHER], [STUDENT, STUDENT])
    np.testing.assert_allclose(float(found), want + mean, rtol=1e-5)


def test_what_does_not_fit_is_refused():
    for kind in (LogitsDistillation, FeatureDistillation):
        with pytest.raises(ArgumentError, match="a loss for at least one output"):
            kind(loss=[None, None])
        with pytest.raises(ArgumentError, match="unknown|Unknown|no loss|loss"):
            kind(loss="no such loss")
        with pytest.raises(ArgumentError, match="a loss for each output"):
            kind(loss=["mse", "mse"]).compute_loss(TEACHER, STUDENT)
    for temperature in (0, -1.0, "3"):
        with pytest.raises(ArgumentError, match="^Expected temperature"):
            LogitsDistillation(temperature)
    with pytest.raises(ValueError):
        FeatureDistillation(["mse", "mse"]).validate_outputs(TEACHER, STUDENT)
    with pytest.raises(NotImplementedError, match="must define compute_loss"):
        DistillationLoss().compute_loss(TEACHER, STUDENT)


# -- training --------------------------------------------------------------------------


def losses_in(lib, kind):
    """Return distillation losses, and their weights."""
    space = lib.distillation
    divergence = space.LogitsDistillation(2.0, lib.losses.KLDivergence())
    if kind == "outputs":
        return divergence, None
    hints = space.FeatureDistillation("mse", "hidden", "hidden")
    return [divergence, hints], [0.7, 0.3]


def trained(lib, kind, share):
    """Return a distiller after a fit, and its history."""
    teacher, student = pair(lib)
    losses, weights = losses_in(lib, kind)
    distiller = lib.distillation.Distiller(teacher, student, losses, weights, share)
    loss = lib.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(lib.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    history = distiller.fit(X, Y, validation_data=(X, Y), **options)
    return distiller, history.history


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["outputs", "layers"])
def test_a_student_ends_where_that_of_keras_does(kind, share, real_backend):
    mine, found = trained(multinet, kind, share)
    theirs, want = trained(keras, kind, share)
    assert found.keys() == want.keys()
    for name in want:
        np.testing.assert_allclose(found[name], want[name], rtol=1e-4, err_msg=name)
    pairs = zip(mine.student.get_weights(), theirs.student.get_weights(), strict=True)
    for x, y in pairs:
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
    for x, y in zip(mine.teacher.get_weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(x, y)
    assert not mine.teacher.trainable and mine.student.trainable
    np.testing.assert_allclose(
        mine.predict(X, verbose=0), mine.student.predict(X, verbose=0), rtol=1e-6
    )


class Small(multinet.Model):
    """A subclassed model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


class Nearest(DistillationLoss):
    """A loss of the user's."""

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return multinet.ops.max(multinet.ops.abs(teacher_outputs - student_outputs))


def test_subclassed_models_and_losses_of_ones_own(real_backend):
    teacher, student = Small(name="large"), Small(name="small")
    distiller = Distiller(teacher, student, Nearest(), student_loss_weight=0.0)
    distiller.compile("adam", "mse")
    first = distiller.fit(X, epochs=20, verbose=0).history["distillation_loss"]
    assert first[-1] < first[0]
    with pytest.raises(ArgumentError, match="functional or Sequential teacher"):
        Distiller(teacher, student, FeatureDistillation("mse", "dense", "dense"))


def test_sample_weights_weigh_the_loss_of_the_student(real_backend):
    teacher, student = pair(multinet)
    distiller = Distiller(
        teacher, student, LogitsDistillation(), student_loss_weight=1.0
    )
    loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("sgd", loss)
    weights = np.linspace(0, 1, len(X)).astype("float32")
    found = distiller.evaluate(
        X, Y, sample_weight=weights, batch_size=12, verbose=0, return_dict=True
    )
    logits = np.tanh(X @ (WEIGHTS[0] / 2) + WEIGHTS[1] / 2)
    chances = softmax(logits @ (WEIGHTS[2] / 2) + WEIGHTS[3] / 2)
    each = -np.log(chances[np.arange(len(X)), Y])
    np.testing.assert_allclose(found["loss"], np.mean(weights * each), rtol=1e-4)


def test_outputs_without_a_loss(real_backend):
    def two(name):
        x = multinet.Input((4,))
        outputs = {n: layers.Dense(2, name=f"{name}_{n}")(x) for n in ("a", "b")}
        return multinet.Model(x, outputs, name=name)

    losses = LogitsDistillation(loss={"a": None, "b": "mse"})
    distiller = Distiller(two("one"), two("other"), losses)
    distiller.compile("sgd", {"a": "mse", "b": None})
    y = {"a": X[:, :2], "b": X[:, 2:]}
    found = distiller.evaluate(X, y, verbose=0, return_dict=True)
    outputs = [m.predict(X, verbose=0) for m in (distiller.teacher, distiller.student)]
    student = np.mean((outputs[1]["a"] - y["a"]) ** 2)
    distance = np.mean((outputs[0]["b"] - outputs[1]["b"]) ** 2) / 9  # of thirds
    np.testing.assert_allclose(found["student_loss"], student, rtol=1e-4)
    np.testing.assert_allclose(found["distillation_loss"], distance, rtol=1e-4)


# -- files -----------------------------------------------------------------------------


def test_a_distiller_survives_a_file_and_trains_on(real_backend, tmp_path):
    distiller, _ = trained(multinet, "layers", 0.5)
    distiller.save(tmp_path / "both.keras")
    again = saving.load_model(tmp_path / "both.keras")
    for x, y in zip(again.weights, distiller.weights, strict=True):
        np.testing.assert_array_equal(x, y)
    options = {"batch_size": 4, "shuffle": False, "verbose": 0}
    found = again.fit(X, Y, **options).history
    want = distiller.fit(X, Y, **options).history
    assert found == want


def test_a_distiller_that_keras_saved_is_read(tmp_path):
    theirs, _ = trained(keras, "layers", 0.5)
    theirs.save(tmp_path / "theirs.keras")
    with multinet.use_backend("numpy"):
        mine = saving.load_model(tmp_path / "theirs.keras")
        assert not mine.compiled  # the file does not say the student's loss
        for role in ("teacher", "student"):
            pairs = zip(
                getattr(mine, role).get_weights(), getattr(theirs, role).get_weights()
            )
            for x, y in pairs:
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "loss",
    [
        LogitsDistillation(4.0, "mse"),
        LogitsDistillation(2.0, multinet.losses.KLDivergence()),
        FeatureDistillation({"a": "mse", "b": None}, "one", "two"),
    ],
)
def test_a_loss_survives_json(loss):
    text = json.dumps(saving.serialize_keras_object(loss))
    again = saving.deserialize_keras_object(json.loads(text))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert f'"module": "keras.distillation", "class_name": "{type(loss).__name__}"' in (
        text
    )


# -- wrong arguments -------------------------------------------------------------------


def test_models_that_do_not_fit_are_refused():
    teacher, student = pair(multinet)
    wide = multinet.Sequential([multinet.Input((7,)), layers.Dense(3)])
    long = multinet.Sequential([multinet.Input((4,)), layers.Dense(2)])
    loss = LogitsDistillation()
    for model, what in ((wide, "inputs"), (long, "outputs")):
        with pytest.raises(ArgumentError, match=f"the {what} of its teacher"):
            Distiller(teacher, model, loss)
    for args, match in (
        (("no model", student, loss), "teacher to be a Model"),
        ((teacher, None, loss), "student to be a Model"),
        ((teacher, student, None), "DistillationLoss objects"),
        ((teacher, student, [loss, loss], [1.0]), "weights for 2 losses, got 1"),
        ((teacher, student, loss, None, 1.5), r"in \[0, 1\], got 1.5"),
        ((teacher, student, loss, None, "half"), "student_loss_weight"),
    ):
        with pytest.raises(ArgumentError, match=match):
            Distiller(*args)
    with pytest.raises(ValueError, match="nowhere"):
        Distiller(teacher, student, FeatureDistillation("mse", "nowhere", "hidden"))
    distiller = Distiller(teacher, student, loss)
    with pytest.raises(ArgumentError, match="that of the student"):
        distiller.compile("sgd")
    with pytest.raises(ArgumentError, match="metrics to be a list"):
        distiller.compile("sgd", "mse", metrics="mae")


def test_a_distance_must_be_a_scalar():
    class Wrong(DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return multinet.ops.abs(teacher_outputs - student_outputs)

    distiller = Distiller(*pair(multinet), Wrong())
    distiller.compile("sgd", "mse")
    with pytest.raises(ShapeError, match="to return a scalar"):
        distiller.fit(X, np.zeros((12, 3)), verbose=0)
