"""The report as one self-contained HTML page: verdicts, failures, errors in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from multinet import dtypes
from multinet.conformance.check import TOLERANCE
from multinet.conformance.report import LEVELS, Report, wanted
from multinet.utils import pages

GROUPS = (*dtypes.FLOATS, *dtypes.COMPLEX)


def page(reports: Sequence[Report]) -> str:
    """Return the page; it needs no other file and runs no script."""
    body = "".join(_backend(report) for report in reports)
    title = "Conformance of " + ", ".join(report.backend for report in reports)
    return pages.document(title, body)


def _backend(report: Report) -> str:
    kind = "good" if report.ok else "bad"
    versions = ", ".join(f"{k} {v}" for k, v in report.versions.items())
    interface = ".".join(map(str, report.interface))
    parts = [
        f"<h2>{escape(report.backend)}: "
        f'<span class="{kind}">{report.verdict}</span></h2>',
        f'<p class="small">Interface {interface}; {escape(versions)}; '
        f"{report.seconds:.0f} s; "
        f"{'every dtype' if report.all_dtypes else 'the usual dtypes'}. "
        f"Dtypes not held: {escape(', '.join(report.missing) or 'none')}.</p>",
        _levels(report),
    ]
    if report.stopped:
        parts.append(f'<p class="bad">Stopped: {escape(report.stopped)}</p>')
    if report.waiting:
        parts.append(f'<p class="bad">Waiting for {escape(wanted(report))}</p>')
    if report.failures:
        parts.append(_failures(report))
    if report.unexpected_passes:
        rows = ", ".join(report.unexpected_passes)
        parts.append(f'<p class="bad">Declared to fail, but passes: {escape(rows)}</p>')
    return "".join((*parts, _errors(report)))


def _levels(report: Report) -> str:
    lines = []
    for level in LEVELS:
        failed = sum(f.level == level for f in report.failures)
        kind = ' class="bad"' if failed else ""
        passed = report.passed.get(level, 0)
        lines.append(f"<td>{level}</td><td>{passed}</td><td{kind}>{failed}</td>")
    whole = sum(report.rows.values())
    note = (
        f"{whole} of {len(report.rows)} methods and conventions hold; "
        f"{len(report.overridden)} overrides were compared with the default body."
    )
    table = pages.table(("level", "checks passed", "failed"), lines)
    return f"{table}<p>{note}</p>"


def _failures(report: Report) -> str:
    lines = []
    for f in report.failures:
        reason = report.expected_failures.get(f.row)
        status = f"declared: {reason}" if reason else "not declared"
        cells = (f.row, f.level, f"{f.case} {f.dtype}", f.message, status)
        lines.append("".join(f'<td class="words">{escape(x)}</td>' for x in cells))
    head = ("method", "level", "case", "what came", "known")
    return f"<h3>Failures</h3>{pages.table(head, lines)}"


def _errors(report: Report) -> str:
    columns = [d for d in GROUPS if any(d in e for e in report.errors.values())]
    exact = [d for d in report.dtypes if d not in GROUPS]
    checked = [d for d in exact if any(d in e for e in report.errors.values())]
    lines = []
    for row, errors in report.errors.items():
        same = [d for d in checked if d in errors]
        cells = [_cell(errors.get(d), d) for d in columns]
        equal = f"<td>{len(same)} equal</td>" if same else '<td class="none">-</td>'
        slopes = report.gradient_errors.get(row, {})
        steep = max(slopes.values(), default=None)
        shown = (
            '<td class="none">-</td>'
            if steep is None
            else f"<td>{pages.short(steep)}</td>"
        )
        lines.append(f"<td>{escape(row)}</td>{''.join(cells)}{equal}{shown}")
    if not lines:
        return ""
    head = ("method", *columns, f"{len(checked)} exact dtypes", "derivatives")
    return (
        "<h3>Largest relative error</h3>"
        "<p>Against an oracle in float64. The colour is the error's share of what the "
        "dtype is allowed before a method's own slack: "
        f'<span class="key">{_key()}</span>. Integers and bools must be equal: the '
        "column counts the dtypes checked. The last column is the largest error of any "
        "derivative, first or second order.</p>" + pages.table(head, lines)
    )


def _key() -> str:
    shares = (0.0, 0.1, 0.5, 1.0)
    return "".join(f'<span style="{_shade(s)}">{s:g}</span>' for s in shares)


def _cell(error: float | None, dtype: str) -> str:
    if error is None:
        return '<td class="none">-</td>'
    style = _shade(error / TOLERANCE[dtype])
    return f'<td class="error" style="{style}">{pages.short(error)}</td>'


def _shade(share: float) -> str:
    """Return nothing for no error, amber at the tolerance, on a logarithmic scale."""
    return pages.shade(0.0 if share <= 0.01 else math.log10(share * 100) / 2)
