"""The processes of contenders: what they answer, and how they fail."""

import json

import pytest

from multinet.compare import coordinator, machine, record, rows
from multinet.compare.process import Failed, Process, environment
from multinet.compare.record import Settings, Task
from multinet.compare.rows import Known
from multinet.errors import ArgumentError

TRAINING = "multinet.compare.training:Training"
MODEL = """
import os
import numpy as np
import multinet
from multinet import layers

print("a line that is no answer")

def make():
    if multinet.backend.backend() == {dies!r}:
        os.write(2, b"it dies here")
        os._exit(3)
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)], name="small")
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(80, 3))
    return model, x, x[:, :2]

def broken():
    raise RuntimeError("two\\nlines")
"""


@pytest.fixture
def file(tmp_path):
    """Return what writes a file whose function makes the process of a backend die."""

    def write(dies=None):
        (tmp_path / "model.py").write_text(MODEL.replace("{dies!r}", repr(dies)))
        return str(tmp_path / "model.py")

    return write


def test_questions_are_answered_and_errors_too(file):
    with Process("numpy", 1, arguments=("1", TRAINING)) as process:
        assert process.answer()["devices"] == ["cpu:0"]
        task = {"name": "m", "file": file(), "batch": 32, "seed": 3}
        with pytest.raises(Failed, match="^RuntimeError: two lines$"):
            process.ask("load", function="broken", **task)
        made = process.ask("load", function="make", **task)
        assert made["samples"] == 80 and made["steps"] == 3
        first = process.ask("first")
        assert first["first_step"] > 0 and len(first["next_steps"]) == 2
        # The whole data are an epoch of 3 steps, the last of fewer rows.
        found = process.ask("train", steps=3, laps=2)
        assert found["steps"] == 6
        # Parts of 32 rows: the second of them, then the first again.
        process.ask("train", steps=1, laps=3)
        end = process.ask("end")
        assert [p["epoch"] for p in end["curve"]] == [1, 2, 3, 4, 5]
        assert [p["steps"] for p in end["curve"]] == [6, 9, 10, 11, 12]
        seconds = [p["seconds"] for p in end["curve"]]
        assert seconds == sorted(seconds)
        assert end["curve"][1]["logs"].keys() == {"loss", "mae"}
        assert end["memory"] is None or end["memory"] > 10**7
        assert end["recompiles"] == 1  # for the smaller batch at the end of an epoch
        assert end["path"]["backend"] == "numpy"
        costs = process.ask("costs")
        assert costs["parameters"] == 8 and costs["uncounted"] == []
        dense = [x for x in costs["costs"] if "dense" in x["layer"]]
        # The product and the sum forward; that of the kernel's gradient, and its sum.
        assert sum(x["flops"] for x in dense) >= 2 * 2 * 32 * 3 * 2
        roofs = process.ask("roofs")
        assert roofs["gemm"] > 1e8 and roofs["copy"] > 1e7
    with pytest.raises(Failed, match="ended with code"):
        process.ask("end")


def test_a_process_that_dies_says_how(file):
    with Process("numpy", 1, arguments=("1", TRAINING)) as process:
        process.answer()
        task = {"name": "m", "file": file("numpy")}
        with pytest.raises(Failed, match="ended with code 3: it dies here"):
            process.ask("load", **task)


def test_one_that_says_nothing_is_given_up():
    with Process("numpy", 1, 0.01, arguments=("1", TRAINING)) as process:
        with pytest.raises(Failed, match="no answer in 0.01 s"):
            process.answer()
            process.ask("roofs")


def test_a_contender_that_fails_is_a_row_with_its_reason(file):
    contenders = [
        Known("numpy", "1", None),
        Known("torch", None, "not installed: pip install it"),
        Known("nonsense", None, None),
    ]
    heard = []
    found = coordinator.compare(
        [Task("m", file=file(), seed=3)],
        contenders,
        Settings(("numpy", "torch", "nonsense"), 1, 2, 10),
        ["multinet", "compare"],
        lambda text, share: heard.append(share),
    )
    (case,) = found.cases
    numpy, torch, nonsense = case.contenders
    assert numpy.reason is None and len(numpy.rounds) == 2
    assert torch.reason == "not installed: pip install it" and torch.start is None
    assert "nonsense" in nonsense.reason and "numpy" in nonsense.reason
    assert case.again.name == "numpy" and len(case.again.rounds) == 2
    turns = [r.turn for c in (numpy, case.again) for r in c.rounds]
    assert sorted(turns) == [0, 1, 2, 3]
    # Another one is first each time.
    assert [r.turn for r in numpy.rounds] == [0, 3]
    assert numpy.prediction.one_row and numpy.prediction.speeds[0].batch == 32
    assert case.samples == 80 and case.parameters == 8 and case.flops > 0
    assert found.roofs.gemm > 0 and found.machine.devices == {"numpy": ("cpu:0",)}
    assert heard == sorted(heard) and 0 <= heard[0] and heard[-1] <= 1
    assert record.loads(record.dumps(found)) == found


def test_why_nothing_is_counted_is_told(file):
    path = file()
    with open(path, "a") as more:
        more.write(
            "\ndef untraced():\n"
            "    model, x, y = make()\n"
            "    model.count_params = None\n"
            "    return model, x, y\n"
        )
    row = rows.Row(Known("numpy", "1", None), 1)
    try:
        row.start(Task("m", "untraced", path))
        found = row.costs()
    finally:
        row.close()
    assert not found.layers and "Operations are not counted: " in found.uncounted


def test_an_onnx_file_predicts_in_a_process_of_its_own(file):
    contenders = rows.known(("onnxruntime",))
    assert contenders[0].reason is None and contenders[0].version
    row = rows.Row(contenders[0], 1)
    try:
        row.start(Task("m", file=file()))
        assert row.contender.reason is None and row.samples == 80
        row.warm([32])
        row.predict([32])
        row.end()
    finally:
        row.close()
    found = row.contender
    assert found.reason is None and not found.rounds
    assert min(found.prediction.one_row) > 0 and found.prediction.speeds[0].rows > 0


def test_known_are_the_backends_and_what_predicts():
    names = [each.name for each in rows.known(None)]
    assert {"numpy", "jax", "torch", "tensorflow"} <= set(names)
    assert [each.name for each in rows.known(("torch", "numpy"))] == ["torch", "numpy"]
    with pytest.raises(ArgumentError, match="numby.*numpy"):
        rows.known(("numby",))


def test_threads_are_told_to_every_library(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--a=b")
    found = environment("jax", 1)
    assert found["MULTINET_BACKEND"] == "jax" and found["OMP_NUM_THREADS"] == "1"
    assert found["XLA_FLAGS"].startswith("--a=b ")
    assert "XLA_FLAGS" not in environment("jax", 2)


def test_work_of_the_own_processes_is_not_that_of_others(monkeypatch):
    times = iter([(10.0, 1.0, 100.0), (19.0, 4.0, 103.0)])
    monkeypatch.setattr(machine.Others, "_now", lambda self: next(times))
    assert machine.Others([1]).busy() == pytest.approx((9 - 3) / 3)


def test_a_machine_is_described():
    found = machine.describe({"numpy": ("cpu:0",)})
    assert found.cores >= 1 and found.processor and json.dumps(found.system)
