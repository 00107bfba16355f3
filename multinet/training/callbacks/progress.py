"""Progress: a rich bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from multinet import config


def make_progress(verbose: Any, epochs: int, steps: int, label: str) -> Reporter:
    """Return the reporter for `verbose`: 0 silent, 1 a bar, 2 lines, or "auto"."""
    if verbose in (0, False):
        return Reporter(epochs, steps, label)
    interactive = config.is_interactive_logging_enabled()
    if interactive and verbose != 2 and sys.stdout.isatty():
        return BarReporter(epochs, steps, label)
    return LineReporter(epochs, steps, label)


def format_logs(logs: dict[str, float]) -> str:
    """Return logs as `name: value` with four significant decimals."""
    parts = []
    for name, value in logs.items():
        small = value != 0 and abs(value) < 1e-3
        parts.append(f"{name}: {value:.4e}" if small else f"{name}: {value:.4f}")
    return " - ".join(parts)


class Reporter:
    """Shows nothing; the base of those that do."""

    def __init__(self, epochs: int, steps: int, label: str) -> None:
        self.epochs, self.steps, self.label = epochs, steps, label

    def begin(self, epoch: int) -> None:
        """Start an epoch, counted from 0."""

    def wants(self) -> bool:
        """Return whether logs should be fetched now to be shown."""
        return False

    def step(self, done: int, logs: dict[str, float]) -> None:
        """Show that `done` steps are done, with logs if they were fetched."""

    def end(self, logs: dict[str, float]) -> None:
        """Finish the epoch with its logs."""

    def close(self) -> None:
        """Release the terminal, also after an error."""


class LineReporter(Reporter):
    """One line an epoch, with the time it took."""

    def begin(self, epoch: int) -> None:
        """Note the time."""
        self.epoch, self.start = epoch, time.perf_counter()

    def end(self, logs: dict[str, float]) -> None:
        """Print the line."""
        seconds = time.perf_counter() - self.start
        head = f"Epoch {self.epoch + 1}/{self.epochs} - " if self.epochs else ""
        timing = f"{seconds:.1f}s - {1e3 * seconds / max(self.steps, 1):.2f}ms/step"
        text = format_logs(logs)
        line = f"{head}{self.steps} {self.label} - {timing}"
        _show(line + (f" - {text}" if text else ""))


def _show(line: str) -> None:
    if config.is_interactive_logging_enabled():
        print(line)
    else:
        logging.getLogger("multinet").info(line)


class BarReporter(Reporter):
    """A bar for each epoch, with the running logs, shown at most ten times a second."""

    interval = 0.1

    def __init__(self, epochs: int, steps: int, label: str) -> None:
        super().__init__(epochs, steps, label)
        # Here, not at the top: `import multinet` must stay quick.
        from rich import progress as bars
        from rich.console import Console

        self.progress = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.MofNCompleteColumn(),
            bars.BarColumn(bar_width=24),
            bars.TimeRemainingColumn(elapsed_when_finished=True),
            bars.TextColumn("{task.fields[logs]}"),
            console=Console(file=sys.stdout),
            auto_refresh=False,
        )
        self.task: bars.TaskID | None = None

    def begin(self, epoch: int) -> None:
        """Add the bar of this epoch."""
        title = f"Epoch {epoch + 1}/{self.epochs}" if self.epochs else self.label
        self.progress.start()
        self.task = self.progress.add_task(title, total=self.steps, logs="")
        self.shown = 0.0

    def wants(self) -> bool:
        """Return whether a tenth of a second has passed."""
        return time.perf_counter() - self.shown > self.interval

    def step(self, done: int, logs: dict[str, float]) -> None:
        """Move the bar."""
        if self.task is not None and self.wants():
            self._update(done, logs)

    def end(self, logs: dict[str, float]) -> None:
        """Fill the bar and show the final logs."""
        self._update(self.steps, logs)

    def _update(self, done: int, logs: dict[str, float]) -> None:
        assert self.task is not None
        self.progress.update(self.task, completed=done, logs=format_logs(logs))
        self.progress.refresh()
        self.shown = time.perf_counter()

    def close(self) -> None:
        """Stop drawing."""
        self.progress.stop()
