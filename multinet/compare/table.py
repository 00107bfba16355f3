"""A comparison on a terminal: small tables for each model, and what they do not say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multinet.compare import statistics, words
from multinet.compare.record import Case, Comparison, Contender
from multinet.compare.regressions import Change

#: A heading, and what a contender has under it.
Column = tuple[str, Callable[[Contender], str]]
_NONE = "-"
TEXTS = ("backend", "version", "path taken, or why not", "agreement")


def show(comparison: Comparison, console: Console) -> None:
    """Print all of a comparison but its last sentence."""
    for line in heading(comparison):
        console.print(line, markup=False, highlight=False)
    for case in comparison.cases:
        console.print()
        for table in tables(case, comparison):
            console.print(table)
        for line in notes(case, comparison):
            console.print(line, markup=False, highlight=False)


def heading(comparison: Comparison) -> list[str]:
    """Return where it was measured, and what this machine does at most."""
    where, roofs = comparison.machine, comparison.roofs
    lines = [
        f"{where.processor}, {where.cores} cores, {where.system}",
        f"Python {where.python}, Multinet {comparison.version}; each backend has "
        f"{comparison.settings.threads} threads",
    ]
    if roofs is not None:
        lines.append(
            f"This machine at most: {words.scaled(roofs.gemm, 'FLOP/s')} in products "
            f"of matrices, {words.scaled(roofs.copy, 'B/s')} in copies"
        )
    return lines


class Section(NamedTuple):
    """A table: its title, its columns, and the contenders that are its rows."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Contender]]


def sections(case: Case, comparison: Comparison) -> list[Section]:
    """Return the tables of a model, narrow enough for most terminals."""
    name = f"{case.task.name}, batches of {case.task.batch}"
    rows = [(each.name, each) for each in case.contenders]
    trained = [each for each in rows if each[1].rounds]
    again = list(trained)
    if case.again is not None:
        again.append((f"{case.again.name} again", case.again))
    started = [each for each in rows if each[1].start is not None]
    return [
        Section(name, _PATHS, rows),
        Section("Training", _steps(case, comparison), again),
        Section("A whole run", _runs(case, comparison), trained),
        Section("Prediction and memory", _PREDICTIONS, started),
    ]


def tables(case: Case, comparison: Comparison) -> list[Table]:
    """Return the tables of a model for a terminal."""
    return [_table(each) for each in sections(case, comparison)]


def _table(section: Section) -> Table:
    table = Table(title=section.title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in ("backend", *(head for head, _ in section.columns)):
        table.add_column(head, justify="left" if head in TEXTS else "right")
    for name, contender in section.rows:
        cells = [function(contender) for _, function in section.columns]
        table.add_row(*map(escape, (name, *cells)))
    return table


# -- columns ---------------------------------------------------------------------------


def _path(contender: Contender) -> str:
    return contender.reason or contender.path.get("path", _NONE)


_PATHS: tuple[Column, ...] = (
    ("version", lambda each: each.version or _NONE),
    ("path taken, or why not", _path),
)


def _steps(case: Case, comparison: Comparison) -> list[Column]:
    roofs = comparison.roofs

    def rate(total: int | None, each: Contender) -> float | None:
        step = statistics.step(each)
        return total / step.median if total and step else None

    def of(total: int | None, roof: float | None) -> Callable[[Contender], str]:
        def told(each: Contender) -> str:
            found = rate(total, each)
            return words.share(found / roof if found and roof else None)

        return told

    return [
        ("a step (95% within)", _step),
        ("p90", lambda each: words.seconds(statistics.quantile(each.steps, 0.9))),
        ("samples/s", lambda each: words.scaled(rate(case.task.batch, each))),
        ("FLOP/s", lambda each: words.scaled(rate(case.flops, each))),
        ("of GEMM", of(case.flops, roofs and roofs.gemm)),
        ("of copy", of(case.bytes, roofs and roofs.copy)),
        ("agreement", lambda each: words.agreement(case, each.name)),
    ]


def _step(contender: Contender) -> str:
    step = statistics.step(contender)
    return _NONE if step is None else words.interval(step)


def _runs(case: Case, comparison: Comparison) -> list[Column]:
    metric = comparison.settings.metric or "loss"
    target = comparison.settings.target
    steps = words.run_steps(case, comparison)
    common = min((len(x.curve) for x in statistics.ranking(case)), default=0)

    def final(each: Contender) -> str:
        reached = len(each.curve) >= common > 0
        value = each.curve[common - 1].logs.get(metric) if reached else None
        return _NONE if value is None else f"{value:.4g}"

    def whole(each: Contender) -> str:
        return words.seconds(statistics.total(each, steps) if steps else None)

    columns: list[Column] = [
        ("import", lambda each: words.seconds(each.start and each.start.imported)),
        ("build", lambda each: words.seconds(each.start and each.start.built)),
        (
            "first step",
            lambda each: words.seconds(each.start and each.start.first_step),
        ),
        ("recompiles", lambda each: words.count(each.recompiles)),
        (f"your {steps:,} steps" if steps else "your run", whole),
        (f"{metric}, epoch {common}", final),
    ]
    if target is not None:

        def reached(each: Contender) -> str:
            return words.seconds(statistics.time_to(each, metric, target))

        columns.append((f"to {metric} {target:g}", reached))
    return columns


def _one_row(share: float) -> Callable[[Contender], str]:
    def told(each: Contender) -> str:
        times = each.prediction.one_row
        return words.seconds(statistics.quantile(times, share) if times else None)

    return told


def _best(contender: Contender) -> str:
    best = max(contender.prediction.speeds, key=lambda each: each.rows, default=None)
    return _NONE if best is None else f"{words.scaled(best.rows)}, {best.batch} at once"


_PREDICTIONS: tuple[Column, ...] = (
    ("one row, p50", _one_row(0.5)),
    ("p99", _one_row(0.99)),
    ("most rows/s", _best),
    ("peak memory", lambda each: words.scaled(each.memory, "B")),
    ("of the device", lambda each: words.scaled(each.device_memory, "B")),
)


# -- lines -----------------------------------------------------------------------------


def notes(case: Case, comparison: Comparison) -> list[str]:
    """Return what the tables do not say: noise, crossings, where outputs part."""
    lines = [words.noise(case)]
    if case.busy is not None:
        cores = comparison.machine.cores
        lines.append(f"Others kept {case.busy:.1f} of {cores} cores busy meanwhile.")
    if case.uncounted is not None:
        lines.append(case.uncounted)
    for each in statistics.crossings(case):
        lines.append(
            f"{each.sooner} is done sooner in fewer than {each.steps:,} steps, "
            f"{each.later} from there on."
        )
    for each in case.agreement:
        told = [f"{each.contender}: {each.verdict or 'agreement not known'}"]
        told += [f"at {each.at}"] if each.at else []
        told += [each.reason] if each.reason else []
        if len(told) > 1:
            lines.append(", ".join(told))
    if len(comparison.cases) > 1:
        lines.append(words.sentence(case, comparison))
    return lines


def show_changes(found: list[Change], console: Console) -> None:
    """Print what changed since an earlier comparison."""
    colors = {True: "red", False: "green", None: ""}
    console.print("\nSince the earlier comparison:")
    for change in found:
        console.print(str(change), style=colors[change.worse], markup=False)
