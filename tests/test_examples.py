"""The examples run on every backend and reach what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REAL

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, backend: str) -> str:
    """Run an example under a backend, and return what it prints."""
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        env={**os.environ, "MULTINET_BACKEND": backend, "JAX_ENABLE_X64": "0"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("backend", REAL)
def test_the_line_is_found(backend):
    printed = run("linear_regression.py", backend)
    weight, bias = re.search(r"weight ([\d.]+) .*bias ([\d.]+)", printed).groups()
    assert abs(float(weight) - 0.1) < 0.01 and abs(float(bias) - 0.3) < 0.01


@pytest.mark.parametrize("backend", REAL)
def test_digits_are_recognised(backend):
    printed = run("digits.py", backend)
    assert f"Backend: {backend}" in printed
    found = re.findall(r"(MLP|CNN) test accuracy: ([\d.]+)%", printed)
    assert [name for name, _ in found] == ["MLP", "CNN"]
    assert all(float(accuracy) >= 97 for _, accuracy in found)


def test_the_numbers_are_the_same_on_every_backend():
    printed = run("same_numbers.py", "numpy")
    for name in REAL:
        assert name in printed
    assert "False" not in printed
    worst = re.search(r"difference of a loss: ([\d.e+-]+)", printed).group(1)
    assert float(worst) < 1e-4
