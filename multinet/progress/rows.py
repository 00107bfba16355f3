"""The text of progress: what a line says, and how it fits into a row."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def format_logs(logs: dict[str, float]) -> list[str]:
    """Return logs as `name: value` with four significant decimals."""
    parts = []
    for name, value in logs.items():
        small = value != 0 and abs(value) < 1e-3
        parts.append(f"{name}: {value:.4e}" if small else f"{name}: {value:.4f}")
    return parts


def pace(seconds: float, steps: int) -> str:
    """Return the time that a step takes."""
    return f"{1e3 * seconds / max(steps, 1):.2f}ms/step"


def clock(seconds: float) -> str:
    """Return a time as 45s, 3m20s or 2h05m."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


def cells(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def encodable(text: str, encoding: str | None) -> str:
    """Return a text with ? for what an encoding lacks; None has everything."""
    if encoding is None or text.isascii():
        return text
    return text.encode(encoding, "replace").decode(encoding)


def wrap(parts: Sequence[str], room: int) -> str:
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


def fit(
    head: str, times: Sequence[str], logs: Sequence[str], bar: Bar, room: int
) -> str:
    """Return the most that `room` columns hold of a live line.

    What goes first is the times, then the last logs; the head and the first of the
    logs, the loss, stay. The bar takes the room that is left.
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
    """A bar that is full by a share of 1."""

    least, most = 8, 24

    def __init__(self, share: float, encoding: str | None) -> None:
        self.share = share
        marks = "━─"
        self.full, self.empty = marks if encodable(marks, encoding) == marks else "=."

    def draw(self, room: int) -> str:
        """Return the bar, or nothing where there is little room."""
        if room < self.least:
            return ""
        width = min(room, self.most)
        full = round(self.share * width)
        return self.full * full + self.empty * (width - full)
