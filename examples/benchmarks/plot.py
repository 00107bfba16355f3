"""The ratios of the steps as bars, with their targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from report import ratio

COLORS = {
    "numpy": "#4c72b0",
    "jax": "#55a868",
    "torch": "#dd8452",
    "tensorflow": "#c9a227",
}
PEERS = {"native": "hand-written loop", "keras": "Keras 3 fit"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Write a PNG: a row of panels for each peer, a column for each thread count."""
    cases = results["cases"]
    threads = sorted({case["threads"] for case in cases})
    workloads = list(dict.fromkeys(case["workload"] for case in cases))
    width = 2 + max(4.0, 1.3 * len(workloads)) * len(threads)
    figure, axes = plt.subplots(
        len(PEERS), len(threads), figsize=(width, 7), squeeze=False, sharey="row"
    )
    for row, peer in zip(axes, PEERS):
        for panel, count in zip(row, threads):
            chosen = [case for case in cases if case["threads"] == count]
            _panel(panel, chosen, workloads, peer)
            plural = "s" if count > 1 else ""
            panel.set_title(f"against {PEERS[peer]}, {count} thread{plural}")
        row[0].set_ylabel("Multinet's time / other's")
    figure.legend(
        *_legend(cases), loc="lower center", ncols=6, frameon=False, fontsize=10
    )
    figure.suptitle("Time of a training step: lower is better, 1 is equal")
    figure.tight_layout(rect=(0, 0.05, 1, 1))
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
        above = found.value >= 1
        panel.annotate(
            f"{found.value:.2g}",
            (place, found.value),
            xytext=(0, 3 if above else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=7,
            rotation=90,
        )
        if found.target is not None:
            ends = (place - size / 2, place + size / 2)
            panel.plot(ends, [found.target] * 2, color="black", linewidth=2)
    panel.axhline(1, color="grey", linewidth=0.8)
    panel.set_yscale("log")
    panel.margins(y=0.25)
    panel.set_xticks(range(len(workloads)), workloads)
    panel.set_xlim(-0.6, len(workloads) - 0.4)
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.grid(axis="y", alpha=0.3)
    panel.set_axisbelow(True)


def _legend(cases: list[Any]) -> tuple[list[Any], list[str]]:
    present = [b for b in COLORS if any(case["backend"] == b for case in cases)]
    bars: list[Any] = [plt.Rectangle((0, 0), 1, 1, color=COLORS[b]) for b in present]
    mark = plt.Line2D([], [], color="black", linewidth=2)
    return [*bars, mark], [*present, "target"]
