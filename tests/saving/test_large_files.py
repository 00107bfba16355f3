"""A large model is written and read weight by weight, and nothing is drawn for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multinet import Input, Sequential, layers, saving
from multinet.pending import Pending

FORMATS = ("keras", "weights.h5", "safetensors")
ROOM = 6 * 2**20  # for all that is no array
#: Each array is given back to the system at once, so that the peak is what is held.
EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536"}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone")
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch", "tensorflow"])
def test_a_file_takes_the_model_and_its_largest_weight(backend, tmp_path):
    pytest.importorskip(backend)
    command = [sys.executable, Path(__file__).with_name("peak.py")]
    done = subprocess.run(
        [*command, tmp_path, "100", backend],
        capture_output=True,
        text=True,
        env=os.environ | EXACT,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(FORMATS)
    for each in found.values():
        assert each["model"] > 90 * 2**20
        assert each["save"] < each["largest"] + ROOM
        assert each["load"] < each["model"] + each["largest"] + ROOM


def test_no_first_values_are_drawn_before_a_load(tmp_path, real_backend, monkeypatch):
    model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    paths = [tmp_path / f"m.{ending}" for ending in FORMATS]
    model.save(paths[0])
    for path in paths[1:]:
        model.save_weights(path)
    copies = [Sequential.from_config(model.get_config()) for _ in paths[1:]]
    monkeypatch.setattr(Pending, "made", lambda self: pytest.fail("a first value"))
    found = [saving.load_model(paths[0])]
    for copy, path in zip(copies, paths[1:]):
        copy.load_weights(path)
        found.append(copy)
    for each in found:
        for have, want in zip(each.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_changes_later_changes_no_weights(ending, tmp_path, real_backend):
    model = Sequential([Input((3,)), layers.Dense(4)])
    path = tmp_path / f"m.{ending}"
    if ending == "keras":
        model.save(path)
    else:
        model.save_weights(path)
    model.load_weights(path)
    before = model.get_weights()
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    for have, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(have, want)
