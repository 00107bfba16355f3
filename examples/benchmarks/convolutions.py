"""What steps of convolutional layers cost, against Keras on the same framework.

python examples/benchmarks/convolutions.py --backends jax,torch

NumPy, on which Keras cannot train, is measured against Keras on torch.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

ROUNDS, STEPS, BATCH = 7, 8, 16
#: Each layer with the shape of a sample.
LAYERS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "depthwise": (
        "DepthwiseConv2D",
        {"kernel_size": 3, "padding": "same", "depth_multiplier": 2},
        (28, 28, 16),
    ),
    "separable": (
        "SeparableConv2D",
        {"filters": 32, "kernel_size": 3, "padding": "same"},
        (28, 28, 16),
    ),
    "transposed": (
        "Conv2DTranspose",
        {"filters": 16, "kernel_size": 3, "strides": 2, "padding": "same"},
        (14, 14, 32),
    ),
    "ConvLSTM": (
        "ConvLSTM2D",
        {"filters": 8, "kernel_size": 3, "padding": "same"},
        (8, 16, 16, 4),
    ),
}


def main(
    backends: Annotated[str, typer.Option(help="of these, or all")] = "all",
) -> None:
    """Print milliseconds a step of `fit`, and the ratio to Keras, on one thread."""
    names = contenders.BACKENDS if backends == "all" else backends.split(",")
    table = Table(title=f"Milliseconds a step of {BATCH}, medians of {ROUNDS} rounds")
    for head in ("layer", "backend", "Multinet", "Keras", "ratio (≤ 1)"):
        table.add_column(head)
    for name in names:
        for layer, (ours, theirs) in _child(name).items():
            ratio = ours / theirs
            shown = f"[{'green' if ratio <= 1 else 'red'}]{ratio:.2f}"
            table.add_row(layer, name, f"{ours:.3g}", f"{theirs:.3g}", shown)
    Console().print(table)


def _child(backend: str) -> dict[str, list[float]]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", backend], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(backend: str) -> dict[str, list[float]]:
    """Return the milliseconds of a step, here and in Keras, of each layer."""
    framework = "torch" if backend == "numpy" else backend
    contenders.prepare_process(framework, 1)
    contenders.limit_threads(framework, 1)
    # After the threads are limited: libraries read their number once.
    import keras

    import multinet

    multinet.set_backend(backend)
    return {name: _compared(name, multinet, keras) for name in LAYERS}


def _compared(name: str, *libraries: ModuleType) -> list[float]:
    cls, options, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * STEPS, *shape)).astype("float32")
    y = rng.normal(size=(BATCH * STEPS, 1)).astype("float32")
    models = [_model(library, cls, options, shape) for library in libraries]
    models[0].set_weights(models[1].get_weights())
    losses = [_fit(model, x, y) for model in models]  # compiles, too
    if not np.allclose(*losses, rtol=1e-3):
        raise SystemExit(f"The losses of {name} differ: {losses}.")
    times: list[list[float]] = [[], []]
    for i in range(ROUNDS):
        for which in (0, 1) if i % 2 else (1, 0):
            times[which].append(_timed(lambda m=models[which]: _fit(m, x, y)))
    return [1000 * statistics.median(found) / STEPS for found in times]


def _model(library: Any, cls: str, options: Any, shape: tuple[int, ...]) -> Any:
    model = library.Sequential(
        [
            library.layers.Input(shape),
            getattr(library.layers, cls)(**options),
            library.layers.GlobalAveragePooling2D(),
            library.layers.Dense(1),
        ]
    )
    model.compile(library.optimizers.SGD(0.001), "mse")
    return model


def _fit(model: Any, x: Any, y: Any) -> float:
    history = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    return history.history["loss"][0]


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        typer.run(main)
