"""Shapes without values: unknown sizes, and the backend that computes with them.

Running a program under `SymbolicBackend` answers what shape and dtype it returns, so no
layer or op writes a shape rule.
"""

from __future__ import annotations

from multinet.symbolic.backend import SymbolicBackend
from multinet.symbolic.dims import (
    Dim,
    Size,
    larger,
    public_shape,
    same,
    same_shape,
    smaller,
    substitute,
)
from multinet.symbolic.spec import SymbolicArray

__all__ = [
    "Dim",
    "Size",
    "SymbolicArray",
    "SymbolicBackend",
    "larger",
    "public_shape",
    "same",
    "same_shape",
    "smaller",
    "substitute",
]
