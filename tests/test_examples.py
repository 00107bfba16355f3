"""The examples run on every backend and reach what they promise."""

import functools
import gzip
import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import REAL
from example_runs import EXAMPLES, check_plot, run_example
from local_server import serving

from multinet.datasets import digits, remote


def numbers(pattern: str, printed: str) -> list[float]:
    """Return the numbers that a pattern finds in what an example prints."""
    return [float(number) for number in re.findall(pattern, printed)]


@functools.cache
def on_numpy(name: str, *options: str) -> list[float]:
    """Return every number that an example prints on NumPy."""
    return numbers(r"-?\d+\.\d+", run_example(name, "numpy", *options)[0])


@pytest.mark.parametrize("backend", REAL)
def test_the_line_is_found(backend):
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "first_program.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "MULTINET_BACKEND": backend, "JAX_ENABLE_X64": "0"},
    )
    assert result.returncode == 0, result.stderr
    found = re.search(r"weight ([\d.]+) .*bias ([\d.]+)", result.stdout).groups()
    weight, bias = map(float, found)
    assert abs(weight - 0.1) < 0.01 and abs(bias - 0.3) < 0.01


@pytest.mark.parametrize("backend", REAL)
def test_descent_finds_what_least_squares_says(backend):
    printed, plot = run_example("linear_regression.py", backend)
    assert f"Backend: {backend}" in printed
    assert numbers(r"least squares: ([\d.]+)", printed)[0] < 0.1
    assert numbers(r"R2 .*: ([\d.]+)", printed)[0] == pytest.approx(0.593, abs=0.001)
    check_plot(plot)


@pytest.mark.parametrize("backend", REAL)
def test_tumours_are_told_apart(backend):
    options = ("--epochs", "6")
    printed, plot = run_example("tabular.py", backend, *options)
    assert numbers(r"right: ([\d.]+)%", printed)[0] > 85
    assert numbers(r"curve: ([\d.]+)", printed)[0] > 0.95
    found = numbers(r"-?\d+\.\d+", printed)
    assert found == pytest.approx(on_numpy("tabular.py", *options), abs=0.4)
    check_plot(plot)


@pytest.mark.parametrize("backend", REAL)
def test_digits_are_recognised(backend):
    printed, plot = run_example("digits.py", backend)
    assert f"Backend: {backend}" in printed
    found = re.findall(r"(MLP|CNN) test accuracy: ([\d.]+)%", printed)
    assert [name for name, _ in found] == ["MLP", "CNN"]
    assert all(float(accuracy) >= 97 for _, accuracy in found)
    check_plot(plot)


@pytest.fixture(scope="module")
def large():
    """The digits in the form of MNIST: 28 by 28 pixels of 0 to 240."""

    def form(x, y):
        wide = np.kron(x * np.uint8(15), np.ones((1, 3, 3), np.uint8))
        return np.pad(wide, ((0, 0), (2, 2), (2, 2))), y.astype(np.uint8)

    train, test = digits.load_data()
    return form(*train), form(*test)


def accuracies(printed):
    """Return what digits.py says of both networks."""
    found = numbers(r"(?:MLP|CNN) test accuracy: ([\d.]+)%", printed)
    assert len(found) == 2
    return found


@pytest.mark.parametrize("backend", REAL)
def test_images_of_a_file_are_recognised(backend, large, tmp_path):
    (x, y), (x_test, y_test) = large
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    options = ("--mnist", path, "--samples", 320, "--epochs", 1)
    printed, plot = run_example("digits.py", backend, *options)
    assert min(accuracies(printed)) > 40
    check_plot(plot)


def test_images_are_downloaded(large, tmp_path, monkeypatch):
    files = {}
    for part, (x, y) in zip(("train", "t10k"), large):
        images, labels = bytes(16) + x.tobytes(), bytes(8) + y.tobytes()
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(labels)
    hashes = {k: {"hash": hashlib.sha256(v).hexdigest()} for k, v in files.items()}
    monkeypatch.setenv("MULTINET_HOME", str(tmp_path))
    monkeypatch.setattr(remote, "table", lambda: {"base": "", "files": hashes})
    with serving() as server:
        server.files |= files
        monkeypatch.setenv("MULTINET_DATASETS", server.address(""))
        options = ("--fashion", "--samples", "320", "--epochs", "1")
        printed, plot = run_example("digits.py", "numpy", *options)
    assert len(server.asked) == 4
    assert min(accuracies(printed)) > 40
    check_plot(plot)


@pytest.mark.parametrize("backend", REAL)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vae.py", ("--epochs", "3", "--samples", "640")),
        ("wgan_gp.py", ("--epochs", "5", "--samples", "640")),
        ("custom_loop.py", ("--steps", "51")),
    ],
)
def test_the_curve_is_the_same_on_every_backend(name, options, backend):
    printed, plot = run_example(name, backend, *options)
    found = numbers(r"-?\d+\.\d+", printed)
    assert len(found) >= 2
    wanted = on_numpy(name, *options)
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    if name != "custom_loop.py":
        check_plot(plot)


@pytest.mark.parametrize("backend", REAL)
def test_few_examples_are_enough_after_others(backend):
    options = ("--counts", "8", "--repeats", "1", "--steps", "16")
    printed, plot = run_example("transfer.py", backend, *options)
    ways = numbers(r": ([\d.]+)%", printed)
    assert len(ways) == 3 and min(ways) > 50
    wanted = on_numpy("transfer.py", *options)
    assert ways == pytest.approx(wanted, abs=2.5)  # four images
    check_plot(plot)


def test_the_numbers_are_the_same_on_every_backend():
    printed, _ = run_example("same_numbers.py", "numpy")
    for name in REAL:
        assert name in printed
    assert "False" not in printed
    worst = re.search(r"difference of a loss: ([\d.e+-]+)", printed).group(1)
    assert float(worst) < 1e-4
