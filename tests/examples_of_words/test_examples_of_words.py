"""The examples on words, series and graphs: short runs on every backend."""

import re
from pathlib import Path

import numpy as np
import pytest
import stand_ins
from conftest import REAL
from example_runs import check_plot, run_example

# How an example is run short, and the pattern of a number that must exceed a bound.
CASES = {
    "languages.py": (
        lambda folder: ("--lists", stand_ins.word_lists(folder), "--epochs", 12),
        r"([\d.]+)% of",
        45,  # by chance: 25
    ),
    "sentiment.py": (
        lambda folder: ("--data", stand_ins.ratings(folder), "--epochs", 5),
        r"people is (-?[\d.]+)",
        0.8,
    ),
    "forecast.py": (
        lambda folder: ("--data", Path(__file__).parent / "co2.csv", "--epochs", 3),
        r"network: ([\d.]+)",
        0.3,
    ),
    "speech.py": (
        lambda folder: ("--sounds", stand_ins.sounds(folder), "--epochs", 6),
        r"([\d.]+)% of",
        70,  # by chance: 50
    ),
    "pronunciation.py": (
        lambda folder: ("--data", stand_ins.dictionary(folder), "--epochs", 15),
        r"([\d.]+)% of the sounds",
        75,  # by the sounds before alone: about 50
    ),
    "recommendation.py": (
        lambda folder: ("--data", stand_ins.packages(folder), "--epochs", 6),
        r"two towers +[\d.]+% +([\d.]+)%",
        65,  # by chance: 42
    ),
    "graph_network.py": (lambda folder: ("--epochs", 60), r"(\d+) of 32", 29),
}
LOSS = re.compile(r"loss: ([\d.e-]+)")


@pytest.fixture(scope="module")
def losses():
    """The losses that each example printed on the first backend it ran on."""
    return {}


@pytest.mark.parametrize("backend", REAL)
@pytest.mark.parametrize("name", CASES)
def test_the_example_learns_and_draws(name, backend, losses, tmp_path):
    options, pattern, bound = CASES[name]
    printed, plot = run_example(name, backend, *options(tmp_path))
    assert float(re.search(pattern, printed).group(1)) > bound, printed
    check_plot(plot)
    curve = np.array([float(loss) for loss in LOSS.findall(printed)])
    assert curve[-1] < curve[0]
    # Printed are four digits after the point; rounding differs, and training makes
    # differences grow, so it is the first epochs that must agree.
    expected = losses.setdefault(name, curve)
    np.testing.assert_allclose(curve[:8], expected[:8], 1e-4, 1.1e-4)


def test_what_is_written_is_the_same_on_every_backend():
    texts = []
    for backend in REAL:
        printed, plot = run_example(
            "writer.py", backend, "--samples", 4000, "--words", 200, "--steps", 24
        )
        text, first, last = re.search(
            r"(The value of the [^$]+)\nfirst loss: ([\d.]+), mean loss: ([\d.]+)",
            printed,
        ).groups()
        assert len(text.split()) > 60 and float(last) < float(first) - 0.3
        check_plot(plot)
        texts.append(text)
    assert texts.count(texts[0]) == len(REAL)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("languages.py", "--lists"),
        ("sentiment.py", "--data"),
        ("forecast.py", "--data"),
        ("speech.py", "--sounds"),
        ("pronunciation.py", "--data"),
        ("recommendation.py", "--data"),
    ],
)
def test_without_data_it_says_how_to_get_them(name, option, tmp_path):
    with pytest.raises(SystemExit, match="(Get it|Get them) with: (apt|pip)"):
        run_example(name, "numpy", option, tmp_path / "nothing")
