"""Learning curves as one piece of HTML for notebooks: no script, no other file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 300, 150  # of a plot, without its margins
LEFT, TOP, BOTTOM = 56, 26, 22
STYLE = """
.multinet-curves { display: flex; flex-wrap: wrap; gap: 1rem; --one: #1f6fb2;
  --other: #c2570c; --line: #c9d1d9; font: 12px system-ui, sans-serif; }
.multinet-curves svg { overflow: visible; }
.multinet-curves text { fill: currentColor; }
.multinet-curves polyline { fill: none; stroke-width: 1.8; }
@media (prefers-color-scheme: dark) { .multinet-curves { --one: #6cb6ff;
  --other: #f69d50; --line: #444c56; } }
"""


def curves(history: Mapping[str, Sequence[float]], epochs: Sequence[int]) -> str:
    """Return a plot for each name of the logs, with that of the validation in it."""
    if not epochs:
        return "<p>No epoch was recorded.</p>"
    with_others = {f"val_{name}" for name in history}
    plots = [_plot(n, history, epochs) for n in history if n not in with_others]
    return f'<div class="multinet-curves"><style>{STYLE}</style>{"".join(plots)}</div>'


def _plot(
    name: str, history: Mapping[str, Sequence[float]], epochs: Sequence[int]
) -> str:
    pairs = [(name, "--one"), (f"val_{name}", "--other")]
    lines = [(n, history[n], color) for n, color in pairs if n in history]
    numbers = [v for _, values, _ in lines for v in values if math.isfinite(v)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    span = (high - low) or 1.0
    last = max(len(epochs) - 1, 1)

    def point(i: int, value: float) -> str:
        y = TOP + HEIGHT * (1 - (value - low) / span)
        return f"{LEFT + WIDTH * i / last:.1f},{y:.1f}"

    parts = [
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        'stroke="var(--line)"/>'
    ]
    for place, (label, values, color) in enumerate(lines):
        # A validation may be had in some epochs only: those at the end of the others.
        first = len(epochs) - len(values)
        points = [point(first + i, v) for i, v in enumerate(values) if math.isfinite(v)]
        parts.append(
            f'<polyline points="{" ".join(points)}" stroke="var({color})"/>'
            f'<text x="{LEFT + 150 * place}" y="16" style="fill: var({color})">'
            f"{escape(label)}: {values[-1]:.4g}</text>"
        )
    bottom = TOP + HEIGHT
    for y, text in ((TOP + 10, f"{high:.4g}"), (bottom, f"{low:.4g}")):
        parts.append(f'<text x="{LEFT - 6}" y="{y}" text-anchor="end">{text}</text>')
    for x, epoch in ((LEFT, epochs[0]), (LEFT + WIDTH, epochs[-1])):
        parts.append(
            f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{epoch + 1}</text>'
        )
    width, height = LEFT + WIDTH + 20, bottom + BOTTOM
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(name)} by epoch">{"".join(parts)}</svg>'
    )
