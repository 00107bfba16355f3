"""The ratios of the steps as bars, with their targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from multinet_benchmarks.report import ratio
from multinet_benchmarks.workloads import WORKLOADS

COLORS = {
    "numpy": "#4c72b0",
    "jax": "#55a868",
    "torch": "#dd8452",
    "tensorflow": "#c9a227",
}
PEERS = {"native": "hand-written loop", "keras": "Keras 3"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Write a PNG: a panel for each peer and number of threads."""
    cases = results["cases"]
    workloads = list(dict.fromkeys(case["workload"] for case in cases))
    counts = sorted({case["threads"] for case in cases})
    panels = [(count, peer) for count in counts for peer in PEERS]
    width, height = max(8.0, 1.6 * len(workloads)), 3.4 * len(panels)
    figure, axes = plt.subplots(len(panels), 1, figsize=(width, height), squeeze=False)
    for panel, (count, peer) in zip(axes[:, 0], panels):
        chosen = [case for case in cases if case["threads"] == count]
        _scale(panel, [ratio(case, "step", peer) for case in chosen])
        _panel(panel, chosen, workloads, peer)
        plural = "s" if count > 1 else ""
        panel.set_title(f"Step: Multinet / {PEERS[peer]}, {count} thread{plural}")
        panel.set_ylabel("lower is better")
    handles, labels = _legend(cases)
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False)
    figure.tight_layout(rect=(0, 0.5 / height, 1, 1))
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(panel: Any, cases: list[Any], workloads: list[str], peer: str) -> None:
    backends = [b for b in COLORS if any(case["backend"] == b for case in cases)]
    size = 0.8 / max(1, len(backends))
    for case in cases:
        found = ratio(case, "step", peer)
        if found is None:
            continue
        shift = (backends.index(case["backend"]) - (len(backends) - 1) / 2) * size
        place = workloads.index(case["workload"]) + shift
        # Bars start at 1, so that faster goes down and slower goes up.
        color = COLORS[case["backend"]]
        panel.bar(place, found.value - 1, 0.92 * size, bottom=1, color=color)
        panel.text(
            place,
            0.97,
            f"{found.value:.2g}",
            transform=panel.get_xaxis_transform(),  # all in one line, at the top
            ha="center",
            va="top",
            fontsize=8,
            rotation=90,
            color="firebrick" if found.met is False else "black",
        )
        if found.target is not None:
            ends = (place - size / 2, place + size / 2)
            panel.plot(ends, [found.target] * 2, color="black", linewidth=2)
    panel.axhline(1, color="grey", linewidth=0.8)
    names = [f"{name}\n{WORKLOADS[name].title}" for name in workloads]
    panel.set_xticks(range(len(workloads)), names)
    panel.set_xlim(-0.6, len(workloads) - 0.4)
    panel.grid(axis="y", alpha=0.3)
    panel.set_axisbelow(True)


def _scale(panel: Any, ratios: list[Any]) -> None:
    """Make the y axis logarithmic, with room for the figures at the top."""
    found = [r for r in ratios if r is not None]
    values = [1.0, *(r.value for r in found), *(r.target or 1.0 for r in found)]
    low, high = min(values) / 1.3, max(values) * 1.3
    panel.set_yscale("log")
    panel.set_ylim(low, high * (high / low) ** 0.25)
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_locator(NullLocator())


def _legend(cases: list[Any]) -> tuple[list[Any], list[str]]:
    present = [b for b in COLORS if any(case["backend"] == b for case in cases)]
    bars: list[Any] = [plt.Rectangle((0, 0), 1, 1, color=COLORS[b]) for b in present]
    mark = plt.Line2D([], [], color="black", linewidth=2)
    return [*bars, mark], [*present, "target (red figures miss it)"]
