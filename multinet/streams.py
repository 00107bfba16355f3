"""The random streams: which number of the 32-bit counter each draw takes.

A draw site, such as a `SeedGenerator`, has a key. The key of a draw is folded from it
by these numbers, the same on every backend, compiled or not:

| a draw | the numbers |
|---|---|
| in training step s | s of `TRAINING`, then the draws before in the step |
| in step s of evaluate or predict | s of `OTHER`, then the draws before in the step |
| outside of steps, `jit` or not | the draws before that of the site, in `LOOSE` |

A loop or branch has a number, in place of the draw: in a step one of `INNER`, told by
its place there; elsewhere the next of `LOOPS`, whether it draws or not. From there the
draws of a site count from 0: fold in the draw, then the iteration or branch.

A draw without a seed is a site of its own. In a step it is known by its place, the n-th
of these in the step, under the key of the model; outside it takes the next number of
`SITES` under the global seed.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any, Protocol

from multinet import philox
from multinet.interface import Key
from multinet.registry import current
from multinet.typing import Numbers

# What the key of a site is folded with.
TRAINING = range(0, 1 << 31)
OTHER = range(1 << 31, 3 << 30)
LOOSE = range(3 << 30, 7 << 29)
LOOPS = range(7 << 29, 1 << 32)
# What the key of a step is folded with besides its draws: its loops and branches.
INNER = range(1 << 31, 1 << 32)
# What the global seed is folded with: its draw sites, models, and `LOOPS`.
SITES = range(1, 1 << 31)
MODELS = range(1 << 31, LOOPS.start)

_lock = threading.Lock()  # no two threads may take one number


def number(stream: range, count: int) -> int:
    """Return the number of a stream after `count` others; at its end it begins anew."""
    return stream.start + count % len(stream)


def fold_in(key: Key, data: Numbers) -> Key:
    """Return the key derived from `key` by an integer, on the host where both are."""
    if isinstance(key, tuple) and isinstance(data, int):
        return philox.fold_in(key, data)
    return current().fold_in(key, data)


class Site(Protocol):
    """What draws: a key, how many loose draws were made, and the numbers of those."""

    count: int
    numbers: range

    @property
    def key(self) -> philox.Key: ...


class Place:
    """A draw without a seed, in a step: a site that is known by its place."""

    numbers = LOOSE

    def __init__(self, key: philox.Key) -> None:
        self.key, self.count = key, 0


class Loops:
    """The loops and branches outside of any step, counted as a site counts draws."""

    key: philox.Key = (0, 0)
    numbers = LOOPS
    count = 0


#: Those of the process; `set_random_seed` starts them anew.
ALL_LOOPS = Loops()


class Stream(ABC):
    """Where the draws of a running program stand: how many each site made.

    `root` is the key that draws without a seed derive from in a step; None elsewhere.
    """

    root: philox.Key | None = None
    loose = False  # whether loops are those of the process

    def __init__(self) -> None:
        self.counts: dict[Any, int] = {}
        self.inner = 0  # loops and branches so far

    @abstractmethod
    def at(self, site: Site, count: int) -> Key:
        """Return the key of a site's draw after `count` others."""

    def drawn(self, site: Site | None) -> int:
        """Return how many draws a site has made here."""
        return self.counts.get(site, 0)

    def advance(self, site: Site | None, count: int) -> None:
        """Note that a site made at least so many draws."""
        self.counts[site] = max(count, self.drawn(site))

    def take(self, site: Site | None) -> int:
        """Return how many draws a site has made here, and count one more."""
        count = self.drawn(site)
        self.advance(site, count + 1)
        return count

    def next(self, site: Site) -> Key:
        """Return the key of a site's next draw."""
        return self.at(site, self.take(site))

    def enter(self) -> int:
        """Return how many loops and branches there were, and count one more."""
        if self.loose:
            return self.take(ALL_LOOPS)
        self.inner += 1
        return self.inner - 1

    def loop(self, site: Site, count: int) -> Key:
        """Return the key of a site in a loop or branch, after `count` other loops."""
        return self.at(site, INNER.start + count)


class StepStream(Stream):
    """The draws of a step, by its number: an integer or a tensor."""

    def __init__(self, step: Numbers, root: philox.Key = (0, 0)) -> None:
        super().__init__()
        self.step, self.root = step, root

    def at(self, site: Site, count: int) -> Key:
        """Fold in the step, then the draw."""
        return fold_in(fold_in(site.key, self.step), count)


