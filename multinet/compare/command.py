"""What `multinet compare` does: measure, show, write, and say whether all is well."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from multinet.checks import whole
from multinet.compare import (
    coordinator,
    loading,
    machine,
    record,
    regressions,
    suite,
    table,
    words,
)
from multinet.compare.asking import Asker
from multinet.compare.record import Comparison, Settings, Task
from multinet.compare.regressions import Change
from multinet.compare.rows import Known, known
from multinet.errors import ArgumentError

#: The metric of the built-in suite, and what it is to reach.
_SUITE_TARGET = ("accuracy", 0.9)
#: Columns of a terminal that is none, such as a file or a pipe.
_WIDTH = 120


@dataclass(frozen=True)
class Options:
    """What the command was told; a number that is None is chosen here."""

    model: str | None = None
    backends: str | None = None
    models: str | None = None
    threads: int | None = None
    rounds: int = 12
    batch: int = 32
    epochs: int = 10
    steps: int | None = None
    target: str | None = None
    seed: int = 0
    html: Path | None = None
    json: Path | None = None
    against: Path | None = None
    check: bool = False


def run(options: Options, console: Console | None = None) -> int:
    """Compare; return 1 where `check` was asked for and something is wrong, else 0."""
    if console is None:
        console = Console()
        if not console.is_terminal:
            console = Console(width=max(_WIDTH, shutil.get_terminal_size().columns))
    names = tuple(options.backends.split(",")) if options.backends else None
    contenders = known(names)
    tasks = _tasks(options)
    settings = _settings(options, tuple(each.name for each in contenders))
    earlier = None if options.against is None else record.read(options.against)
    _check_folders(options)
    found = _measure(tasks, contenders, settings, console)
    if options.json is not None:
        record.write(found, options.json)
    if options.html is not None:
        from multinet.compare import page  # with matplotlib, which is slow to import

        options.html.write_text(page.page(found), encoding="utf-8")
    table.show(found, console)
    changes = [] if earlier is None else regressions.changes(earlier, found)
    if earlier is not None:
        table.show_changes(changes, console)
    lines = wrong(found, changes, names) if options.check else []
    for line in lines:
        console.print(f"CHECK: {line}", style="red", markup=False)
    console.print(f"\n{words.ending(found)}", markup=False, highlight=False)
    return 1 if lines else 0


# -- what was asked for ----------------------------------------------------------------


def _tasks(options: Options) -> list[Task]:
    whole(options.batch, "--batch")
    batch, seed = options.batch, options.seed
    if options.model is not None:
        if options.models is not None:
            raise ArgumentError(
                "Expected a file or --models of the built-in suite, got both."
            )
        file, function = options.model, "make"
        if not Path(file).exists() and ":" in file:
            file, _, function = file.rpartition(":")
        if not Path(file).is_file():
            raise loading.no_file(file)
        return [Task(Path(file).stem, function, file, batch, seed)]
    names = list(suite.FUNCTIONS)
    if options.models is not None:
        names = options.models.split(",")
        for name in names:
            suite.function(name)
    return [Task(name, name, None, batch, seed) for name in names]


def _settings(options: Options, backends: tuple[str, ...]) -> Settings:
    for name in ("rounds", "epochs"):
        whole(getattr(options, name), f"--{name}")
    if options.steps is not None:
        whole(options.steps, "--steps")
    cores = machine.cores()
    threads = cores if options.threads is None else whole(options.threads, "--threads")
    if threads > cores:
        raise ArgumentError(f"Expected --threads of at most {cores}, the cores here.")
    metric, target = _target(options)
    return Settings(
        backends=backends,
        threads=threads,
        rounds=options.rounds,
        epochs=options.epochs,
        steps=options.steps,
        metric=metric,
        target=target,
    )


def _target(options: Options) -> tuple[str | None, float | None]:
    if options.target is None:
        return _SUITE_TARGET if options.model is None else (None, None)
    metric, _, value = options.target.partition("=")
    try:
        return metric, float(value)
    except ValueError:
        raise ArgumentError(
            f"Expected --target as in accuracy=0.9, got {options.target!r}."
        ) from None


def _check_folders(options: Options) -> None:
    """Refuse files that cannot be written before anything is measured."""
    for path in (options.html, options.json):
        if path is not None and not path.absolute().parent.is_dir():
            folder = path.absolute().parent
            raise ArgumentError(f"Expected a folder to write {path} to: no {folder}.")


# -- measuring -------------------------------------------------------------------------


def _measure(
    tasks: Sequence[Task],
    contenders: Sequence[Known],
    settings: Settings,
    console: Console,
) -> Comparison:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    command = ("multinet", *sys.argv[1:])
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=1.0)

        def tell(text: str, share: float) -> None:
            progress.update(bar, description=text, completed=share)

        with Asker(settings.threads) as ask:
            return coordinator.compare(tasks, contenders, settings, command, tell, ask)


# -- checks ----------------------------------------------------------------------------


def wrong(
    found: Comparison, changes: Sequence[Change], named: Sequence[str] | None
) -> list[str]:
    """Return what must not be: regressions, what is WRONG, failures.

    A contender that is not installed is one where it was `named`.
    """
    lines = [str(change) for change in regressions.regressions(changes)]
    for case in found.cases:
        for each in case.contenders:
            absent = each.reason is not None and each.start is None
            if each.reason is not None and (not absent or each.name in (named or ())):
                lines.append(f"{case.task.name}, {each.name}: {each.reason}")
        for agreed in case.agreement:
            if agreed.verdict == "WRONG":
                where = f" at {agreed.at}" if agreed.at else ""
                lines.append(f"{case.task.name}, {agreed.contender}: WRONG{where}")
            elif agreed.verdict is None and case.contender(agreed.contender).rounds:
                told = f"whether it agrees is not known: {agreed.reason}"
                lines.append(f"{case.task.name}, {agreed.contender}: {told}")
        if not any(each.rounds for each in case.contenders):
            lines.append(f"{case.task.name}: nobody trained")
    return lines
