"""What Multinet adds to eager calls, in microseconds: ops, a layer, and a small model.

python examples/benchmarks/overhead.py --backends jax,torch
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import Annotated, Any

import basket
import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

TURN, ROUNDS = 300e-6, 1000  # seconds that calls of one kind take in a round
WIDTH = 8  # of the layers: so little that only the calls cost

#: The most that a call may add to what it calls.
TARGETS = {"empty layer": 3.0, "dense": 4.0, "mlp": 20.0}
OP_TARGET, MEDIAN_TARGET = 1.5, 1.0


def main(
    backends: Annotated[str, typer.Option(help="of these, or all")] = "all",
) -> None:
    """Print what ops, an empty layer, Dense and an MLP of six layers add to a call."""
    names = contenders.BACKENDS if backends == "all" else backends.split(",")
    for name in names:
        _print(name, _child(name))


def _print(backend: str, found: dict[str, dict[str, float]]) -> None:
    table = Table(title=f"{backend}: microseconds a call")
    for head in ("", "framework", "the waist adds", f"ops add (≤ {OP_TARGET:g})"):
        table.add_column(head, justify="left" if not head else "right")
    added = []
    for name in basket.OPS:
        bare, waist, ours = (found[kind][name] for kind in ("bare", "waist", "ours"))
        added.append(ours - waist)
        cells = (f"{bare:.2f}", f"{waist - bare:.2f}", _verdict(added[-1], OP_TARGET))
        table.add_row(name, *cells)
    table.add_section()
    middle = _verdict(statistics.median(added), MEDIAN_TARGET)
    table.add_row("median", "", "", f"{middle} (≤ {MEDIAN_TARGET:g})")
    for name, target in TARGETS.items():
        waist = found["waist"].get(name, 0.0)
        text = _verdict(found["ours"][name] - waist, target)
        table.add_row(name, "", "", f"{text} (≤ {target:g})")
    Console().print(table)


def _verdict(value: float, target: float) -> str:
    return f"[{'green' if value <= target else 'red'}]{value:.2f}[/]"


def _child(backend: str) -> dict[str, dict[str, float]]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", backend], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(backend: str) -> dict[str, dict[str, float]]:
    """Return microseconds of each call: the framework's, the waist's, and ours."""
    contenders.prepare_process(backend, 1)
    from multinet import ops  # after the threads are set
    from multinet.registry import current  # after the threads are set

    contenders.limit_threads(backend, 1)
    given = {
        name: ops.convert_to_tensor(array) for name, array in basket.arrays().items()
    }
    kinds = {
        "bare": basket.framework(backend, given),
        "waist": basket.waist(current(), given),
        "ours": basket.public(ops, given),
    }
    _add_layers(kinds["waist"], kinds["ours"])
    return _timed(kinds)


def _timed(kinds: dict[str, dict[str, basket.Call]]) -> dict[str, dict[str, float]]:
    names = dict.fromkeys(name for calls in kinds.values() for name in calls)
    calls = {
        (kind, name): kinds[kind][name]
        for name in names
        for kind in kinds
        if name in kinds[kind]
    }
    calls["", "nothing"] = lambda: None
    first = {
        key: min(_seconds(call, 1) for _ in range(20)) for key, call in calls.items()
    }
    counts = {key: min(max(int(TURN / first[key]), 3), 50) for key in calls}
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for key, call in calls.items():
            # The least of many rounds: what a call costs while nobody else has the
            # core, which on a busy machine is so for short turns only.
            least[key] = min(least[key], _seconds(call, counts[key]))
    empty = least.pop(("", "nothing"))
    result: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for (kind, name), seconds in least.items():
        result[kind][name] = (seconds - empty) * 1e6
    return result


def _seconds(call: basket.Call, count: int) -> float:
    """Return the seconds a call takes, as the mean of some in a row."""
    turns = range(count)
    call()  # what the call before left behind is out of the caches then
    call()
    start = time.perf_counter()
    for _ in turns:
        call()
    return (time.perf_counter() - start) / count


def _add_layers(waist: dict[str, basket.Call], ours: dict[str, basket.Call]) -> None:
    """Add the calls of layers, and those of the primitives that they come down to."""
    import numpy as np  # after the threads are set

    from multinet import Layer, Sequential, layers, ops  # after the threads are set
    from multinet.registry import current  # after the threads are set

    class Nothing(Layer):
        """Return the input."""

        def call(self, inputs: Any) -> Any:
            return inputs

    backend = current()
    x = ops.convert_to_tensor(np.ones((2, WIDTH), "float32"))
    empty, dense = Nothing(), layers.Dense(WIDTH)
    hidden = [layers.Dense(WIDTH, activation="relu") for _ in range(5)]
    model = Sequential([*hidden, layers.Dense(WIDTH)])
    for part in (empty, dense, model):
        part(x)
    chain: Any = model.layers
    weights = [(ops.copy(layer.kernel), ops.copy(layer.bias)) for layer in chain]

    def primitives() -> Any:
        y = x
        for kernel, bias in weights[:-1]:
            y = backend.relu(backend.dense(y, kernel, bias))
        return backend.dense(y, *weights[-1])

    kernel, bias = weights[0]
    waist["dense"] = lambda: backend.dense(x, kernel, bias)
    waist["mlp"] = primitives
    ours["empty layer"] = lambda: empty(x)
    ours["dense"] = lambda: dense(x)
    ours["mlp"] = lambda: model(x)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        typer.run(main)
