"""JAX on a device that is not the first, and the options of a GPU without one."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multinet_jax.fast import step

from multinet.registry import use_backend

SCRIPT = Path(__file__).parent / "jax_second_device.py"


def trained_on(index):
    """Return what the script tells of training on one of two devices."""
    run = subprocess.run(
        [sys.executable, SCRIPT, str(index)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


def test_training_stays_on_the_second_device_and_gives_the_same_numbers():
    first, second = trained_on(0), trained_on(1)
    for found, index in ((first, 0), (second, 1)):
        assert len(found["places"]) > 40
        assert {k: v for k, v in found["places"].items() if v != [index]} == {}
    for name, numbers in first["numbers"].items():
        np.testing.assert_allclose(second["numbers"][name], numbers, rtol=1e-6)


def test_the_options_for_a_gpu_are_known_to_xla():
    assert step.gpu_options() == step.GPU_OPTIONS
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such compile option"):
        jax.jit(jnp.negative, compiler_options={"xla_gpu_no_such": False})(1.0)


def test_options_that_xla_does_not_know_are_left_out(monkeypatch):
    monkeypatch.setattr(step, "GPU_OPTIONS", {"xla_gpu_no_such": False})
    assert step.gpu_options.__wrapped__() is None


def test_the_options_are_for_gpus_only(monkeypatch):
    given = []
    real = jax.jit

    def jit(function, **options):
        given.append(options.pop("compiler_options", "none"))
        return real(function, **options)

    monkeypatch.setattr(step.jax, "jit", jit)
    with use_backend("jax") as backend:
        for place in ("cpu", "gpu"):
            monkeypatch.setattr(step, "platform", lambda place=place: place)
            program = backend.program(lambda x, y: (backend.add(x, y),), (), (), "auto")
            program.load([backend.full((2,), 1, "float32")])
            program.run([np.ones((1, 2), "float32")], [], 1)
            np.testing.assert_array_equal(program.peek(0), [2, 2])
    assert [x for x in given if x != "none"] == [None, step.GPU_OPTIONS]


def test_the_platform_is_that_of_the_default_device():
    assert step.platform() == "cpu"
    with jax.default_device(jax.devices("cpu")[0]):
        assert step.platform() == "cpu"
