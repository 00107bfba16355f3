"""64-bit dtypes on JAX: on when asked for first, refused later, never narrowed."""

import os
import subprocess
import sys

HEAD = """
import numpy as np
import multinet
multinet.use_backend("jax")
ops = multinet.ops
"""


def run(code: str) -> str:
    """Run code in a fresh interpreter without JAX_ENABLE_X64."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    result = subprocess.run(
        [sys.executable, "-c", HEAD + code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return result.stdout.strip()


def test_asked_for_first_they_are_switched_on():
    code = "print(ops.convert_to_tensor(np.ones(2)).dtype, ops.ones(2).dtype)"
    assert run(code) == "float64 float32"


def test_asked_for_later_they_are_refused_and_nothing_is_narrowed():
    code = """
x = ops.ones(2)
for ask in (lambda: ops.cast(x, "float64"), lambda: ops.full(2, 1, dtype="int64")):
    try:
        print(ask().dtype)
    except multinet.errors.DTypeError as error:
        print("JAX_ENABLE_X64=1" in str(error))
"""
    assert run(code).split() == ["True", "True"]
