"""A process of its own for a backend, which is asked over pipes: a line of JSON each.

A question is `{"do": name, ...}`, an answer `{"ok": {...}}` or `{"error": text}`. The
first answer comes unasked, when the backend is ready. Who is not asked waits for a
line, and takes no time of the machine.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from multinet import registry
from multinet.errors import MultinetError

#: Seconds after which an answer does not come any more.
PATIENCE = 600.0
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")


class Failed(MultinetError):
    """A process could not do what it was asked; the message is the reason."""


class Process:
    """A process that runs a module of workers, on one backend, with some threads.

    `ready` is its first answer, `imported` how many seconds that took.
    """

    def __init__(
        self,
        backend: str,
        threads: int,
        patience: float = PATIENCE,
        arguments: Sequence[str] = (),
        module: str = "multinet.compare.worker",
    ) -> None:
        self.backend, self._patience = backend, patience
        self._errors = tempfile.TemporaryFile()
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **environment(backend, threads)},
            text=True,
            encoding="utf-8",
        )
        self.pid = self._child.pid
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._answers.put(line)
        self._answers.put("")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def ask(self, question: str, **arguments: object) -> dict[str, Any]:
        """Return the answer to a question; `Failed` with the reason if there is none.

        The process is closed where it has died, or says nothing for too long.
        """
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({"do": question, **arguments}) + "\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise Failed(self._death()) from None
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Return the next answer, as `ask` does."""
        try:
            line = self._answers.get(timeout=self._patience)
        except queue.Empty:
            self.close()
            raise Failed(f"no answer in {self._patience:g} s") from None
        if not line:
            raise Failed(self._death())
        found = json.loads(line)
        if "error" in found:
            raise Failed(found["error"])
        return found["ok"]

    def _death(self) -> str:
        """Return how the process ended, and what it said last."""
        self.close()
        code = self._child.returncode
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        how = f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"its process was {how}" + (f": {lines[-1].strip()}" if lines else "")

    def close(self) -> None:
        """End the process, by force if it does not end at the end of questions."""
        if self._child.poll() is None:
            assert self._child.stdin is not None
            try:
                self._child.stdin.close()
                self._child.wait(timeout=2)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self._child.kill()
        self._child.wait()


def environment(backend: str, threads: int) -> dict[str, str]:
    """Return the variables by which a process has a backend and so many threads."""
    found = {f"{library}_NUM_THREADS": str(threads) for library in _THREADS}
    found |= {
        registry.VARIABLE: backend,
        "VECLIB_MAXIMUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NPROC": str(threads),
    }
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        found["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return found


def keep_to(threads: int) -> None:
    """Let this process use so many cores, where the system can be told so."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if threads < len(cores):
        os.sched_setaffinity(0, cores[-threads:])
