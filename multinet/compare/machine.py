"""The machine: what it is, and how much of it others keep busy."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from multinet.compare.record import Machine


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe(devices: dict[str, tuple[str, ...]]) -> Machine:
    """Return the processor, its cores, the system and the memory."""
    return Machine(
        processor=_processor(),
        cores=cores(),
        system=platform.platform(),
        python=platform.python_version(),
        memory=_memory(),
        devices=devices,
    )


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class Others:
    """How many of the cores others than some processes keep busy, from now on."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = (os.getpid(), *pids)
        self._start = self._now()

    def busy(self) -> float | None:
        """Return the mean number of cores; None where the system does not tell.

        On Linux it is what the cores of this process did, without what the processes
        did; elsewhere the load of the last minute, without the one that measures.
        """
        now = self._now()
        if now is None or self._start is None:
            return max(0.0, os.getloadavg()[0] - 1) if _has_load() else None
        (all_before, own_before, then), (all_now, own_now, at) = self._start, now
        seconds = max(at - then, 1e-9)
        return max(0.0, (all_now - all_before - own_now + own_before) / seconds)

    def _now(self) -> tuple[float, float, float] | None:
        """Return seconds of work of the cores, of the processes, and the time."""
        whole = _work_of_cores()
        if whole is None:
            return None
        return whole, sum(map(_work_of, self._pids)), time.monotonic()


def _has_load() -> bool:
    return hasattr(os, "getloadavg")


def _work_of_cores() -> float | None:
    """Return the seconds that the cores of this process worked; None if not known."""
    listing = Path("/proc/stat")
    if not listing.exists() or not hasattr(os, "sched_getaffinity"):
        return None
    wanted = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for line in listing.read_text().splitlines():
        name, *rest = line.split()
        if name in wanted:
            user, nice, system, _, _, irq, softirq, steal = map(int, rest[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None


def _work_of(pid: int) -> float:
    """Return the seconds that a process worked; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
