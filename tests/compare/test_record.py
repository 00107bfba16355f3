"""A comparison as a file: what is read is what was written, or an error says why."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from multinet.compare import record
from multinet.compare.record import Agreed, Parting
from multinet.errors import ArgumentError

FILE = Path(__file__).parent / "recorded.json"


@pytest.fixture(scope="module")
def recorded():
    return record.read(FILE)


def test_a_file_is_read_as_it_was_written(recorded, tmp_path):
    record.write(recorded, tmp_path / "again.json")
    assert record.read(tmp_path / "again.json") == recorded
    assert (tmp_path / "again.json").read_text() == FILE.read_text()
    case = recorded.cases[0]
    assert case.contender("jax").steps[0] > 0
    assert case.flops == sum(each.flops for each in case.costs) > 0


def test_floats_that_json_lacks_come_back(recorded):
    strange = Agreed(
        "jax",
        "WRONG",
        outputs=math.inf,
        loss=-math.inf,
        gradients={"nan": 0.1 + 0.2, "hidden": math.inf},
        weights={1: 1e-7, 100: 3.0},
        first=Parting("hidden", "matmul", 5e-324),
    )
    case = dataclasses.replace(recorded.cases[0], agreement=(strange,))
    changed = dataclasses.replace(recorded, cases=(case,))
    text = record.dumps(changed)
    assert "NaN" not in text and "Infinity" not in text
    assert record.loads(text) == changed
    nan = dataclasses.replace(strange, loss=math.nan)
    case = dataclasses.replace(case, agreement=(nan,))
    found = record.loads(record.dumps(dataclasses.replace(recorded, cases=(case,))))
    assert math.isnan(found.cases[0].agreement[0].loss)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda data: data.update(format=99), "format 1, got format 99"),
        (lambda data: data.pop("machine"), "Comparison.*no machine"),
        (lambda data: data["machine"].update(speed=3), "the unknown speed"),
        (
            lambda data: data["cases"][0]["contenders"][0]["rounds"][1].update(
                steps="4"
            ),
            r"cases\[0\].contenders\[0\].rounds\[1\].steps to be int, got '4'",
        ),
        (lambda data: data.update(cases=None), "cases"),
    ],
)
def test_what_is_no_comparison_is_refused_by_its_place(edit, words):
    data = json.loads(FILE.read_text())
    edit(data)
    with pytest.raises(ArgumentError, match=words):
        record.loads(json.dumps(data), "x.json")


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="multinet compare --json"):
        record.read(tmp_path / "missing.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(ArgumentError, match=r"text\.json to be JSON"):
        record.read(tmp_path / "text.json")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ArgumentError, match="format None"):
        record.read(tmp_path / "list.json")


def test_names_of_contenders_are_told(recorded):
    with pytest.raises(ArgumentError, match="numpy, torch, jax, tensorflow"):
        recorded.cases[0].contender("numby")
    assert recorded.cases[0].agreed("onnxruntime") is None
