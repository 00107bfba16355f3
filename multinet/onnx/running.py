"""Whether ONNX Runtime computes from a file what the graph does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multinet.errors import CheckFailed
from multinet.graph import Graph
from multinet.graph.checking import samples
from multinet.onnx.library import runtime
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.typing import Host

#: How far results may be apart, of the largest element, by the lowest float inside.
_CLOSE = {"float64": 1e-5, "float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}


def check_file(graph: Graph, path: Path) -> None:
    """Raise `CheckFailed` where ONNX Runtime computes something else from a file.

    Nothing where it is not installed.
    """
    library = runtime()
    if library is None:
        return
    name = f"ONNX Runtime {library.__version__}"
    options = library.SessionOptions()
    options.log_severity_level = 3  # of warnings of its optimizer nobody wants to know
    try:
        session = library.InferenceSession(str(path), options, _PROVIDERS)
    except Exception as error:  # its classes share no other base
        raise CheckFailed(
            f"{name} does not run the file of {graph.name}: "
            f"{error} Export it with check=False for another runtime."
        ) from error
    kinds = {x.dtype for node in graph.walk() for x in node.outputs}
    room = max(_CLOSE.get(kind, 0.0) for kind in {*kinds, "float64"})
    for tries in samples(graph):
        data, wanted = _first(graph, tries)
        given = {x.name: array for x, array in zip(session.get_inputs(), data)}
        found = session.run(None, given)
        for declared, x, y in zip(session.get_outputs(), wanted, found, strict=True):
            if not _close(x, y, room):
                shapes = [array.shape for array in data]
                raise CheckFailed(
                    f"The output {declared.name!r} of {graph.name} is something else "
                    f"in {name} for data of the shapes "
                    f"{shapes}: {_apart(x, y)}. Export it with check=False to have "
                    "the file all the same."
                )


_PROVIDERS = ["CPUExecutionProvider"]


def _first(graph: Graph, tries: Iterator[list[Host]]) -> tuple[list[Host], list[Host]]:
    """Return the first data that the graph takes, and what it gives."""
    first: Exception | None = None
    for data in tries:
        replay = graph.replay(list(map(as_tensor, data)))
        try:
            return data, [current().to_numpy(x) for x in replay.run(graph)]
        except Exception as error:  # of any kind: frameworks have their own
            first = first or error
    raise CheckFailed(
        f"{graph.name} does not run on data to check its file with: {first}. Export it "
        "with check=False."
    ) from first


def _close(wanted: Host, found: Host, room: float) -> bool:
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return False
    if wanted.dtype.name not in _CLOSE:
        return bool(np.array_equal(wanted, found))
    a, b = wanted.astype("float64"), found.astype("float64")
    finite = np.abs(a[np.isfinite(a)])
    scale = float(finite.max(initial=1e-30))
    return bool(np.allclose(a, b, rtol=room, atol=room * scale, equal_nan=True))


def _apart(wanted: Any, found: Any) -> str:
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return (
            f"{found.dtype} of shape {found.shape}, not {wanted.dtype} of "
            f"{wanted.shape}"
        )
    apart = np.abs(wanted.astype("float64") - found.astype("float64"))
    return f"{np.nanmax(apart):.1e} apart"
