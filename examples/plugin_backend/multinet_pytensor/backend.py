"""The backend: the files of primitives joined."""

from __future__ import annotations

from multinet.interface import INTERFACE, primitives
from multinet_pytensor.arrays import ArrayOps
from multinet_pytensor.core import settled
from multinet_pytensor.elementwise import ElementwiseOps
from multinet_pytensor.linalg import LinalgOps
from multinet_pytensor.program import ProgramOps
from multinet_pytensor.windows import WindowOps


class PyTensorBackend(ElementwiseOps, ArrayOps, LinalgOps, WindowOps, ProgramOps):
    """Multinet's primitives on PyTensor graphs."""

    name = "pytensor"
    interface = INTERFACE


for _name in primitives():
    setattr(PyTensorBackend, _name, settled(getattr(PyTensorBackend, _name)))
