"""Philox-4x32-10, the one random generator of Multinet, on the host.

Word i of key (k0, k1) is lane i % 4 of the block at counter (i // 4, 0, k0, k1) under
the same key; `fold_in(key, d)` is lanes 0 and 1 of counter (d, 1, k0, k1). Every
backend produces these words bit for bit.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011, and the Random123 known-answer vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import surface
from multinet.errors import ArgumentError

__all__ = [
    "Key",
    "block",
    "fold_in",
    "half_words",
    "make_key",
    "words",
    "words_of_each",
]

surface.show(__name__)

MASK = 0xFFFFFFFF
MULTIPLY_0, MULTIPLY_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
_BLOCK = (
    8192  # counters a pass: six uint64 lanes of it stay in L2; unblocked is 20x slower
)

Key = tuple[int, int]


def block(key: Key, counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the four words of one counter, on Python integers."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(ROUNDS):
        p, q = c0 * MULTIPLY_0, c2 * MULTIPLY_1
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ k0, q & MASK, (p >> 32) ^ c3 ^ k1, p & MASK
        k0, k1 = (k0 + WEYL_0) & MASK, (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


def make_key(seed: int) -> Key:
    """Return the key of an integer seed, taken modulo 2**64: (low word, high word)."""
    return seed & MASK, (seed >> 32) & MASK


def fold_in(key: Key, data: int) -> Key:
    """Return the key derived from `key` by an integer in [0, 2**32)."""
    return block(key, (data & MASK, 1, *key))[:2]


def words(key: Key, count: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return the first `count` uint32 words of `key`, shape (count,)."""
    if count > 1 << 34:
        raise ArgumentError(
            f"A key holds 2**34 words, {count} were asked. Use more keys."
        )
    blocks = -(-count // 4)
    out = np.empty((blocks, 4), np.uint32)
    lanes = [np.empty(min(blocks, _BLOCK), np.uint64) for _ in range(6)]
    k0, k1 = map(np.uint64, key)
    for start in range(0, blocks, _BLOCK):
        size = min(_BLOCK, blocks - start)
        counters = np.arange(start, start + size, dtype=np.uint64)
        pieces = [lane[:size] for lane in lanes]
        _fill(k0, k1, counters, out[start : start + size], pieces)
    return out.reshape(-1)[:count]


def words_of_each(
    keys: Sequence[Key], count: int
) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return `words(key, count)` of several keys in one pass, shape (keys, count).

    For few words of many keys, where the calls of NumPy cost more than the numbers.
    """
    blocks = -(-count // 4)
    k0, k1 = np.array(keys, np.uint64).repeat(blocks, 0).T
    counters = np.tile(np.arange(blocks, dtype=np.uint64), len(keys))
    out = np.empty((len(counters), 4), np.uint32)
    _fill(k0, k1, counters, out, [np.empty_like(counters) for _ in range(6)])
    return out.reshape(len(keys), -1)[:, :count]


def _fill(
    k0: Any, k1: Any, counters: np.ndarray, out: np.ndarray, lanes: list[np.ndarray]
) -> None:
    c0, c1, c2, c3, p, q = lanes
    c0[:], c1[:], c2[:], c3[:] = counters, 0, k0, k1
    shift, mask = np.uint64(32), np.uint64(MASK)
    for _ in range(ROUNDS):
        np.multiply(c0, np.uint64(MULTIPLY_0), out=p)
        np.multiply(c2, np.uint64(MULTIPLY_1), out=q)
        np.right_shift(q, shift, out=c0)
        c0 ^= c1
        c0 ^= k0
        np.bitwise_and(q, mask, out=c1)
        np.right_shift(p, shift, out=c2)
        c2 ^= c3
        c2 ^= k1
        np.bitwise_and(p, mask, out=c3)
        k0, k1 = (k0 + np.uint64(WEYL_0)) & mask, (k1 + np.uint64(WEYL_1)) & mask
    for lane, column in enumerate((c0, c1, c2, c3)):
        out[:, lane] = column


def half_words(key: Key, count: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return `count` uint16 values: the low, then the high half of each word."""
    full = words(key, -(-count // 2))
    halves = np.empty((len(full), 2), np.uint16)
    halves[:, 0] = full & np.uint32(0xFFFF)
    halves[:, 1] = full >> np.uint32(16)
    return halves.reshape(-1)[:count]
