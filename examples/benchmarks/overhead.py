"""What Multinet adds to an eager call, in microseconds: an op, and a layer.

python examples/benchmarks/overhead.py --backends jax,torch
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import contenders
import typer
from rich.console import Console
from rich.table import Table

CALLS, ROUNDS = 1000, 60
OP_TARGET, LAYER_TARGET = 0.5, 3.0


def main(
    backends: Annotated[str, typer.Option(help="of these, or all")] = "all",
) -> None:
    """Print what `ops.add` on 8 elements and a layer that does nothing cost."""
    names = contenders.BACKENDS if backends == "all" else backends.split(",")
    table = Table(title="Microseconds a call")
    for head in (
        "backend",
        "framework's add",
        "ops.add",
        f"an op adds (≤ {OP_TARGET:g})",
        f"a layer adds (≤ {LAYER_TARGET:g})",
    ):
        table.add_column(head)
    for name in names:
        found = _child(name)
        bare, op, layer = found["bare"], found["op"], found["layer"]
        table.add_row(
            name,
            f"{bare:.2f}",
            f"{op:.2f}",
            _verdict(op - bare, OP_TARGET),
            _verdict(layer, LAYER_TARGET),
        )
    Console().print(table)


def _verdict(value: float, target: float) -> str:
    return f"[{'green' if value <= target else 'red'}]{value:.2f}"


def _child(backend: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", backend], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(backend: str) -> dict[str, float]:
    """Return microseconds of the bare call, of the op, and of an empty layer call."""
    contenders.prepare_process(backend, 1)
    import numpy as np

    import multinet

    class Nothing(multinet.Layer):
        """Return the input."""

        def call(self, inputs: Any) -> Any:
            return inputs

    contenders.limit_threads(backend, 1)
    x = multinet.ops.convert_to_tensor(np.arange(8, dtype="float32"))
    add, ours, layer = _framework_add(backend), multinet.ops.add, Nothing()
    layer(x)
    calls: dict[str, Callable[[], Any]] = {
        "bare": lambda: add(x, x),
        "op": lambda: ours(x, x),
        "layer": lambda: layer(x),
        "nothing": lambda: x,
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            times[name].append((time.perf_counter() - start) / CALLS * 1e6)
    # The least of many rounds: what a call costs while nobody else has the core.
    result = {name: min(values) for name, values in times.items()}
    return {name: value - result["nothing"] for name, value in result.items()}


def _framework_add(backend: str) -> Callable[..., Any]:
    if backend == "jax":
        import jax.numpy as jnp

        return jnp.add
    if backend == "torch":
        import torch

        return torch.add
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.add
    import numpy as np

    return np.add


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        typer.run(main)
