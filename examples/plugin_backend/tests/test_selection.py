"""The plug-in from outside: found by its entry point, chosen by the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2]


def run(*arguments, **environment):
    """Run Python in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "MULTINET_BACKEND": "pytensor", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_environment_selects_it():
    program = """
import multinet
from multinet import ops
x = ops.convert_to_tensor([1.0, 2.0])
y = ops.add(x, x)
native = "pytensor" in type(y).__module__
print(multinet.config.backend(), native, ops.convert_to_numpy(y).tolist())
"""
    assert run("-c", program).split() == ["pytensor", "True", "[2.0,", "4.0]"]


def test_the_plugin_is_listed_without_importing_pytensor():
    program = """
import sys
from multinet import registry
assert "pytensor" in [info.name for info in registry.backends() if info.installed]
assert "pytensor" not in sys.modules
"""
    run("-c", program)


def test_it_works_beside_another_backend():
    program = """
import multinet
from multinet import ops
for name in ("numpy", "pytensor", "numpy"):
    with multinet.use_backend(name):
        value = multinet.grad(lambda x: ops.sum(x * x))(ops.convert_to_tensor([3.0]))
        print(multinet.config.backend(), float(ops.convert_to_numpy(value)[0]))
"""
    assert run("-c", program).split() == ["numpy", "6.0", "pytensor", "6.0"] + [
        "numpy",
        "6.0",
    ]


STEP = """
import json
import numpy as np
import multinet
from multinet import layers
multinet.set_random_seed(1)
model = multinet.Sequential([multinet.Input((6,)), layers.Dense(8, activation="tanh"),
                             layers.Dropout(0.2), layers.Dense(3)])
model.compile("adam", "mean_squared_error")
rng = np.random.default_rng(0)
x, y = rng.normal(size=(32, 6)), rng.normal(size=(32, 3))
found = model.fit(x, y, batch_size=8, epochs=2, verbose=0)
print(json.dumps(found.history["loss"]))
"""


def test_a_mode_of_pytensor_trains_to_the_same_losses():
    # By PyTensor's rewrites, but without the minutes of a C or Numba compiler.
    flags = "mode=FAST_COMPILE,linker=py,cxx="
    wanted = json.loads(run("-c", STEP, MULTINET_BACKEND="numpy"))
    found = json.loads(run("-c", STEP, PYTENSOR_FLAGS=flags))
    assert found == pytest.approx(wanted, rel=1e-5)
    assert json.loads(run("-c", STEP)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("example", ["custom_loop.py", "wgan_gp.py"])
def test_examples_of_custom_training_give_the_losses_of_numpy(example, tmp_path):
    # Gradients of gradients, dropout and an optimizer, all inside of one `jit`.
    options = ("--epochs", 10, "--plot", tmp_path / "digits.png")
    options = ("--steps", 60) if example == "custom_loop.py" else options
    ours, theirs = (
        [
            line
            for line in run(EXAMPLES / example, *options, **environment).splitlines()
            if not line.startswith(("Backend", "Plot"))
        ][-2:]
        for environment in ({}, {"MULTINET_BACKEND": "numpy"})
    )
    for line, other in zip(ours, theirs, strict=True):
        found, wanted = (_numbers(x) for x in (line, other))
        assert found == pytest.approx(wanted, rel=1e-4) and wanted


def _numbers(line):
    found = []
    for word in line.replace(":", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found
