"""Arguments of fit and its kin that are wrong get one sentence; odd right ones work."""

import math

import keras
import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, optimizers
from multinet.errors import ArgumentError, DTypeError, MultinetError, ShapeError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")
START = np.ones((3, 1), "float32"), np.zeros(1, "float32")


def line(kit=multinet, **options):
    """Return a compiled linear model of the library that is given."""
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(1)])
    model.compile(kit.optimizers.SGD(0.01), "mse", **options)
    model.set_weights([*START])
    return model


COUNTS = ("3", 2.5, -1, True, np.float32(2), [3])
VALID = {"validation_data": (X, Y)}
FIT = [
    *(("batch_size", value, {}) for value in (*COUNTS, 0)),
    *(("validation_batch_size", value, VALID) for value in (*COUNTS, 0)),
    *(("steps_per_epoch", value, {}) for value in (*COUNTS, 0)),
    *(("validation_steps", value, VALID) for value in (*COUNTS, 0)),
    *(("epochs", value, {}) for value in (*COUNTS, None)),
    *(("initial_epoch", value, {}) for value in (*COUNTS, None)),
    *(("validation_freq", value, VALID) for value in ("3", 2.5, 0, -1, [1, 0], None)),
    *(
        ("validation_split", value, {})
        for value in ("0.2", 1.0, 1.5, -0.1, True, None, math.nan)
    ),
    *(("shuffle", value, {}) for value in ("batch", "no", 1, None)),
    *(("verbose", value, {}) for value in ("yes", -1, 0.5, [1])),
    *(("callbacks", value, {}) for value in (3, [3], "History", lambda: None)),
]


@pytest.mark.parametrize(("name", "value", "others"), FIT)
def test_fit_says_what_it_expects(name, value, others):
    with pytest.raises(ArgumentError, match=f"^Expected {name}.* got "):
        line().fit(X, Y, **{"verbose": 0, **others, name: value})


@pytest.mark.parametrize("value", [*COUNTS, 0])
def test_evaluate_and_predict_say_what_they_expect(value):
    model = line()
    model.predict(X[:4], verbose=0)  # the shortest way is known from now on
    for name in ("batch_size", "steps"):
        for call in (lambda **k: model.evaluate(X, Y, **k), model.predict):
            arguments = (X[:4],) if call == model.predict else ()
            with pytest.raises(ArgumentError, match=f"^Expected {name} to be a posit"):
                call(*arguments, verbose=0, **{name: value})


def test_a_callback_may_be_alone_or_in_lists_and_is_an_object():
    seen = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    for given in (note, [note], [[note]], (note,)):
        line().fit(X, Y, callbacks=given, verbose=0)
        line().evaluate(X, Y, callbacks=given, verbose=0)
        line().predict(X, callbacks=given, verbose=0)
    assert seen == [0] * 4
    with pytest.raises(ArgumentError, match="Make an object of the class"):
        line().fit(X, Y, callbacks=[callbacks.EarlyStopping], verbose=0)


def test_epochs_end_where_they_say():
    assert line().fit(X, Y, epochs=0, verbose=0).history == {}
    assert line().fit(X, Y, epochs=3, initial_epoch=3, verbose=0).epoch == []
    assert line().fit(X, Y, epochs=3, initial_epoch=1, verbose=0).epoch == [1, 2]
    with pytest.raises(ArgumentError, match="up to epochs=3, got 5: .* not how many"):
        line().fit(X, Y, epochs=3, initial_epoch=5, verbose=0)


def test_validation_freq_may_name_the_epochs():
    options = {"epochs": 4, "validation_data": (X, Y), "verbose": 0}
    options |= {"validation_freq": [1, 4], "shuffle": False}
    ours, theirs = (line(kit).fit(X, Y, **options) for kit in (multinet, keras))
    assert len(theirs.history["val_loss"]) == 2
    for name in theirs.history:
        np.testing.assert_allclose(ours.history[name], theirs.history[name], rtol=1e-5)


