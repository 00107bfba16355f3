"""64-bit dtypes on JAX exist if the program said so, early or late."""

import os
import subprocess
import sys

HEAD = """
import numpy as np
import multinet
from multinet import config, ops
multinet.set_backend("jax")
"""
ASK = """
for ask in (
    lambda: ops.cast(ops.ones(2), "float64"),
    lambda: ops.full(2, 1, dtype="int64"),
    lambda: multinet.Variable(np.ones(2), dtype="float64"),
    lambda: ops.convert_to_tensor(np.ones(2, "uint64")),
    lambda: multinet.layers.Dense(2, dtype="float64")(np.ones((2, 2))),
):
    try:
        print(ask().dtype)
    except multinet.errors.DTypeError as error:
        words = ("JAX_ENABLE_X64=1", "set_floatx('float64')", "config.enable_x64()")
        print(all(word in str(error) for word in words))
"""


def run(code: str, **environment: str) -> list[str]:
    """Run code in a fresh interpreter without JAX_ENABLE_X64."""
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    result = subprocess.run(
        [sys.executable, "-c", HEAD + code],
        capture_output=True,
        text=True,
        check=True,
        env={**inherited, **environment},
    )
    return result.stdout.split()


def test_without_a_word_they_are_refused_whatever_ran_before():
    code = f"{ASK}\nprint(ops.mean(np.random.rand(3)).dtype)\n{ASK}"
    code += "\nimport jax\nprint(jax.config.jax_enable_x64)"
    assert run(code) == [*["True"] * 5, "float32", *["True"] * 5, "False"]


def test_each_word_for_them_is_heard_late_and_early():
    wide = ["float64", "int64", "float64", "uint64", "float64"]
    assert run(ASK, JAX_ENABLE_X64="1") == wide
    assert run(f"ops.ones(2); config.enable_x64()\n{ASK}") == wide
    ended = "config.set_floatx('float32')\n"
    code = f"ops.ones(2); config.set_floatx('float64')\n{ASK}\n{ended}{ASK}"
    assert run(code) == [*wide, *["True"] * 5]


def test_they_do_not_widen_what_has_a_dtype():
    code = """
config.enable_x64()
ops.ones(2, dtype="float64")
print(ops.ones(2).dtype, ops.mean(np.random.rand(3)).dtype, ops.arange(3).dtype)
"""
    assert run(code) == ["float32", "float32", "int32"]
