"""Runs a program on a pseudo-terminal, and sees its screen as a terminal shows it."""

import fcntl
import functools
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pyte

PROGRAM = Path(__file__).with_name("terminal_program.py")
ROWS = 24


class Seen:
    """What was written and, at each moment, the rows on the screen and all above."""

    def __init__(self, columns):
        self.screen = pyte.HistoryScreen(columns, ROWS, history=10_000)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.facts, self.shown, self.rows = {}, {}, {}

    def feed(self, data):
        """Take what the program wrote."""
        self.bytes += data
        self.stream.feed(data)

    def note(self, name, facts):
        """Keep the rows of this moment, those above the screen too."""
        width, above = self.screen.columns, self.screen.history.top
        gone = ["".join(row[i].data for i in range(width)) for row in above]
        shown = [row.rstrip() for row in self.screen.display]
        while shown and not shown[-1]:
            shown.pop()
        self.facts[name], self.shown[name] = facts, shown
        self.rows[name] = [row.rstrip() for row in gone] + shown

    def since(self, name, before):
        """Return the rows of a moment that came after those of another."""
        return self.rows[name][len(self.rows[before]) :]


def written(terminal):
    """Return what was written next, nothing at the end."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # what Linux says where nobody has the other end
        return b""


@functools.cache
def seen(columns, **environment):
    """Run the program on a terminal of so many columns."""
    found = Seen(columns)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, columns, 0, 0))
    (listen, say), (hear, answer) = os.pipe(), os.pipe()
    options = {"TERM": "xterm", "MULTINET_BACKEND": "numpy", **environment}
    child = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(say), str(hear)],
        env={**os.environ, **options},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=(say, hear),
    )
    for descriptor in (theirs, say, hear):
        os.close(descriptor)
    while data := written(ours):
        before, *moments = data.split(b"\0")
        found.feed(before)
        for after in moments:
            facts = json.loads(os.read(listen, 1 << 16))
            found.note(facts.pop("name"), facts)
            os.write(answer, b"x")
            found.feed(after)
    child.wait()
    found.note("end", {})
    for descriptor in (ours, listen, answer):
        os.close(descriptor)
    return found
