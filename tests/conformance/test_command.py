"""The commands `multinet conform` and `multinet backends`."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import multinet
from multinet.cli import app


def conform(*arguments):
    return CliRunner().invoke(app, ["conform", *map(str, arguments)])


def test_conform_of_one_method_writes_a_report(tmp_path):
    path = tmp_path / "report.json"
    result = conform("numpy", "--only", "tanh", "--report", path)
    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())
    (report,) = found["reports"]
    assert found["ok"] and report["ok"] and report["backend"] == "numpy"
    assert report["errors"]["tanh"]["float32"] < 2e-6
    assert report["gradient_errors"]["tanh"]["float64"] < 1e-8
    assert report["versions"]["numpy"].startswith("2.")
    assert (found["schemaVersion"], found["message"]) == (1, "passes what was checked")


def test_several_backends_go_into_one_report(tmp_path):
    path = tmp_path / "report.md"
    command = ("numpy", "torch", "--only", "exp", "--all-dtypes", "--report", path)
    result = conform(*command)
    assert result.exit_code == 0, result.output
    text = path.read_text()
    assert "| method | numpy | torch |" in text
    for dtype in ("float16", "bfloat16", "float32", "float64", "complex64"):
        assert f"### {dtype}" in text


@pytest.mark.parametrize("suffix", [".json", ".html", ".md"])
def test_known_failures_are_in_every_kind_of_report(tmp_path, suffix):
    declared, path = tmp_path / "known.txt", tmp_path / f"report{suffix}"
    declared.write_text("cosh  <nothing> is wrong with it\n")
    result = conform("numpy", "--report", path, "--xfail", declared)
    assert result.exit_code == 1
    assert "cosh" in path.read_text()
    assert "does not conform" in result.output
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_report_of_another_kind_is_refused_before_the_run(tmp_path):
    result = conform("numpy", "--report", tmp_path / "report.pdf")
    assert result.exit_code == 2
    assert ".html" in result.output and "round trip" not in result.output


def test_a_level_ends_the_run(tmp_path):
    path = tmp_path / "report.json"
    result = conform("numpy", "--level", "primitives", "--report", path)
    assert result.exit_code == 0, result.output
    (report,) = json.loads(path.read_text())["reports"]
    assert set(report["passed"]) == {"names", "round trip", "primitives"}


def test_an_unknown_level_names_the_known_ones():
    result = conform("numpy", "--level", "primitive")
    assert result.exit_code == 2
    assert "Did you mean 'primitives'" in result.stderr
    known = " ".join(conform("numpy", "--level", "foo").stderr.split())
    assert "in order: names, round trip, primitives, gradients, fused," in known


def test_conform_of_an_unknown_backend_names_the_known_ones():
    result = conform("nunpy")
    assert result.exit_code == 2
    assert "Unknown backend 'nunpy'. Did you mean 'numpy'?" in result.stderr
    assert not result.stdout


def test_backends_lists_every_backend_with_its_devices():
    result = CliRunner().invoke(app, ["backends", "--devices"])
    assert result.exit_code == 0, result.output
    for name in ("numpy", "jax", "torch", "tensorflow", "cpu:0"):
        assert name in result.output


DISTRIBUTIONS = {"tensorflow": "tensorflow-cpu"}
CHECK = """
import sys
from typer.testing import CliRunner
from multinet.cli import app
result = CliRunner().invoke(app, sys.argv[1:])
print(result.output)
assert not {"jax", "torch", "tensorflow"} & set(sys.modules)
"""


@pytest.mark.parametrize("command", ["backends", "info"])
def test_versions_are_listed_without_a_framework_being_imported(command):
    done = subprocess.run(
        [sys.executable, "-c", CHECK, command], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in ("numpy", "jax", "torch", "tensorflow"):
        assert importlib.metadata.version(DISTRIBUTIONS.get(name, name)) in done.stdout


def test_info_tells_the_environment_as_plain_text(monkeypatch):
    monkeypatch.setenv("MULTINET_SOMETHING", "else")
    result = CliRunner().invoke(app, ["info", "--devices"])
    assert result.exit_code == 0, result.output
    found = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert found["multinet"] == multinet.__version__
    assert found["python"].startswith(platform.python_version())
    assert found["MULTINET_SOMETHING"] == "else"
    assert "cpu:0" in result.output


def test_the_version_is_printed():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (
        0,
        f"multinet {multinet.__version__}\n",
    )


def test_an_error_goes_to_the_stream_of_errors():
    done = subprocess.run(
        [sys.executable, "-m", "multinet.cli", "conform", "nunpy"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'numpy'" in done.stderr.replace("\n", " ").replace("  ", " ")