class LooseStream(Stream):
    """The draws outside of any step: the sites themselves count them."""

    loose = True

    def at(self, site: Site, count: int) -> Key:
        """Fold in the number of the loose draw."""
        return philox.fold_in(site.key, number(site.numbers, count))

    def drawn(self, site: Site) -> int:
        """Return what the site counted."""
        return site.count

    def advance(self, site: Site, count: int) -> None:
        """Let the site count at least so many."""
        with _lock:
            site.count = max(site.count, count)

    def take(self, site: Site) -> int:
        """Let the site count one more."""
        return reserve(site, 1)

    def loop(self, site: Site, count: int) -> Key:
        """Fold in the number of the loop."""
        return philox.fold_in(site.key, number(LOOPS, count))


HOST = LooseStream()


def reserve(site: Site, count: int) -> int:
    """Return how many loose draws a site had made, and let it have made `count` more.

    They do not cross the end of the stream.
    """
    with _lock:
        start, size = site.count, len(site.numbers)
        if start % size + count > size:
            start += size - start % size
        site.count = start + count
    return start


class JitStream(Stream):
    """The loose draws of a compiled call, which gets keys and numbers as arguments.

    Without them it counts what a function draws, when that runs on shapes alone.
    """

    loose = True

    def __init__(self, starts: dict[Any, tuple[Any, Any]] | None = None) -> None:
        super().__init__()
        self.starts = starts or {}

    def at(self, site: Site, count: int) -> Key:
        """Fold in the number of the first draw of the call, plus `count`."""
        if site not in self.starts:
            return HOST.at(site, count)
        return self._from(site, self.starts[site][1], count)

    def loop(self, site: Site, count: int) -> Key:
        """Fold in the number of the first loop of the call, plus `count`."""
        self.advance(site, 0)  # its key is to be an argument
        if site not in self.starts:
            return HOST.loop(site, count)
        return self._from(site, self.starts[ALL_LOOPS][1], count)

    def _from(self, site: Site, start: Any, count: int) -> Any:
        if isinstance(start, int):  # the backend runs the function anew in each call
            return fold_in(site.key, start + count)
        return fold_in(self.starts[site][0], current().add(start, count))


class Again(Stream):
    """The draws of a function that may run several times: the same ones each time."""

    def __init__(self, around: Stream, starts: dict[Any, int], inner: int) -> None:
        super().__init__()
        self.around, self.starts, self.inner = around, starts, inner
        self.root, self.loose = around.root, around.loose

    def at(self, site: Site, count: int) -> Key:
        """Return the key of the stream around."""
        return self.around.at(site, count)

    def drawn(self, site: Site | None) -> int:
        """Return the count here, which begins as it was before the first run."""
        if site not in self.counts:
            self.counts[site] = self.starts.setdefault(site, self.around.drawn(site))
        return self.counts[site]

    def advance(self, site: Site | None, count: int) -> None:
        """Count here and in the stream around, there once for all runs."""
        super().advance(site, count)
        self.around.advance(site, count)

    def loop(self, site: Site, count: int) -> Key:
        """Return the key of the stream around."""
        return self.around.loop(site, count)

    def enter(self) -> int:
        """Count loops here and in the stream around, there once for all runs."""
        count = super().enter()
        self.around.inner = max(self.around.inner, self.inner)
        return count


class InnerStream(Stream):
    """The draws of one iteration of a loop, or of one branch.

    `count` tells the loop from others of the stream around; `place` is the iteration or
    branch, None while nobody knows that it draws.
    """

    def __init__(self, around: Stream, count: int, place: Numbers) -> None:
        super().__init__()
        self.around, self.count, self.place = around, count, place
        self.root = around.root
        self.used = False

    def at(self, site: Site, count: int) -> Key:
        """Fold in the draw, then the iteration."""
        self.used = True
        key = fold_in(self.around.loop(site, self.count), count)
        return key if self.place is None else fold_in(key, self.place)


class Entry:
    """Where the draws of a stream stood when a function began that may run again.

    `count` is what `enter` gave, if the function belongs to a loop or branch.
    """

    def __init__(self, stream: Stream, count: int = 0) -> None:
        self.stream, self.count = stream, count
        self._starts: dict[Any, int] = {} if stream is HOST else dict(stream.counts)
        self._inner = stream.inner

    def again(self) -> Stream:
        """Return the stream of one run of a function that draws the same each time."""
        return Again(self.stream, self._starts, self._inner)

    def inside(self, place: Numbers) -> InnerStream:
        """Return the stream of one iteration, or of one branch."""
        return InnerStream(self.stream, self.count, place)
