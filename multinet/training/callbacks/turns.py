"""Turns: after which batches of a training it is time to do something."""

from __future__ import annotations

from typing import Any, Literal

from multinet.typing import Data


class Turns:
    """Counts batches over epochs; every so many it is time, with "epoch" never.

    Several may pass at once, as `steps_per_execution` says.
    """

    def __init__(self, every: int | Literal["epoch", False]) -> None:
        self.every: Any = every
        self.count = 0  # the batches done
        self.last = -1  # the batch of the epoch that was counted last

    def begin(self, done: int = 0) -> None:
        """Know that an epoch begins, or goes on with so many of its batches done."""
        self.last = done - 1

    def due(self, batch: int) -> bool:
        """Count the batches up to this one; return whether it is time."""
        new = batch - self.last
        due = self.count % self.every + new >= self.every
        self.count, self.last = self.count + new, batch
        return due

    def state(self) -> Data:
        """Return what was counted."""
        return [self.count, self.last]

    def restore(self, state: Data) -> None:
        """Go on with what was counted elsewhere."""
        self.count, self.last = state
