"""Programs as users of Keras write them, against Keras from the same weights."""

import harness
import numpy as np
import pytest
from references import quick_steps

import multinet
from multinet.registry import use_backend

BACKENDS = ("numpy", "jax", "torch", "tensorflow")
CASES = [
    pytest.param(
        name,
        backend,
        marks=pytest.mark.long if name in harness.LONG and backend != "numpy" else (),
    )
    for name in harness.NAMES
    for backend in BACKENDS
]


@pytest.fixture(scope="module")
def keras_says(tmp_path_factory):
    """What Keras gives for each program, and the weights that it began with."""
    return harness.references(tmp_path_factory.mktemp("keras") / "references.npz")


@pytest.fixture
def quick_jit():
    """Steps in XLA's plain code."""
    with quick_steps():
        yield


@pytest.mark.parametrize(("name", "backend_name"), CASES)
def test_a_program_gives_the_numbers_of_keras(
    name, backend_name, keras_says, quick_jit
):
    """Each number within 1e-5 of its size, or of 1 for predictions below that.

    Losses and other logs have no such floor but one of 1e-6, some ulps of float32 of
    the terms they are means of.
    """
    results, weights = keras_says
    with use_backend(backend_name):
        got = harness.run(multinet, name, harness.Copied(weights[name]))
    expected = results[name]
    assert set(got) == set(expected)
    for key, value in expected.items():
        floor = 1e-5 if key.startswith("predict") else 1e-6
        np.testing.assert_allclose(
            got[key], value, rtol=1e-5, atol=floor, err_msg=f"{name}: {key}"
        )


@pytest.mark.parametrize("name", harness.NAMES)
def test_a_program_says_something(name, keras_says):
    """Its numbers are finite, and its losses go somewhere."""
    results = keras_says[0][name]
    assert all(np.isfinite(value).all() for value in results.values())
    losses = [v for key, v in results.items() if key.endswith("loss") and v.size > 1]
    assert losses and all(np.ptp(values) > 1e-4 for values in losses)
