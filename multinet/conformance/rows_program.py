"""Rows: random bits, control flow, transforms and devices, all of them by probes."""

from __future__ import annotations

from multinet.conformance import probes_machine, probes_program
from multinet.conformance.row import Row

_PROBES = {**probes_program.PROBES, **probes_machine.PROBES}

ROWS = tuple(Row(name, probes=probes) for name, probes in _PROBES.items())
