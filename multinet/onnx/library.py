"""The packages that ONNX files need, imported when one is written or read."""

from __future__ import annotations

from importlib.util import find_spec

from multinet.errors import BackendError
from multinet.typing import Made

#: Under what files of ours say the names of the constants that are weights in training.
TRAINED = "multinet.trained"


def library() -> Made:
    """Return the package onnx; an error says how it is installed."""
    try:
        import onnx  # optional
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise BackendError(
            'ONNX files need the package onnx: pip install "multinet-nn[onnx]".'
        ) from error
    return onnx


def runtime() -> Made | None:
    """Return the package onnxruntime, None where it is not installed."""
    if find_spec("onnxruntime") is None:
        return None
    import onnxruntime  # optional

    return onnxruntime
