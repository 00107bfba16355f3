"""Seeds, keys and SeedGenerator: where every random draw gets its key.

The chain is seed -> index of the draw site since `set_random_seed` -> step -> draw. No
name takes part, so models built later in a process draw the same numbers. `streams` has
the table.
"""

from __future__ import annotations

import os
import random as python_random
from typing import Any

import numpy as np

from multinet import absent, philox
from multinet.configurable import Configurable
from multinet.errors import ArgumentError, TraceError
from multinet.holders import Holder
from multinet.interface import Key
from multinet.registry import current
from multinet.scope import stream
from multinet.streams import ALL_LOOPS, HOST, LOOSE, MODELS, SITES, Place
from multinet.tracebacks import shortening
from multinet.typing import Host, Seed, Tensor

_era = 0


class _Global:
    """The global seed as a draw site: each of its loose draws is a site."""

    numbers = SITES

    def __init__(self) -> None:
        self.root: philox.Key | None = None
        self.count = 0

    @property
    def key(self) -> philox.Key:
        if self.root is None:
            self.root = philox.make_key(int.from_bytes(os.urandom(8)))
        return self.root


class _Models(_Global):
    """The global seed as that of models."""

    numbers = MODELS

    @property
    def key(self) -> philox.Key:
        return _sites.key


_sites, _models = _Global(), _Models()


@shortening
def set_random_seed(seed: int) -> None:
    """Seed Multinet, NumPy's global generator and Python's `random`.

    The draw sites are counted anew, so the same program draws the same numbers, on
    every backend.

    >>> multinet.set_random_seed(1)
    >>> first = multinet.random.uniform((2,))
    >>> multinet.set_random_seed(1)
    >>> bool(ops.all(first == multinet.random.uniform((2,))))
    True
    """
    global _era
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ArgumentError(f"Expected a non-negative integer seed, got {seed!r}.")
    _sites.root, _era = philox.make_key(int(seed)), _era + 1
    _sites.count = _models.count = ALL_LOOPS.count = 0
    python_random.seed(int(seed))
    np.random.seed(int(seed) % (1 << 32))


def era() -> int:
    """Return how often a seed was set, so that a stream sees that it starts anew."""
    return _era


def site_key() -> philox.Key:
    """Return the key of the next draw site."""
    return HOST.next(_sites)


def model_key() -> philox.Key:
    """Return the key of the next model, for draws without a seed in its steps."""
    return HOST.next(_models)


@absent.watch
class SeedGenerator(Configurable, Holder):
    """A stream of keys for random ops: the same stream for the same seed, everywhere.

    Without a seed it takes the next draw site of the global seed. Inside a training
    step the keys derive from the step's number, so compiled and eager runs agree;
    outside, each use advances the stream, in a function that `jit` compiled too.

    >>> generator = SeedGenerator(7)
    >>> first, second = uniform((2,), seed=generator), uniform((2,), seed=generator)
    """

    _running = frozenset({"count"})
    numbers = LOOSE  # of the draws outside of steps, `count` so far

    def __init__(
        self, seed: int | None = None, name: str | None = None, **options: object
    ) -> None:
        if options:
            raise ArgumentError(
                f"SeedGenerator got unknown arguments {sorted(options)}. It takes seed "
                "and name."
            )
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ArgumentError(f"Expected seed as an int or None, got {seed!r}.")
        self.seed = seed
        self.name = name or "seed_generator"
        self.key = site_key() if seed is None else philox.make_key(int(seed))
        self.count = 0

    @property
    def state(self) -> Host:
        """Where the stream stands: uint32 of shape (3,), to keep, and to set again.

        The low and the high word of its key, which are those of the seed, and how many
        draws there were outside of steps.
        """
        return np.array([*self.key, self.count], np.uint32)

    @state.setter
    def state(self, value: Host) -> None:
        words = np.asarray(value)
        if words.shape != (3,) or words.dtype != np.uint32:
            raise ArgumentError(
                "Expected state as the uint32 array of shape (3,) that it was, got "
                f"{value!r}."
            )
        low, high, self.count = words.tolist()
        self.key = (low, high)

    def next(self, ordered: bool = True) -> Tensor:
        """Return a fresh key as a tensor: uint32 of shape (2,), to pass as a `seed`.

        `ordered` is Keras's; keys come in their order in any case.
        """
        key, backend = self.draw(), current()
        made = backend.is_tensor(key)
        return key if made else backend.from_numpy(np.array(key, np.uint32))

    def draw(self) -> Key:
        """Return a fresh key: two host integers, or a tensor in a compiled step."""
        return stream().next(self)


def key_of(seed: Seed) -> Key:
    """Return the key of a seed: a SeedGenerator, an int, or None for the global.

    Or what `SeedGenerator.next` returned: uint32 of shape (2,).
    """
    if isinstance(seed, SeedGenerator):
        return seed.draw()
    if seed is None:
        return _unseeded()
    if isinstance(seed, int | np.integer):
        return philox.make_key(int(seed))
    backend = current()
    if backend.is_tensor(seed) and backend.dtype(seed) == "uint32":
        if tuple(backend.shape(seed)) == (2,):
            return _as_host(seed)
    raise ArgumentError(
        "Expected seed to be an int, a SeedGenerator or None, got "
        f"{type(seed).__name__}. What SeedGenerator.next() returns will do, too."
    )


def _as_host(key: Tensor) -> Key:
    """Return a key as two integers where they are known, which draws faster."""
    try:
        low, high = current().to_numpy(key).tolist()
    except TraceError:
        return key
    return low, high


def _unseeded() -> Any:
    """Return the key of a draw without a seed, which is a site of its own."""
    draws = stream()
    if draws.root is None:
        return draws.next(_sites)
    return draws.at(Place(philox.fold_in(draws.root, draws.take(None))), 0)
