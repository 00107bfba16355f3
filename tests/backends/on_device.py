"""Run the kit and a fit of every layer on a device; print a line of JSON a result.

    python tests/backends/on_device.py torch --device gpu:0 > torch.jsonl
    python tests/backends/on_device.py jax --device gpu:0 --skip-kit > jax.jsonl

Each fit is done on the host, too, from the same seed; `difference` compares the losses.
The last line is a summary. It exits with 1 if anything failed.
"""

import argparse
import json
import sys
import time
import traceback
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "layers"))

import fit_cases
import numpy as np

import multinet
from multinet import conformance

FAR = 1e-3  # of three losses: far above rounding, far below a wrong gradient


def say(**line):
    """Print a line at once: a run that is cut off keeps what it has."""
    print(json.dumps(line, default=str), flush=True)
    return line


def kit(name, only):
    """Run the kit; a line for each failure and for each skipped check."""
    report = conformance.run(name, only=only)
    for failure in report.failures:
        yield say(part="kit", name=str(failure), ok=False)
    yield say(part="kit", name="all", ok=report.ok, passed=sum(report.passed.values()))


def losses(make):
    """Return the losses of three epochs, and the path of the step."""
    multinet.set_random_seed(5)
    model, x, y = make()
    history = model.fit(x, y, len(y), 3, verbose=0)
    return np.array(history.history["loss"]), model.explain_step()["path"]


def fits(backend, device, only):
    """Train a model around each layer on the device and on the host."""
    for name, make in fit_cases.models().items():
        if only and only not in name:
            continue
        line = {"part": "fit", "name": name}
        start = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                with backend.device(device):
                    found, line["path"] = losses(make)
            line["seconds"] = round(time.perf_counter() - start, 3)
            line["warnings"] = sorted({str(w.message)[:200] for w in said})
            with backend.device("cpu:0"):
                wanted, _ = losses(make)
            far = np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-6)
            line |= {"difference": float(far), "ok": bool(far < FAR)}
        except Exception as error:  # told with its trace: the other layers go on
            line |= {"ok": False, "error": f"{type(error).__name__}: {error}"}
            line["trace"] = traceback.format_exc()[-1500:]
        yield say(**line)


def main():
    """Run what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backend")
    parser.add_argument("--device", default="gpu:0")
    parser.add_argument("--skip-kit", action="store_true")
    parser.add_argument("--method", help="check this method of the interface alone")
    parser.add_argument("--layer", help="train the layers with this in their name")
    given = parser.parse_args()
    lines = []
    with multinet.use_backend(given.backend) as backend:
        if not given.skip_kit:
            with backend.device(given.device):
                lines += kit(given.backend, given.method)
        lines += fits(backend, given.device, given.layer)
    failed = [f"{line['part']} {line['name']}" for line in lines if not line["ok"]]
    say(backend=given.backend, device=given.device, results=len(lines), failed=failed)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
