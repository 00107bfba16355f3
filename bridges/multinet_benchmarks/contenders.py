"""Who takes part, and what must be set before anything is imported."""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # NumPy's import belongs to the time of whoever imports it first
    from multinet_benchmarks.workloads import Weights, Workload

NATIVE = {
    "jax": ("native_jax", "build"),
    "torch": ("native_torch", "build"),
    "tensorflow": ("native_tensorflow", "build"),
    # NumPy cannot train by itself: it is measured against torch as most people run it.
    "numpy": ("native_torch", "build_plain"),
}
BACKENDS = tuple(NATIVE)
NAMES = ("native", "keras", "multinet")
_HOME = __name__.rpartition(".")[0]


def names(backend: str, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the contenders on a backend; Keras 3 cannot train on NumPy.

    `others` are the files of those that a user adds.
    """
    ours = tuple(n for n in NAMES if n != "keras" or backend != "numpy")
    return (*ours, *others)


def prepare_process(backend: str, threads: int) -> None:
    """Choose the backend and pin this process to some cores, before any import."""
    os.environ |= {
        "MULTINET_BACKEND": backend,
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "NPROC": str(threads),
    }
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    eigen = "true" if threads > 1 else "false"
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={eigen}"
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < threads:
            raise SystemExit(f"{threads} threads asked for, {len(cores)} cores here.")
        os.sched_setaffinity(0, _idlest(cores)[:threads])


def _idlest(cores: list[int]) -> list[int]:
    """Return the cores, those first that did least in the last tenth of a second."""
    if not Path("/proc/stat").exists():
        return cores
    before = _idle_times()
    time.sleep(0.1)
    after = _idle_times()
    return sorted(cores, key=lambda core: before[core] - after[core])


def _idle_times() -> dict[int, int]:
    """Return the clock ticks each core has been idle since the start of the machine."""
    times = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            times[int(name[3:])] = int(ticks[3])
    return times


def limit_threads(framework: str, threads: int) -> None:
    """Set the number of threads of an imported framework."""
    if framework in ("torch", "numpy"):
        import torch  # the one that has been imported

        torch.set_num_threads(threads)
    elif framework == "tensorflow":
        import tensorflow as tf  # the one that has been imported

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def load(name: str, backend: str) -> Any:
    """Import a contender; return its `build(workload, weights)`."""
    if name == "native":
        module, function = NATIVE[backend]
        return getattr(importlib.import_module(f"{_HOME}.{module}"), function)
    if name.endswith(".py"):
        return _from_file(name)
    return importlib.import_module(f"{_HOME}.{name}_model").build


def _from_file(path: str) -> Any:
    """Return the `build` of a file that a user wrote."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None or not Path(path).exists():
        raise SystemExit(f"There is no file {path} of Python to add as a contender.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "build"):
        raise SystemExit(f"{path} has no function build(workload, weights).")
    return module.build


def build(name: str, backend: str, workload: Workload, weights: Weights) -> Any:
    """Return a contender, ready to train."""
    return load(name, backend)(workload, weights)
