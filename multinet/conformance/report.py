"""What a conformance run found: counts, errors, failures; as data and in a terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multinet import dtypes

LEVELS = (
    "names",
    "round trip",
    "primitives",
    "gradients",
    "fused",
    "special values",
    "training",
)


@dataclass(frozen=True)
class Failure:
    """One check that failed: where, what was expected, what came, how far apart."""

    level: str
    row: str
    case: str
    dtype: str
    message: str
    expected: str = ""
    got: str = ""
    distance: str = ""


@dataclass
class Report:
    """The outcome of a run. `ok` is whether the backend conforms, if it was `whole`."""

    backend: str
    interface: tuple[int, int]
    versions: dict[str, str] = field(default_factory=dict)
    all_dtypes: bool = False
    whole: bool = True
    dtypes: tuple[str, ...] = ()
    passed: dict[str, int] = field(default_factory=dict)
    errors: dict[str, dict[str, float]] = field(default_factory=dict)
    gradient_errors: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: dict[str, bool] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()
    failures: list[Failure] = field(default_factory=list)
    expected_failures: dict[str, str] = field(default_factory=dict)
    unexpected_passes: list[str] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    stopped: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed but what the backend declares, and that did fail."""
        unknown = [f for f in self.failures if f.row not in self.expected_failures]
        faults = unknown or self.unexpected_passes or self.waiting or self.stopped
        return not faults

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        if self.ok:
            return "conforms" if self.whole else "passes what was checked"
        return "does not conform"

    def record(self, level: str, row: str, dtype: str, error: float | None) -> None:
        """Count a passed check and keep the largest error of the row for each dtype."""
        self.passed[level] = self.passed.get(level, 0) + 1
        self.rows.setdefault(row, True)
        if error is not None and dtype:
            derived = level == "gradients"
            errors = self.gradient_errors if derived else self.errors
            worst = errors.setdefault(row, {})
            worst[dtype] = max(worst.get(dtype, 0.0), error)

    def stands(self, row: str, level: str) -> bool:
        """Whether nothing of the row failed at a level lower than `level`."""
        height = LEVELS.index(level)
        return all(
            LEVELS.index(f.level) >= height for f in self.failures if f.row == row
        )

    def fail(self, failure: Failure) -> None:
        """Keep a failure; its row no longer counts as passed."""
        self.failures.append(failure)
        self.rows[failure.row] = False

    @property
    def failed(self) -> tuple[str, ...]:
        """The rows that failed, each once."""
        return tuple(dict.fromkeys(f.row for f in self.failures))

    @property
    def missing(self) -> tuple[str, ...]:
        """The dtypes that the backend cannot hold."""
        return tuple(d for d in dtypes.ALL if self.dtypes and d not in self.dtypes)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data, `ok` and `missing` included."""
        return {"ok": self.ok, "missing": self.missing, **asdict(self)}


def show(report: Report, console: Console, limit: int = 40) -> None:
    """Print a report: up to `limit` failures, the largest errors, the counts."""
    for failure in report.failures[:limit]:
        where = " / ".join(x for x in (failure.row, failure.case, failure.dtype) if x)
        known = " [dim](declared)[/]" if failure.row in report.expected_failures else ""
        console.print(f"[red]FAIL[/] {failure.level}: [bold]{escape(where)}[/]{known}")
        console.print(f"     {escape(failure.message)}", highlight=False)
    if len(report.failures) > limit:
        console.print(f"... and {len(report.failures) - limit} more failures.")
    for row in report.unexpected_passes:
        console.print(
            f"[red]PASSES[/] {row}, though declared to fail: remove its line."
        )
    if report.waiting:
        console.print(f"[yellow]Waiting[/] for {wanted(report)}", highlight=False)
    if report.stopped:
        console.print(f"[red]Stopped:[/] {escape(report.stopped)}")
    if report.errors:
        console.print(_errors(report))
    console.print(_summary(report))


def wanted(report: Report) -> str:
    """Return the missing primitives and how many checks need each, the most first."""
    counts = sorted((-len(rows), name) for name, rows in report.waiting.items())
    named = ", ".join(f"{name} ({-count})" for count, name in counts)
    return f"{len(counts)} primitives, by the checks that need them: {named}."


def _errors(report: Report, count: int = 12) -> Table:
    table = Table(title="Largest relative errors", title_justify="left")
    for heading in ("method", "dtype", "error"):
        table.add_column(heading)
    found = [
        (error, row, dtype)
        for row, by_dtype in report.errors.items()
        for dtype, error in by_dtype.items()
        if dtype in ("float32", "complex64", "float64", "complex128") and error > 0
    ]
    for error, row, dtype in sorted(found, reverse=True)[:count]:
        table.add_row(row, dtype, f"{error:.1e}")
    return table


def _summary(report: Report) -> Table:
    version = ".".join(map(str, report.interface))
    title = f"{report.backend}, interface {version}, {report.seconds:.1f} s"
    table = Table(title=title, title_justify="left")
    table.add_column("level")
    table.add_column("passed", justify="right")
    table.add_column("failed", justify="right")
    for level in LEVELS:
        failed = sum(f.level == level for f in report.failures)
        table.add_row(level, str(report.passed.get(level, 0)), str(failed))
    whole = sum(report.rows.values())
    verdict = f"[{'green' if report.ok else 'red'}]{report.verdict}[/]"
    table.caption = (
        f"{whole} of {len(report.rows)} rows pass, {len(report.overridden)} overrides "
        f"checked: {verdict}"
    )
    table.caption_justify = "left"
    return table
