"""Seeds, keys and SeedGenerator: where every random draw gets its key.

The chain is seed -> index of the draw site since `set_random_seed` -> step. No name
takes part, so models built later in a process draw the same numbers.
"""

from __future__ import annotations

import random as python_random
import secrets
import threading
from typing import Any

import numpy as np

from multinet import philox
from multinet.configurable import Configurable
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.registry import current
from multinet.scope import active_scope

_root: philox.Key | None = None
_sites = 0
_era = 0
_lock = threading.Lock()  # no two threads may draw at one site


def set_random_seed(seed: int) -> None:
    """Seed Multinet, NumPy's global generator and Python's `random`.

    The draw sites are counted anew, so the same program draws the same numbers, on
    every backend.
    """
    global _root, _sites, _era
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ArgumentError(f"Expected a non-negative integer seed, got {seed!r}.")
    _root, _sites, _era = philox.make_key(int(seed)), 0, _era + 1
    python_random.seed(int(seed))
    np.random.seed(int(seed) % (1 << 32))


def era() -> int:
    """Return how often a seed was set, so that a stream sees that it starts anew."""
    return _era


def site_key() -> philox.Key:
    """Return the key of the next draw site."""
    global _root, _sites
    if _root is None:
        _root = philox.make_key(secrets.randbits(64))
    with _lock:
        _sites += 1
        site = _sites
    return philox.fold_in(_root, site)


def fold_in(key: Any, data: Any) -> Any:
    """Return the key derived from `key` by an integer, on the host where both are."""
    if isinstance(key, tuple) and isinstance(data, int):
        return philox.fold_in(key, data)
    return current().fold_in(key, data)


class SeedGenerator(Configurable, Holder):
    """A stream of keys for random ops: the same stream for the same seed, everywhere.

    Without a seed it takes the next draw site of the global seed. Inside a training
    step the keys derive from the step's number, so compiled and eager runs agree;
    outside, each use advances the stream.

    >>> generator = SeedGenerator(7)
    >>> first, second = uniform((2,), seed=generator), uniform((2,), seed=generator)
    """

    _running = frozenset({"count"})

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = seed
        self.name = name or "seed_generator"
        self.key = site_key() if seed is None else philox.make_key(int(seed))
        self.count = 0

    def next(self) -> Any:
        """Return a fresh key: two host integers, or a tensor in a compiled step."""
        scope = active_scope()
        if scope is not None and scope.step is not None:
            key = fold_in(fold_in(self.key, scope.step), scope.draw(self))
            for place in scope.folds:
                key = fold_in(key, place)
            return key
        if current().symbolic:
            return self.key
        self.count += 1
        return philox.fold_in(self.key, self.count)


def key_of(seed: Any) -> Any:
    """Return the key of a seed: a SeedGenerator, an int, or None for the global."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return site_key()
    if isinstance(seed, int | np.integer):
        return philox.make_key(int(seed))
    raise ArgumentError(
        "Expected seed to be an int, a SeedGenerator or None, got "
        f"{type(seed).__name__}."
    )
