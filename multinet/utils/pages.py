"""Pages of HTML that need no other file and run no script: light, dark and printed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

#: The style of a page. Colours are variables, so that pictures inside follow them.
STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #ffffff; --faint: #5b6773;
        --line: #e3e7eb; --edge: #9aa7b3; --good: #12703a; --bad: #b3261e;
        --heat: #f59f0a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --paper: #14191f; --faint: #a0acb8; --line: #2d353e;
          --edge: #5f6c79; --good: #62c98b; --bad: #ff8a80; --heat: #b97400; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
       padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; margin-top: 1.6rem; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: .2rem .6rem; text-align: right;
         border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: var(--paper);
           border-bottom: 2px solid var(--edge); }
td.error { font: 13px ui-monospace, monospace; }
td.none { color: var(--faint); opacity: .6; } .words { text-align: left; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.small { color: var(--faint); font-size: 13px; }
.key span { padding: .1rem .5rem; font: 13px ui-monospace, monospace; }
@media print {
  :root { color-scheme: light; --ink: #000000; --paper: #ffffff; --faint: #444444;
          --line: #cccccc; --edge: #888888; --good: #12703a; --bad: #b3261e;
          --heat: #f59f0a; }
  body { font-size: 10px; margin: 0; max-width: none; }
  th, td { padding: .15rem .4rem; } td.error { font-size: 9px; }
  h1 { font-size: 16px; } h2 { font-size: 13px; } h3 { font-size: 11px; }
  .small, figcaption, .key span { font-size: 9px; }
  thead th { position: static; }
  table, figure, svg { break-inside: avoid; } h2, h3 { break-after: avoid; }
  td { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def document(title: str, body: str, style: str = "") -> str:
    """Return a whole page; `style` is added to that of all pages."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE}{style}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def table(
    head: Sequence[str], lines: Sequence[str], words: Collection[str] = ()
) -> str:
    """Return a table; a line is the cells of a row, `words` the columns of texts."""
    kinds = dict.fromkeys(words, " class=words")
    heads = "".join(f"<th{kinds.get(h, '')}>{escape(h)}</th>" for h in head)
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def shade(share: float) -> str:
    """Return the style of what is shaded: paper at 0, amber at 1."""
    part = round(100 * min(max(share, 0.0), 1.0))
    return f"background:color-mix(in srgb, var(--heat) {part}%, transparent)"


def short(error: float) -> str:
    """Return an error in few digits.

    >>> short(1.23e-7)
    '1e-07'
    """
    return "0" if error == 0 else f"{error:.0e}"
