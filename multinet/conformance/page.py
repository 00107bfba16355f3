"""The report as one self-contained HTML page: verdicts, failures, errors in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from multinet import dtypes
from multinet.conformance.check import TOLERANCE
from multinet.conformance.report import LEVELS, Report, wanted

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
       padding: 0 1rem; color: #1c2733; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e3e7eb; }
th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: #fff;
           border-bottom: 2px solid #9aa7b3; }
td.error { font: 13px ui-monospace, monospace; }
td.none { color: #b6bfc8; } td.words { text-align: left; }
.good { color: #12703a; font-weight: 600; } .bad { color: #b3261e; font-weight: 600; }
.small { color: #5b6773; font-size: 13px; }
.key span { padding: .1rem .5rem; font: 13px ui-monospace, monospace; }
"""
GROUPS = (*dtypes.FLOATS, *dtypes.COMPLEX)


def page(reports: Sequence[Report]) -> str:
    """Return the page; it needs no other file and runs no script."""
    body = "".join(_backend(report) for report in reports)
    title = "Conformance of " + ", ".join(report.backend for report in reports)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


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
    table = _table(("level", "checks passed", "failed"), lines)
    return f"{table}<p>{note}</p>"


def _failures(report: Report) -> str:
    lines = []
    for f in report.failures:
        reason = report.expected_failures.get(f.row)
        status = f"declared: {reason}" if reason else "not declared"
        cells = (f.row, f.level, f"{f.case} {f.dtype}", f.message, status)
        lines.append("".join(f'<td class="words">{escape(x)}</td>' for x in cells))
    head = ("method", "level", "case", "what came", "known")
    return f"<h3>Failures</h3>{_table(head, lines)}"


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
            '<td class="none">-</td>' if steep is None else f"<td>{_short(steep)}</td>"
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
        "derivative, first or second order.</p>" + _table(head, lines)
    )


def _key() -> str:
    shares = (0.0, 0.1, 0.5, 1.0)
    return "".join(
        f'<span style="background:{_colour(s)}">{s:g}</span>' for s in shares
    )


def _cell(error: float | None, dtype: str) -> str:
    if error is None:
        return '<td class="none">-</td>'
    colour = _colour(error / TOLERANCE[dtype])
    return f'<td class="error" style="background:{colour}">{_short(error)}</td>'


def _short(error: float) -> str:
    return "0" if error == 0 else f"{error:.0e}"


def _colour(share: float) -> str:
    """Return white for no error, amber at the tolerance, on a logarithmic scale."""
    depth = 0.0 if share <= 0.01 else min(1.0, math.log10(share * 100) / 2)
    return f"hsl(38 95% {100 - 35 * depth:.0f}%)"


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    heads = "".join(f"<th>{escape(h)}</th>" for h in head)
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
