"""How much memory a file takes beside its model: python peak.py save|load FILE MB.

Prints, in bytes, the model, its largest weight, and the peak above what there was
before: before the file is written, or before the model is made of it.
"""

import json
import sys
from pathlib import Path

import numpy as np

from multinet import Input, Sequential, layers, saving, use_backend

COUNT = 6


def measure(what, path, megabytes, backend="numpy"):
    """Return sizes and the peak."""
    width = int((megabytes * 2**20 / 4 / COUNT) ** 0.5)
    with use_backend(backend):
        _touch(path.with_name(f"small{path.name.removeprefix('big')}"))
        if what == "save":
            model = _model(width)
            random = np.random.default_rng(0)
            for variable in model.weights:
                variable.assign(random.random(variable.shape, "float32"))
            before = _reset()
            _save(model, path)
        else:
            before = _reset()
            model = _loaded(path, width)
        peak = _status("VmHWM") - before
    sizes = [variable.numpy().nbytes for variable in model.weights]
    return {"model": sum(sizes), "largest": max(sizes), "peak": peak}


def _model(width):
    rows = [layers.Dense(width, use_bias=False, name=f"d{i}") for i in range(COUNT)]
    return Sequential([Input((width,)), *rows])


def _save(model, path):
    model.save(path) if path.suffix == ".keras" else model.save_weights(path)


def _loaded(path, width):
    if path.suffix == ".keras":
        return saving.load_model(path)
    model = _model(width)
    model.load_weights(path)
    return model


def _touch(path):
    """Do the same with a small file: what is imported and set up is no part of it."""
    _save(_model(8), path)
    _loaded(path, 8)


def _status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith(name))


def _reset():
    """Let the peak begin anew; return what is in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


if __name__ == "__main__":
    what, name, megabytes, *backend = sys.argv[1:]
    print(json.dumps(measure(what, Path(name), float(megabytes), *backend)))
