"""A terminal with a live line that makes way for everything else that is printed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from multinet.progress.rows import cells

Stream = Any  # what sys.stdout may be: an object with a method `write`
Write = Callable[[str], int]


def is_notebook(stream: Stream) -> bool:
    """Return whether a stream is the output of a notebook's cell."""
    return type(stream).__module__.startswith("ipykernel.")


def is_terminal(stream: Stream) -> bool:
    """Return whether a stream is a terminal."""
    isatty = getattr(stream, "isatty", None)
    return not is_notebook(stream) and isatty is not None and isatty()


def columns(stream: Stream) -> int:
    """Return how many columns may be written: one fewer than there are.

    A terminal may begin another row when the last column of one is written.
    """
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # a stand-in for a terminal
        width = 0
    return (width or 80) - 1


class Terminal:
    """The terminal, while anyone shows progress there.

    Each user has a live line; that of the last who came is shown, below everything
    else. What others print to the same place meanwhile goes through `_pass`, which
    takes the live line away first, so that their text stands where it was printed.

    The live line needs nothing but carriage returns and blanks: no escape codes, no
    hidden cursor that an error might leave behind.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.lines: dict[object, str] = {}  # the live line of each user
        self.stream: Stream = None
        self._hooks: list[tuple[Stream, Write, Write]] = []  # stream, ours, its own
        self._waiting: list[str] = []  # what is said and not yet seen
        self._shown = 0  # columns that the visible live line takes
        # Whether the cursor is at the start of a row, but for the live line.
        self._fresh: bool | None = None

    def takes(self, stream: Stream) -> bool:
        """Return whether a user of a stream can come now."""
        return self.stream is None or self.stream is stream

    def open(self, user: object, stream: Stream) -> None:
        """Let a user in."""
        with self.lock:
            if not self.lines:
                self._take(stream)
            self.lines[user] = ""

    def close(self, user: object) -> None:
        """Let a user go; a live line that it leaves behind stays as it is."""
        with self.lock:
            try:
                self._show()
                if self._shown and user is self._top():
                    self._write("\n")
                    self._shown = 0
            finally:
                del self.lines[user]
                if not self.lines:
                    self._give_back()
            if self.lines:
                self._show()

    def draw(self, user: object, line: str) -> None:
        """Show a user's live line, of one row, anew."""
        with self.lock:
            self.lines[user] = line
            self._show()

    def say(self, user: object, text: str) -> None:
        """Put whole lines that stay in the place of a user's live line.

        They are seen from the next `draw`, or when anyone prints: each write wakes
        the terminal, which costs more than the line (examples/benchmarks/progress.py).
        """
        with self.lock:
            self.lines[user] = ""
            self._waiting.append(text)

    def flush(self) -> None:
        """Show what waits."""
        with self.lock:
            self._show()

    def _top(self) -> object:
        return next(reversed(self.lines))

    def _show(self) -> None:
        """Write the lines that wait, and the live line below them, at once."""
        text = ""
        if self._fresh is None:
            # Goes to the next row if something printed before ends in none: then the
            # blanks go over the edge. Otherwise the cursor is back where it was.
            text = " " * (columns(self.stream) + 1) + "\r"
            self._fresh = True
        if self._waiting:
            text += self._clear() if self._fresh else "\n"
            text += "\n".join([*self._waiting, ""])
            self._waiting, self._fresh = [], True
        if self._fresh:
            line = self.lines[self._top()]
            width = cells(line)
            if line or self._shown:
                text += f"\r{line}{' ' * (self._shown - width)}"
            self._shown = width
        if text:
            self._write(text)
            self._flush()

    def _clear(self) -> str:
        """Return what takes the live line away."""
        blank, self._shown = " " * self._shown, 0
        return f"\r{blank}\r" if blank else ""

    # -- what others print -------------------------------------------------------------

    def _take(self, stream: Stream) -> None:
        self.stream, self._fresh, self._shown = stream, None, 0
        self._write, self._flush = stream.write, stream.flush
        self._hook(stream)
        if is_terminal(sys.stderr) and sys.stderr is not stream:
            self._hook(sys.stderr)

    def _hook(self, stream: Stream) -> None:
        """Let writes to a stream go through `_pass`.

        On the stream itself, since loggers hold it: they would not see a substitute for
        sys.stdout or sys.stderr.
        """
        own = stream.write

        def write(text: str) -> int:
            return self._pass(own, text)

        with suppress(AttributeError):  # of a stream that takes no attributes
            stream.write = write
            self._hooks.append((stream, write, own))

    def _pass(self, write: Write, text: str) -> int:
        with self.lock:
            if not self.lines or not text:
                return write(text)
            if self._waiting:
                self._show()
            blank = self._clear()
            if blank:
                self._write(blank)
            if blank or write is not self._write:
                self._flush()  # what was printed first is to be seen first
            written = write(text)
            self._fresh = text.endswith("\n")
            self._show()
            return written

    def _give_back(self) -> None:
        for stream, ours, own in self._hooks:
            attributes = vars(stream)
            if attributes.get("write") is not ours:
                continue  # someone else came after us
            del attributes["write"]
            if stream.write != own:
                stream.write = own
        self._hooks, self.stream = [], None
