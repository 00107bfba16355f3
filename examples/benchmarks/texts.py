"""What TextVectorization costs, in seconds of one thread, beside Keras's.

python examples/benchmarks/texts.py --texts 10000
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
import time
from typing import Annotated

import numpy as np
import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

WORDS, KNOWN, LONG, ROUNDS = 5000, 4000, 100, 5


def main(texts: Annotated[int, typer.Option(help="of 100 words")] = 10_000) -> None:
    """Print the median seconds of both, and their ratio."""
    peer, own = (_child(name, texts) for name in ("keras", "multinet"))
    table = Table(title=f"{texts:,} texts of {LONG} words, one thread")
    for head in ("Keras, s", "Multinet, s", "ratio (≤ 1)"):
        table.add_column(head)
    table.add_row(f"{peer:.3f}", f"{own:.3f}", f"{own / peer:.2f}")
    Console().print(table)


def _child(library: str, texts: int) -> float:
    command = [sys.executable, __file__, "--one", library, str(texts)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(library: str, count: int) -> float:
    """Return the median seconds of some rounds after one to warm up."""
    backend = "numpy" if library == "multinet" else "tensorflow"
    contenders.prepare_process(backend, 1)
    # After the process is prepared, as libraries read their number of threads once.
    found = importlib.import_module(library)
    contenders.limit_threads(backend, 1)
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(WORDS)])
    texts = np.array([" ".join(rng.choice(words, LONG)) for _ in range(count)])
    options = {"max_tokens": KNOWN, "output_sequence_length": LONG}
    layer = found.layers.TextVectorization(**options)
    layer.adapt(texts)
    seconds = []
    for _ in range(ROUNDS + 1):
        begun = time.process_time()
        np.asarray(layer(texts))
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        typer.run(main)
