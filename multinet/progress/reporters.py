"""Progress: a live line on a terminal, above it a line for each finished epoch."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from numbers import Integral

from multinet import config
from multinet.checks import shown
from multinet.errors import ArgumentError
from multinet.progress.rows import (
    Bar,
    clock,
    encodable,
    fit,
    format_logs,
    pace,
    wrap,
)
from multinet.progress.terminal import (
    Terminal,
    columns,
    is_notebook,
    is_terminal,
)
from multinet.typing import Verbose

# A process has one terminal, so there is one object, whatever thread asks.
_terminal = Terminal()


def tell(text: str) -> None:
    """Print a line; with interactive logging off it goes to the logger `multinet`."""
    if config.is_interactive_logging_enabled():
        print(text)
        return
    import logging  # slow, and rarely used

    logging.getLogger("multinet").info(text)


def make_progress(
    verbose: Verbose, epochs: int, steps: int | None, label: str
) -> Reporter:
    """Return the reporter for `verbose`: 0 silent, 1 a bar, 2 lines, or "auto".

    `label` stands before the number of the epoch, or alone if `epochs` is 0. `steps`
    is None where only the end of the data will tell.
    """
    if not (verbose in ("auto", None) or _is_count(verbose)):
        raise ArgumentError(
            "Expected verbose to be 0 (silent), 1 (a bar), 2 (a line an epoch) or "
            f"'auto', got {shown(verbose)}."
        )
    kind = LineReporter
    if verbose in (0, None):
        kind = Reporter
    elif config.is_interactive_logging_enabled() and verbose != 2:
        dumb = os.environ.get("TERM") == "dumb"
        if is_notebook(sys.stdout):
            kind = NotebookReporter
        elif is_terminal(sys.stdout) and not dumb and _terminal.takes(sys.stdout):
            kind = BarReporter
    return kind(epochs, steps, label)


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and int(value) in (0, 1, 2)


class Reporter:
    """Shows nothing; the base of those that do."""

    def __init__(self, epochs: int, steps: int | None, label: str) -> None:
        self.epochs, self.steps, self.label = epochs, steps, label

    def __enter__(self) -> Reporter:
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def open(self) -> None:
        """Take the terminal."""

    def begin(self, epoch: int) -> None:
        """Start an epoch, counted from 0."""

    def wants(self) -> bool:
        """Return whether logs should be fetched now to be shown."""
        return False

    def step(self, done: int, logs: dict[str, float]) -> None:
        """Show that `done` steps are done, with logs if they were fetched."""

    def stepped(self, done: int) -> None:
        """Know that the steps are over, and how many were done."""

    def validate(self, logs: dict[str, float]) -> None:
        """Show that validation begins."""

    def end(self, logs: dict[str, float], prompt: bool = True) -> None:
        """Finish the epoch with its logs; unless `prompt`, it may be seen later."""

    def close(self) -> None:
        """Release the terminal, also after an error."""


class LineReporter(Reporter):
    """One line an epoch, with the time it took."""

    def begin(self, epoch: int) -> None:
        """Note the time."""
        self.title = self.label
        if self.epochs:
            self.title = f"{self.label} {epoch + 1}/{self.epochs}"
        self.start = time.perf_counter()

    def stepped(self, done: int) -> None:
        """Note the time that the steps took, which validation does not add to."""
        self.done, self.took = done, time.perf_counter() - self.start

    def end(self, logs: dict[str, float], prompt: bool = True) -> None:
        """Print the line."""
        parts = self._parts(logs)
        if not config.is_interactive_logging_enabled():
            tell(" - ".join(parts))
            return
        stream = sys.stdout
        text = (
            wrap(parts, columns(stream)) if is_terminal(stream) else " - ".join(parts)
        )
        print(encodable(text, getattr(stream, "encoding", None)))

    def _parts(self, logs: dict[str, float]) -> list[str]:
        """Return what there is to say of a finished epoch."""
        steps = self.done if self.steps is None else self.steps
        plural = "step" if steps == 1 else "steps"
        count = f"{self.done}/" if self.done != steps else ""
        seconds = time.perf_counter() - self.start
        return [
            self.title,
            f"{count}{steps} {plural}",
            f"{seconds:.1f}s",
            pace(self.took, self.done),
            *format_logs(logs),
        ]


class LiveReporter(LineReporter, ABC):
    """One line an epoch, and before that one that is drawn anew while it runs."""

    interval: float  # seconds between two drawings, at least
    shown = 0.0  # when the line was last drawn

    def wants(self) -> bool:
        """Return whether the line is older than the interval."""
        return time.perf_counter() - self.shown > self.interval

    def step(self, done: int, logs: dict[str, float]) -> None:
        """Draw the line anew if it is old."""
        if self.wants():
            self._show(done, logs)

    def validate(self, logs: dict[str, float]) -> None:
        """Say so if the epoch is a slow one."""
        if self.took > self.interval:
            self._show(self.done, logs, "validating")

    def _show(self, done: int, logs: dict[str, float], left: str = "") -> None:
        now, times = time.perf_counter(), []
        if done:
            seconds = now - self.start
            if self.steps is not None:
                rest = max(self.steps - done, 0)
                left = left or f"{clock(seconds / done * rest)} left"
            times = [part for part in (left, pace(seconds, done)) if part]
        total = "?" if self.steps is None else self.steps
        head = f"{self.title} - {done}/{total}"
        self.draw(head, times, format_logs(logs), done / max(self.steps or 0, 1, done))
        self.shown = now

    @abstractmethod
    def draw(self, head: str, times: list[str], logs: list[str], share: float) -> None:
        """Draw the line."""


class BarReporter(LiveReporter):
    """A live line on a terminal, drawn at most ten times a second.

    Without rich, which has to paint a screen to know one: a line printed through its
    Console takes 80 us, and 540 us while a Live is shown, and `rich.progress` 25 ms to
    import. An epoch of 7 small steps takes 150 us, and this adds 9
    (examples/benchmarks/progress.py).
    """

    interval = 0.1

    def open(self) -> None:
        """Take the terminal."""
        self.stream, self.validated = sys.stdout, False
        self.encoding = getattr(self.stream, "encoding", None)
        self.room = columns(self.stream)
        _terminal.open(self, self.stream)

    def begin(self, epoch: int) -> None:
        """Show the epoch before its first step, which may have to be compiled."""
        super().begin(epoch)
        if self.wants():
            self._show(0, {})

    def validate(self, logs: dict[str, float]) -> None:
        """Say so the first time, which may have to be compiled, and if it is slow."""
        if self.validated:
            super().validate(logs)
        else:
            self._show(self.done, logs, "validating")
            self.validated = True

    def end(self, logs: dict[str, float], prompt: bool = True) -> None:
        """Put the line that stays."""
        now = time.perf_counter()
        text = wrap(self._parts(logs), self.room)
        _terminal.say(self, encodable(text, self.encoding))
        if prompt or now - self.shown > self.interval:
            _terminal.flush()
        if now - self.start > self.interval:
            self.shown = 0.0  # the next epoch will be slow too: show it at once

    def draw(self, head: str, times: list[str], logs: list[str], share: float) -> None:
        """Draw the line below what is printed."""
        self.room = columns(self.stream)
        line = fit(head, times, logs, Bar(share, self.encoding), self.room)
        _terminal.draw(self, encodable(line, self.encoding))

    def close(self) -> None:
        """Leave the terminal as it was."""
        _terminal.close(self)


class NotebookReporter(LiveReporter):
    """Lines, of which that of a slow epoch is there, and changes, while it runs.

    As an output that is replaced: a notebook may keep all that was ever written to a
    stream, whatever carriage returns say.
    """

    interval, room = 1.0, 100

    def begin(self, epoch: int) -> None:
        """Wait whether the epoch is a slow one."""
        super().begin(epoch)
        self.shown, self.output = self.start, None

    def draw(self, head: str, times: list[str], logs: list[str], share: float) -> None:
        """Put the line, or another in its place."""
        self._put(fit(head, times, logs, Bar(share, None), self.room))

    def end(self, logs: dict[str, float], prompt: bool = True) -> None:
        """Print the line that stays, or put it in the place of the other."""
        if self.output is None:
            super().end(logs, prompt)
        else:
            self._put(" - ".join(self._parts(logs)))

    def _put(self, line: str) -> None:
        data = {"text/plain": line}
        if self.output is None:
            # It runs, since this is its notebook.
            from IPython.display import display  # pyright: ignore[reportMissingImports]

            self.output = display(data, raw=True, display_id=True)
        else:
            self.output.update(data, raw=True)
