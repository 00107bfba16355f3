"""The benchmark command runs, and its figures are finite; how large is not tested."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from multinet_benchmarks import command, measure
from typer.testing import CliRunner

from multinet import bridging
from multinet.cli import app

FOLDER = Path(__file__).parent.parent / "examples" / "benchmarks"
PARTS = ("import", "build", "step", "total")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a small W1."""
    return subprocess.run(
        [sys.executable, "-m", "multinet_benchmarks", "--workloads", "W1", *options],
        capture_output=True,
        text=True,
    )


def small(folder: Path, backend: str, what: str) -> dict:
    """Return the one case of a small run that writes JSON, a plot and Markdown."""
    result = run(
        *("--backends", backend, "--what", what, "--steps", "4", "--epochs", "2"),
        *("--repeats", "2", "--starts", "1", "--json", str(folder / "r.json")),
        *("--plot", str(folder / "r.png"), "--markdown", str(folder / "r.md")),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"W1   │ {backend}" in result.stdout
    results = json.loads((folder / "r.json").read_text())
    assert results["machine"]["versions"]["numpy"]
    (case,) = results["cases"]
    assert case["errors"] == {}
    return case


def check(values: list[float], count: int) -> None:
    """Assert that there are `count` figures, finite and above zero."""
    assert len(values) == count
    assert all(math.isfinite(value) and value > 0 for value in values)


def test_numpy_is_measured_against_torch(tmp_path):
    case = small(tmp_path, "numpy", "step,predict,start,memory")
    for what, count in (("step", 2), ("predict", 6), ("memory", 1)):
        assert set(case[what]) == {"native", "multinet"}
        for values in case[what].values():
            check(values, count)
    for starts in case["start"].values():
        check([starts[0][part] for part in PARTS], len(PARTS))
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    assert "| W1 | numpy | 1 |" in (tmp_path / "r.md").read_text()


def test_torch_is_measured_against_its_own_loop_and_keras(tmp_path):
    case = small(tmp_path, "torch", "step")
    assert set(case["step"]) == {"native", "keras", "multinet"}
    for values in case["step"].values():
        check(values, 2)
    assert "predict" not in case and "start" not in case


def test_a_contender_of_a_file_takes_part():
    result = run(
        *("--backends", "numpy", "--what", "step", "--steps", "4", "--epochs", "2"),
        *("--repeats", "2", "--contender", str(FOLDER / "contender.py")),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "/ contender" in result.stdout
    gone = run("--backends", "numpy", "--what", "step", "--contender", "gone.py")
    assert gone.returncode == 1 and "There is no file gone.py" in gone.stdout


def test_the_command_is_a_bridge_of_the_wheel():
    assert bridging.bridged("run_benchmarks") is command.run
    result = CliRunner().invoke(app, ["bench", "--backends", "numby"])
    assert result.exit_code == 2 and "numby" in result.output


def test_contenders_that_disagree_are_not_timed():
    measure._check("losses", {"native": 1.0, "multinet": 1.0004})
    for wrong in (1.1, math.nan):
        with pytest.raises(measure.Disagreement, match="multinet and the native loop"):
            measure._check("losses", {"native": 1.0, "multinet": wrong})


@pytest.mark.parametrize(
    ("option", "value"),
    [("--backends", "numby"), ("--what", "steps"), ("--threads", "none")],
)
def test_an_unknown_choice_is_refused(option, value):
    result = run(option, value)
    assert result.returncode == 2
    assert value in result.stderr
