"""Which direction of a monitored value is better, and what callbacks make of it."""

import inspect
import warnings

import keras
import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, losses, metrics, ops
from multinet.errors import ArgumentError
from multinet.training.callbacks.monitor import direction_of

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")

ARGUMENTS = {
    "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,),
    "SensitivityAtSpecificity": (0.5,),
    "SpecificityAtSensitivity": (0.5,),
    "IoU": (2, [0]),
    "MeanIoU": (2,),
    "OneHotIoU": (2, [0]),
    "OneHotMeanIoU": (2,),
    "MeanMetricWrapper": (lambda y_true, y_pred: y_pred,),
}
COUNTS = {
    "TruePositives": "up",
    "TrueNegatives": "up",
    "FalsePositives": "down",
    "FalseNegatives": "down",
}
KNOWN = [
    name
    for name in metrics.__all__
    if inspect.isclass(getattr(metrics, name)) and name != "Metric"
]


def line(rate=0.01, **options):
    """Return a compiled linear model."""
    multinet.set_random_seed(0)
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile(multinet.optimizers.SGD(rate), options.pop("loss", "mse"), **options)
    return model


@pytest.mark.parametrize("name", KNOWN)
def test_metrics_say_what_keras_says(name):
    given = ARGUMENTS.get(name, ())
    theirs = getattr(getattr(keras.metrics, name)(*given), "_direction", None)
    # Of counts Keras says nothing.
    theirs = COUNTS.get(name, theirs)
    assert direction_of(getattr(metrics, name)(*given)) == theirs


def test_losses_are_minimized_as_metrics_too():
    for name in losses.__all__:
        thing = getattr(losses, name)
        if inspect.isclass(thing) and name != "LossFunctionWrapper":
            assert direction_of(thing()) == "down", name
    for function in ("mean_squared_error", "cosine_similarity", "circle", "huber"):
        wrapper = metrics.MeanMetricWrapper(getattr(losses, function))
        assert direction_of(wrapper) == "down"
    assert direction_of(metrics.MeanMetricWrapper(losses.Dice())) == "down"
    assert direction_of(metrics.MeanMetricWrapper(metrics.binary_accuracy)) == "up"
    assert direction_of(metrics.get("cosine_similarity")) == "up"


class Steps(metrics.Metric):
    """Counts steps, over all epochs."""

    def __init__(self, name="accomplished", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_variable(name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign(ops.add(self.count, 1.0))

    def reset_state(self):
        """Go on."""

    def result(self):
        return ops.add(self.count, 0.0)


class Ascent(Steps):
    _direction = "up"


class Descent(Steps):
    _direction = "down"


@pytest.mark.parametrize(("metric", "epochs"), [(Ascent, 4), (Descent, 2)])
def test_a_metric_of_the_users_says_it(backend, metric, epochs):
    model = line(metrics=[metric()])
    stop = callbacks.EarlyStopping("accomplished", 0, 1, restore_best_weights=True)
    seen = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0])
    )
    history = model.fit(X, Y, epochs=4, callbacks=[note, stop], verbose=0)
    assert history.history["accomplished"] == [1.0, 2.0, 3.0, 4.0][:epochs]
    best = epochs - 1 if metric is Ascent else 0
    np.testing.assert_array_equal(model.get_weights()[0], seen[best])


def signs(model, *names, **data):
    """Return +1 or -1 for each name that a callback watches in a fit."""
    watching = [callbacks.EarlyStopping(name) for name in names]
    model.fit(X, Y, epochs=1, callbacks=watching, verbose=0, **data)
    return [int(watch.sign) for watch in watching]


