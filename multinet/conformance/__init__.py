"""The conformance kit: proves that a backend keeps the interface's contracts.

`multinet conform NAME` runs it from the shell, `run(backend)` from Python, and pytest
as one test a method (`multinet.conformance.plugin` says how). It needs the `test`
extra: SciPy, pytest and Hypothesis.
"""

from __future__ import annotations

from multinet import surface
from multinet.conformance.publish import save, writer
from multinet.conformance.report import LEVELS, Failure, Report, show
from multinet.conformance.runner import known_failures, run

__all__ = [
    "LEVELS",
    "Failure",
    "Report",
    "known_failures",
    "run",
    "save",
    "show",
    "writer",
]

surface.show(__name__)
