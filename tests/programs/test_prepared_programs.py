"""Programs that prepare their data, in a source or in the model: the same numbers on
every backend, and again from a file.
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from references import quick_steps

import multinet
from multinet.registry import use_backend

SCRIPTS = Path(__file__).parent / "prepared"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
PLACES = ("in the source", "in the model")
BATCH = 32


def load(name):
    """Return the function of a program."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.program


def rows(x, start, stop):
    """Return samples of an array, or of a dict of columns."""
    if isinstance(x, dict):
        return {name: column[start:stop] for name, column in x.items()}
    return x[start:stop]


def run(name, place):
    """Return the logs of three epochs, the model, its data, and what prepares them."""
    multinet.utils.set_random_seed(5)
    inside = place == "in the model"
    model, x, y, prepare = load(name)(multinet, inside)

    def batches():
        for i in range(0, len(y), BATCH):
            part = rows(x, i, i + BATCH)
            yield part if inside else prepare(part), y[i : i + BATCH]

    history = model.fit(batches, epochs=3, verbose=0).history
    return history, model, x, prepare


@functools.cache
def of_numpy(name, place):
    """Return the logs on NumPy."""
    with use_backend("numpy"):
        return run(name, place)[0]


CASES = [
    pytest.param(
        place,
        backend,
        # What is prepared in a source is prepared by NumPy on each backend.
        marks=pytest.mark.long if backend == "jax" and place == PLACES[0] else (),
    )
    for place in PLACES
    for backend in ("numpy", "jax", "torch", "tensorflow")
]


@pytest.mark.parametrize(("place", "backend_name"), CASES)
@pytest.mark.parametrize("name", NAMES)
def test_a_program_has_its_numbers_on_every_backend_and_from_a_file(
    name, place, backend_name, tmp_path
):
    expected = of_numpy(name, place)["loss"]
    with use_backend(backend_name), quick_steps():
        check(name, place, expected, tmp_path)


def check(name, place, expected, folder):
    """Check the losses of a program, and what it predicts once it has been saved."""
    history, model, x, prepare = run(name, place)
    losses = history["loss"]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    model.save(folder / "model.keras")
    again = multinet.saving.load_model(folder / "model.keras")
    given = later = rows(x, 0, 40)
    if place == "in the source":
        if not hasattr(prepare, "save"):
            prepare = multinet.Sequential([prepare])
        prepare.save(folder / "prepare.keras")
        loaded = multinet.saving.load_model(folder / "prepare.keras")
        given, later = (
            np.asarray(multinet.ops.convert_to_numpy(p(given)))
            for p in (prepare, loaded)
        )
        np.testing.assert_array_equal(later, given)
    predicted = model.predict(given, verbose=0)
    np.testing.assert_array_equal(again.predict(later, verbose=0), predicted)


# What is drawn is drawn anew for a step, and by its layer in a source.
@pytest.mark.parametrize("name", [n for n in NAMES if n != "moved_digits"])
def test_where_data_are_prepared_does_not_matter(name):
    found = [of_numpy(name, place)["loss"] for place in PLACES]
    np.testing.assert_allclose(*found, rtol=1e-4)
