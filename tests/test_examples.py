"""The examples run on every backend and reach what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REAL
from example_runs import check_plot, run_example

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, backend: str, *options: str) -> str:
    """Run an example under a backend, and return what it prints."""
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *options],
        capture_output=True,
        text=True,
        env={**os.environ, "MULTINET_BACKEND": backend, "JAX_ENABLE_X64": "0"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(pattern: str, printed: str) -> list[float]:
    """Return the numbers that a pattern finds in what an example prints."""
    return [float(number) for number in re.findall(pattern, printed)]


@pytest.mark.parametrize("backend", REAL)
def test_the_line_is_found(backend):
    printed = run("first_program.py", backend)
    weight, bias = re.search(r"weight ([\d.]+) .*bias ([\d.]+)", printed).groups()
    assert abs(float(weight) - 0.1) < 0.01 and abs(float(bias) - 0.3) < 0.01


@pytest.mark.parametrize("backend", REAL)
def test_descent_finds_what_least_squares_says(backend):
    printed, plot = run_example("linear_regression.py", backend)
    assert f"Backend: {backend}" in printed
    assert numbers(r"least squares: ([\d.]+)", printed)[0] < 0.1
    assert numbers(r"R2 .*: ([\d.]+)", printed)[0] == pytest.approx(0.593, abs=0.001)
    check_plot(plot)


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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("custom_loop.py", ("--steps", "51")),
        ("wgan_gp.py", ("--epochs", "5", "--samples", "640")),
    ],
)
def test_custom_training_gives_the_same_curve_on_every_backend(name, options):
    curves = []
    for backend in REAL:
        printed = run(name, backend, *options)
        lines = re.findall(
            r"^(?:step .*loss|distance|generator_loss) .*$", printed, re.M
        )
        numbers = [float(x) for line in lines for x in re.findall(r"-?\d+\.\d+", line)]
        assert len(numbers) >= 2
        curves.append(numbers)
    for other in curves[1:]:
        assert other == pytest.approx(curves[0], rel=1e-4, abs=1e-6)
