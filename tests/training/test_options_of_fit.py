"""What fit takes beyond Keras: a rehearsal, caps, a time, and the throughput."""

import itertools
from datetime import timedelta

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, optimizers, utils
from multinet.errors import ArgumentError, MultinetError
from multinet.training import fitting, loop

RNG = np.random.default_rng(4)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
SIZE = 4  # of a batch: six of them, the last one smaller


def build():
    """Return a model whose steps draw, and write Variables of every kind."""
    multinet.utils.set_random_seed(5)
    model = multinet.Sequential(
        [
            multinet.Input((3,)),
            layers.Dense(4, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


class Batches(utils.PyDataset):
    """Batches that note which were made, and how many epochs began."""

    def __init__(self, workers=1):
        super().__init__(workers=workers)
        self.begun = 0

    def __len__(self):
        return 6

    def __getitem__(self, index):
        part = slice(SIZE * index, SIZE * (index + 1))
        return X[part], Y[part]

    def on_epoch_begin(self):
        self.begun += 1


def batches():
    """Yield the batches of one epoch."""
    for start in range(0, len(X), SIZE):
        yield X[start : start + SIZE], Y[start : start + SIZE]


def endless():
    """Yield batches for as many epochs as anyone wants."""
    return itertools.chain.from_iterable(batches() for _ in itertools.count())


DATA = {
    "arrays": lambda: ((X, Y), {"batch_size": SIZE}),
    "data set": lambda: ((Batches(),), {}),
    "threads": lambda: ((Batches(3),), {}),
    "generator": lambda: ((endless(),), {"steps_per_epoch": 6}),
    "function": lambda: ((batches,), {}),
    "iterable": lambda: ((list_of_batches(),), {}),
}


def list_of_batches():
    """Return what can be iterated over, and is no list."""

    class Again:
        def __iter__(self):
            return batches()

    return Again()


def fit(model, kind, **options):
    """Fit three epochs with data of a kind, with a validation of streams as well."""
    args, rest = DATA[kind]()
    held = {"validation_data": args[0] if len(args) == 1 else args}
    if kind == "generator":
        held = {"validation_data": endless(), "validation_steps": 6}
    return model.fit(*args, epochs=3, verbose=0, **rest, **held, **options)


def everything(model):
    """Return all that training goes on from."""
    weights = [*model.weights, *model.optimizer.variables]
    return [np.asarray(v) for v in weights], model._trainer.state()


@pytest.mark.parametrize("kind", DATA)
def test_a_rehearsal_changes_no_number_of_fit(kind):
    with multinet.use_backend("numpy"):
        assert_rehearsed_alike(kind)


@pytest.mark.parametrize("kind", ["arrays", "generator"])
@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_a_rehearsal_changes_no_number_on_other_backends(name, kind):
    with multinet.use_backend(name):
        assert_rehearsed_alike(kind)


def assert_rehearsed_alike(kind):
    """Assert that a fit ends in the same numbers with a rehearsal and without."""
    plain = build()
    want, theirs = fit(plain, kind).history, everything(plain)
    rehearsed = build()
    found = fit(rehearsed, kind, sanity_check=True).history
    assert found.keys() == want.keys()
    for name in want:
        np.testing.assert_array_equal(found[name], want[name])
    mine = everything(rehearsed)
    assert mine[1] == theirs[1]
    for x, y in zip(mine[0], theirs[0], strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_rehearsal_asks_for_no_batch_twice():
    data = Batches()
    model = build()
    model.fit(data, epochs=2, verbose=0, sanity_check=True)
    assert data.begun == 2


def test_a_rehearsal_leaves_the_model_as_it_was(real_backend):
    """Where fit ends before its first step, nothing but the rehearsal was done."""
    model, seen = build(), []

    def look(logs):
        seen.extend(everything(model))
        raise KeyboardInterrupt

    model.fit(X, Y, verbose=0)
    before = everything(model)
    with pytest.raises(KeyboardInterrupt):
        told = callbacks.LambdaCallback(on_train_begin=look)
        model.fit(
            X,
            Y,
            validation_data=(X, Y),
            callbacks=told,
            verbose=0,
            sanity_check=True,
        )
    assert seen[1] == before[1]
    for x, y in zip(seen[0], before[0], strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_wrong_validation_shows_before_anything_is_trained(real_backend):
    model, begun = build(), []
    before = [np.asarray(w) for w in model.weights]
    told = callbacks.LambdaCallback(on_train_begin=lambda logs: begun.append(1))
    wrong = {"validation_data": (X[:, :2], Y), "callbacks": told, "verbose": 0}
    with pytest.raises(MultinetError) as caught:
        model.fit(X, Y, sanity_check=True, **wrong)
    note = "In the sanity check, on the first batch of validation."
    assert note in "\n".join([str(caught.value), *caught.value.__notes__])
    assert not begun
    for x, y in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(x, y)
    with pytest.raises(MultinetError):
        model.fit(X, Y, **wrong)
    assert begun  # without it a whole epoch is trained first


class Own(multinet.Sequential):
    """A model with a step and a count of its own."""

    def train_step(self, data):
        self.seen.assign_add(1.0)
        return super().train_step(data)


def test_a_rehearsal_of_a_step_of_ones_own(real_backend):
    model = Own([multinet.Input((3,)), layers.Dense(1)])
    model.seen = multinet.Variable(0.0, trainable=False)
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=11, verbose=0, sanity_check=True)
    assert float(model.seen) == 2


def test_a_backup_goes_on_after_a_rehearsal(tmp_path):
    def cut(batch, logs):
        if cut.on and batch == 3:
            raise KeyboardInterrupt

    def train(on, **options):
        cut.on = on
        model = build()
        kept = callbacks.BackupAndRestore(tmp_path, save_freq=2, **options)
        told = [callbacks.LambdaCallback(on_train_batch_end=cut), kept]
        history = model.fit(
            batches, epochs=3, callbacks=told, verbose=0, sanity_check=True
        )
        return model, history.history

    with multinet.use_backend("numpy"):
        with pytest.raises(KeyboardInterrupt):
            train(True)
        model, found = train(False)
        want = build()
        wanted = want.fit(batches, epochs=3, verbose=0).history
    np.testing.assert_array_equal(found["loss"], wanted["loss"])
    for x, y in zip(model.get_weights(), want.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("kind", DATA)
def test_batches_of_each_phase_are_capped(kind):
    counts = {"train": 0, "test": 0}

    def count(name):
        return lambda batch, logs: counts.update({name: counts[name] + 1})

    told = callbacks.LambdaCallback(on_train_batch_end=count("train"))
    told.on_test_batch_end = count("test")
    fit(build(), kind, max_batches=2, callbacks=told)
    assert counts == {"train": 6, "test": 6}


def test_a_cap_is_no_number_that_must_be_there(recwarn):
    model = build()
    fit(model, "function", max_batches=100)
    fit(model, "arrays", max_batches=100)
    assert not recwarn.list


class Clock:
    """A time that goes on by a second at each look."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("limit", [30, 30.5, timedelta(seconds=30)])
def test_a_fit_ends_when_its_time_is_over(limit, monkeypatch):
    monkeypatch.setattr(loop, "time", clock := Clock())
    monkeypatch.setattr(fitting, "time", clock)
    seen = []
    told = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)),
        on_train_end=lambda logs: seen.append("end"),
    )
    model = build()
    history = model.fit(
        X,
        Y,
        epochs=1000,
        batch_size=2,
        validation_data=(X, Y),
        callbacks=told,
        verbose=0,
        max_time=limit,
    )
    assert 1 <= len(history.history["loss"]) < 30
    assert seen[-2:] == [["loss", "mae", "val_loss", "val_mae"], "end"]
    assert not model.stop_training


def test_a_fit_does_one_step_at_least(monkeypatch, capsys):
    monkeypatch.setattr(loop, "time", clock := Clock())
    monkeypatch.setattr(fitting, "time", clock)
    model = build()
    model.fit(X, Y, batch_size=SIZE, epochs=5, verbose=2, max_time=1e-9)
    assert int(model.optimizer.iterations) == 1
    assert "Epoch 1: max_time=1e-09 is over." in capsys.readouterr().out


def test_a_fit_that_time_ended_goes_on_after_its_last_epoch(monkeypatch, tmp_path):
    model, kept = build(), callbacks.BackupAndRestore(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", clock := Clock())
        patched.setattr(fitting, "time", clock)
        first = model.fit(X, Y, epochs=4, callbacks=kept, verbose=0, max_time=1e-9)
    assert first.epoch == [0]
    other = build()
    assert other.fit(X, Y, epochs=4, callbacks=kept, verbose=0).epoch == [0, 1, 2, 3]
    assert not list(tmp_path.iterdir()) if tmp_path.exists() else True


def test_the_throughput_is_in_history_and_in_the_line(monkeypatch, capsys):
    monkeypatch.setattr(loop, "time", Clock())
    model = build()
    options = {"batch_size": SIZE, "throughput": True, "validation_data": (X, Y)}
    history = model.fit(X, Y, epochs=2, verbose=2, **options).history
    assert list(history)[:3] == ["loss", "mae", "samples_per_second"]
    for speed in history["samples_per_second"]:
        seconds = len(X) / speed  # of whole ones, by that clock
        assert seconds == pytest.approx(round(seconds)) and seconds >= 1
    assert capsys.readouterr().out.count("samples_per_second: ") == 2
    assert "samples_per_second" not in fit(model, "arrays").history


def test_the_throughput_counts_every_sample_once(monkeypatch):
    monkeypatch.setattr(loop.Pass, "speed", lambda self: {"n": self.samples})
    for kind in DATA:
        found = fit(build(), kind, throughput=True).history["n"]
        # A generator that goes on begins each epoch where the other ended.
        assert found == [22, 22, 22], kind


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_batches", value) for value in (0, -1, 0.5, "2", True)),
        *(("max_time", value) for value in (0, -1.0, "1h", True, timedelta(0))),
        *(("throughput", value) for value in (1, None, "yes")),
        *(("sanity_check", value) for value in (1, None, "yes")),
    ],
)
def test_what_they_expect_is_said(name, value):
    with pytest.raises(ArgumentError, match=f"^Expected {name} .* got "):
        build().fit(X, Y, verbose=0, **{name: value})
