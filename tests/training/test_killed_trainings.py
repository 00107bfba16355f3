"""Trainings that are killed, or told to end, go on and end with the same numbers."""

import contextvars
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from multinet import Input, Sequential, callbacks, layers
from multinet.callbacks import BackupAndRestore
from multinet.registry import use_backend
from multinet.saving import backups

SCRIPT = Path(__file__).with_name("backed_up.py")
LATEST = "latest.zip"
X = np.ones((40, 2), "float32")


def start(backend, folder, result):
    """Start a training; return its process."""
    command = [sys.executable, str(SCRIPT), backend, str(folder), str(result)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(backend, folder, result):
    """Train to the end; return what came out."""
    with start(backend, folder, result) as process:
        assert process.stdout.read() in ("begun\nended\n", "ended\n")
    assert process.returncode == 0
    with np.load(result) as found:
        return dict(found)


def check_equal(found, wanted):
    """Assert that two trainings ended alike, bit for bit."""
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].tobytes() == array.tobytes(), name


def kill_once(backend, folder, result, wait):
    """Start a training, and kill it a while after a step; return whether that did."""
    with start(backend, folder, result) as process:
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
    if (folder / LATEST).exists():
        with backups.open_backup(folder / LATEST) as found:
            assert found.state["fit"]["step"] >= 0
    return process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What comes out of a training on NumPy that is left alone."""
    folder = tmp_path_factory.mktemp("whole")
    return run("numpy", folder / "backup", folder / "result.npz")


def kill_often(backend, tmp_path, kills, wanted):
    """Kill trainings so many times; each that comes to its end has the same numbers."""
    folder, result = tmp_path / "backup", tmp_path / "result.npz"
    waits = np.random.default_rng(0).uniform(0, 0.25, 3 * kills)
    done = 0
    for wait in waits:
        if done == kills:
            break
        done += kill_once(backend, folder, result, wait)
        if not folder.exists():  # it came to its end before
            with np.load(result) as found:
                check_equal(dict(found), wanted)
    assert done == kills
    assert folder.exists()
    check_equal(run(backend, folder, result), wanted)
    assert not folder.exists()


def test_killed_five_times_it_ends_with_the_same_numbers(tmp_path, whole):
    kill_often("numpy", tmp_path, 5, whole)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_killed_thirty_times_it_ends_with_the_same_numbers(backend, tmp_path):
    wanted = run(backend, tmp_path / "other", tmp_path / "other.npz")
    kill_often(backend, tmp_path, 30, wanted)


def test_sigterm_ends_a_process_with_a_backup_and_code_143(tmp_path, whole):
    folder, result = tmp_path / "backup", tmp_path / "result.npz"
    with start("numpy", folder, result) as process:
        process.stdout.readline()
        process.terminate()
        assert process.stdout.read() == "ended\n"
    assert process.returncode == 128 + signal.SIGTERM
    assert not result.exists()
    check_equal(run("numpy", folder, result), whole)


# -- in this process -------------------------------------------------------------------


class Told(callbacks.Callback):
    """Sends SIGTERM in a hook, the nth time; notes what it hears."""

    def __init__(self, hook, turn):
        super().__init__()
        self.hook, self.turn, self.heard = hook, turn, []

    def _hears(self, hook):
        self.heard.append(hook)
        if self.heard.count(self.hook) == self.turn and hook == self.hook:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_train_begin(self, logs=None):
        self._hears("train begin")

    def on_train_batch_end(self, batch, logs=None):
        self._hears("step")

    def on_test_batch_end(self, batch, logs=None):
        self._hears("test")

    def on_epoch_end(self, epoch, logs=None):
        self._hears("epoch")

    def on_train_end(self, logs=None):
        self._hears("train end")


def train(*more):
    """Train for three epochs of four steps, and validate in two; return the History."""
    model = Sequential([Input((2,)), layers.Dense(2, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    options = {"batch_size": 8, "epochs": 3, "validation_split": 0.2, "verbose": 0}
    return model.fit(X, X, callbacks=list(more), **options)


@pytest.fixture
def handled():
    """A list that grows with each SIGTERM that its handler gets."""
    got = []

    def handler(number, frame):
        got.append(number)

    before = signal.signal(signal.SIGTERM, handler)
    with use_backend("numpy"):
        yield got
        assert signal.getsignal(signal.SIGTERM) is handler
    signal.signal(signal.SIGTERM, before)


TIMES = {
    "before the first step": ("train begin", 1, 0),
    "in a step": ("step", 6, 1),
    "in the last step of an epoch": ("step", 4, 0),
    "in a validation": ("test", 1, 0),
    "at the end of an epoch": ("epoch", 2, 2),
    "at the end of the last": ("epoch", 3, 3),
}


@pytest.mark.parametrize("name", TIMES)
def test_sigterm_is_heard_at_any_time(name, handled, tmp_path):
    hook, turn, epochs = TIMES[name]
    told = Told(hook, turn)
    keep = BackupAndRestore(tmp_path, False, save_before_preemption=True)
    wanted = train().history
    history = train(told, keep)
    assert history.epoch == list(range(epochs))
    assert told.heard[-1] == "train end"
    assert told.heard.count(hook) == turn
    assert handled == [signal.SIGTERM]
    assert (tmp_path / LATEST).exists()
    again = train(Told("never", 1), keep)
    assert again.history == wanted
    assert handled == [signal.SIGTERM]
    assert not tmp_path.exists()


def test_without_a_handler_the_program_ends(handled, tmp_path):
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    keep = BackupAndRestore(tmp_path, save_before_preemption=True)
    told = Told("step", 2)
    with pytest.raises(SystemExit) as end:
        train(told, keep)
    assert end.value.code == 143
    assert told.heard[-2:] == ["step", "train end"]
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_DFL


def test_a_second_sigterm_does_what_it_does_elsewhere(handled, tmp_path):
    class Twice(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            os.kill(os.getpid(), signal.SIGTERM)
            assert handled == []
            os.kill(os.getpid(), signal.SIGTERM)
            assert handled == [signal.SIGTERM]

    train(Twice(), BackupAndRestore(tmp_path, save_before_preemption=True))
    assert handled == 2 * [signal.SIGTERM]  # the first one, at the end


def test_sigterm_is_left_alone_unless_that_was_asked_for(handled, tmp_path):
    told = Told("step", 2)
    train(told, BackupAndRestore(tmp_path))
    assert handled == [signal.SIGTERM]
    assert told.heard.count("epoch") == 3


def test_an_error_does_not_swallow_sigterm(handled, tmp_path):
    class Failing(Told):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            raise ZeroDivisionError

    keep = BackupAndRestore(tmp_path, save_before_preemption=True)
    with pytest.raises(ZeroDivisionError):
        train(Failing("step", 1), keep)
    assert handled == [signal.SIGTERM]


def test_in_another_thread_a_warning_says_that_signals_do_not_arrive(tmp_path):
    keep = BackupAndRestore(tmp_path, save_before_preemption=True)
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="main thread"):
        with use_backend("numpy"):
            context = contextvars.copy_context()
            assert pool.submit(context.run, train, keep).result().epoch == [0, 1, 2]