def test_names_alone_decide_nothing():
    model = line(
        metrics=[
            metrics.MeanAbsoluteError(name="accident_rate"),
            metrics.CosineSimilarity(name="likeness"),
            metrics.BinaryAccuracy(name="error_free_loss"),
            losses.MeanSquaredError(),
            "cosine_similarity",
        ]
    )
    names = ["accident_rate", "likeness", "error_free_loss", "cosine_similarity"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = signs(
            model,
            *names,
            *(f"val_{name}" for name in names),
            "loss",
            "val_loss",
            validation_data=(X, Y),
        )
    assert found == [-1, 1, 1, 1] * 2 + [-1, -1]


def test_the_loss_of_an_output_is_minimized_whatever_its_name():
    inputs = multinet.Input((3,))
    outputs = [layers.Dense(1, name=name)(inputs) for name in ("vaccine", "auc")]
    model = multinet.Model(inputs, outputs)
    model.compile("sgd", ["mse", "mae"], metrics=[["mse"], [metrics.AUC(name="area")]])
    watching = [
        callbacks.EarlyStopping(name) for name in ("vaccine_loss", "auc_loss", "loss")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, [Y, Y > 0], epochs=1, callbacks=watching, verbose=0)
    assert [watch.sign for watch in watching] == [-1, -1, -1]


def own_loss(y_true, y_pred):
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def test_the_loss_of_compile_is_minimized_as_a_metric_too():
    assert signs(line(loss=own_loss, metrics=[own_loss]), "own_loss") == [-1]


@pytest.mark.parametrize("callback", ["EarlyStopping", "ReduceLROnPlateau"])
def test_where_nobody_says_it_a_warning_tells_what_is_done(callback):
    watch = getattr(callbacks, callback)("own_loss")
    model = line(metrics=[own_loss])
    words = f"{callback} minimizes 'own_loss'.*mode='max'.*_direction"
    with pytest.warns(UserWarning, match=words):
        model.fit(X, Y, callbacks=[watch], verbose=0)
    assert watch.sign == -1
    for mode, sign in (("min", -1), ("max", 1)):
        watch = getattr(callbacks, callback)("own_loss", mode=mode)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(X, Y, callbacks=[watch], verbose=0)
        assert watch.sign == sign


@pytest.mark.parametrize("callback", ["EarlyStopping", "ReduceLROnPlateau"])
def test_a_name_that_no_metric_has_is_refused_without_a_mode(callback):
    kind = getattr(callbacks, callback)
    words = f"{callback} cannot tell.*no metric of the model called 'unknown'"
    with pytest.raises(ArgumentError, match=words):
        line().fit(X, Y, callbacks=[kind("unknown")], verbose=0)
    with pytest.raises(ValueError, match="unknown"):  # as Keras does
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(X, Y, callbacks=[getattr(keras.callbacks, callback)("unknown")])


def test_the_op_that_compares_is_known(backend):
    for mode, op in (("max", ops.greater), ("min", ops.less), ("auto", ops.less)):
        watch = callbacks.EarlyStopping("loss", mode=mode)
        line().fit(X, Y, callbacks=[watch], verbose=0)
        assert watch.monitor_op is op


def test_the_best_weights_are_not_restored_by_a_guess(backend):
    model = line(metrics=[Steps()])
    stop = callbacks.EarlyStopping("val_accomplished", restore_best_weights=True)
    words = "to restore the best weights, but no metric.*'accomplished'.*mode='max'"
    before = model.get_weights()[0]
    with pytest.raises(ArgumentError, match=words):
        model.fit(X, Y, validation_data=(X, Y), callbacks=[stop], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_direction_is_up_or_down():
    class Sideways(Steps):
        _direction = "max"

    with pytest.raises(ArgumentError, match='"up" or "down", got \'max\''):
        signs(line(metrics=[Sideways()]), "accomplished")


def test_a_value_that_is_not_logged_or_no_number_is_told():
    with pytest.warns(UserWarning, match="watches 'val_loss', but the epoch logged"):
        line().fit(X, Y, callbacks=callbacks.EarlyStopping(), verbose=0)
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=[metrics.F1Score(threshold=0.5)])
    watch = callbacks.EarlyStopping("f1_score")
    with pytest.raises(ArgumentError, match=r"array of shape \(2,\)"):
        model.fit(X, np.eye(2)[[0, 1] * 6], callbacks=[watch], verbose=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "up"}, "'up'.*auto, max, min"),
        ({"monitor": 3}, "monitor to be a name"),
        ({"patience": "3"}, "patience"),
        ({"patience": -1}, "patience"),
        ({"min_delta": "0"}, "min_delta"),
        ({"baseline": "0"}, "baseline"),
        ({"restore_best_weights": "no"}, "restore_best_weights"),
        ({"start_from_epoch": 1.5}, "start_from_epoch"),
    ],
)
def test_options_of_early_stopping_are_checked(options, words):
    with pytest.raises(ArgumentError, match=words):
        callbacks.EarlyStopping(**options)


# -- ReduceLROnPlateau -----------------------------------------------------------------

VALUES = [5.0, 4.0, 4.0, 4.1, 4.05, 3.9, 3.95, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]


def rates(library, **options):
    """Return the rates of a fit in which the watched value is one of `VALUES`."""
    kit = library
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(1)])
    model.compile(kit.optimizers.SGD(0.5), "mse")

    class Put(kit.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["value"] = VALUES[epoch]

    plateau = kit.callbacks.ReduceLROnPlateau("value", mode="min", **options)
    found = model.fit(X, Y, epochs=len(VALUES), callbacks=[Put(), plateau], verbose=0)
    return [*found.history["learning_rate"], float(model.optimizer.learning_rate)]


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 1, "factor": 0.5, "min_lr": 0.1},
        {"patience": 2, "factor": 0.5, "cooldown": 2},
        {"patience": 2, "factor": 0.5, "min_delta": 0.5},
        {"patience": 0, "factor": 0.9},
    ],
)
def test_the_rate_falls_on_plateaus_as_in_keras(options):
    np.testing.assert_allclose(
        rates(multinet, **options), rates(keras, **options), rtol=1e-6
    )


def test_the_rate_falls_on_every_backend(backend):
    # 5, 4, then 4, 4.1: two epochs without an improvement, and so on.
    expected = [0.5] * 4 + [0.05] * 4 + [0.005] * 2 + [0.0005] * 2 + [5e-5] + [5e-5]
    found = rates(multinet, patience=2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factor": 1.0}, "factor"),
        ({"factor": "0.1"}, "factor"),
        ({"min_lr": -1.0}, "min_lr"),
        ({"cooldown": 0.5}, "cooldown"),
        ({"patience": None}, "patience"),
    ],
)
def test_options_of_the_plateau_are_checked(options, words):
    with pytest.raises(ArgumentError, match=words):
        callbacks.ReduceLROnPlateau(**options)
