"""BackupAndRestore: a fit that was cut off and goes on ends as one that was not."""

import shutil
import warnings

import numpy as np
import pytest

import multinet
from multinet import (
    Input,
    MultinetError,
    Sequential,
    callbacks,
    layers,
    ops,
    optimizers,
)
from multinet.callbacks import BackupAndRestore
from multinet.errors import FileError, ShapeError
from multinet.registry import get, use_backend
from multinet.utils import set_random_seed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X @ RNG.normal(size=(4, 1)).astype("float32")
OTHERS = X[:12] + 0.1, Y[:12]
STEPS = 5  # an epoch


class Cut(Exception):
    """What stops a training."""


class CutAt(callbacks.Callback):
    """Stops a training in its nth step, or in that validation."""

    def __init__(self, step=None, test=None):
        super().__init__()
        self.step, self.test = step, test

    def on_train_batch_end(self, batch, logs=None):
        self.step = None if self.step is None else self.step - 1
        if self.step == 0:
            raise Cut

    def on_test_begin(self, logs=None):
        self.test = None if self.test is None else self.test - 1
        if self.test == 0:
            raise Cut


def build(seed, optimizer=None):
    """Return a compiled model that draws in training."""
    set_random_seed(seed)
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(6, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer or optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def fit(model, *more, **options):
    """Train with a validation, a plateau that comes and a stop that is early."""
    watching = [
        callbacks.EarlyStopping("val_loss", 9, patience=2, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=9, cooldown=1),
    ]
    options = {"batch_size": 8, "epochs": 6, "validation_data": OTHERS, **options}
    return model.fit(X, Y, verbose=0, callbacks=[*watching, *more], **options)


def state_of(model):
    """Return all that training has changed, as arrays."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def check_same(model, history, wanted, exact=True):
    """Assert that a training ended as another one."""
    values, logs = wanted
    assert list(history.history) == list(logs)
    for name, found in history.history.items():
        if exact:
            assert found == logs[name], name
        else:
            np.testing.assert_allclose(found, logs[name], 1e-6, 1e-6)
    for found, value in zip(state_of(model), values, strict=True):
        if exact:
            assert np.array_equal(found, value)
        else:
            np.testing.assert_allclose(found, value, 1e-6, 1e-6)


def cut_off(model, folder, step=None, test=None, **options):
    """Train until the training is cut off."""
    with pytest.raises(Cut):
        fit(model, CutAt(step, test), BackupAndRestore(folder, **options))


@pytest.fixture(scope="module")
def whole():
    """Return, by backend, how a training ends that is not cut off."""
    found = {}

    def on(backend):
        if backend.name not in found:
            model = build(1)
            history = fit(model).history
            # It stops early, with the weights of the first epoch, and the rate fell.
            assert len(history["loss"]) == 3
            assert history["learning_rate"][-1] < history["learning_rate"][0]
            found[backend.name] = state_of(model), history
        return found[backend.name]

    return on


def test_a_training_goes_on_with_the_same_numbers(real_backend, whole, tmp_path):
    """Cut off in mid-epoch, again between epochs, and gone on in other models."""
    exact = real_backend.name in ("numpy", "torch")
    wanted = whole(real_backend)
    model = build(1)
    cut_off(model, tmp_path, 4, save_freq=2)
    cut_off(model, tmp_path, 2 + STEPS)  # from step 2
    model = build(2)
    history = fit(model, BackupAndRestore(tmp_path))
    check_same(model, history, wanted, exact)
    assert not tmp_path.exists()


CUTS = {
    "in the first epoch": {"step": 3, "save_freq": 2},
    "at the end of an epoch": {"step": STEPS + 1, "save_freq": STEPS},
    "between epochs": {"step": STEPS + 1},
    "in a validation": {"test": 2, "save_freq": 1},
    "in the last epoch": {"step": 2 * STEPS + 4, "save_freq": 3},
    "with two checkpoints": {"step": 9, "save_freq": 2, "double_checkpoint": True},
}


@pytest.mark.parametrize("name", CUTS)
def test_it_may_be_cut_off_anywhere(name, whole, tmp_path):
    with use_backend("numpy") as backend:
        cut_off(build(1), tmp_path, **CUTS[name])
        model = build(2)
        check_same(model, fit(model, BackupAndRestore(tmp_path)), whole(backend))


def test_a_training_that_was_stopped_ends_at_once(whole, tmp_path):
    """Killed after the epoch that stopped it, before the best weights came back."""

    class Late(callbacks.Callback):
        def on_train_end(self, logs=None):
            raise Cut

    with use_backend("numpy") as backend:
        with pytest.raises(Cut):
            fit(build(1), Late(), BackupAndRestore(tmp_path))
        model = build(2)
        check_same(model, fit(model, BackupAndRestore(tmp_path)), whole(backend))


def batches():
    """Yield the batches of eight passes, no two alike."""
    for i in range(8 * STEPS):
        rows = slice(i % STEPS * 8, (i % STEPS + 1) * 8)
        yield X[rows] + 0.1 * i, Y[rows]


DATA = {
    "a generator": lambda: {
        "x": batches(),
        "steps_per_epoch": 3,
        "validation_data": batches(),
        "validation_steps": 2,
    },
    "a function": lambda: {"x": batches, "validation_data": lambda: iter([OTHERS])},
    "steps of a longer pass": lambda: {"x": X, "y": Y, "steps_per_epoch": 3},
}


@pytest.mark.parametrize("cut", [{"step": 4}, {"step": 43}, {"test": 2}], ids=str)
@pytest.mark.parametrize("name", DATA)
def test_the_place_in_the_data_is_found_again(name, cut, tmp_path):
    def train(model, *more):
        options = {"epochs": 2 if name == "a function" else 15, "verbose": 0}
        return model.fit(**DATA[name](), callbacks=list(more), **options)

    with use_backend("numpy"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The data ran out")
        model = build(1)
        history = train(model).history
        wanted = state_of(model), history
        try:
            train(build(1), CutAt(**cut), BackupAndRestore(tmp_path, save_freq=2))
        except Cut:
            again = build(2)
            history = train(again, BackupAndRestore(tmp_path))
            check_same(again, history, wanted)
        else:
            assert cut != {"step": 4}, "this should have been cut off"


def test_a_generator_that_ends_too_early_is_refused(tmp_path):
    with use_backend("numpy"):
        options = {"steps_per_epoch": 3, "epochs": 4, "verbose": 0}
        with pytest.raises(Cut):
            build(1).fit(
                batches(), callbacks=[CutAt(8), BackupAndRestore(tmp_path)], **options
            )
        short = iter([(X[:8], Y[:8])] * 2)
        model = build(2)
        before = model.get_weights()
        with pytest.raises(MultinetError, match="more than 6 batches"):
            model.fit(short, callbacks=[BackupAndRestore(tmp_path)], **options)
        assert all(map(np.array_equal, model.get_weights(), before))
        assert len(list(tmp_path.iterdir())) == 1


class Stepwise(multinet.Model):
    """A model with a step of its own, and a sum that is no weight of a layer."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.drop = layers.Dropout(0.2)
        self.sum = multinet.Variable(0.0, trainable=False)

    def call(self, inputs, training=False):
        return self.dense(self.drop(inputs, training=training))

    def train_step(self, data):
        x, y = data
        self(x)  # makes the weights

        def loss_of(weights):
            return ops.mean(ops.square(ops.subtract(self(x, training=True), y)))

        loss, grads = multinet.value_and_grad(loss_of)(self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        self.sum.assign_add(loss)
        return {"own": loss}


def test_a_model_with_a_step_of_its_own_goes_on(tmp_path):
    def made(seed):
        set_random_seed(seed)
        model = Stepwise()
        model.compile("adam")
        return model

    def train(model, *more):
        return model.fit(X, Y, 8, epochs=3, verbose=0, callbacks=list(more))

    with use_backend("numpy"):
        model = made(1)
        wanted = train(model).history, float(model.sum.numpy()), state_of(model)
        for step in (STEPS, STEPS + 2):  # the logs of the first are all there is
            with pytest.raises(Cut):
                keep = BackupAndRestore(tmp_path, save_freq=1)
                train(made(1), CutAt(step + 1), keep)
            again = made(2)
            history = train(again, BackupAndRestore(tmp_path))
            check_same(again, history, (wanted[2], wanted[0]))
            assert float(again.sum.numpy()) == wanted[1]


def test_a_scaled_loss_and_a_plan_of_rates_go_on(tmp_path):
    def made(seed):
        rate = optimizers.schedules.CosineDecay(0.1, 20)
        inner = optimizers.SGD(rate, momentum=0.9, use_ema=True)
        scaled = optimizers.LossScaleOptimizer(inner, 8.0, dynamic_growth_steps=3)
        return build(seed, scaled)

    def train(model, *more):
        return model.fit(X, Y, 8, epochs=3, verbose=0, callbacks=list(more))

    with use_backend("numpy"):
        model = made(1)
        wanted = train(model).history
        with pytest.raises(Cut):
            train(made(1), CutAt(8), BackupAndRestore(tmp_path, save_freq=3))
        again = made(2)
        history = train(again, BackupAndRestore(tmp_path))
        check_same(again, history, (state_of(model), wanted))


def test_a_checkpoint_goes_on_with_its_files(tmp_path):
    def train(folder, model, *more):
        folder.mkdir(exist_ok=True)
        keep = callbacks.ModelCheckpoint(
            folder / "{batch}-{loss:.4f}.weights.h5",
            save_weights_only=True,
            save_freq=3,
            max_to_keep=2,
        )
        fit(model, keep, *more)
        return sorted(path.name for path in folder.iterdir())

    with use_backend("numpy"):
        wanted = train(tmp_path / "one", build(1))
        backup = BackupAndRestore(tmp_path / "backup", save_freq=1)
        with pytest.raises(Cut):
            train(tmp_path / "two", build(1), CutAt(8), backup)
        assert train(tmp_path / "two", build(2), backup) == wanted


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_averages_rates_and_rows_go_on(save_freq, tmp_path):
    """Weights that are swapped for averages, a plan of rates, and a CSV file."""

    def train(model, name, *more):
        watching = [
            callbacks.SwapEMAWeights(swap_on_epoch=True),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
            callbacks.CSVLogger(tmp_path / name),
        ]
        options = {"epochs": 4, "verbose": 0, "validation_data": OTHERS}
        return model.fit(X, Y, 8, callbacks=[*watching, *more], **options)

    def made(seed):
        return build(seed, optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))

    with use_backend("numpy"):
        model = made(1)
        (tmp_path / "whole.csv").write_text("of before")
        wanted = train(model, "whole.csv").history
        keep = BackupAndRestore(tmp_path / "backup", save_freq)
        for step in (2 * STEPS + 1, STEPS + 4):
            with pytest.raises(Cut):
                train(made(1), "cut.csv", CutAt(step), keep)
        again = made(2)
        check_same(again, train(again, "cut.csv", keep), (state_of(model), wanted))
    rows = [(tmp_path / name).read_bytes() for name in ("whole.csv", "cut.csv")]
    assert rows[0] == rows[1]


def test_it_goes_on_with_more_epochs_and_the_backup_is_kept(tmp_path):
    with use_backend("numpy"):
        model = build(1)
        wanted = model.fit(X, Y, 8, epochs=4, verbose=0).history
        history = {}
        for epochs in (2, 2, 4):
            keep = BackupAndRestore(tmp_path, delete_checkpoint=False)
            again = build(1)
            history = again.fit(X, Y, 8, epochs=epochs, verbose=0, callbacks=keep)
            assert len(history.epoch) == epochs
            assert [path.name for path in tmp_path.iterdir()] == ["latest.zip"]
        check_same(again, history, (state_of(model), wanted))


# -- what does not fit -----------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """Return a folder with a backup of a training on NumPy."""
    with use_backend("numpy"):
        cut_off(build(1), tmp_path, 8, save_freq=1, double_checkpoint=True)
        (tmp_path / "previous.zip").rename(tmp_path / "other")
        yield tmp_path


def other_model():
    """Return a model that has one unit more."""
    model = Sequential([Input((4,)), layers.Dense(7), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


OTHER = {
    "weights": (other_model, ShapeError, "another model"),
    "optimizer": (
        lambda: build(1, optimizers.Lion(0.01)),
        ShapeError,
        "it is Lion, in the backup Adam",
    ),
    "data": (lambda: build(1), MultinetError, "batch_size=8"),
}


@pytest.mark.parametrize("name", OTHER)
def test_a_backup_of_another_training_is_refused(name, kept):
    make, error, message = OTHER[name]
    model = make()
    model.fit(X, Y, verbose=0)
    before = state_of(model), model._trainer.state()
    with pytest.raises(error, match=message):
        fit(model, BackupAndRestore(kept), batch_size=4 if name == "data" else 8)
    assert all(map(np.array_equal, state_of(model), before[0]))
    assert model._trainer.state() == before[1]
    assert (kept / "latest.zip").exists()


def damaged(path, kind):
    """Damage a file: cut it, or change a byte of an array or of the JSON."""
    data = bytearray(path.read_bytes())
    if kind == "half":
        data = data[: len(data) // 2]
    else:
        wanted = b'"epoch"' if kind == "text" else RNG.bytes(0)
        place = data.index(wanted) if wanted else len(data) // 3
        data[place] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("kind", ["half", "text", "array"])
def test_a_damaged_backup_is_refused_or_the_one_before_is_used(kind, kept, whole):
    path = kept / "latest.zip"
    damaged(path, kind)
    model = build(2)
    before = model.get_weights()
    with pytest.raises(FileError, match="Delete .* to begin anew"):
        fit(model, BackupAndRestore(kept))
    assert all(map(np.array_equal, model.get_weights(), before))
    shutil.copy(kept / "other", kept / "previous.zip")
    (kept / "other").unlink()
    with pytest.warns(UserWarning, match="The backup before it is used"):
        history = fit(model, BackupAndRestore(kept))
    check_same(model, history, whole(get("numpy")))
    assert not kept.exists()


def test_other_callbacks_begin_anew_with_a_warning(kept):
    with pytest.warns(UserWarning, match="'ModelCheckpoint'.*begin anew"):
        fit(
            build(1),
            callbacks.ModelCheckpoint(kept / "m.keras"),
            BackupAndRestore(kept),
        )


def test_what_a_backup_cannot_hold_is_refused(tmp_path):
    class Odd(callbacks.Callback):
        def get_state(self):
            return {"own": [1, object()]}

    with use_backend("numpy"):
        with pytest.raises(MultinetError, match=r"'own'.*\[1\].*is <object"):
            fit(build(1), Odd(), BackupAndRestore(tmp_path))
    assert list(tmp_path.iterdir()) == []


WRONG = {
    "backup_dir": {"backup_dir": ""},
    "save_freq": {"save_freq": 0},
    "writes no backup": {"save_freq": False},
    "double_checkpoint": {"double_checkpoint": 1},
    "path on this machine": {"backup_dir": "gs://there"},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments_are_refused(message):
    with pytest.raises(MultinetError, match=message):
        BackupAndRestore(**{"backup_dir": "b", **WRONG[message]})


def test_a_loop_of_ones_own_is_told_that_this_is_for_fit(tmp_path):
    model = build(1)
    listeners = callbacks.CallbackList([BackupAndRestore(tmp_path)], model=model)
    listeners.call("on_train_begin")
    with pytest.raises(MultinetError, match="in fit alone"):
        listeners.call("on_epoch_begin", 0)
