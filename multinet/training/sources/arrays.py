"""Arrays in memory as a source: views of them, or rows in an order, copied once."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import optree

from multinet.errors import ArgumentError
from multinet.training.sources.columns import leaf_of
from multinet.training.sources.orders import Orders
from multinet.training.sources.source import (
    Chunk,
    Data,
    Host,
    HostBatch,
    Leaf,
    Room,
    Tree,
    most_steps,
)


class ArraySource:
    """Batches of arrays in memory, several at a time, copied at most once.

    `orders` permute the samples of each pass over them, and begin with the first chunk
    a fit of so many `epochs`; without them chunks are views. An epoch that is left
    before the end of a pass leaves the rest of it to the next.
    """

    def __init__(
        self,
        data: HostBatch,
        batch_size: int,
        orders: Orders | None = None,
        epochs: int = 1,
    ) -> None:
        self.data, self.batch_size = data, batch_size
        self.orders, self.epochs = orders, epochs
        self.leaves: list[Host] = data.leaves()
        self.full, self.rest = divmod(data.size(), batch_size)
        self.size = self.full + (self.rest > 0)
        self.spec: Tree = optree.tree_map(_leaf, data.tree())  # type: ignore[arg-type]
        self.epoch: int | None = None
        self.done = 0  # batches of the pass
        self._order: int | None = None  # the number of the pass's order
        self._places: Host | None = None  # that order
        self._begun = self._restored = False

    @property
    def most(self) -> int:
        """How many batches to offer at once: those of an epoch, if they are small.

        A power of two, so that data of another length seldom needs other programs.
        """
        if self.full < 2:
            return 1
        size = sum(x[: self.batch_size].nbytes for x in self.leaves)
        return min(most_steps(size), 1 << (self.full - 1).bit_length())

    def chunks(self, epoch: int, room: Room) -> Generator[Chunk, None, None]:
        """Yield the batches of a pass, or those that are left of it."""
        order = self._begin(epoch)
        full = [x[: self.batch_size] for x in self.leaves]
        while self.done < self.size:
            left, size, example = self.full - self.done, self.batch_size, full
            if left == 0:
                left, size = 1, self.rest
                example = [x[:size] for x in self.leaves]
            steps, rows = room(example, left)
            steps = min(steps, left)
            start = self.done * self.batch_size
            part = slice(start, start + steps * size)
            self.done += steps
            yield Chunk(self._columns(part, steps, size, rows, order), steps)

    def _begin(self, epoch: int) -> Host | None:
        """Begin a pass, or go on with one; return its order."""
        restored = self._restored and epoch == self.epoch
        left = self.epoch == epoch - 1 and 0 < self.done < self.size
        going_on = restored or left
        if self.orders is not None and not self._begun:
            self.orders.begin(self.data.size(), self.epochs)
            self._begun = True
        if self._restored and self.orders is not None and self.epoch is not None:
            assert self._order is not None
            ahead = 0 if going_on else epoch - self.epoch
            self.orders.epoch = self._order + ahead
            self.orders.known = []
        self._restored, self.epoch = False, epoch
        if not going_on:
            self.done, self._places = 0, None
        if self.orders is not None and self._places is None:
            self._order = self.orders.epoch
            self._places = self.orders.next()
        return self._places

    def _columns(
        self, part: slice, steps: int, size: int, rows: int, order: Host | None
    ) -> list[Host]:
        if order is None:
            return [x[part].reshape(steps, size, *x.shape[1:]) for x in self.leaves]
        places, rows = order[part], max(rows, steps)
        columns = []
        for leaf in self.leaves:
            out = np.empty((rows, size, *leaf.shape[1:]), leaf.dtype)
            flat = out.reshape(rows * size, *leaf.shape[1:])
            # "clip" writes into `out` directly; the places are in range.
            leaf.take(places, 0, flat[: steps * size], "clip")
            columns.append(out)
        return columns

    def state(self) -> Data:
        """Return the epoch, the batches of it that were given, and its order."""
        orders = None
        if self.orders is not None:
            number = self.orders.epoch if self._order is None else self._order
            orders = self.orders.state(number)
        return {
            "samples": self.data.size(),
            "batch_size": self.batch_size,
            "epoch": self.epoch,
            "batches": self.done,
            "orders": orders,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where a source of the same data was."""
        for name, ours in (
            ("samples", self.data.size()),
            ("batch_size", self.batch_size),
            ("shuffle", self.orders is not None),
        ):
            theirs = state["orders"] is not None if name == "shuffle" else state[name]
            if ours != theirs:
                raise ArgumentError(
                    f"Expected {name}={theirs}, as when the state was kept, got "
                    f"{ours}. Go on with the same data, batch_size and shuffle."
                )
        self.epoch, self.done, self._restored = state["epoch"], state["batches"], True
        self._places = None
        if self.orders is not None:
            self.orders.restore(state["orders"])
            self._order = self.orders.epoch

    def close(self) -> None:
        """Do nothing: arrays need no end."""


def _leaf(array: Host) -> Leaf:
    return leaf_of(array)
