"""A plug-in of pytest that bounds the memory of a long run, and prints its peak."""

import ctypes
import gc
import resource
import sys

import pytest


def held():
    """Return the GiB that this process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize() / 2**30
    except OSError:
        return 0.0


def peak():
    """Return the most GiB that this process has held."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**30 if sys.platform == "darwin" else 2**20)


class Memory:
    """Forgets what JAX has compiled when it is much: of all tests it is some 6 GiB."""

    limit = 2.5  # GiB, of which what stays when all programs are forgotten is 1
    most = 3.5  # GiB to keep below, where what stays leaves room for it
    room = 0.2, 0.7  # GiB that new programs get: at least, and where there is room

    def __init__(self):
        self.peaks = {}

    def pytest_collection_finish(self):
        """Let the garbage collector pass over what the imports made: it stays."""
        gc.collect()
        gc.freeze()

    def pytest_runtest_logfinish(self):
        """Forget the programs after a test, if this process holds too much."""
        jax = sys.modules.get("jax")
        if jax is None or held() < self.limit:
            return
        jax.clear_caches()
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)  # glibc keeps what is freed between things that stay
        least, usual = self.room
        stays = held()
        self.limit = max(self.limit, stays + max(least, min(usual, self.most - stays)))

    def pytest_sessionfinish(self, session):
        """Let a worker send its peak along with its results."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["peak"] = peak()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        """Take the peak of a worker."""
        if "peak" in getattr(node, "workeroutput", {}):
            self.peaks[node.gateway.id] = node.workeroutput["peak"]

    def pytest_terminal_summary(self, terminalreporter):
        """Print the peak of each process that ran tests."""
        peaks = self.peaks or {"this process": peak()}
        text = ", ".join(f"{name} {value:.1f}" for name, value in peaks.items())
        terminalreporter.write_line(f"Peak memory in GiB: {text}")
