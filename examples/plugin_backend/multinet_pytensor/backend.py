"""The backend: the files of primitives joined."""

from __future__ import annotations

from multinet.interface import INTERFACE
from multinet_pytensor.arrays import ArrayOps
from multinet_pytensor.conversion import ConversionOps
from multinet_pytensor.elementwise import ElementwiseOps
from multinet_pytensor.linalg import LinalgOps
from multinet_pytensor.program import ProgramOps
from multinet_pytensor.windows import WindowOps


class PyTensorBackend(
    ConversionOps, ElementwiseOps, ArrayOps, LinalgOps, WindowOps, ProgramOps
):
    """Multinet's primitives on PyTensor graphs."""

    name = "pytensor"
    interface = INTERFACE
