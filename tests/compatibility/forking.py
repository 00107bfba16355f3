"""Runs a plan of jobs, each a test file on a backend in a process of its own.

    python -m compatibility.forking plan.json

The heavy libraries are imported once, before the processes are forked; where an import
of the package under test has started threads, the children import it themselves.
"""

import gc
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from . import settings

_LIBRARIES = ("torch", "numpy", "scipy", "h5py", "absl.testing.parameterized", "pytest")
_LIBRARIES += ("tensorflow", "jax", "jax.numpy")
_OUTCOMES = {0: "ok", 1: "ok", 2: "collect-error", 5: "none"}


class Running(NamedTuple):
    """A process with its job."""

    job: dict[str, Any]
    start: float


def preload(target: bool) -> bool:
    """Import what all children need; return whether there is one thread, as before."""
    names = (*_LIBRARIES, settings.target()) if target else _LIBRARIES
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:  # an optional library
            print("preload:", error, flush=True)
    tasks = Path("/proc/self/task")
    return not tasks.is_dir() or len(list(tasks.iterdir())) == 1


def child(job: dict[str, Any]) -> int:
    """Run the tests of a job in this process."""
    os.setsid()
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings.use(job["backend"])
    os.environ["COMPATIBILITY_RECORDS"] = job["records"]
    folder = Path(job["records"] + ".folder")
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    sys.argv = ["pytest"]
    import pytest

    options = ["-q", "--tb=short", "--assert=plain", "-c", os.devnull, "-W", "ignore"]
    options += ["-p", "compatibility.recording", "-p", "no:cacheprovider"]
    options += ["--rootdir", job["root"], "-o", "python_files=*_test.py"]
    chosen = ["-k", job["expression"]] if job["expression"] else []
    code = pytest.main([job["path"], *options, *chosen])
    sys.stdout.flush()
    return int(code)


def start(job: dict[str, Any]) -> int:
    """Start the process of a job."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 98
        try:
            code = child(job)
        finally:
            os._exit(code)
    return pid


def status(pid: int, running: Running, seconds: float) -> str | None:
    """Return how a process has ended, None if it goes on; end one that is too long."""
    got, code = os.waitpid(pid, os.WNOHANG)
    if got == 0:
        if time.time() - running.start < seconds:
            return None
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "timeout"
    if os.WIFSIGNALED(code):
        return f"crash:signal {os.WTERMSIG(code)}"
    code = os.WEXITSTATUS(code)
    return _OUTCOMES.get(code, f"rc {code}")


def work(plan: dict[str, Any]) -> None:
    """Run the jobs of a plan, some at a time; print a line as each ends."""
    queue, running = list(plan["jobs"]), {}
    while queue or running:
        while queue and len(running) < plan["at_once"]:
            job = queue.pop(0)
            running[start(job)] = Running(job, time.time())
        for pid, one in list(running.items()):
            ended = status(pid, one, plan["seconds"])
            if ended is not None:
                del running[pid]
                secs = round(time.time() - one.start, 1)
                told = {"number": one.job["number"], "status": ended, "secs": secs}
                print("DONE " + json.dumps(told), flush=True)
        time.sleep(0.02)


def main() -> None:
    """Read the plan and run it."""
    # Keras asks for its backend when it is imported.
    early = settings.target() != "keras" and "COMPATIBILITY_LATE" not in os.environ
    if not preload(early) and early:
        os.environ["COMPATIBILITY_LATE"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", __spec__.name, sys.argv[1]])
    gc.collect()
    gc.freeze()  # children need not copy these pages when they collect
    work(json.loads(Path(sys.argv[1]).read_text()))


if __name__ == "__main__":
    main()
