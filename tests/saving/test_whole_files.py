"""A file is whole or the one before: after an error, a full disk, a killed process."""

import copy
import errno
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from multinet import Input, Model, MultinetError, Sequential, layers, ops, saving
from multinet.registry import use_backend
from multinet.saving import atomic

SAVING = """
import sys
import numpy as np
from multinet import Input, Sequential, layers
model = Sequential([Input((64,)), layers.Dense(512), layers.Dense(512)])
number = 0
print("ready", flush=True)
while True:
    number += 1
    model.set_weights([np.full_like(w, number) for w in model.get_weights()])
    model.save(sys.argv[1])
"""


def kill_while_saving(path, seconds):
    """Start a process that saves on and on, and kill it after some seconds."""
    command = [sys.executable, "-c", SAVING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        while not path.exists():
            assert process.poll() is None, "it cannot save at all"
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()


def check_whole(path):
    """Assert that a file has the weights of one save."""
    model = saving.load_model(path)
    values = {float(x) for w in model.get_weights() for x in np.unique(w)}
    assert len(values) == 1 and values.pop() >= 1


@pytest.mark.parametrize("turn", range(5))
def test_a_killed_process_leaves_a_whole_file(turn, tmp_path):
    path = tmp_path / "model.keras"
    kill_while_saving(path, 0.013 * turn)
    check_whole(path)


@pytest.mark.long
def test_a_hundred_killed_processes_leave_whole_files(tmp_path):
    path = tmp_path / "model.keras"
    waits = np.random.default_rng(0).uniform(0, 0.2, 100)
    for wait in waits:
        kill_while_saving(path, wait)
        check_whole(path)


def small():
    """Return a small model."""
    return Sequential([Input((3,)), layers.Dense(2)])


class Full(layers.Layer):
    """A layer whose weights meet a full disk."""

    def build(self, input_shape):
        self.first = self.add_weight((3,))

    def call(self, inputs):
        return ops.multiply(inputs, self.first)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "name", ["m.keras", "m.weights.h5", "m.weights.json", "folder"]
)
def test_a_full_disk_leaves_the_file_before(name, tmp_path, registry):
    path = tmp_path / name

    def save(model):
        if name == "m.keras":
            model.save(path)
        elif name == "folder":
            model.save(path, zipped=False)
        elif name == "m.weights.json":
            model.save_weights(path, max_shard_size=4e-8)
        else:
            model.save_weights(path)

    save(small())
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    x = Input((3,))
    with pytest.raises(OSError, match="No space left"):
        save(Model(x, Full()(layers.Dense(3)(x))))
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert after == before


def test_the_shards_of_before_are_gone_after_the_list(tmp_path):
    path = tmp_path / "m.weights.json"
    model = small()
    model.save_weights(path, max_shard_size=2.5e-8)
    first = {p.name for p in tmp_path.iterdir()}
    model.set_weights([np.full_like(w, 3) for w in model.get_weights()])
    model.save_weights(path, max_shard_size=2.5e-8)
    second = {p.name for p in tmp_path.iterdir()}
    assert len(first) == len(second) == 3
    assert first & second == {"m.weights.json"}
    other = small()
    other.load_weights(path)
    assert all((w == 3).all() for w in other.get_weights())


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "m.keras"
    link.symlink_to(tmp_path / "there" / "real.keras")
    small().save(link)
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.keras").is_file()


def test_a_file_is_kept_if_it_may_not_be_overwritten(tmp_path):
    small().save(tmp_path / "m.keras")
    before = (tmp_path / "m.keras").read_bytes()
    with pytest.raises(MultinetError, match="overwrite=False"):
        small().save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").read_bytes() == before


def test_a_folder_is_replaced_whole(tmp_path):
    with atomic.replacing_folder(tmp_path / "f") as new:
        (new / "one").write_text("1")
    with atomic.replacing_folder(tmp_path / "f") as new:
        (new / "two").write_text("2")
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["two"]
    with pytest.raises(ZeroDivisionError), atomic.replacing_folder(tmp_path / "f"):
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.rglob("*")] == ["f", "two"]


class Refusing(layers.Dense):
    """A layer that finds fault with its weights after it took them."""

    def load_own_variables(self, store):
        super().load_own_variables(store)
        raise ValueError("no")


def test_a_layer_that_refuses_leaves_all_layers_as_they_were(backend, tmp_path):
    model = Sequential([Input((3,)), layers.Dense(3), Refusing(2)])
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        for name, units in (("dense", 3), ("refusing", 2)):
            file[f"layers/{name}/vars/0"] = np.ones((3, units), "float32")
            file[f"layers/{name}/vars/1"] = np.ones(units, "float32")
    model.compile("adam", "mse")
    data = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    for trained in (False, True):
        if trained:
            model.fit(*data, verbose=0)
        before = copy.deepcopy(model).get_weights()
        check_refused(model, tmp_path / "m.weights.h5", before)
    model.fit(*data, verbose=0)


def check_refused(model, path, before):
    """Assert that a file is refused, and that the weights stay."""
    with pytest.raises(ValueError, match="no"):
        model.load_weights(path)
    for have, want in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(have, want)


@pytest.mark.parametrize("kind", [FileNotFoundError, ValueError])
def test_a_file_that_is_not_there_is_an_error_of_values_too_as_in_keras(tmp_path, kind):
    model = Sequential([Input((2,)), layers.Dense(1)])
    for read in (saving.load_model, model.load_weights):
        with pytest.raises(kind, match="There is no file"):
            read(tmp_path / "none.keras")


def test_a_format_that_is_named_is_refused(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="save_format.*told by the name"):
        model.save(tmp_path / "model.keras", save_format="keras")
    assert not list(tmp_path.iterdir())


def test_a_model_knows_whether_it_was_compiled(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    assert not model.compiled
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    assert model.compiled
    assert saving.load_model(tmp_path / "model.keras").compiled
    assert not saving.load_model(tmp_path / "model.keras", compile=False).compiled


@pytest.mark.parametrize("name", ["torch", "tensorflow"])
def test_weights_that_live_in_the_frameworks_variables_stay_as_well(name, tmp_path):
    with use_backend(name):
        model = Sequential([Input((3,)), layers.Dense(3), Refusing(2)])
        with h5py.File(tmp_path / "m.weights.h5", "w") as file:
            for layer, units in (("dense", 3), ("refusing", 2)):
                file[f"layers/{layer}/vars/0"] = np.ones((3, units), "float32")
                file[f"layers/{layer}/vars/1"] = np.ones(units, "float32")
        native = [v.native for v in model.weights]
        check_refused(model, tmp_path / "m.weights.h5", model.get_weights())
        for own, value in zip(native, model.get_weights(), strict=True):
            assert np.array_equal(ops.convert_to_numpy(own), value)
