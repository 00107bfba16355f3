"""A description of the machine and of the versions, for the results."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from multinet.compare import machine

PACKAGES = ("multinet-nn", "numpy", "jax", "jaxlib", "torch", "keras", "numba")


def describe() -> dict[str, object]:
    """Return the processor, its cores, the system and the versions."""
    found = machine.describe({})
    return {
        "processor": found.processor,
        "cores": found.cores,
        "system": found.system,
        "python": found.python,
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in (*PACKAGES, "tensorflow", "tensorflow-cpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
