"""What data sources cost: fit on a DataLoader or a PyDataset, beside fit on arrays.

python examples/benchmarks/sources.py --backends numpy,jax,torch,tensorflow --steps 200
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import contenders
import typer
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
    """Print the median ms a step, and how many times that of arrays it is."""
    table = Table(title=f"one core, medians of {rounds} epochs taking turns")
    for head in ("case", "source", "backend", "library", "ms a step", "of arrays", "x"):
        table.add_column(head)
    for backend in backends.split(","):
        for library in contenders.names(backend)[1:]:
            for case, source in CASES:
                count = str(steps if case == "W2" else max(4, steps // 12))
                took = _child(library, backend, case, source, count, str(rounds))
                plain, other = took["arrays"], took[source]
                row = [case, source, backend, library, f"{other:.3f}", f"{plain:.3f}"]
                table.add_row(*row, f"{other / plain:.2f}")
    Console(width=100).print(table)
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
    """Return the median ms a step on arrays and on a source."""
    contenders.prepare_process(backend, 1)
    # After the process is prepared, as libraries read their number of threads once.
    workloads = importlib.import_module("workloads")

    workload = workloads.WORKLOADS[case].resized(steps, 1)
    frontend = contenders.build(library, backend, workload, workloads.weights(workload))
    contenders.limit_threads(backend, 1)
    x, y = workloads.data(workload)
    fit = {
        "arrays": lambda: frontend.model.fit(
            x, y, batch_size=workload.batch, shuffle=False, verbose=0
        ),
        source: _fit(frontend.model, library, source, x, y, workload.batch),
    }
    times: dict[str, list[float]] = {name: [] for name in fit}
    for turn in range(rounds + 1):
        for name in list(fit)[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            fit[name]()
            times[name].append((time.perf_counter() - start) / steps * 1e3)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def _fit(
    model: Any, library: str, source: str, x: Any, y: Any, batch: int
) -> Callable[[], Any]:
    """Return a function that fits an epoch on a source."""
    if source == "DataLoader":
        torch = importlib.import_module("torch")
        data = importlib.import_module("torch.utils.data")
        pairs = data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        loader = data.DataLoader(pairs, batch_size=batch)
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        *names, steps, rounds = sys.argv[2:]
        print(json.dumps(measure(*names, int(steps), int(rounds))))  # type: ignore[call-arg]
    else:
        typer.run(main)
