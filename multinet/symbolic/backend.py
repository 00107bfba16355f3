"""The backend that computes shapes and dtypes only."""

from __future__ import annotations

from typing import Any

from multinet.interface import INTERFACE, Backend
from multinet.symbolic.program import SymbolicProgramPart
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import AnyVariable


class SymbolicBackend(SymbolicProgramPart, Backend[SymbolicArray]):
    """Run any program without values: each primitive is its shape and dtype rule.

    It shadows a `concrete` backend, whose tensors (weights, constants) it accepts as
    operands and reads the shape and dtype of. Fused methods are the default bodies.
    """

    name = "symbolic"
    interface = INTERFACE
    symbolic = True
    #: Whether code that needs values may run on numbers, unseen: its shapes are all
    #: that is asked for.
    reruns = True

    def __init__(self, concrete: Backend[Any]) -> None:
        self._concrete = concrete

    @property
    def concrete(self) -> Backend[Any]:
        """The backend whose programs this one traces."""
        return self._concrete

    def placeholder(self, variable: AnyVariable) -> SymbolicArray:
        """Return what stands for the value of a Variable."""
        return SymbolicArray(variable.shape, variable.dtype)
