"""Keras's guides for one framework each, against Keras on it from the same weights."""

import harness
import numpy as np
import pytest
from references import quick_steps

import multinet
from multinet.registry import use_backend


def of(framework):
    return [name for name in harness.NATIVE if name.startswith(f"{framework}_")]


@pytest.fixture(scope="module")
def keras_says(tmp_path_factory):
    """What Keras gives on a framework, and the weights that it began with."""
    known = {}

    def say(framework):
        if framework not in known:
            path = tmp_path_factory.mktemp("keras") / f"{framework}.npz"
            known[framework] = harness.references(path, of(framework), framework)
        return known[framework]

    return say


@pytest.mark.parametrize("name", harness.NATIVE)
def test_a_program_of_a_framework_gives_the_numbers_of_keras(name, keras_says):
    """Losses within 1e-5 of their size, as all logs; outputs within 5e-5."""
    framework = name.split("_")[0]
    results, weights = keras_says(framework)
    with use_backend(framework), quick_steps():
        got = harness.run(multinet, name, harness.Copied(weights[name]))
    expected = results[name]
    assert set(got) == set(expected)
    for key, value in expected.items():
        assert np.isfinite(value).all()
        is_output = any(part in key for part in ("predict", "called", "weights"))
        floor = 5e-5 if is_output else 1e-6
        np.testing.assert_allclose(
            got[key], value, rtol=1e-5, atol=floor, err_msg=f"{name}: {key}"
        )
    losses = [v for key, v in expected.items() if key.endswith("loss") and v.size > 1]
    assert losses and all(np.ptp(values) > 1e-4 for values in losses)


def test_each_guide_is_there_for_each_framework():
    topics = {"custom_train_step", "new_layers", "training_loop", "transfer_learning"}
    expected = {f"{f}_{t}" for f in ("torch", "jax", "tensorflow") for t in topics}
    assert set(harness.NATIVE) == expected
