"""A comparison as one page of HTML: no script, light, dark and printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib import util

from multinet.compare import plots, table, words
from multinet.compare.record import Agreed, Case, Comparison, Contender
from multinet.compare.table import Column
from multinet.utils import pages

_STYLE = """
.answer { font-size: 1.1rem; border-left: 4px solid var(--edge);
          padding: .2rem 0 .2rem 1rem; }
.wide { overflow-x: auto; } td.text { white-space: normal; text-align: left; }
.plots { display: grid; gap: 0 2rem; max-width: 72rem;
         grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); }
td, th { white-space: nowrap; } code { font: 13px ui-monospace, monospace; }
ul { padding-left: 1.2rem; }
"""
#: Errors from here to there are shaded, from paper to amber.
_LOW, _HIGH = 1e-7, 1e-2


def page(comparison: Comparison) -> str:
    """Return the page of a comparison.

    Plots need matplotlib; without it the page says how to get them.
    """
    drawn = util.find_spec("matplotlib") is not None
    names = _names(comparison)
    body = [f'<p class="answer">{escape(words.ending(comparison))}</p>']
    where = "<br>".join(map(escape, table.heading(comparison)))
    body.append(f'<p class="small">{where}</p>')
    if not drawn:
        body.append(f'<p class="small">{escape(_NO_PLOTS)}</p>')
    body += [_case(case, comparison, names, drawn) for case in comparison.cases]
    if drawn:
        body.append(_roofline(comparison, names))
    body.append(_origin(comparison))
    tasks = ", ".join(case.task.name for case in comparison.cases)
    title = f"Multinet: backends compared on {tasks}"
    return pages.document(title, "".join(body), _STYLE + plots.style())


_NO_PLOTS = (
    "There are no plots, as matplotlib is not installed: pip install "
    '"multinet-nn[plots]" brings it.'
)


def _names(comparison: Comparison) -> list[str]:
    """Return all contenders, so that each has one colour on all of the page."""
    found = [each.name for case in comparison.cases for each in case.contenders]
    return list(dict.fromkeys([*comparison.settings.backends, *found]))


def _case(case: Case, comparison: Comparison, names: list[str], drawn: bool) -> str:
    parts = [f"<h2>{escape(case.task.name)}, batches of {case.task.batch}</h2>"]
    answer = words.sentence(case, comparison)
    if len(comparison.cases) > 1:
        parts.append(f"<p>{escape(answer)}</p>")
    first, *rest = table.sections(case, comparison)
    parts.append(_table("", first.columns, first.rows))  # its title is the heading
    parts += [_table(*each) for each in rest]
    notes = [line for line in table.notes(case, comparison) if line != answer]
    lines = "".join(f"<li>{escape(line)}</li>" for line in notes)
    parts.append(f"<ul>{lines}</ul>")
    parts.append(_agreement(case))
    if drawn:
        figures = (
            _figure(plots.strips(case, names), _STRIPS),
            _figure(plots.runs(case, comparison, names), _RUNS),
            _figure(plots.losses(case, names), _LOSSES),
            _figure(plots.divergence(case, names), _DIVERGENCE),
        )
        parts.append(f'<div class="plots">{"".join(figures)}</div>')
    return "".join(parts)


_STRIPS = (
    "Every round: a dot is the mean step of one, the dark line the median, the bar the "
    "interval in which it lies by 95%. The row again is a second process of one "
    "backend: what it differs by is noise."
)
_RUNS = (
    "A whole run by its number of steps: import, building and compiling at first, then "
    "steady steps. A dot is where two cross."
)
_LOSSES = "The loss at the end of each epoch, by the time that training took."
_DIVERGENCE = (
    "How far the loss of each step is from that of float64 on NumPy, from the same "
    "weights and batches. Errors below 1e-9 are drawn there."
)
_ROOFLINE = (
    "Under the roofs that were measured on this machine. The operations and bytes of a "
    "step are counted in its graph, as if nothing were fused or cached, so fused steps "
    "may be above the roof of copies."
)


def _figure(svg: str | None, caption: str) -> str:
    if svg is None:
        return ""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _roofline(comparison: Comparison, names: list[str]) -> str:
    figure = _figure(plots.roofline(comparison, names), _ROOFLINE)
    return f"<h2>Roofline</h2>{figure}" if figure else ""


def _table(
    title: str, columns: Sequence[Column], rows: Sequence[tuple[str, Contender]]
) -> str:
    if not rows:
        return ""
    lines = []
    for name, contender in rows:
        cells = [f"<td>{escape(name)}</td>"]
        for head, told in columns:
            text = told(contender)
            cells.append(f"<td{_kind(head, text)}>{escape(text)}</td>")
        lines.append("".join(cells))
    heads = ("backend", *(head for head, _ in columns))
    made = pages.table(heads, lines, table.TEXTS)
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f'{heading}<div class="wide">{made}</div>'


def _kind(head: str, text: str) -> str:
    if head in table.TEXTS:
        return f' class="{"bad " if text == "WRONG" else ""}text"'
    return ' class="none"' if text == "-" else ""


# -- agreement -------------------------------------------------------------------------


def _agreement(case: Case) -> str:
    """Return the largest errors, and a heat map of each layer's gradient."""
    known = [each for each in case.agreement if each.verdict is not None]
    if not known:
        return ""
    steps = list(dict.fromkeys(n for each in known for n in each.weights))
    after = [f"weights after {n}" if n == steps[0] else f"{n}" for n in steps]
    head = ("", "verdict", "outputs", "loss", *after)
    lines = [_errors(each, steps) for each in known]
    parts = [
        "<h3>Agreement: largest relative error against float64 on NumPy</h3>",
        f'<div class="wide">{pages.table(head, lines, ("verdict",))}</div>',
    ]
    layers = list(dict.fromkeys(name for each in known for name in each.gradients))
    if layers:
        heads = ("gradient of layer", *(each.contender for each in known))
        rows = [
            f"<td>{escape(layer)}</td>"
            + "".join(_cell(each.gradients.get(layer)) for each in known)
            for layer in layers
        ]
        parts.append(f'<div class="wide">{pages.table(heads, rows)}</div>')
    return "".join((*parts, f'<p class="small">Shades: {_key()}</p>'))


