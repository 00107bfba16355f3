"""A description of the machine and of the versions, for the results."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("multinet-nn", "numpy", "jax", "jaxlib", "torch", "keras", "numba")


def describe() -> dict[str, object]:
    """Return the processor, its cores, the system and the versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "processor": _processor(),
        "cores": cores or os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": _versions(),
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in (*PACKAGES, "tensorflow", "tensorflow-cpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
