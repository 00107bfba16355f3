"""Progbar: a bar for loops of one's own."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from multinet.config import is_interactive_logging_enabled
from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Numbers

_BOLD, _GREEN, _GRAY, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Shows how far a loop is, and the values of its steps.

    `target` is the number of steps, None if unknown. `verbose` is 0 for silence, 1 for
    a bar, 2 for a line at the end. Values are shown as means over the steps, those in
    `stateful_metrics` as they are; or name in `stateless_metrics` those that are
    averaged. A bar is drawn every `interval` seconds at most.

    >>> bar = Progbar(10)
    >>> for i in range(10):
    ...     bar.update(i + 1, [("loss", 1 / (i + 1))])
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Expected stateful_metrics or stateless_metrics, got both. Name the "
                "values to show as they are, or those to average."
            )
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = (
            None if stateful_metrics is None else {*stateful_metrics}
        )
        self.stateless_metrics = (
            None if stateless_metrics is None else {*stateless_metrics}
        )
        self._sums: dict[str, list[Any]] = {}  # of values, and their weights
        self._seen = 0
        self._start = time.perf_counter()
        self._after_first: float | None = None
        self._drawn = -math.inf
        self._shown = 0  # characters of the line on the screen

    @shortening
    def update(
        self,
        current: int,
        values: Sequence[tuple[str, Numbers]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that `current` steps are done, and (name, value) pairs of the last ones.

        `finalize` ends the line; by default where `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._add(name, value, 1 if finalize else max(current - self._seen, 1))
            if finalize or not self._averaged(name):
                self._sums[name] = [np.mean(value), 1]
        self._seen = current
        now = time.perf_counter()
        pace = self._pace(current, now)
        if self.verbose == 1 and (finalize or now - self._drawn >= self.interval):
            self._draw(current, now, pace, finalize)
            self._drawn = now
        elif self.verbose == 2 and finalize and self.target:
            took = f"{self._count(current)} - {now - self._start:.0f}s - "
            _show(f"{took}{self._per_unit(pace)}{self._values()}\n")

    @shortening
    def add(self, n: int, values: Sequence[tuple[str, Numbers]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())

    def _add(self, name: str, value: Numbers, weight: int) -> None:
        total = self._sums.setdefault(name, [0.0, 0])
        total[0] += float(np.mean(value)) * weight
        total[1] += weight

    def _pace(self, current: int, now: float) -> float:
        """Return the seconds of a step; the first one, often slow, does not count."""
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            return (now - self._after_first) / (current - 1)
        if current == 1:
            self._after_first = now
        return (now - self._start) / current

    def _draw(self, current: int, now: float, pace: float, finalize: bool) -> None:
        left = (self.target or 0) - current
        clock = now - self._start if finalize or not self.target else pace * left
        # The colours, and the same without them: what the line takes on the screen.
        lines = []
        for bold, green, gray, plain in ((_BOLD, _GREEN, _GRAY, _PLAIN), ("",) * 4):
            bar = f"{bold}{self._count(current)}{plain} "
            if self.target:
                full = min(self.width, int(self.width * current / self.target))
                bar += f"{green}{'━' * full}{plain}"
                bar += f"{gray}{'━' * (self.width - full)}{plain} "
            bar += f"{bold}{_clock(clock)}{plain} {self._per_unit(pace)}"
            lines.append(bar + self._values())
        blanks = " " * (self._shown - len(lines[1]))
        self._shown = len(lines[1])
        _show(f"\r{lines[0]}{blanks}" + ("\n" if finalize else ""))

    def _count(self, current: int) -> str:
        if not self.target:
            return f"{current:>7}/Unknown"
        return f"{current:>{len(str(self.target))}}/{self.target}"

    def _per_unit(self, pace: float) -> str:
        for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
            if pace * scale >= 1 or pace == 0:
                return f"{pace * scale:.0f}{unit}/{self.unit_name}"
        return f"<1us/{self.unit_name}"

    def _values(self) -> str:
        means = {name: total / max(1, n) for name, (total, n) in self._sums.items()}
        return "".join(
            f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}"
            for name, mean in means.items()
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest}s"


def _show(text: str) -> None:
    """Print, or log where interactive logging is off."""
    if not is_interactive_logging_enabled():
        import logging  # slow, and rarely used

        logging.getLogger("multinet").info(text.strip())
    elif sys.stdout is not None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
