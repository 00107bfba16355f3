"""The environment and the backends that every test runs on, in one process."""

import os

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest

from multinet.conformance import strict
from multinet.registry import get, register, use_backend

REAL = ("numpy", "jax", "torch", "tensorflow")
ALL = (*REAL, "strict")

register(strict.plugin)


@pytest.fixture(params=ALL)
def backend(request):
    """Each real backend and the strict one, in use for the test."""
    with use_backend(request.param) as chosen:
        yield chosen


@pytest.fixture(params=REAL)
def real_backend(request):
    """Each real backend, in use for the test."""
    with use_backend(request.param) as chosen:
        yield chosen


@pytest.fixture
def backends():
    """The four real backends, by name."""
    return {name: get(name) for name in REAL}
