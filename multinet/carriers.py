"""Where the value of a Variable may be while it does not hold it, and what changed."""

from __future__ import annotations

import itertools
from typing import Protocol

from multinet.typing import Made


class Carrier(Protocol):
    """Whoever computes with the values of Variables, and gives them back when asked."""

    def store(self) -> None:
        """Give every Variable carried its value, to keep, and carry it no longer."""

    def drop(self, variable: Made) -> None:
        """Carry the Variable no longer: it is about to get another value."""


_ticks = itertools.count(1)


class Clock:
    """Tells by its number that no Variable has changed since a cache was filled.

    Each change has a number of its own, whatever threads do at the same time.
    """

    now = 0

    @classmethod
    def tick(cls) -> None:
        """Mark a change."""
        cls.now = next(_ticks)
