"""Run the conformance kit on a backend, level by level."""

from __future__ import annotations

import inspect
import platform
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from multinet import registry, tracebacks
from multinet.conformance import special, training
from multinet.conformance.check import Mismatch
from multinet.conformance.extremes import edge_checks
from multinet.conformance.plan import Check, Options, override_checks, row_checks
from multinet.conformance.probes_conversion import TRACED, held
from multinet.conformance.report import LEVELS, Failure, Report
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.errors import ArgumentError, MissingPrimitive, near, unknown_name
from multinet.interface import INTERFACE, Backend, fused, primitives
from multinet.names import is_ours
from multinet.version import __version__

XFAIL = "conformance_xfail.txt"
ROWS = (*PRIMITIVES, *FUSED, *special.NAMES, "training")
ROUND_TRIP = ("from_numpy", "to_numpy", "is_tensor", "shape", "dtype")


def run(
    backend: str | Backend[Any],
    *,
    gradients: bool = True,
    all_dtypes: bool = False,
    only: str | None = None,
    level: str = LEVELS[-1],
    xfail: str | Path | None = None,
    draft: bool = False,
    progress: Callable[[Check], None] | None = None,
) -> Report:
    """Check a backend, by name or instance, against the interface's contracts.

    `only` names one method, `level` the last of `LEVELS` to check; `xfail` is a file of
    known failures, by default the `conformance_xfail.txt` beside the backend's module.
    With `draft`, a named backend may be unfinished: checks that need a primitive it
    lacks are counted as waiting. What a backend does wrong never raises: it is in the
    report.

    >>> report = multinet.conformance.run("numpy")
    >>> report.ok
    True
    """
    if only is not None and only not in ROWS:
        raise unknown_name("method", only, ROWS)
    if level not in LEVELS:
        raise ArgumentError(
            f"Unknown level {level!r}.{near(level, LEVELS)} They are, in order: "
            f"{', '.join(LEVELS)}."
        )
    if isinstance(backend, str):
        backend = registry.draft(backend) if draft else registry.get(backend)
    declared = known_failures(backend, xfail)
    began = time.perf_counter()
    whole = gradients and only is None and level == LEVELS[-1]
    about = versions(backend.name)
    report = Report(backend.name, backend.interface, about, all_dtypes, whole)
    report.overridden = overridden(backend)
    options = Options((), all_dtypes, gradients, level)
    _levels(backend, report, options, only, progress)
    report.expected_failures = declared
    if whole and not report.stopped:
        passed = [row for row in declared if row not in report.failed]
        report.unexpected_passes = passed
    report.seconds = time.perf_counter() - began
    return report


def versions(name: str) -> dict[str, str]:
    """Return the versions that a run depends on; the framework's if `name` is known."""
    found = {"multinet": __version__, "python": platform.python_version()}
    for info in registry.backends():
        if info.name == name and info.version:
            found[name] = info.version
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}


def overridden(backend: Backend[Any]) -> tuple[str, ...]:
    """Return the fused methods that the backend replaces by its own."""
    cls = type(backend)
    return tuple(n for n in fused() if getattr(cls, n) is not getattr(Backend, n))


def known_failures(
    backend: Backend[Any], path: str | Path | None = None
) -> dict[str, str]:
    """Return the declared failures, row to reason; a line is a row, then a reason.

    `path` None is the `conformance_xfail.txt` beside the backend's module, if there is
    one. `ArgumentError` for a path that is no file, an unknown row, a missing reason.
    """
    file = _beside(backend) if path is None else Path(path)
    if not file.is_file():
        if path is not None:
            raise ArgumentError(
                f"xfail must name a file of known failures; got {path}."
            )
        return {}
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            row, reason = _declared(text, file)
            found[row] = reason
    return found


def _declared(line: str, file: Path) -> tuple[str, str]:
    rows = [row for row in ROWS if f"{line} ".startswith(f"{row} ")]
    if not rows:
        raise unknown_name(f"method in {file.name}:", line.partition(" ")[0], ROWS)
    row = max(rows, key=len)  # "abs at 0" is a row as well as "abs"
    reason = line[len(row) :].strip()
    if not reason:
        raise ArgumentError(
            f"{file.name} declares {row!r} without a reason. Write it behind the name."
        )
    return row, reason


def _beside(backend: Backend[Any]) -> Path:
    # The registry may wrap the class of a plug-in that is behind; skip its wrapper.
    for cls in type(backend).__mro__:
        if not is_ours(cls):
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
    if options.level == "names":
        return
    for check in round_trip():
        perform(backend, check, report, progress)
    if any(f.level == "round trip" for f in report.failures):
        first = report.failures[0]
        report.stopped = f"round trip: {first.row}, {first.case}: {first.message}"
        return
    if not set(report.waiting).isdisjoint(ROUND_TRIP):
        report.stopped = f"round trip: write {', '.join(report.waiting)} first"
        return
    report.dtypes = held(backend)
    options = replace(options, dtypes=report.dtypes)
    for check in plan(options, report.overridden, only):
        if report.stands(check.row, check.level):
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
    """Yield every check above the round trip, up to the level of the options."""
    last = LEVELS.index(options.level)
    for check in _all(options, overridden, only):
        if LEVELS.index(check.level) <= last:
            yield check


def _all(
    options: Options, overridden: tuple[str, ...], only: str | None
) -> Iterator[Check]:
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
        with np.errstate(all="ignore"), tracebacks.whole():
            error = check.run(backend)
    except MissingPrimitive as missing:
        report.waiting.setdefault(missing.primitive, []).append(check.row)
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
