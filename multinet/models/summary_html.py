"""The summary of a model as one piece of HTML: no script, no other file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from multinet.models.summary import cells, heads, is_model, rows, totals
from multinet.typing import AnyModel

#: Greys that are half transparent, and the text's own colour, so any page will do.
STYLE = """
.multinet-summary { font: 13px system-ui, sans-serif; overflow-x: auto; }
.multinet-summary table { border-collapse: collapse; margin: 0; }
.multinet-summary caption { font-weight: 600; padding: 0.4em 0.7em; text-align: left; }
.multinet-summary th, .multinet-summary td { border: 0; padding: 0.3em 0.7em;
  border-bottom: 1px solid rgba(128, 128, 128, 0.35); text-align: left;
  background: none; color: inherit; white-space: nowrap; }
.multinet-summary td { font-family: ui-monospace, monospace; }
.multinet-summary th { border-bottom-width: 2px; }
.multinet-summary .number { text-align: right; }
.multinet-summary .sources { white-space: normal; }
.multinet-summary summary { cursor: pointer; opacity: 0.75; }
.multinet-summary details table { margin: 0.3em 0 0.3em 1.2em; }
.multinet-summary dl { display: grid; grid-template-columns: max-content max-content;
  gap: 0.15em 1em; margin: 0.5em 0.7em; }
.multinet-summary dt, .multinet-summary dd { margin: 0; font-weight: normal; }
"""
#: What is said of the cells of a column.
KINDS = {"Weights": ' class="number"', "Connected to": ' class="sources"'}


def page(model: AnyModel) -> str:
    """Return the table of a model's layers, those of models inside folded."""
    lines = (line.partition(": ") for line in totals(model).splitlines())
    sizes = "".join(f"<dt>{name}</dt><dd>{size}</dd>" for name, _, size in lines)
    caption = f"<caption>Model: {escape(model.name)}</caption>"
    return (
        f'<div class="multinet-summary"><style>{STYLE}</style>'
        f"{_table(model, caption)}<dl>{sizes}</dl></div>"
    )


def _table(model: AnyModel, caption: str = "") -> str:
    names = heads(model)
    body = []
    for row in rows(model):
        body.append(_line("td", names, cells(row, names)))
        inner = row.operation
        if is_model(inner):
            count = len(inner.layers)
            body.append(
                f'<tr><td colspan="{len(names)}"><details><summary>{count} '
                f"{'layer' if count == 1 else 'layers'} of {escape(inner.name)}"
                f"</summary>{_table(inner)}</details></td></tr>"
            )
    return (
        f"<table>{caption}<thead>{_line('th', names, names)}</thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _line(tag: str, names: Iterable[str], texts: Iterable[str]) -> str:
    """Return a row of a table."""
    inside = "".join(
        f"<{tag}{KINDS.get(name, '')}>{escape(text)}</{tag}>"
        for name, text in zip(names, texts)
    )
    return f"<tr>{inside}</tr>"
