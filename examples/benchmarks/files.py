"""Saving and loading a large model, against `numpy.save` and `numpy.load`.

python examples/benchmarks/files.py --megabytes 2000
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

COUNT = 16  # of weights, all of one size
FORMATS = {".weights.h5": 1.5, ".safetensors": 1.5, ".keras": 2.5}
"""The endings, and how many times numpy's seconds each may take."""


def main(
    megabytes: Annotated[int, typer.Option(help="of the model")] = 2000,
    repeats: Annotated[int, typer.Option(help="medians of so many")] = 5,
    backend: Annotated[str, typer.Option(help="where the model lives")] = "numpy",
    folder: Annotated[str | None, typer.Option(help="of the files")] = None,
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Print seconds, their ratio to numpy's, and the peak of memory of each format."""
    if one:
        print(json.dumps(_peak(one, Path(folder or "."), megabytes, backend)))
        return
    with tempfile.TemporaryDirectory(dir=folder) as made:
        seconds = _seconds(Path(made), megabytes, repeats, backend)
        peaks = {
            f"{what} {ending}": _child(f"{what} {ending}", made, megabytes, backend)
            for ending in FORMATS
            for what in ("save", "load")
        }
    _print(seconds, peaks, megabytes, backend)


def _print(
    seconds: dict[str, float], peaks: dict[str, float], megabytes: int, backend: str
) -> None:
    table = Table(title=f"{megabytes} MB in {COUNT} weights on {backend}")
    for head in ("", "seconds", "numpy's", "numpy's, on the disk", "MB above"):
        table.add_column(head, justify="left" if not head else "right")
    for name, taken in seconds.items():
        what, ending = name.split()
        safe = taken / seconds["save numpy-on-disk" if what == "save" else "load numpy"]
        limit = FORMATS.get(ending)
        color = "green" if limit is None or safe <= limit else "red"
        ratio = f"{taken / seconds[f'{what} numpy']:.2f}"
        above = f"{peaks[name]:.0f}" if name in peaks else ""
        table.add_row(name, f"{taken:.2f}", ratio, f"[{color}]{safe:.2f}[/]", above)
    Console().print(table)


def _model(megabytes: int) -> Any:
    from multinet import Input, Sequential, layers  # numpy's own children do without

    width = int((megabytes * 2**20 / 4 / COUNT) ** 0.5)
    rows = [layers.Dense(width, use_bias=False, name=f"d{i}") for i in range(COUNT)]
    return Sequential([Input((width,)), *rows])


def _filled(megabytes: int) -> Any:
    model, random = _model(megabytes), np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.random(variable.shape, "float32"))
    return model


def _save(model: Any, path: Path) -> None:
    model.save(path) if path.suffix == ".keras" else model.save_weights(path)


def _load(path: Path, megabytes: int) -> Any:
    from multinet import saving  # numpy's own children do without

    if path.suffix == ".keras":
        return saving.load_model(path)
    model = _model(megabytes)
    model.load_weights(path)
    return model


def _numpy_save(arrays: list[Any], path: Path, on_disk: bool) -> None:
    """Write arrays one after the other; `on_disk` as safely as a model is written."""
    new = path.with_suffix(".new") if on_disk else path
    with new.open("wb") as file:
        for array in arrays:
            np.save(file, array)
        if on_disk:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)


def _numpy_load(path: Path) -> Any:
    with path.open("rb") as file:
        return [np.load(file) for _ in range(COUNT)]


def _seconds(
    folder: Path, megabytes: int, repeats: int, backend: str
) -> dict[str, float]:
    """Return the median seconds of each; they take turns."""
    from multinet import use_backend  # numpy's own children do without

    with use_backend(backend):
        model = _filled(megabytes)
        arrays = [variable.numpy() for variable in model.weights]
        plain, safe = folder / "plain.npy", folder / "safe.npy"
        calls: dict[str, Callable[[], Any]] = {
            "save numpy": lambda: _numpy_save(arrays, plain, False),
            "save numpy-on-disk": lambda: _numpy_save(arrays, safe, True),
        }
        for ending in FORMATS:
            path = folder / f"m{ending}"
            calls[f"save {ending}"] = lambda path=path: _save(model, path)
        calls["load numpy"] = lambda: _numpy_load(plain)
        files = {"load numpy": plain}
        for ending in FORMATS:
            path = files[f"load {ending}"] = folder / f"m{ending}"
            calls[f"load {ending}"] = lambda path=path: _load(path, megabytes)
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(repeats + 1):
            for name, call in calls.items():
                os.sync()  # what others wrote is theirs
                if name.startswith("load"):
                    _read(files[name])  # each finds its file in the system's cache
                start = time.perf_counter()
                made = call()
                if turn:  # the first warms up
                    taken[name].append(time.perf_counter() - start)
                del made
                gc.collect()  # no call pays for what the one before it made
    return {name: statistics.median(found) for name, found in taken.items()}


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _child(one: str, folder: str, megabytes: int, backend: str) -> float:
    command = [sys.executable, __file__, "--one", one, "--folder", folder]
    command += ["--megabytes", str(megabytes), "--backend", backend]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _peak(one: str, folder: Path, megabytes: int, backend: str) -> float:
    """Return the megabytes above the model that saving or loading takes at the most."""
    from multinet import use_backend  # numpy's own children do without

    what, ending = one.split()
    with use_backend(backend):
        _save(_filled(1), folder / f"small{ending}")
        _load(folder / f"small{ending}", 1)
        if what == "save":
            model = _filled(megabytes)
            before = _forget_peak()
            _save(model, folder / f"m{ending}")
        else:
            before = _forget_peak() + megabytes
            model = _load(folder / f"m{ending}", megabytes)
    del model
    return _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) / 1024 for x in lines if x.startswith(name))


def _forget_peak() -> float:
    """Let Linux measure the peak anew; return the megabytes in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


if __name__ == "__main__":
    typer.run(main)
