"""The orders in which the samples of a model's epochs come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import philox, seeds
from multinet.random import host as host_random
from multinet.training.sources.source import Data, Host

_SHORT = 1 << 13  # words, drawn at once


class Orders:
    """The orders of a model's epochs, the same on every backend.

    They go on where the last fit ended: fits of 3 and of 2 epochs see what one of 5
    sees. `set_random_seed` starts them anew. Short orders are drawn for several epochs
    at once.
    """

    def __init__(self) -> None:
        self.key: tuple[int, int] | None = None
        self.era = -1  # of the seed that the key was drawn under
        self.epoch = 0  # the number of the order that comes next
        self.count, self.left = 0, 0
        self.known: list[Host] = []  # of the epochs to come, the next one last

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, which sees the orders that the original sees."""
        self._reserve()
        return vars(self)

    def _reserve(self) -> None:
        if self.key is None or self.era != seeds.era():
            self.era, self.key, self.epoch = seeds.era(), seeds.site_key(), 0

    def begin(self, count: int, epochs: int) -> None:
        """Begin a fit of so many epochs on `count` samples."""
        self._reserve()
        self.count, self.left, self.known = count, epochs, []

    def next(self) -> Host:
        """Return the order of the next epoch."""
        if not self.known:
            assert self.key is not None
            ahead = min(self.left, max(1, _SHORT // max(1, self.count)))
            epochs = range(self.epoch, self.epoch + max(1, ahead))
            keys = [philox.fold_in(self.key, i) for i in reversed(epochs)]
            if len(keys) == 1:
                self.known = [host_random.permutation(keys[0], self.count)]
            else:
                self.known = list(host_random.permutations(keys, self.count))
        self.epoch, self.left = self.epoch + 1, self.left - 1
        return self.known.pop()

    def state(self, epoch: int) -> Data:
        """Return what `restore` needs to go on with the order of this number."""
        if self.key is None:  # else the one in use, whatever seed is set by now
            self._reserve()
        assert self.key is not None
        return {"key": [int(word) for word in self.key], "epoch": epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the order that a state names, whatever seed is set by now."""
        first, second = state["key"]
        self.key, self.era = (first, second), seeds.era()
        self.epoch, self.known = state["epoch"], []
