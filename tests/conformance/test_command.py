"""The commands `multinet conform` and `multinet backends`."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from multinet.cli import app


def test_conform_of_one_method_writes_a_report(tmp_path):
    path = tmp_path / "report.json"
    command = ["conform", "numpy", "--only", "tanh", "--json", str(path)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    assert report["ok"] and report["backend"] == "numpy"
    assert report["errors"]["tanh"]["float32"] < 2e-6


def test_conform_of_an_unknown_backend_names_the_known_ones():
    result = CliRunner().invoke(app, ["conform", "nunpy"])
    assert result.exit_code == 2
    assert "numpy" in result.output


def test_backends_lists_every_backend_with_its_devices():
    result = CliRunner().invoke(app, ["backends"])
    assert result.exit_code == 0, result.output
    for name in ("numpy", "jax", "torch", "tensorflow", "cpu:0"):
        assert name in result.output
