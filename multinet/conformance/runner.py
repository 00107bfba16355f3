"""Run the conformance kit on a backend, level by level."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from multinet import registry
from multinet.conformance import special, training
from multinet.conformance.check import Mismatch
from multinet.conformance.extremes import edge_checks
from multinet.conformance.plan import Check, Options, override_checks, row_checks
from multinet.conformance.probes_conversion import TRACED, held
from multinet.conformance.report import Failure, Report
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.errors import unknown_name
from multinet.interface import INTERFACE, Backend, fused, primitives

XFAIL = "conformance_xfail.txt"
ROUND_TRIP = ("from_numpy", "to_numpy", "is_tensor", "shape", "dtype")


def run(
    backend: str | Backend[Any],
    *,
    gradients: bool = True,
    all_dtypes: bool = False,
    only: str | None = None,
    xfail: str | Path | None = None,
    progress: Callable[[Check], None] | None = None,
) -> Report:
    """Check a backend, by name or instance, against the interface's contracts.

    `only` names one method; `xfail` a file of known failures, by default the
    `conformance_xfail.txt` beside the backend's module. Failures never raise: they are
    in the report.

    >>> report = multinet.conformance.run("numpy")
    >>> report.ok
    True
    """
    if only is not None and only not in (
        *PRIMITIVES,
        *FUSED,
        *special.NAMES,
        "training",
    ):
        raise unknown_name("method", only, (*PRIMITIVES, *FUSED, *special.NAMES))
    if isinstance(backend, str):
        backend = registry.get(backend)
    began = time.perf_counter()
    report = Report(backend.name, backend.interface)
    report.overridden = overridden(backend)
    _levels(backend, report, Options((), all_dtypes, gradients), only, progress)
    declared = known_failures(backend, xfail)
    report.expected_failures = declared
    if gradients and only is None and not report.stopped:
        failed = {f.row for f in report.failures}
        report.unexpected_passes = [row for row in declared if row not in failed]
    report.seconds = time.perf_counter() - began
    return report


def overridden(backend: Backend[Any]) -> tuple[str, ...]:
    """Return the fused methods that the backend replaces by its own."""
    cls = type(backend)
    return tuple(n for n in fused() if getattr(cls, n) is not getattr(Backend, n))


def known_failures(
    backend: Backend[Any], path: str | Path | None = None
) -> dict[str, str]:
    """Return the declared failures, row to reason; a line is a row, then a reason."""
    path = Path(path) if path is not None else _beside(backend)
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            row, _, reason = text.partition(" ")
            if not reason.strip():
                raise unknown_name(f"reason in {path.name} for", row, ())
            found[row] = reason.strip()
    return found


def _beside(backend: Backend[Any]) -> Path:
    # The registry may wrap the class of a plug-in that is behind; skip its wrapper.
    for cls in type(backend).__mro__:
        if not cls.__module__.startswith("multinet."):
            return Path(inspect.getfile(cls)).parent / XFAIL
    return Path(XFAIL)


def _levels(
    backend: Backend[Any],
    report: Report,
    options: Options,
    only: str | None,
    progress: Callable[[Check], None] | None,
) -> None:
    wrong = list(problems(backend))
    if wrong:
        report.stopped = "names: " + "; ".join(wrong)
        return
    report.record("names", "names", "", None)
    for check in round_trip():
        perform(backend, check, report, progress)
    if any(f.level == "round trip" for f in report.failures):
        first = report.failures[0]
        report.stopped = f"round trip: {first.row}, {first.case}: {first.message}"
        return
    report.dtypes = held(backend)
    options = Options(report.dtypes, options.all_dtypes, options.gradients)
    for check in plan(options, report.overridden, only):
        perform(backend, check, report, progress)


def problems(backend: Backend[Any]) -> Iterator[str]:
    """Yield what is wrong with the names and the version of a backend."""
    lacking = sorted(getattr(type(backend), "__abstractmethods__", ()))
    if lacking:
        yield f"{len(lacking)} primitives are missing: {', '.join(lacking)}"
    for name in (*primitives(), *fused()):
        if not callable(getattr(backend, name, None)):
            yield f"{name} is not callable"
    version = tuple(backend.interface)
    if version[0] != INTERFACE[0] or version > INTERFACE:
        yield f"written for interface {version}, this is {INTERFACE}"
    if not isinstance(backend.name, str):
        yield f"name must be a string, got {backend.name!r}"


def round_trip() -> Iterator[Check]:
    """Yield the checks that everything above stands on."""
    for name in ROUND_TRIP:
        for label, probe in PRIMITIVES[name].probes:
            if label != TRACED:
                yield Check("round trip", name, label, "", probe)


def plan(
    options: Options, overridden: tuple[str, ...], only: str | None = None
) -> Iterator[Check]:
    """Yield every check above the round trip, in the order of the levels."""
    for row in PRIMITIVES.values():
        if only in (None, row.name):
            for check in row_checks(row, "primitives", options):
                if row.name not in ROUND_TRIP or check.case == TRACED:
                    yield check
    for row in FUSED.values():
        if only in (None, row.name):
            yield from row_checks(row, "fused", options)
            if row.name in overridden:
                yield from override_checks(row, options)
    for row in (*PRIMITIVES.values(), *FUSED.values()):
        if only in (None, row.name):
            yield from edge_checks(row, options)
    for name, probe in special.PROBES:
        if only in (None, name):
            yield Check("special values", name, "convention", "", probe)
    if options.gradients and only in (None, "training"):
        for label, probe in training.PROBES:
            yield Check("training", "training", label, "", probe)


def perform(
    backend: Backend[Any],
    check: Check,
    report: Report,
    progress: Callable[[Check], None] | None = None,
) -> None:
    """Run one check and put its outcome into the report."""
    if progress is not None:
        progress(check)
    place = (check.level, check.row, check.case, check.dtype)
    try:
        error = check.run(backend)
    except Mismatch as wrong:
        found = Failure(*place, str(wrong), wrong.expected, wrong.got, wrong.distance)
        report.fail(found)
    except Exception as raised:  # whatever a backend raises is a finding, not a crash
        report.fail(Failure(*place, _describe(raised)))
    else:
        report.record(check.level, check.row, check.dtype, error)


def _describe(raised: Exception) -> str:
    frame = traceback.extract_tb(raised.__traceback__)[-1]
    text = " ".join(str(raised).split())
    text = text if len(text) < 400 else text[:397] + "..."
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"raised {type(raised).__name__}: {text} (at {place})"
