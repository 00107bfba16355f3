"""What progress on a terminal costs, on a pseudo-terminal of 24 rows and 80 columns.

python examples/benchmarks/progress.py
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from multinet_benchmarks import contenders
from rich.console import Console
from rich.table import Table

SEED = Path(__file__).parent.parent / "linear_regression.py"
TARGET, BATCH = 1.1, 32


def main(
    backend: Annotated[str, typer.Option(help="that trains")] = "numpy",
    epochs: Annotated[int, typer.Option(help="of each fit")] = 100,
    steps: Annotated[int, typer.Option(help="of each epoch")] = 7,
    fits: Annotated[int, typer.Option(help="of each kind, in turns")] = 41,
    programs: Annotated[int, typer.Option(help="run in each way, in turns")] = 7,
) -> None:
    """Print medians of `fit`, and of a whole program, with progress and without."""
    table = Table(title=f"Seconds, median ({backend})")
    for head in ("", "without", "with progress", f"ratio (≤ {TARGET:g})"):
        table.add_column(head)
    for what, (silent, shown) in _fits(backend, epochs, steps, fits).items():
        _row(table, f"fit, {epochs} x {steps} steps: verbose=0, 1{what}", silent, shown)
    piped, terminal = _programs(backend, programs)
    _row(table, f"{SEED.name}: in a pipe, on a terminal", piped, terminal)
    Console().print(table)


def _row(table: Table, name: str, before: list[float], after: list[float]) -> None:
    old, new = statistics.median(before), statistics.median(after)
    colour = "green" if new <= TARGET * old else "red"
    table.add_row(name, f"{old:.4f}", f"{new:.4f}", f"[{colour}]{new / old:.3f}")


def _programs(backend: str, count: int) -> tuple[list[float], list[float]]:
    """Return seconds of the first program of all, in a pipe and on a terminal."""
    command = [sys.executable, str(SEED)]
    environment = {**os.environ, "MULTINET_BACKEND": backend}
    piped, terminal = [], []
    for _ in range(count):
        start = time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        piped.append(time.perf_counter() - start)
        start = time.perf_counter()
        on_terminal(command, environment)
        terminal.append(time.perf_counter() - start)
    return piped, terminal


def _fits(
    backend: str, epochs: int, steps: int, count: int
) -> dict[str, list[list[float]]]:
    """Return seconds of `fit` on a terminal with verbose=0 and with verbose=1."""
    options = [backend, str(epochs), str(steps), str(count)]
    text = on_terminal([sys.executable, __file__, "--one", *options], dict(os.environ))
    return json.loads(text.splitlines()[-1])


def on_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run a command on a pseudo-terminal; return what it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    environment = {**environment, "TERM": "xterm"}
    child = subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    found: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(ours, found))
    os.close(theirs)
    reader.start()
    code = child.wait()
    reader.join()
    os.close(ours)
    text = b"".join(found).decode()
    if code:
        raise SystemExit(text)
    return text


def _drain(terminal: int, found: list[bytes]) -> None:
    while True:
        try:
            found.append(os.read(terminal, 1 << 16))
        except OSError:  # nobody has the other end any more
            return
        if not found[-1]:
            return


def measure(
    backend: str, epochs: int, steps: int, count: int
) -> dict[str, list[list[float]]]:
    """Return seconds of `count` fits with verbose=0, and with verbose=1.

    And those of the processor, which other programs matter less to.
    """
    contenders.prepare_process(backend, 1)
    # After the process is prepared: libraries read their number of threads once.
    import numpy as np

    import multinet

    contenders.limit_threads(backend, 1)
    x = np.random.default_rng(0).random((BATCH * steps, 3), np.float32)
    model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])
    model.compile("sgd", "mse")
    times: dict[str, list[list[float]]] = {"": [[], []], ", processor": [[], []]}
    for turn in range(count + 1):
        for verbose in (0, 1) if turn % 2 else (1, 0):
            starts = time.perf_counter(), time.process_time()
            model.fit(x, x[:, 0], epochs=epochs, batch_size=BATCH, verbose=verbose)
            ends = time.perf_counter(), time.process_time()
            for found, start, end in zip(times.values(), starts, ends):
                found[verbose].append(end - start)
    # The first ones compile.
    return {what: [kind[1:] for kind in found] for what, found in times.items()}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], *map(int, sys.argv[3:]))))
    else:
        typer.run(main)
