"""How programs of JAX are run in tests: compiled whole, not op by op."""

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import jax
import keras
import numpy as np

# What is compared with a reference has XLA's defaults; a reference needs no speed, and
# without these it compiles in a third of the time.
PLAIN = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}

REAL_JIT = jax.jit
DRAWING = ("VarianceScaling", "RandomUniform", "RandomNormal", "Orthogonal")


def compiled(function):
    """Return a function of arrays that calls Keras as one program of JAX."""
    return jax.jit(function, compiler_options=PLAIN)


def one_program(backend, function):
    """Return a function of tensors, as one program where that runs sooner.

    Op by op JAX compiles each of them, in the time that the whole takes; the others
    compile nothing.
    """
    return backend.jit(function, ()) if backend.name == "jax" else function


def _zeros(self, shape, dtype=None):
    return keras.ops.convert_to_tensor(np.zeros(shape, dtype or "float32"))


@contextmanager
def without_draws():
    """Let layers of Keras that are given weights later start from zeros.

    XLA compiles a draw anew for each shape, in twice the time of all else that a layer
    computes.
    """
    with ExitStack() as stack:
        for name in DRAWING:
            kind = getattr(keras.initializers, name)
            stack.enter_context(patch.object(kind, "__call__", _zeros))
        yield


@contextmanager
def quick_steps():
    """Let programs have XLA's plain code: some hundred that run a few times each."""

    def jit(function, **options):
        if "compiler_options" in options:  # those inside of others have none
            options["compiler_options"] = PLAIN
        return REAL_JIT(function, **options)

    with patch.object(jax, "jit", jit):
        yield


def rounded(arrays, dtype):
    """Return arrays with their floats rounded to a narrow dtype, in float32 again."""
    return tuple(
        x.astype(dtype).astype("float32") if x.dtype.kind == "f" else x for x in arrays
    )
