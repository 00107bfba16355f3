"""Progress: a live line on a terminal, above it a line for each finished epoch."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from multinet import config
from multinet.training.callbacks.terminal import (
    Stream,
    Terminal,
    cells,
    columns,
    encodable,
    is_notebook,
    is_terminal,
)

# A process has one terminal, so there is one object, whatever thread asks.
_terminal = Terminal()


def make_progress(verbose: Any, epochs: int, steps: int, label: str) -> Reporter:
    """Return the reporter for `verbose`: 0 silent, 1 a bar, 2 lines, or "auto".

    `label` stands before the number of the epoch, or alone if `epochs` is 0.
    """
    if verbose in (0, False):
        return Reporter(epochs, steps, label)
    if config.is_interactive_logging_enabled() and verbose != 2 and _moves(sys.stdout):
        return BarReporter(epochs, steps, label)
    return LineReporter(epochs, steps, label)


def _moves(stream: Stream) -> bool:
    """Return whether a line of a stream can be written over."""
    if not _terminal.takes(stream):
        return False
    dumb = os.environ.get("TERM") == "dumb"
    return is_notebook(stream) or (is_terminal(stream) and not dumb)


def format_logs(logs: dict[str, float]) -> list[str]:
    """Return logs as `name: value` with four significant decimals."""
    parts = []
    for name, value in logs.items():
        small = value != 0 and abs(value) < 1e-3
        parts.append(f"{name}: {value:.4e}" if small else f"{name}: {value:.4f}")
    return parts


def wrap(parts: list[str], room: int) -> str:
    """Join parts by dashes, in rows of at most `room` columns where parts allow it."""
    line = " - ".join(parts)
    if cells(line) <= room:
        return line
    rows, row = [], parts[0]
    for part in parts[1:]:
        longer = f"{row} - {part}"
        if cells(longer) > room:
            rows.append(row)
            longer = f"    {part}"
        row = longer
    return "\n".join([*rows, row])


def fit_row(head: str, times: list[str], logs: list[str], bar: Bar, room: int) -> str:
    """Return the most that `room` columns hold of a live line.

    What goes first is the bar, which shrinks before, then the times, then the last
    logs. The head and the first of the logs, the loss, stay.
    """
    times, logs = list(times), list(logs)
    while cells(line := " - ".join([head, *times, *logs])) > room:
        if times:
            times.pop(0)
        elif len(logs) > 1:
            logs.pop()
        else:
            break
    drawn = bar.draw(room - cells(line) - 1)
    if drawn:
        return f"{head} {drawn}{line[len(head) :]}"
    while cells(line) > room:
        line = line[:-1]
    return line


class Bar:
    """A bar that is so far full."""

    least, most = 8, 24

    def __init__(self, share: float, stream: Stream) -> None:
        self.share = share
        marks = "━─"
        self.full, self.empty = marks if encodable(marks, stream) == marks else "=."

    def draw(self, room: int) -> str:
        """Return the bar, or nothing where there is little room."""
        if room < self.least:
            return ""
        width = min(room, self.most)
        full = round(self.share * width)
        return self.full * full + self.empty * (width - full)


class Reporter:
    """Shows nothing; the base of those that do."""

    def __init__(self, epochs: int, steps: int, label: str) -> None:
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
            logging.getLogger("multinet").info(" - ".join(parts))
            return
        terminal = is_terminal(sys.stdout)
        text = wrap(parts, columns(sys.stdout)) if terminal else " - ".join(parts)
        print(encodable(text, sys.stdout))

    def _parts(self, logs: dict[str, float]) -> list[str]:
        """Return what a finished epoch is told as."""
        plural = "step" if self.steps == 1 else "steps"
        count = f"{self.done}/" if self.done != self.steps else ""
        seconds = time.perf_counter() - self.start
        return [
            self.title,
            f"{count}{self.steps} {plural}",
            f"{seconds:.1f}s",
            _pace(self.took, self.done),
            *format_logs(logs),
        ]


class BarReporter(LineReporter):
    """A live line for the running epoch, drawn at most ten times a second.

    Without rich, which has to paint a screen to know one: a line printed through its
    Console takes 80 us, and 540 us while a Live is shown, and `rich.progress` 25 ms to
    import. An epoch of 7 small steps takes 320 us; a plain write adds 10
    (examples/benchmarks/progress.py).
    """

    def open(self) -> None:
        """Take the terminal."""
        self.stream = sys.stdout
        self.notebook = is_notebook(self.stream)
        self.interval = 1.0 if self.notebook else 0.1
        # A notebook keeps what was written over, so quick work is not drawn there.
        self.shown = time.perf_counter() if self.notebook else 0.0
        self.room, self.validated = columns(self.stream), False
        _terminal.open(self, self.stream)

    def begin(self, epoch: int) -> None:
        """Show the epoch before its first step, which may have to be compiled."""
        super().begin(epoch)
        if self.wants():
            self._draw(0, {})

    def wants(self) -> bool:
        """Return whether the line is older than the interval."""
        return time.perf_counter() - self.shown > self.interval

    def step(self, done: int, logs: dict[str, float]) -> None:
        """Draw the line anew if it is old."""
        if self.wants():
            self._draw(done, logs)

    def validate(self, logs: dict[str, float]) -> None:
        """Say so the first time, which may have to be compiled, and if it is slow."""
        if self.took > self.interval or not self.validated:
            self._draw(self.done, logs, "validating")
            self.validated = True

    def end(self, logs: dict[str, float], prompt: bool = True) -> None:
        """Put the line that stays."""
        now = time.perf_counter()
        parts = self._parts(logs)
        text = " - ".join(parts) if self.notebook else wrap(parts, self.room)
        _terminal.say(self, encodable(text, self.stream))
        if prompt or now - self.shown > self.interval:
            _terminal.flush()
        if now - self.start > self.interval:
            self.shown = 0.0  # the next epoch will be slow too: show it at once

    def close(self) -> None:
        """Leave the terminal as it was."""
        _terminal.close(self)

    def _draw(self, done: int, logs: dict[str, float], left: str = "") -> None:
        now = time.perf_counter()
        times = []
        if done:
            seconds = now - self.start
            left = left or f"{_clock(seconds / done * (self.steps - done))} left"
            times = [left, _pace(seconds, done)]
        self.room = columns(self.stream)
        line = fit_row(
            f"{self.title} - {done}/{self.steps}",
            times,
            format_logs(logs),
            Bar(done / max(self.steps, 1), self.stream),
            self.room,
        )
        _terminal.draw(self, encodable(line, self.stream))
        self.shown = now
        if self.notebook:  # rarer in long epochs: a saved notebook has every line
            self.interval = max(1.0, 0.02 * (now - self.start))


def _pace(seconds: float, steps: int) -> str:
    return f"{1e3 * seconds / max(steps, 1):.2f}ms/step"


def _clock(seconds: float) -> str:
    """Return a time as 45s, 3m20s or 2h05m."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"
