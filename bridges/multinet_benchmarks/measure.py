"""Measure one case in a process of its own: `multinet bench` starts this.

    python -m multinet_benchmarks.measure '{"job": "together", "workload": "W2", ...}'

The last line printed is the result as JSON.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multinet_benchmarks import contenders

if TYPE_CHECKING:
    from multinet_benchmarks.workloads import Workload

CHECKED_STEPS = 3
TOLERANCE = 1e-3
LEAST_ROUNDS = 3
SECONDS = 20.0  # a slow contender stops after this and LEAST_ROUNDS


class Disagreement(Exception):
    """The contenders do not compute the same thing, so timing them says nothing."""


def together(spec: dict[str, Any]) -> dict[str, Any]:
    """Measure steps and predictions of all contenders, taking turns in one process."""
    backend, repeats = spec["backend"], spec["repeats"]
    contenders.prepare_process(backend, spec["threads"])
    workload = _workload(spec)
    contenders.limit_threads(backend, spec["threads"])
    names = contenders.names(backend, spec.get("others", ()))
    runners, result = _agreeing(workload, backend, names)
    if "step" in spec["what"]:
        result["step"] = _time_steps(runners, workload, repeats)
    if "predict" in spec["what"]:
        result["predict"] = _time_predict(runners, workload, repeats)
    return result


def alone(spec: dict[str, Any]) -> dict[str, Any]:
    """Measure the start, in seconds, and the peak memory, in MB, of one contender."""
    name, backend = spec["contender"], spec["backend"]
    contenders.prepare_process(backend, spec["threads"])
    times = [time.perf_counter()]
    build = contenders.load(name, backend)
    times.append(time.perf_counter())
    contenders.limit_threads(backend, spec["threads"])
    # After the import of the contender has been timed.
    from multinet_benchmarks import workloads

    workload = _workload(spec)
    weights = workloads.weights(workload)
    x, y = workloads.data(workload)
    few = slice(0, workload.batch)
    unmeasured = time.perf_counter() - times[-1]
    runner = build(workload, weights)
    times.append(time.perf_counter() - unmeasured)
    runner.fit(x[few], y[few], 1)
    times.append(time.perf_counter() - unmeasured)
    runner.fit(x, y, 1)
    runner.predict(x[:1])
    parts = [after - before for before, after in zip(times, times[1:])]
    return {
        "start": dict(zip(("import", "build", "step"), parts)) | {"total": sum(parts)},
        "memory": _peak_memory(),
    }


def _workload(spec: dict[str, Any]) -> Workload:
    from multinet_benchmarks.workloads import WORKLOADS  # see `alone`

    return WORKLOADS[spec["workload"]].resized(spec["steps"], spec["epochs"])


def _agreeing(
    workload: Workload, backend: str, names: tuple[str, ...]
) -> tuple[dict[str, Any], Any]:
    """Return the contenders, once their first losses and outputs agree."""
    from multinet_benchmarks import workloads  # see `alone`

    weights = workloads.weights(workload)
    checked = workload.without_dropout().resized(CHECKED_STEPS, 1)
    x, y = workloads.data(checked)
    runners, losses, outputs = {}, {}, {}
    for name in names:
        runner = contenders.build(name, backend, checked, weights)
        outputs[name] = runner.predict(x[:1])
        losses[name] = runner.fit(x, y, 1, shuffle=False)
        if workload.dropout:
            runner = contenders.build(name, backend, workload, weights)
        runners[name] = runner
    _check("outputs before training", outputs)
    _check(f"mean losses of {CHECKED_STEPS} steps", losses)
    return runners, {"losses": losses}


def _check(what: str, values: dict[str, Any]) -> None:
    import numpy as np  # see `alone`

    for name, value in values.items():
        expected = np.asarray(values["native"], float)
        error = np.abs(np.asarray(value, float) - expected).max()
        if not error <= TOLERANCE * max(1.0, np.abs(expected).max()):
            raise Disagreement(
                f"The {what} differ by {error:.2g} between {name} and the native loop "
                f"(allowed: {TOLERANCE:g} relative): {values}. They do not compute the "
                "same model, so their times must not be compared."
            )


def _time_steps(
    runners: dict[str, Any], workload: Workload, repeats: int
) -> dict[str, list[float]]:
    """Return milliseconds a step, a list of rounds for each contender."""
    from multinet_benchmarks import workloads  # see `alone`

    x, y = workloads.data(workload)
    for runner in runners.values():  # compiles
        runner.fit(x, y, 2)
    times: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(repeats):
        for name in _rotated(runners, turn):
            spent = sum(times[name])
            if len(times[name]) >= LEAST_ROUNDS and spent > SECONDS:
                continue
            gc.collect()
            start = time.perf_counter()
            runners[name].fit(x, y, workload.epochs)
            times[name].append(time.perf_counter() - start)
    steps = workload.steps * workload.epochs
    return {n: [1e3 * t / steps for t in rounds] for n, rounds in times.items()}


def _time_predict(
    runners: dict[str, Any], workload: Workload, repeats: int
) -> dict[str, list[float]]:
    """Return milliseconds a prediction of one row, by rounds of many calls."""
    from multinet_benchmarks import workloads  # see `alone`

    x = workloads.data(workload)[0][:1]
    calls = {}
    for name, runner in runners.items():
        runner.predict(x)
        start = time.perf_counter()
        for _ in range(3):
            runner.predict(x)
        calls[name] = int(min(max(0.1 / (time.perf_counter() - start), 1), 100))
    times: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(3 * repeats):
        for name in _rotated(runners, turn):
            predict = runners[name].predict
            start = time.perf_counter()
            for _ in range(calls[name]):
                predict(x)
            spent = time.perf_counter() - start
            times[name].append(1e3 * spent / calls[name])
    return times


def _rotated(runners: dict[str, Any], turn: int) -> list[str]:
    """Return the names, another first each turn: who follows whom has an effect."""
    names = list(runners)
    turn %= len(names)
    return names[turn:] + names[:turn]


def _peak_memory() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a child counts its parent until the exec
        line = next(n for n in status.read_text().splitlines() if "VmHWM" in n)
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    spec = json.loads(sys.argv[1])
    measured = {"together": together, "alone": alone}[spec["job"]](spec)
    print(json.dumps(measured))
