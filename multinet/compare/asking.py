"""Whether backends agree on the model of a task: asks a process of each, and judges."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from multinet.compare.agreement import DRIFTING, WRONG, judge
from multinet.compare.process import Failed, Process
from multinet.compare.record import Agreed, Parting, Task
from multinet.compare.runs import Run

_KIND = "multinet.compare.looking:Looking"
_REFERENCE = "float64"


class Asker:
    """Processes of backends, each asked about one task after another.

    `steps` is how many each takes at most, `seconds` after which none begins. What a
    task needs beyond is asked where numbers part: which primitive is the first.
    """

    def __init__(self, threads: int, steps: int = 100, seconds: float = 6.0) -> None:
        self._threads, self._limits = threads, {"steps": steps, "seconds": seconds}
        self._processes: dict[str, Process] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="multinet-compare-")

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self._processes.values():
            process.close()
        self._folder.cleanup()

    def __call__(self, task: Task, names: Sequence[str]) -> tuple[Agreed, ...]:
        """Return how each of the backends agrees with float64 on NumPy."""
        if not names:
            return ()
        exact = self._run(task, _REFERENCE)
        runs = {name: self._run(task, name) for name in names}
        for found in judge(runs, exact):
            if found.verdict in (DRIFTING, WRONG):
                runs[found.contender] = self._searched(
                    task, found.contender, runs[found.contender]
                )
        return judge(runs, exact)

    def _run(self, task: Task, name: str) -> Run | str:
        """Return what a backend computes, or why that is not known."""
        path = Path(self._folder.name) / f"{name}.npz"
        question = "refer" if name == _REFERENCE else "observe"
        try:
            asked = {**dataclasses.asdict(task), **self._limits, "path": str(path)}
            self._process(name).ask(question, **asked)
            return Run.load(path)
        except Failed as error:
            self._end(name)
            return str(error)

    def _searched(self, task: Task, name: str, run: Run | str) -> Run | str:
        """Return a run with the first primitive that is wrong, if one is."""
        if isinstance(run, str):
            return run
        try:
            found = self._process(name).ask("first", **dataclasses.asdict(task))
        except Failed as error:
            self._end(name)
            return dataclasses.replace(run, unsearched=str(error))
        if found["kind"] != "wrong":
            return run
        return dataclasses.replace(run, first=Parting(**found["first"]))

    def _process(self, name: str) -> Process:
        """Return the process of a backend, which is started when it is needed."""
        found = self._processes.get(name)
        if found is None:
            backend = "numpy" if name == _REFERENCE else name
            arguments = (str(self._threads), _KIND)
            found = Process(backend, self._threads, arguments=arguments)
            self._processes[name] = found
            found.answer()  # it is ready
        return found

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.close()
