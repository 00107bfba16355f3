"""What augmentation of small images costs, in seconds of one thread, beside Keras's.

python examples/benchmarks/augmentation.py --backends jax,torch
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

SIZE, BATCH, ROUNDS = 32, 100, 2

#: The layers of each row, with their arguments.
BASKET = {
    "flip": [("RandomFlip", ["horizontal"])],
    "moves": [
        ("RandomRotation", [0.1]),
        ("RandomZoom", [0.2]),
        ("RandomTranslation", [0.1, 0.1]),
    ],
    "colors": [
        ("RandomBrightness", [0.2]),
        ("RandomContrast", [0.3]),
        ("RandomHue", [0.2]),
        ("RandomSharpness", [0.3]),
    ],
    "erasing": [("RandomErasing", [0.5])],
}
BASKET["all"] = [layer for layers in BASKET.values() for layer in layers]


def main(
    backends: Annotated[str, typer.Option(help="of Keras: jax, torch")] = "jax,torch",
    images: Annotated[int, typer.Option(help="how many")] = 10_000,
) -> None:
    """Print the seconds of each row, of Multinet and of Keras on one thread."""
    for backend in backends.split(","):
        peer, own = (_child(name, backend, images) for name in ("keras", "multinet"))
        table = Table(title=f"{images:,} images of {SIZE} x {SIZE}, {backend}")
        for head in ("layers", "Keras, s", "Multinet, s", "ratio (≤ 1)"):
            table.add_column(head)
        for row, seconds in peer.items():
            ratio = own[row] / seconds
            color = "green" if ratio <= 1 else "red"
            cells = (f"{seconds:.2f}", f"{own[row]:.2f}", f"[{color}]{ratio:.2f}")
            table.add_row(row, *cells)
        Console().print(table)


def _child(library: str, backend: str, images: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", library, backend, str(images)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(library: str, backend: str, count: int) -> dict[str, float]:
    """Return the seconds of each row, the best of some rounds after one to warm up."""
    contenders.prepare_process(backend, 1)
    # After the process is prepared: libraries read their number of threads once, and
    # the backend, which is in the environment.
    found = importlib.import_module(library)
    contenders.limit_threads(backend, 1)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (count, SIZE, SIZE, 3)).astype("float32")
    return {row: _seconds(found, row, images) for row in BASKET}


def _seconds(library: ModuleType, row: str, images: Any) -> float:
    layers = [getattr(library.layers, name)(*given) for name, given in BASKET[row]]
    pipeline = library.layers.Pipeline(layers)
    _augment(pipeline, images[:BATCH])
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        _augment(pipeline, images)
        times.append(time.process_time() - start)
    return min(times)


def _augment(pipeline: Any, images: Any) -> None:
    for start in range(0, len(images), BATCH):
        np.asarray(pipeline(images[start : start + BATCH], training=True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        library, backend, count = sys.argv[2:]
        print(json.dumps(measure(library, backend, int(count))))
    else:
        typer.run(main)