def _errors(agreed: Agreed, steps: Sequence[int]) -> str:
    kind = ' class="bad words"' if agreed.verdict == "WRONG" else ' class="words"'
    told = f"{agreed.verdict} ({agreed.at})" if agreed.at else agreed.verdict or "-"
    cells = [agreed.outputs, agreed.loss, *(agreed.weights.get(n) for n in steps)]
    return (
        f"<td>{escape(agreed.contender)}</td><td{kind}>{escape(told)}</td>"
        f"{''.join(map(_cell, cells))}"
    )


def _cell(error: float | None) -> str:
    if error is None:
        return '<td class="none">-</td>'
    text = pages.short(error) if math.isfinite(error) else str(error)
    return f'<td class="error" style="{pages.shade(_depth(error))}">{text}</td>'


def _depth(error: float) -> float:
    """Return how dark an error is, on a logarithmic scale."""
    if not math.isfinite(error):
        return 1.0
    if error <= _LOW:
        return 0.0
    return min(math.log10(error / _LOW) / math.log10(_HIGH / _LOW), 1.0)


def _key() -> str:
    shades = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    cells = "".join(
        f'<span style="{pages.shade(_depth(x))}">{pages.short(x)}</span>'
        for x in shades
    )
    return f'<span class="key">{cells}</span>'


def _origin(comparison: Comparison) -> str:
    versions = {
        each.name: each.version
        for case in comparison.cases
        for each in case.contenders
        if each.version
    }
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    seeds = ", ".join(dict.fromkeys(str(c.task.seed) for c in comparison.cases))
    return (
        f'<p class="small">Made on {escape(comparison.date)} by '
        f"<code>{escape(' '.join(comparison.command))}</code>, seed {seeds}, with "
        f"{escape(told)}. Every round is in the file of --json.</p>"
    )
