"""Transforms, control flow and random bits."""

from __future__ import annotations

from multinet.interface import Backend
from multinet_pytensor.core import Tensor, settled


@settled
class ProgramOps(Backend[Tensor]):
    """Random bits to devices."""
