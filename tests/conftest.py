"""The environment and the backends that every test runs on, in one process."""

import os
import tempfile
from importlib.metadata import version

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# XLA compiles twice as fast with its older emitters of loops, and most programs of the
# tests run once. `XLA_FLAGS= pytest` compiles as users do. An unknown flag ends a
# process, so other versions go without.
if version("jaxlib").startswith("0.10."):
    quick = "use_fusion_emitters=false", "parallel_codegen_split_count=1"
    os.environ.setdefault("XLA_FLAGS", " ".join(f"--xla_cpu_{flag}" for flag in quick))

# What JAX compiles is kept on disk for the run: for equal programs of later tests, and
# where `Memory` forgets them. A worker has a folder inside that of the
# run: JAX writes its files in place, and another process could read half of one.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    programs = tempfile.TemporaryDirectory(prefix="multinet-tests-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = programs.name
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] += "/" + os.environ["PYTEST_XDIST_WORKER"]
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

import pytest
from memory import Memory

from multinet import saving, tracebacks
from multinet.conformance import strict
from multinet.registry import get, register, use_backend

REAL = ("numpy", "jax", "torch", "tensorflow")
ALL = (*REAL, "strict")

register(strict.plugin)


def pytest_addoption(parser):
    """Let a run show the frames of Multinet too."""
    parser.addoption("--whole-tracebacks", action="store_true")


def pytest_configure(config):
    """Bound the memory of the run."""
    config.pluginmanager.register(Memory())
    tracebacks.set_filtering(not config.getoption("--whole-tracebacks"))


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


@pytest.fixture
def registry():
    """What the program has registered for saving; as it was, after the test."""
    known = saving.get_custom_objects()
    before = dict(known)
    yield known
    known.clear()
    known.update(before)
