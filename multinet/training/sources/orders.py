"""The orders in which the samples of a model's epochs come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import philox
from multinet.random import host as host_random
from multinet.training.clock import Keys
from multinet.training.sources.source import Data, Host

_SHORT = 1 << 13  # words, drawn at once


class Orders:
    """The orders of a model's epochs, the same on every backend.

    They go on where the last fit ended: fits of 3 and of 2 epochs see what one of 5
    sees. `set_random_seed` starts them anew. Short orders are drawn for several epochs
    at once.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.key: tuple[int, int] | None = None  # of the fit in progress
        self.epoch = 0  # the number of the order that comes next
        self.count, self.left = 0, 0
        self.known: list[Host] = []  # of the epochs to come, the next one last

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, which sees the orders that the original sees."""
        self.reserve()
        return vars(self)

    def reserve(self) -> tuple[int, int]:
        """Return the key, taken now if there is none under the seed that is set."""
        self.key, is_new = self.keys.orders()
        if is_new:
            self.epoch = 0
        return self.key

    def begin(self, count: int, epochs: int) -> None:
        """Begin a fit of so many epochs on `count` samples."""
        self.reserve()
        self.count, self.left, self.known = count, epochs, []

    def next(self) -> Host:
        """Return the order of the next epoch."""
        if not self.known:
            key = self.key or self.reserve()
            ahead = min(self.left, max(1, _SHORT // max(1, self.count)))
            epochs = range(self.epoch, self.epoch + max(1, ahead))
            keys = [philox.fold_in(key, i) for i in reversed(epochs)]
            if len(keys) == 1:
                self.known = [host_random.permutation(keys[0], self.count)]
            else:
                self.known = list(host_random.permutations(keys, self.count))
        self.epoch, self.left = self.epoch + 1, self.left - 1
        return self.known.pop()

    def state(self, epoch: int) -> Data:
        """Return what `restore` needs to go on with the order of this number."""
        # The key in use, if there is one, whatever seed is set by now.
        key = self.key or self.reserve()
        return {"key": [int(word) for word in key], "epoch": epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the order that a state names, whatever seed is set by now."""
        first, second = state["key"]
        self.key = first, second
        self.keys.take_orders(self.key)
        self.epoch, self.known = state["epoch"], []
