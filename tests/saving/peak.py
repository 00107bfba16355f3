"""How much memory files take beside their model: python peak.py FOLDER MB BACKEND.

Prints for each format, saved and loaded, in bytes, the model, its largest weight, and
the peak above what there was before: before the file is written, or before the model
is made of it.
"""

import gc
import json
import math
import sys
from pathlib import Path

import numpy as np

from multinet import Input, Sequential, layers, saving, use_backend

COUNT = 6
FORMATS = ("keras", "weights.h5", "safetensors")


def measure(path, megabytes):
    """Return sizes and the peaks of saving and of loading."""
    width = int((megabytes * 2**20 / 4 / COUNT) ** 0.5)
    _touch(path.with_name(f"small{path.name.removeprefix('big')}"))
    model = _model(width)
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.random(variable.shape, "float32"))
    before = _reset()
    _save(model, path)
    saved = _status("VmHWM") - before
    sizes = [math.prod(variable.shape) * 4 for variable in model.weights]
    del model, variable
    gc.collect()
    before = _reset()
    model = _loaded(path, width)
    loaded = _status("VmHWM") - before
    assert [math.prod(variable.shape) * 4 for variable in model.weights] == sizes
    return {"model": sum(sizes), "largest": max(sizes), "save": saved, "load": loaded}


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
    folder, megabytes, backend = sys.argv[1:]
    with use_backend(backend):
        paths = {ending: Path(folder) / f"big.{ending}" for ending in FORMATS}
        found = {e: measure(path, float(megabytes)) for e, path in paths.items()}
    print(json.dumps(found))
