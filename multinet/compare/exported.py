"""What a process measures of a model as an ONNX file, in ONNX Runtime."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optree

from multinet.compare import loading
from multinet.compare.record import Task
from multinet.compare.training import MOST_ROWS, peak_memory
from multinet.errors import BackendError
from multinet.graph import Spec
from multinet.onnx import export
from multinet.onnx.library import runtime
from multinet.tree import map_structure

Answer = dict[str, Any]

#: The name of its row.
NAME = "onnxruntime"
_PROVIDERS = ["CPUExecutionProvider"]
_DTYPES = {"tensor(float)": "float32", "tensor(int32)": "int32"}


class Exported:
    """A model that predicts only, in ONNX Runtime, with so many threads."""

    def __init__(self, threads: int) -> None:
        library = runtime()
        if library is None:
            raise BackendError(
                'ONNX Runtime is not installed: pip install "multinet-nn[onnx]".'
            )
        self.library, self.threads = library, threads

    def questions(self) -> dict[str, Any]:
        """Return what can be asked."""
        names = "about load predict throughput end"
        return {name: getattr(self, name) for name in names.split()}

    def about(self) -> Answer:
        """Return the version, and that it is the CPU which computes."""
        return {"devices": ["cpu:0"], "version": self.library.__version__}

    def load(self, **task: Any) -> Answer:
        """Make the model of a task, write it as a file, and load that."""
        start = time.perf_counter()
        self.data = loading.load(Task(**task))
        given = map_structure(_spec, self.data.x)
        options = self.library.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3  # errors alone
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export(self.data.model, path, given, check=False)
            self.session = self.library.InferenceSession(str(path), options, _PROVIDERS)
        return {"built": time.perf_counter() - start, "samples": self.data.samples}

    def predict(self, calls: int) -> Answer:
        """Predict one row so many times."""
        given, times = self._given(0, 1), []
        for _ in range(calls):
            start = time.perf_counter()
            self.session.run(None, given)
            times.append(time.perf_counter() - start)
        return {"seconds": times}

    def throughput(self, batch: int) -> Answer:
        """Predict many rows in batches of a size."""
        rows = min(self.data.samples, MOST_ROWS) // batch * batch
        batches = [self._given(i, i + batch) for i in range(0, rows, batch)]
        start = time.perf_counter()
        for given in batches:
            self.session.run(None, given)
        return {"rows": rows / (time.perf_counter() - start)}

    def end(self) -> Answer:
        """Return what is known when all has been timed."""
        path = {"path": "an ONNX file: it predicts, and does not train"}
        return {"memory": peak_memory(), "path": path, "recompiles": None, "curve": []}

    def _given(self, start: int, stop: int) -> dict[str, Any]:
        rows = loading.slice_rows(self.data.x, start, stop)
        leaves: list[Any] = optree.tree_leaves(rows)
        pairs = zip(self.session.get_inputs(), leaves, strict=True)
        return {
            x.name: np.ascontiguousarray(array, _DTYPES.get(x.type, array.dtype))
            for x, array in pairs
        }


def _spec(array: Any) -> Spec:
    kind = array.dtype.name
    kinds = {"float64": "float32", "int64": "int32"}  # as `predict` takes data
    return Spec(("batch", *array.shape[1:]), kinds.get(kind, kind))
