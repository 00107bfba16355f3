"""What a compiled step does when something that it was made of is edited."""

import warnings

import numpy as np
import pytest

import multinet
from multinet import layers, losses, metrics, optimizers

RNG = np.random.default_rng(4)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = RNG.normal(size=(24, 3)).astype("float32")


class Parts(multinet.Model):
    """A model with a list of layers, a rate of its own and a hook."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(3)]
        self.gain = 1.0
        self.hook = abs

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return multinet.ops.multiply(x, self.gain)


def parts():
    multinet.set_random_seed(1)
    model = Parts()
    model.compile(optimizers.SGD(0.0), "mse")
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    return model


def grow(model):
    model.parts.append(layers.Dense(3))
    model.parts[-1].build((None, 3))


def replace(model):
    model.parts[0] = layers.Dense(3, kernel_initializer="ones")
    model.parts[0].build((None, 3))


def shrink(model):
    model.parts.clear()


def bend(model):
    model.parts[0].activation = multinet.activations.relu


def amplify(model):
    model.gain = 3.0


EDITS = {
    grow: "parts",
    replace: "parts",
    shrink: "parts",
    bend: "parts/0.activation",
    amplify: "gain",
}


@pytest.mark.parametrize("edit", EDITS)
def test_predict_and_evaluate_see_an_edit(edit, backend):
    model = parts()
    before = model.predict(X, verbose=0)
    edit(model)
    wanted = multinet.ops.convert_to_numpy(model(X))
    assert not np.allclose(before, wanted)
    np.testing.assert_allclose(model.predict(X, verbose=0), wanted, rtol=1e-5)
    np.testing.assert_allclose(
        model.evaluate(X, Y, verbose=0), np.mean((wanted - Y) ** 2), rtol=1e-4
    )
    assert EDITS[edit] in model.explain_step("predict")["made anew"]


def test_fit_sees_a_rate_of_dropout(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dropout(0.0)])
    model.compile(optimizers.SGD(0.0), "mse")
    model.add(layers.Dense(1, kernel_initializer="ones", use_bias=False))
    losses_ = [model.fit(X, Y[:, :1], verbose=0).history["loss"][0]]
    model.layers[0].rate = 1.0
    losses_.append(model.fit(X, Y[:, :1], verbose=0).history["loss"][0])
    np.testing.assert_allclose(
        losses_,
        [np.mean((X.sum(1) - Y[:, 0]) ** 2), np.mean(Y[:, 0] ** 2)],
        rtol=1e-5,
    )
    assert "dropout" in model.explain_step()["made anew"]


def test_an_edit_by_a_batch_callback_holds_from_the_next_step(backend):
    """SGD(0) changes nothing, so each batch has the loss of its own gain."""
    model = parts()
    gains, seen = [1.0, 2.0, 2.0], []

    class Louder(multinet.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.gain = gains[batch]

        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    outputs = model.predict(X, verbose=0)
    model.fit(X, Y, 8, shuffle=False, verbose=0, callbacks=[Louder()])
    errors = [
        np.mean((gain * outputs[i : i + 8] - Y[i : i + 8]) ** 2)
        for gain, i in zip(gains, (0, 8, 16))
    ]
    np.testing.assert_allclose(seen, np.cumsum(errors) / [1, 2, 3], rtol=1e-5)


def test_options_of_the_loss_and_the_optimizer_are_seen(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(3)])
    model.compile(optimizers.SGD(0.1, clipvalue=1e-9), losses.Huber(delta=1.0))
    model.fit(X, Y, verbose=0)
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], before, atol=1e-8)
    model.optimizer.clipvalue = None
    model.fit(X, Y, verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 1e-3
    error = np.abs(model.predict(X, verbose=0) - Y)
    for delta in (1.0, 0.1):
        model.loss.delta = delta
        huber = np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))
        found = model.evaluate(X, Y, verbose=0)
        np.testing.assert_allclose(found, huber.mean(), rtol=1e-4)


def program_of(model, kind):
    """Return the program of a kind of step that ran last."""
    latest = model._trainer.programs.latest
    return next(runner for (k, _), runner in latest.items() if k == kind).program


def test_an_unrelated_layer_costs_nothing(backend):
    model = parts()
    latest = model._trainer.programs.latest
    programs = [runner.program for runner in latest.values()]
    layers.Dense(3).build((None, 2))
    Parts()(X)
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert [runner.program for runner in latest.values()] == programs


def test_freezing_and_thawing_goes_back_to_the_program_before(backend):
    model = parts()
    grow(model)
    model.compile(optimizers.SGD(0.1), "mse")

    def train():
        before = model.get_weights()[0]
        model.fit(X, Y, verbose=0)
        return program_of(model, "train"), np.abs(model.get_weights()[0] - before).max()

    first, moved = train()
    assert moved > 0
    model.parts[0].trainable = False
    frozen, moved = train()
    assert frozen is not first and moved == 0
    model.parts[0].trainable = True
    again, moved = train()
    assert again is first and moved > 0


def test_trainable_may_be_set_back_and_forth_for_ever(backend):
    """As in adversarial training: no warning, and two programs for all."""
    model = parts()
    grow(model)
    model.compile(optimizers.SGD(0.1), "mse")
    programs = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for turn in range(6):
            model.parts[0].trainable = turn % 2 == 0
            model.fit(X, Y, verbose=0)
            states = model._trainer.programs.latest.items()
            programs += [s.program for (kind, _), s in states if kind == "train"]
    assert programs[2:] == programs[:2] * 2 and programs[0] is not programs[1]


def test_a_number_set_again_and_again_is_to_become_a_variable(backend):
    model = parts()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gain in (2.0, 3.0):
            model.gain = gain
            model.predict(X, verbose=0)
    model.gain = 4.0
    with pytest.warns(UserWarning, match=r"3 times because gain .*Variable"):
        model.predict(X, verbose=0)


def test_a_variable_in_its_place_is_assigned_without_a_new_program(backend):
    model = parts()
    model.gain = multinet.Variable(1.0, trainable=False)
    one = model.predict(X, verbose=0)
    program = program_of(model, "predict")
    model.gain.assign(2.0)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * one, rtol=1e-5)
    assert program_of(model, "predict") is program


def test_what_training_sets_itself_is_no_edit(backend):
    model = parts()

    class Stopper(multinet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model.optimizer.learning_rate = 0.1
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Stopper()])
    assert "made anew" not in model.explain_step()


def test_a_metric_added_later_is_updated_and_reset(backend):
    model = parts()
    model.meter = metrics.Mean(name="meter")
    model.fit(X, Y, verbose=0)
    assert [m.name for m in model.metrics] == ["loss", "meter"]
