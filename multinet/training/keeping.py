"""What a trial of a model must leave behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multinet import holders
from multinet.seeds import SeedGenerator
from multinet.typing import AnyModel
from multinet.variables import Variable


class Kept:
    """What steps change of a model: weights, optimizer, metrics, where streams stand.

    Parts that were made since are left as they are.
    """

    def __init__(self, model: AnyModel) -> None:
        self.trainer: Any = model._trainer
        #: Their arrays are never written to, so that they need no copies.
        self.values = [(v, v.uncast()) for _, v in holders.walk(model, Variable)]
        self.streams = [
            (part, part.key, part.count)
            for _, part in holders.walk(model, SeedGenerator)
        ]
        self.counts = dict(self.trainer.clock.counts)
        self.order = self.trainer.orders.epoch

    def restore(self) -> None:
        """Let the model be as it was."""
        for variable, value in self.values:
            variable.assign(value)
        for part, key, count in self.streams:
            part.key, part.count = key, count
        self.trainer.clock.counts = dict(self.counts)
        self.trainer.orders.epoch, self.trainer.orders.known = self.order, []


@contextmanager
def kept(model: AnyModel) -> Iterator[None]:
    """Let a model be after the block, also after an error, as it was before."""
    found = Kept(model)
    try:
        yield
    finally:
        found.restore()
