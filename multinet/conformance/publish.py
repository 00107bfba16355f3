"""Reports as files: JSON (which a badge can read), Markdown, a self-contained page."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from multinet.conformance.page import page
from multinet.conformance.report import LEVELS, Report, wanted
from multinet.errors import ArgumentError

INEXACT = ("float16", "bfloat16", "float32", "float64", "complex64")


def writer(path: str | Path) -> Callable[[Sequence[Report]], str]:
    """Return the function that makes the text of a file, by the file's suffix.

    `ArgumentError` for a suffix that is none of .json, .html, .md.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise ArgumentError(
            f"A report is written as {', '.join(WRITERS)}; got {str(path)!r}. Give the "
            "file one of these suffixes."
        )
    return WRITERS[suffix]


def save(reports: Sequence[Report], path: str | Path) -> None:
    """Write reports to one file, whole or not at all.

    >>> save([multinet.conformance.run("numpy")], "report.html")
    """
    path, text = Path(path), writer(path)(reports)
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def to_json(reports: Sequence[Report]) -> str:
    """Return JSON: the reports, and the four fields of a shields.io endpoint."""
    ok = all(report.ok for report in reports)
    names = ", ".join(report.backend for report in reports)
    found: dict[str, Any] = {
        "schemaVersion": 1,
        "label": f"multinet: {names}",
        "message": ", ".join(dict.fromkeys(report.verdict for report in reports)),
        "color": "brightgreen" if ok else "red",
        "ok": ok,
        "reports": [report.to_json() for report in reports],
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def to_markdown(reports: Sequence[Report]) -> str:
    """Return Markdown: a summary, then the errors by dtype, method and backend."""
    names = [report.backend for report in reports]
    lines = ["# Conformance", "", *_origin(reports), ""]
    lines += _table(["", *names], _summary(reports))
    for report in reports:
        lines += _notes(report)
    lines += ["", "## Largest relative error", "", *EXPLAINED]
    for dtype in INEXACT:
        lines += _of_dtype(reports, dtype)
    return "\n".join(lines) + "\n"


EXPLAINED = (
    "Of the values of each method, against an oracle in float64. A dash: the backend",
    "does not hold the dtype, or something other than an oracle checks the method.",
    "Integers and bools must be equal to the oracle's, and have no table.",
)


def _of_dtype(reports: Sequence[Report], dtype: str) -> list[str]:
    names = [report.backend for report in reports]
    rows, exact = [], []
    for row in dict.fromkeys(row for r in reports for row in r.errors):
        errors = [r.errors.get(row, {}).get(dtype) for r in reports]
        if any(errors):
            rows.append([f"`{row}`", *map(_cell, errors)])
        elif 0.0 in errors:
            exact.append(f"`{row}`")
    lines = ["", f"### {dtype}"] if rows or exact else []
    if rows:
        lines += ["", *_table(["method", *names], rows)]
    if exact:
        words = f"Exact: {', '.join(exact)}."
        lines += ["", *textwrap.wrap(words, 88, break_on_hyphens=False)]
    return lines


def _origin(reports: Sequence[Report]) -> list[str]:
    every = " --all-dtypes" if all(report.all_dtypes for report in reports) else ""
    names = " ".join(report.backend for report in reports)
    versions: dict[str, str] = {}
    for report in reports:
        versions.update(report.versions)
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    command = f"Made by `multinet conform {names}{every} --report FILE.md` with"
    return textwrap.wrap(f"{command} {found}.", 88, break_on_hyphens=False)


def _summary(reports: Sequence[Report]) -> list[list[str]]:
    rows = [["**verdict**", *(report.verdict for report in reports)]]
    for level in LEVELS:
        rows.append([f"{level}: checks passed", *(_passed(r, level) for r in reports)])
    rows.append(["methods", *(_whole(r) for r in reports)])
    rows.append(["overrides checked", *(str(len(r.overridden)) for r in reports)])
    rows.append(["dtypes not held", *(", ".join(r.missing) or "none" for r in reports)])
    return rows


def _passed(report: Report, level: str) -> str:
    passed = report.passed.get(level, 0)
    failed = sum(f.level == level for f in report.failures)
    return f"{passed} of {passed + failed}" if failed else str(passed)


def _whole(report: Report) -> str:
    return f"{sum(report.rows.values())} of {len(report.rows)}"


def _notes(report: Report) -> list[str]:
    notes = [f"Stopped: {report.stopped}"] if report.stopped else []
    notes += [f"Waiting for {wanted(report)}"] if report.waiting else []
    for row in report.failed:
        reason = report.expected_failures.get(row, "not declared")
        notes.append(f"`{row}` fails ({reason})")
    notes += [f"`{row}` passes, declared to fail" for row in report.unexpected_passes]
    if not notes:
        return []
    return ["", f"{report.backend}:", *(f"- {note}" for note in notes)]


def _cell(error: float | None) -> str:
    if error is None:
        return "-"
    return "0" if error == 0 else f"{error:.0e}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


WRITERS: dict[str, Callable[[Sequence[Report]], str]] = {
    ".json": to_json,
    ".html": page,
    ".md": to_markdown,
}
