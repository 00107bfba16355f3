"""Plots of a comparison, as SVG whose colours are variables of the page around.

Text is text, in the fonts of the page. Each plot is one `<svg>` that refers to no other
file. Needs matplotlib.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.compare import statistics, words
from multinet.compare.record import Case, Comparison, Contender
from multinet.visualization.plotting import pyplot_for

#: Stand-ins, which become variables: text, axes, grid; then a colour a contender.
_INK, _EDGE, _GRID, _SERIES = "#010203", "#010204", "#010205", "#0200{:02x}"
_VARIABLES = {_INK: "--ink", _EDGE: "--edge", _GRID: "--line"}
#: The colours of contenders, light and dark.
_LIGHT = ("#4759c4", "#d95f02", "#12867a", "#c2185b", "#7a5548", "#546e7a")
_DARK = ("#92a0ff", "#ffa04d", "#4fd1c1", "#ff79ab", "#cfa593", "#a9c0cb")
_WIDTH, _ROW = 6.4, 0.36
#: Words along a vertical line, above the axis.
_TURNED: dict[str, Any] = {
    "xycoords": ("data", "axes fraction"),
    "fontsize": 8,
    "color": _INK,
    "rotation": 90,
    "ha": "right",
    "va": "bottom",
}
#: From this ratio of largest to smallest on, an axis is logarithmic.
_FAR = 8.0
#: One from x to so many times x has ticks at 2 and 5 too.
_NEAR = 200.0
#: Errors less than this are drawn here: 0 has no place on a logarithmic axis.
_LEAST = 1e-9


def style() -> str:
    """Return the rules that a page with plots needs."""

    def rules(colours: Sequence[str]) -> str:
        return " ".join(f"--c{i}: {colour};" for i, colour in enumerate(colours))

    return (
        f":root {{ {rules(_LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {rules(_DARK)} }} }}\n"
        f"@media print {{ :root {{ {rules(_LIGHT)} }} }}\n"
        "figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }\n"
        "figcaption { color: var(--faint); font-size: 13px; max-width: 46rem; }\n"
    )


def strips(case: Case, names: Sequence[str]) -> str | None:
    """Return every round as a dot, with the median and its interval."""
    rows = [(each.name, each) for each in case.contenders if each.rounds]
    if case.again is not None and case.again.rounds:
        rows.append((f"{case.again.name} again", case.again))
    if not rows:
        return None
    draws = np.random.default_rng(0)

    def draw(axes: Any) -> None:
        for y, (_, each) in enumerate(rows):
            times, found = np.array(each.steps) * 1e3, statistics.step(each)
            assert found is not None
            colour = _colour(each.name, names)
            heights = y + draws.uniform(-0.22, 0.22, len(times))
            axes.scatter(times, heights, s=14, color=colour, alpha=0.55, linewidth=0)
            ends = found.low * 1e3, found.high * 1e3
            axes.plot(ends, (y, y), color=colour, linewidth=2.5)
            middle = (found.median * 1e3,) * 2
            axes.plot(middle, (y - 0.33, y + 0.33), color=_INK, linewidth=1.4)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("ms a step")
        _scaled(axes, "x", [t * 1e3 for _, each in rows for t in each.steps])
        axes.grid(False, axis="y")

    return _svg(draw, height=0.75 + _ROW * len(rows))


def runs(case: Case, comparison: Comparison, names: Sequence[str]) -> str | None:
    """Return the time of a whole run against its steps, and where two cross."""
    ready = [
        each
        for each in statistics.ranking(case)
        if statistics.overhead(each) is not None
    ]
    if not ready:
        return None
    asked = words.run_steps(case, comparison)
    crossings = statistics.crossings(case)
    most = max(
        [1000, 3 * (asked or 0), *(2 * x.steps for x in crossings if x.steps < 1e7)]
    )
    steps = np.geomspace(1, most, 200)

    def draw(axes: Any) -> None:
        for each in ready:
            times = [statistics.total(each, n) for n in steps]
            axes.plot(steps, times, color=_colour(each.name, names), label=each.name)
        for each in crossings:
            if each.steps > most:
                continue
            at = statistics.total(case.contender(each.later), each.steps)
            axes.plot(each.steps, at, "o", color=_INK, markersize=4.5, zorder=5)
            told = {"textcoords": "offset points", "xytext": (5, -11), "fontsize": 8}
            axes.annotate(f"{each.steps:,}", (each.steps, at), color=_INK, **told)
        if asked:
            axes.axvline(asked, color=_EDGE, linestyle=":", linewidth=1.2)
            told = {**_TURNED, "va": "top"}
            axes.annotate("your run", (asked, 0.98), **told)
        axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="s, all included")
        axes.legend()

    return _svg(draw)


def losses(case: Case, names: Sequence[str]) -> str | None:
    """Return the loss at the end of each epoch, against seconds of training."""

    def curve(each: Contender) -> tuple[list[float], list[float]]:
        points = [p for p in each.curve if math.isfinite(p.logs.get("loss", math.nan))]
        return [p.seconds for p in points], [p.logs["loss"] for p in points]

    curves = {each.name: curve(each) for each in case.contenders if each.curve}
    return _lines(curves, names, "s of training, compiling included", "loss")


def divergence(case: Case, names: Sequence[str]) -> str | None:
    """Return how far the loss of each step is from that of float64."""
    curves = {
        each.contender: (
            list(map(float, each.divergence)),
            [max(x, _LEAST) for x in each.divergence.values() if math.isfinite(x)],
        )
        for each in case.agreement
        if each.divergence
    }
    return _lines(curves, names, "step", "relative error of the loss", log="y")


def roofline(comparison: Comparison, names: Sequence[str]) -> str | None:
    """Return what each contender does a second, under the roofs of this machine."""
    roofs = comparison.roofs
    counted = [each for each in comparison.cases if each.flops and each.bytes]
    cases = [each for each in counted if statistics.ranking(each)]
    if roofs is None or not cases:
        return None
    places = [_intensity(case) for case in cases]
    ridge = roofs.gemm / roofs.copy
    low, high = min([*places, ridge]) / 4, max([*places, ridge]) * 4
    x = np.geomspace(low, high, 200)

    def draw(axes: Any) -> None:
        roof = np.minimum(roofs.gemm, roofs.copy * x) / 1e9
        axes.plot(x, roof, color=_INK, linewidth=1.6)
        told = {"fontsize": 8, "color": _INK, "textcoords": "offset points"}
        top = (high, roofs.gemm / 1e9)
        axes.annotate("products of matrices", top, xytext=(-2, 4), ha="right", **told)
        axes.annotate("copies", (low, roof[0]), xytext=(4, 10), **told)
        seen: list[float] = []
        for case, place in zip(cases, places):
            for each in statistics.ranking(case):
                rate = (case.flops or 0) / float(np.median(each.steps)) / 1e9
                seen.append(rate)
                label = None if each.name in _labels(axes) else each.name
                colour = _colour(each.name, names)
                axes.plot(place, rate, "o", color=colour, markersize=6, label=label)
            axes.axvline(place, color=_GRID, linewidth=1, zorder=0)
            axes.annotate(case.task.name, (place, 0.02), **_TURNED)
        axes.set(xscale="log", yscale="log", xlabel="FLOP a byte, nothing fused")
        axes.set_ylabel("GFLOP/s")
        axes.set_ylim(min([*seen, roof[0]]) / 6)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _svg(draw)


def _intensity(case: Case) -> float:
    return (case.flops or 0) / (case.bytes or 1)


def _labels(axes: Any) -> list[str]:
    return axes.get_legend_handles_labels()[1]


def _lines(
    curves: dict[str, tuple[list[float], list[float]]],
    names: Sequence[str],
    xlabel: str,
    ylabel: str,
    log: str = "",
) -> str | None:
    """Return a line for each contender that has one."""
    curves = {name: (x, y) for name, (x, y) in curves.items() if y}
    if not curves:
        return None

    def draw(axes: Any) -> None:
        for name, (x, y) in curves.items():
            colour, mark = _colour(name, names), "o" if len(y) < 3 else None
            axes.plot(x[: len(y)], y, color=colour, label=name, marker=mark)
        if "y" in log:
            axes.set_yscale("log")
        else:
            _scaled(axes, "x", [t for x, _ in curves.values() for t in x])
            _scaled(axes, "y", [t for _, y in curves.values() for t in y])
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.legend()

    return _svg(draw)


def _scaled(axes: Any, which: str, values: Sequence[float]) -> None:
    """Let an axis be logarithmic where values are far apart, else begin at 0."""
    positive = [x for x in values if x > 0]
    if len(positive) == len(values) and max(values) > _FAR * min(values):
        getattr(axes, f"set_{which}scale")("log")
    else:
        getattr(axes, f"set_{which}lim")(0)


def _colour(name: str, names: Sequence[str]) -> str:
    place = names.index(name) if name in names else len(names)
    return _SERIES.format(place % len(_LIGHT))


# -- SVG -------------------------------------------------------------------------------


def _svg(draw: Callable[[Any], None], height: float = 3.1) -> str:
    """Return a plot that `draw` puts on axes."""
    pyplot_for("Comparisons are")
    import matplotlib  # optional, and slow to import
    from matplotlib import ticker
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_LOOK):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                low, high = axis.get_view_interval()
                subs = (1, 2, 5) if high < _NEAR * low else (1,)
                axis.set_major_locator(ticker.LogLocator(subs=subs))
                axis.set_major_formatter(_tick)
                axis.set_minor_formatter(ticker.NullFormatter())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _inline(file.getvalue())


def _tick(value: float, place: float) -> str:
    """Return a number on a logarithmic axis."""
    return f"{value:,.6g}" if 1e-4 < value < 1e6 else f"{value:.0e}"


def _inline(text: str) -> str:
    """Return the `<svg>` of a file, with variables for colours and ids of its own."""
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r"#0200([0-9a-f]{2})", lambda m: f"var(--c{int(m[1], 16)})", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    svg = re.sub(r'(<g) id="[a-z]+_\d+"', r"\1", svg)
    return svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace(
        "xlink:href", "href"
    )


_LOOK: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": _EDGE,
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": _GRID,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "multinet",
    "text.color": _INK,
    "xtick.color": _EDGE,
    "xtick.labelcolor": _INK,
    "ytick.color": _EDGE,
    "ytick.labelcolor": _INK,
}
