"""What it costs to make models of 200 layers and to ask them, in milliseconds.

python examples/benchmarks/building.py --backends numpy
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

LAYERS, ROUNDS = 200, 5
#: Milliseconds, by what is done.
TARGETS = {"functional": 100, "Sequential.add": 500, "from_config": 500}
TARGETS[".weights"] = 0.2


def main(
    backends: Annotated[str, typer.Option(help="of these, or all")] = "all",
) -> None:
    """Print what 200 Dense layers cost: to make, add, read, and list the weights of."""
    names = contenders.BACKENDS if backends == "all" else backends.split(",")
    table = Table(title=f"Milliseconds for {LAYERS} layers, the best of {ROUNDS}")
    for head in ("backend", *(f"{name} (≤ {n})" for name, n in TARGETS.items())):
        table.add_column(head)
    for name in names:
        found = _child(name)
        cells = [_verdict(found[what], target) for what, target in TARGETS.items()]
        table.add_row(name, *cells)
    Console().print(table)


def _verdict(value: float, target: float) -> str:
    return f"[{'green' if value <= target else 'red'}]{value:.3g}"


def _child(backend: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", backend], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(backend: str) -> dict[str, float]:
    """Return the milliseconds of each way to make the model."""
    contenders.prepare_process(backend, 1)
    # After the process is prepared: libraries read their number of threads once.
    import multinet
    from multinet.layers import Dense

    contenders.limit_threads(backend, 1)

    def functional() -> multinet.Model:
        x = y = multinet.Input((8,))
        for _ in range(LAYERS):
            y = Dense(8)(y)
        return multinet.Model(x, y)

    def adding() -> None:
        model = multinet.Sequential([multinet.Input((8,))])
        for _ in range(LAYERS):
            model.add(Dense(8))

    model = functional()
    config = model.get_config()
    return {
        "functional": _best(functional),
        "Sequential.add": _best(adding),
        "from_config": _best(lambda: multinet.Model.from_config(config)),
        ".weights": _best(lambda: model.weights),
    }


def _best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        typer.run(main)
