"""JAX on eight devices of the host: the numbers of one device, in parts.

They need a process of their own, in which all cases of the usual run go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("on_eight.py")
ALONE = "own_step made errors addressed".split()
FITS = ("mlp/data", "mlp/model", "mlp/fully sharded", "cnn/data")
PLANS = ("data", "model", "fully sharded")
LONG = (
    *("cnn/model", "cnn/fully sharded"),
    *(f"{name}/{plan}" for name in ("transformer", "lstm") for plan in PLANS),
)


@cache
def results(cases):
    """What the script tells of the cases, by their names."""
    command = [sys.executable, "-X", "faulthandler", str(SCRIPT), *cases]
    environment = {**os.environ, "MULTINET_BACKEND": "jax"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    found = [json.loads(line.partition(" ")[2]) for line in lines]
    return dict(zip(cases, found, strict=True))


def of(case):
    return results((*ALONE, *FITS))[case]


def same_model(one, other):
    return one.partition("/")[0] == other.partition("/")[0]


def is_right(found):
    assert found["losses"] <= 1e-6
    assert found["outputs"] <= 5e-6


@pytest.mark.parametrize("case", FITS)
def test_curves_and_outputs_are_those_of_one_device(case):
    is_right(of(case))


@pytest.mark.long
@pytest.mark.parametrize("case", LONG)
def test_more_models_give_the_numbers_of_one_device(case):
    found = results(tuple(c for c in LONG if same_model(c, case)))[case]
    is_right(found)
    if case.endswith("fully sharded"):
        assert found["local"] < found["whole"] / 6  # a few are too small to split


def test_memory_of_weights_and_slots_falls_with_the_devices():
    found = of("mlp/fully sharded")
    assert found["local"] * 8 == found["whole"]
    assert of("mlp/data")["local"] == found["whole"]
    kernel = found["parts"]["up/kernel"]
    slots = [spec for path, spec in found["parts"].items() if "up_kernel" in path]
    assert slots == [kernel, kernel] == ["(None, 'batch')"] * 2


def test_weights_lie_by_the_rules_and_slots_inherit():
    parts = of("mlp/model")["parts"]
    assert parts["up/kernel"] == "(None, 'model')"
    assert parts["up/bias"] == parts["down/kernel"] == "('model',)"
    assert parts["norm/gamma"] == "()"
    slots = {spec for path, spec in parts.items() if "up_bias" in path}
    assert slots == {"('model',)"}


def test_a_step_tells_its_mesh_layouts_and_collectives():
    data, sharded = (
        of(f"mlp/{plan}")["explained"] for plan in ("data", "fully sharded")
    )
    assert data["mesh"].startswith("batch=8: cpu:0, cpu:1")
    assert data["layouts"] == "0 of 24 in parts"
    assert sharded["layouts"].startswith("18 of 24 in parts: up/kernel (None, 'batch')")
    assert "11 rows" in data["collectives"]  # of the last batch, whole on each
    assert "all-gather" not in data["collectives"]
    assert "all-reduce" in data["collectives"]
    # Each of the six weights is gathered once.
    assert "6 all-gather, " in sharded["collectives"]


def test_steps_of_users_and_jitted_loops_give_the_same_numbers():
    assert of("own_step")["gap"] <= 1e-6


@pytest.mark.long
def test_without_compiling_too():
    found = results(("eager",))["eager"]
    assert found["gap"] <= 1e-6
    assert found["spec"] == "(None, 'batch')"


def test_values_are_made_and_assigned_in_parts():
    found = of("made")
    assert found["specs"] == ["('all', None)"] * 4
    assert found["shapes"] == [[2, 3]] * 4
    assert found["equal"] == [True, True]
    assert found["devices"] == [f"cpu:{i}" for i in range(8)]
    assert found["count"] == 8


def test_rules_that_match_nothing_are_told_once_with_near_paths():
    (text,) = of("errors")["warnings"]
    assert "'down/kernels' (near: down/kernel" in text
    assert "'upp/kernel' (near: up/kernel" in text
    assert "strict=False" in of("errors")["refused"][0]


def test_what_has_no_equal_parts_is_refused_at_build():
    text = of("errors")["refused"][1]
    for part in ("'made/odd/kernel'", "(4, 7)", "data=4", "no 4 equal", "Use 8 places"):
        assert part in text


def test_rules_also_match_addresses_in_the_model():
    split = of("addressed")["split"]
    assert split[0] == "up/kernel" and len(split) == 3
    assert all("up_kernel" in path for path in split[1:])
