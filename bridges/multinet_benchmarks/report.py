"""Results as ratios beside their targets: a terminal table, Markdown and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

# Multinet's time over that of the hand-written loop, and over that of Keras 3.
STEP = {
    ("W1", "jax"): (0.2, 0.05),
    ("W1", "tensorflow"): (0.25, 0.05),
    ("W1", "torch"): (0.8, 0.08),
    ("W2", "jax"): (0.95, 0.75),
    ("W2", "tensorflow"): (0.65, 0.3),
    ("W2", "torch"): (0.9, 0.3),
    ("W3", "jax"): (0.5, 0.5),
    ("W3", "tensorflow"): (1.05, 0.6),
    ("W3", "torch"): (1.05, 0.45),
    ("W4", "jax"): (0.65, 0.7),
    ("W4", "tensorflow"): (1.05, 0.8),
    ("W4", "torch"): (1.05, 0.8),
    ("W5", "jax"): (1.05, 1.0),
    ("W5", "tensorflow"): (1.05, 0.75),
    ("W5", "torch"): (1.05, 0.2),
    ("W6", "jax"): (1.05, 1.0),
    ("W6", "tensorflow"): (1.05, 0.75),
    ("W6", "torch"): (0.9, 0.6),
    ("W1", "numpy"): (0.1, None),
    ("W2", "numpy"): (0.7, None),
    ("W3", "numpy"): (1.1, None),
}
PREDICT = {"jax": 1.5, "torch": 1.5, "tensorflow": 2.0}
START, MEMORY = 1.0, 1.15

COLUMNS = (
    ("step", "native"),
    ("step", "keras"),
    ("predict", "native"),
    ("predict", "keras"),
    ("start", "keras"),
    ("memory", "native"),
)
HEADS = ("case", "backend", "threads", "ms a step")
COLORS = {True: "[green]", False: "[red]", None: ""}
TITLES = {
    ("step", "native"): "step / native",
    ("step", "keras"): "step / Keras",
    ("predict", "native"): "predict(1) / native",
    ("predict", "keras"): "predict(1) / Keras",
    ("start", "keras"): "first step / Keras",
    ("memory", "native"): "memory / native",
}


@dataclass(frozen=True)
class Ratio:
    """Multinet's figure over another's, and the most it should be."""

    value: float
    target: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target

    def text(self) -> str:
        """Return the ratio, beside its target if it has one."""
        value = f"{self.value:.2f}" if self.value >= 0.1 else f"{self.value:.2g}"
        if self.target is None:
            return value
        relation = "≤" if self.met else ">"
        mark = "" if self.met else " ✗"
        return f"{value} {relation} {self.target:g}{mark}"


def title(column: tuple[str, str]) -> str:
    """Return the heading of a column, which a contender of a file has too."""
    what, other = column
    name = "predict(1)" if what == "predict" else what
    return TITLES.get(column) or f"{name} / {Path(other).stem}"


def _added(others: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of contenders that a user added."""
    return [(what, other) for other in others for what in ("step", "predict")]


def target(case: dict[str, Any], what: str, other: str) -> float | None:
    """Return the target of a ratio, if it has one."""
    workload, backend = case["workload"].removesuffix("b"), case["backend"]
    if other not in ("native", "keras"):
        return None
    if what == "step":
        pair = STEP.get((workload, backend), (None, None))
        return pair[("native", "keras").index(other)]
    if what == "predict":
        return PREDICT.get(backend) if other == "native" else None
    return START if what == "start" else MEMORY


def figure(case: dict[str, Any], what: str, contender: str) -> float | None:
    """Return the median of what was measured: ms, seconds or MB."""
    values = case.get(what, {}).get(contender)
    if not values:
        return None
    return median(v["total"] if what == "start" else v for v in values)


def ratio(case: dict[str, Any], what: str, other: str) -> Ratio | None:
    """Return Multinet's figure over another's, if both were measured."""
    ours, theirs = figure(case, what, "multinet"), figure(case, what, other)
    if ours is None or theirs is None:
        return None
    return Ratio(ours / theirs, target(case, what, other))


def line(case: dict[str, Any]) -> str:
    """Return the case and its ratios in one line."""
    others = [n for n in case.get("step", {}) if n.endswith(".py")]
    found = [(title(c), ratio(case, *c)) for c in (*COLUMNS, *_added(others))]
    texts = [f"{title} {cell.text()}" for title, cell in found if cell is not None]
    name = f"{case['workload']} {case['backend']} {case['threads']}"
    return f"{name}: {', '.join(texts) or 'not measured'}"


def table(results: dict[str, Any]) -> Table:
    """Return the table for a terminal."""
    columns, rows = _grid(results)
    result = Table(
        title="Multinet's figure / another's: medians, lower is better",
        caption="ratio ≤ target: met; ratio > target ✗: missed",
    )
    for name in HEADS:
        result.add_column(name.replace(" ", "\n"), no_wrap=True)
    for column in columns:
        result.add_column(title(column).replace(" / ", "\n/ "), no_wrap=True)
    for heads, cells in rows:
        texts = ["-" if c is None else COLORS[c.met] + c.text() for c in cells]
        result.add_row(*heads, *texts)
    return result


def markdown(results: dict[str, Any]) -> str:
    """Return the table in Markdown, with the machine above it."""
    columns, rows = _grid(results)
    machine = results["machine"]
    versions = ", ".join(f"{n} {v}" for n, v in machine["versions"].items())
    heads = [*HEADS, *(title(c) for c in columns)]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Python "
        f"{machine['python']}; {versions}.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
    ]
    for firsts, cells in rows:
        texts = ["-" if c is None else _bold_if_missed(c) for c in cells]
        lines.append(f"| {' | '.join([*firsts, *texts])} |")
    return "\n".join(lines) + "\n"


def _bold_if_missed(cell: Ratio) -> str:
    return f"**{cell.text()}**" if cell.met is False else cell.text()


def _grid(results: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return the columns that hold something, and rows of texts and ratios."""
    cases = results["cases"]
    known = (*COLUMNS, *_added(results["settings"].get("others", ())))
    columns = [c for c in known if any(ratio(case, *c) for case in cases)]
    rows = []
    for case in cases:
        step = figure(case, "step", "multinet")
        heads = [
            case["workload"],
            case["backend"],
            str(case["threads"]),
            "-" if step is None else f"{step:.3g}",
        ]
        rows.append((heads, [ratio(case, *c) for c in columns]))
    return columns, rows


def failures(results: dict[str, Any]) -> list[str]:
    """Return a line for each case that could not be measured."""
    return [
        f"{case['workload']} on {case['backend']}, {case['threads']} threads, "
        f"{job}: {message}"
        for case in results["cases"]
        for job, message in case["errors"].items()
    ]