NOTHING = X[:0], Y[:0]
CALLS = {
    "fit": lambda model: model.fit(*NOTHING, verbose=0),
    "validation": lambda model: model.fit(X, Y, validation_data=NOTHING, verbose=0),
    "evaluate": lambda model: model.evaluate(*NOTHING, verbose=0),
    "predict": lambda model: model.predict(NOTHING[0], verbose=0),
    "train_on_batch": lambda model: model.train_on_batch(*NOTHING),
    "test_on_batch": lambda model: model.test_on_batch(*NOTHING),
    "predict_on_batch": lambda model: model.predict_on_batch(NOTHING[0]),
    "generator": lambda model: model.fit(iter([NOTHING]), verbose=0),
    "list": lambda model: model.predict([], verbose=0),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_samples_are_told(backend, call):
    model = line()
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r"at least one sample, got x \(0,"):
        CALLS[call](model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_data_are_told():
    model = line()
    for call in (model.fit, lambda: model.fit(None, Y), lambda: model.predict(None)):
        with pytest.raises(ArgumentError, match="Expected x to be data, got None"):
            call()
    with pytest.raises(ArgumentError, match=r"Expected x to be data, got \{\}"):
        model.fit({}, Y)
    with pytest.raises(ArgumentError, match="Expected x to be data, got None"):
        model.fit(iter([(None, Y)]))


@pytest.mark.parametrize("length", [1, 11, 13])
def test_weights_of_another_number_of_samples_are_told(length):
    words = rf"same number of samples .*\(12, 3\).*\({length},\)"
    with pytest.raises(ShapeError, match=words):
        line().fit(X, Y, sample_weight=np.ones(length), verbose=0)


def test_weights_are_real_numbers():
    with pytest.raises(DTypeError, match="sample_weight to be real numbers, got compl"):
        line().fit(X, Y, sample_weight=np.ones(12) + 1j, verbose=0)
    with pytest.raises(DTypeError, match="sample_weight to be real numbers, got compl"):
        line().fit(iter([(X, Y, np.ones(12) + 1j)]), verbose=0)
    with pytest.raises(DTypeError, match="Expected numbers"):
        line().fit(X, Y, sample_weight=np.array(["1"] * 12), verbose=0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"optimizer": "adamm"}, "Unknown optimizer 'adamm'.*'adam'"),
        ({"optimizer": 3}, "Expected a optimizer|Expected an optimizer"),
        ({"loss": "msee"}, "Unknown loss 'msee'.*'mse'"),
        ({"metrics": ["accurcy"]}, "Unknown metric 'accurcy'.*'accuracy'"),
        ({"metrics": [3]}, "Expected a metric"),
    ],
)
def test_compile_names_what_is_near(given, words):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    with pytest.raises(MultinetError, match=words):
        model.compile(**{"optimizer": "sgd", "loss": "mse", **given})
        model.fit(X, Y, verbose=0)


def test_int_is_a_dtype():
    for dtype in ("int", int, "int32"):
        assert multinet.ops.zeros(3, dtype=dtype).dtype == np.int32
        assert multinet.Variable(1, dtype=dtype).dtype == "int32"
        assert multinet.Input((3,), dtype=dtype).dtype == "int32"
        assert multinet.ops.dtype(multinet.ops.cast(X, dtype)) == "int32"
    for dtype in ("float", "integer", ["float32"], 3):
        with pytest.raises(ArgumentError, match="Unknown dtype"):
            multinet.ops.zeros(3, dtype=dtype)


# -- what callbacks put into the logs --------------------------------------------------


class Put(callbacks.Callback):
    """Adds to the logs of each epoch, and of each validation."""

    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 10.0 + epoch
        logs["loss"] *= 2


def test_values_that_callbacks_log_reach_the_history(backend):
    plain = line().fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"]
    found = line().fit(X, Y, epochs=2, shuffle=False, callbacks=Put(), verbose=0)
    assert found.history["mine"] == [10.0, 11.0]
    np.testing.assert_allclose(found.history["loss"], 2 * np.array(plain), rtol=1e-6)


def test_a_history_of_the_users_is_the_one_that_is_returned():
    history, model = callbacks.History(), line()
    found = model.fit(X, Y, callbacks=[history, Put()], verbose=0)
    assert found is history is model.history and history.history["mine"] == [10.0]


def test_an_optimizer_is_no_class_that_needs_arguments():
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.Adam, multinet.losses.MeanSquaredError)
    assert len(model.fit(X, Y, verbose=0).history["loss"]) == 1
