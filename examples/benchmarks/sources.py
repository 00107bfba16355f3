"""What data sources cost: fit on a DataLoader or a PyDataset, beside fit on arrays.

python examples/benchmarks/sources.py --backends numpy,jax,torch,tensorflow --steps 200
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from typing import Annotated, Any

import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

#: The workload, the source, and how many times as long as arrays it may take.
CASES = (("W2", "DataLoader"), ("W2", "3 threads"), ("W3", "2 processes"))
MOST = 1.2


def main(
    backends: Annotated[str, typer.Option(help="by commas")] = "numpy",
    steps: Annotated[int, typer.Option(help="batches an epoch on W2")] = 200,
    rounds: Annotated[int, typer.Option(help="epochs of each, in turn")] = 7,
) -> None:
    """Print the median ms a step, how many times that of arrays, and of it alone."""
    table = Table(title=f"one core, medians of {rounds} epochs taking turns")
    heads = ("case", "source", "backend", "library", "ms a step", "arrays", "ratio")
    for head in (*heads, "alone"):
        table.add_column(head)
    for backend in backends.split(","):
        for library in contenders.names(backend)[1:]:
            for case, source in CASES:
                count = str(steps if case == "W2" else max(4, steps // 3))
                took = _child(library, backend, case, source, count, str(rounds))
                plain, other = took["arrays"], took[source]
                row = [case, source, backend, library, f"{other:.3f}", f"{plain:.3f}"]
                row += [f"{other / plain:.2f}", f"{took['alone']:.3f}"]
                table.add_row(*row)
    Console(width=100).print(table)
    print("Alone: what a DataLoader takes where nobody trains, 0 of a PyDataset.")
    print(f"The aim for Multinet is at most {MOST} times the time of arrays.")


def _child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(
    library: str, backend: str, case: str, source: str, steps: int, rounds: int
) -> dict[str, float]:
    """Return the median ms a step on arrays, on a source, and of the source alone."""
    contenders.prepare_process(backend, 1)
    # After the process is prepared, as libraries read their number of threads once.
    workloads = importlib.import_module("multinet_benchmarks.workloads")

    workload = workloads.WORKLOADS[case].resized(steps, 1)
    contenders.limit_threads(backend, 1)
    frontend = contenders.build(library, backend, workload, workloads.weights(workload))
    x, y = workloads.data(workload)
    alone = _loader(x, y, workload.batch) if source == "DataLoader" else ()
    fit = {
        "alone": lambda: deque(alone, 0),
        "arrays": lambda: frontend.model.fit(
            x, y, batch_size=workload.batch, shuffle=False, verbose=0
        ),
        source: _fit(frontend.model, library, source, x, y, workload.batch),
    }
    times: dict[str, list[float]] = {name: [] for name in fit}
    for turn in range(rounds + 1):
        for name in list(fit)[:: 1 if turn % 2 else -1]:
            start = _seconds()
            fit[name]()
            times[name].append((_seconds() - start) / steps * 1e3)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def _fit(
    model: Any, library: str, source: str, x: Any, y: Any, batch: int
) -> Callable[[], Any]:
    """Return a function that fits an epoch on a source."""
    if source == "DataLoader":
        loader = _loader(x, y, batch)
        return lambda: model.fit(loader, verbose=0)
    base = importlib.import_module(library).utils.PyDataset

    class Batches(base):
        def __len__(self) -> int:
            return len(x) // batch

        def __getitem__(self, index: int) -> Any:
            part = slice(index * batch, (index + 1) * batch)
            return x[part], y[part]

    workers = int(source[0])
    options = {"workers": workers, "use_multiprocessing": "processes" in source}
    return lambda: model.fit(Batches(**options), shuffle=False, verbose=0)


def _seconds() -> float:
    """Return what this process and its children, gone by now, computed on their core.

    Alone on a core that is the time that passes, and no other program is in it.
    """
    both = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(sum(resource.getrusage(who)[:2]) for who in both)


def _loader(x: Any, y: Any, batch: int) -> Any:
    torch = importlib.import_module("torch")
    data = importlib.import_module("torch.utils.data")
    pairs = data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    return data.DataLoader(pairs, batch_size=batch)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        *names, steps, rounds = sys.argv[2:]
        print(json.dumps(measure(*names, int(steps), int(rounds))))  # type: ignore[call-arg]
    else:
        typer.run(main)
