"""The clock of training: which step, update and epoch it is, and the keys for each."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from multinet import seeds
from multinet.streams import OTHER, TRAINING
from multinet.typing import AnyVariable, Making

Array = np.ndarray[Any, Any]
_FIRST_LOOK, _LOOKS = OTHER.start, len(OTHER)


class Keys:
    """The keys that all randomness of a model's training derives from.

    `draws` is that of draws without a seed in its steps. `orders` is that of the orders
    of its data, taken when they are first needed and anew after `set_random_seed`.
    """

    def __init__(self) -> None:
        self.draws = seeds.model_key()
        self._orders: tuple[int, int] | None = None
        self._era = -1  # of the seed that it was taken under

    def orders(self) -> tuple[tuple[int, int], bool]:
        """Return the key of orders, and whether it was taken just now."""
        new = self._orders is None or self._era != seeds.era()
        if new:
            self._era, self._orders = seeds.era(), seeds.site_key()
        assert self._orders is not None
        return self._orders, new

    def take_orders(self, key: tuple[int, int]) -> None:
        """Take the key of another's orders, whatever seed is set by now."""
        self._orders, self._era = key, seeds.era()


class StepClock:
    """Counts the steps of a model, and gives each the number that its draws take.

    Steps of training and other steps count apart, so that looking at a model does not
    change how it trains.
    """

    def __init__(self) -> None:
        self.counts = {True: 0, False: 0}  # by whether a step trains

    def numbers(self, trains: bool, count: int) -> Array:
        """Return the numbers of the next steps."""
        numbers, done = TRAINING if trains else OTHER, self.counts[trains] + 1
        first = numbers.start + done % len(numbers)
        if first + count <= numbers.stop:
            return np.arange(first, first + count, dtype=np.uint32)
        ahead = np.arange(done, done + count) % len(numbers)
        return (ahead + numbers.start).astype(np.uint32)

    def looked(self) -> tuple[Array]:
        """Return the number of the last step that is not of training, as scalars."""
        return (np.array((_FIRST_LOOK + self.counts[False] % _LOOKS,), np.uint32),)


class UpdateCount:
    """Carries the number of updates that an optimizer has done, as a host integer."""

    def __init__(self, optimizer: Making, lock: threading.RLock) -> None:
        self.optimizer, self.variable = optimizer, optimizer._batches
        self.count, self.lock = 0, lock  # the lock of the steps that count

    def load(self) -> int:
        """Return the number, read from the Variable if that was set since."""
        if self.variable._carrier is not self:
            self.count = int(self.variable.numpy())
            self.variable.carried_by(self)
        return self.count

    def scalars(self, room: int, count: int, each: int) -> list[Array]:
        """Return the numbers and rates of the updates of `count` steps, in `room` rows.

        `each` is how many updates a step does.
        """
        done, stride = self.load(), max(each, 1)
        rates = np.zeros(room)
        found = self.optimizer.rates_at(done, count * stride)
        rates[:count] = found if isinstance(found, float) else found[::stride]
        updates = done + 1 + each * np.arange(room)
        return [updates.astype(np.int32), rates]

    def add(self, count: int) -> None:
        """Note that so many updates were done."""
        self.count += count
        if self.variable.at_home:  # code of the framework's own counts on in it
            self.store()

    def drop(self, variable: AnyVariable) -> None:
        """Give the Variable its value: it is about to get another."""
        self.store()

    def store(self) -> None:
        """Give the Variable its value."""
        with self.lock:
            if self.variable._carrier is self:
                backend = self.variable.owner()
                with backend.native.outside():  # some function may be traced
                    value = backend.from_numpy(np.array(self.count, np.int32))
                    self.variable.hand_back(value)


class Uncounted(UpdateCount):
    """The number of updates where only the step knows it: this one stands still."""

    def __init__(self, optimizer: Making) -> None:
        self.optimizer, self.count = optimizer, 0

    def load(self) -> int:
        """Return a number that nobody uses."""
        return 0

    def add(self, count: int) -> None:
        """Count nothing."""


def update_count(optimizer: Making, lock: threading.RLock) -> UpdateCount:
    """Return what counts the updates of an optimizer for a program."""
    if optimizer.skips:
        return Uncounted(optimizer)
    return UpdateCount(optimizer, lock)
