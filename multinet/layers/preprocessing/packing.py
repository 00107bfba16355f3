"""Many texts at once: their words in one row of bytes, looked up by numbers.

A list of all words costs an object for each. Here a word is where it begins and how
long it is, and eight of its bytes are one number: 10,000 texts of 100 words take half
the time (examples/benchmarks/texts.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from multinet.typing import Host

_END = b"\xff"  # between texts: no byte of UTF-8
_WHITE = b" \t\n\r\x0b\x0c" + _END  # where bytes.split does, and there
_IS_WHITE = bytes(byte in _WHITE for byte in range(256))
_WORD = 8  # bytes of a number
_KEPT = 4  # numbers of a word; longer ones are looked up one by one
_MASKS = np.array([(1 << 8 * i) - 1 for i in range(_WORD + 1)], np.uint64)
_HALF = np.uint64(32)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: Knuth's hash


class Packed(NamedTuple):
    """Words in `data`, which has 8 bytes more than it needs: where they begin."""

    data: bytes
    starts: Host
    sizes: Host

    def some(self, places: Host) -> Packed:
        """Return the words at places."""
        return Packed(self.data, self.starts[places], self.sizes[places])

    def numbers(self, i: int) -> Host:
        """Return the bytes 8 i to 8 i + 8 of words as numbers, 0 beyond their ends.

        The words must be longer than 8 i bytes.
        """
        count = len(self.data) - _WORD + 1
        eights = np.ndarray((count,), "<u8", self.data, strides=(1,))
        before = _WORD * i
        masks = _MASKS.take(np.minimum(self.sizes - before, _WORD))
        return eights[self.starts + before] & masks  # `take` would copy all of them

    def parts(self) -> list[tuple[Host, Host]]:
        """Return the numbers of words, the first of each, the second and so on.

        Each comes with the places of the words that are long enough to have it.
        """
        found = []
        for i in range(_KEPT):
            at = np.flatnonzero(self.sizes > _WORD * i)
            if i and not len(at):
                break
            whole = len(at) == len(self.sizes)
            found.append((at, (self if whole else self.some(at)).numbers(i)))
        return found


def pack(
    texts: Sequence[bytes], table: bytes | None, deleted: bytes
) -> tuple[Packed, Host] | None:
    """Return the words between white space, and how many each text has.

    `table` and `deleted` are those of `bytes.translate`. None where a text has a byte
    that is in no UTF-8.
    """
    data = _END.join(texts)
    if data.count(_END) != len(texts) - 1:
        return None
    data = data.translate(table, deleted)
    white = np.frombuffer(b"\1" + data.translate(_IS_WHITE) + b"\1", np.bool_)
    edges = np.flatnonzero(white[1:] != white[:-1])
    starts, stops = edges[::2], edges[1::2]
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _END[0])
    upto = np.searchsorted(starts, np.append(ends, len(data)))
    padded = data + bytes(_WORD)
    return Packed(padded, starts, stops - starts), np.diff(upto, prepend=0)


class Index:
    """The places of keys, found for many words at once.

    A table of hashes with linear probing; what is found is compared in full.
    """

    def __init__(self, places: Mapping[bytes, int]) -> None:
        keys, self.places = list(places), np.fromiter(places.values(), np.int64)
        sizes = np.fromiter(map(len, keys), np.int64, len(keys))
        data = b"".join(keys) + bytes(_WORD)
        self.words = Packed(data, np.cumsum(sizes) - sizes, sizes)
        self.long = {key: place for key, place in places.items() if _is_long(len(key))}
        self.parts = np.zeros((_KEPT, len(keys)), np.uint64)
        for part, (at, numbers) in zip(self.parts, self.words.parts()):
            part[at] = numbers
        # Few keys have much room, and seldom meet; 1 MB of it is soon at hand.
        bits = max(min(17, (32 * len(keys)).bit_length()), (4 * len(keys)).bit_length())
        self.shift, self.last = np.uint64(64 - bits), (1 << bits) - 1
        self.table = np.full(1 << bits, -1)
        self._fill(np.flatnonzero(~_is_long(sizes)))

    def _fill(self, left: Host) -> None:
        first = self._slots(len(self.words.sizes), self.words.parts())
        for step in itertools.count():
            slots = (first[left] + step) & self.last
            free = self.table[slots] < 0
            self.table[slots[free]] = left[free]
            left = left[self.table[slots] != left]
            if not len(left):
                return

    def _slots(self, count: int, parts: list[tuple[Host, Host]]) -> Host:
        """Return where the table is looked at first."""
        hashes = np.zeros(count, np.uint64)
        for at, numbers in parts:
            mixed = numbers ^ (numbers >> _HALF)
            if len(at) == count:
                hashes = (hashes ^ mixed) * _FACTOR
            else:
                hashes[at] = (hashes[at] ^ mixed) * _FACTOR
        return (hashes >> self.shift).astype(np.int64)

    def _look(self, words: Packed, step: int) -> tuple[Host, Host]:
        """Return the key that the table has for each word at a step, and if it is it.

        The key is -1 where the table is empty there.
        """
        parts = words.parts()
        slots = self._slots(len(words.sizes), parts)
        keys = self.table.take((slots + step) & self.last if step else slots)
        right = (keys >= 0) & (self.words.sizes.take(keys) == words.sizes)
        for (at, numbers), known in zip(parts, self.parts):
            if len(at) == len(keys):
                right &= known.take(keys) == numbers
            else:
                right[at] &= known.take(keys[at]) == numbers
        return keys, right

    def find(self, words: Packed) -> Host:
        """Return the place of each word, -1 of those that are no key."""
        longest = self.words.sizes.max(initial=-1)
        if longest < words.sizes.min(initial=longest + 1):
            return np.full(len(words.sizes), -1)
        keys, right = self._look(words, 0)
        found = np.where(right, self.places.take(keys), -1)
        left = np.flatnonzero((keys >= 0) & ~right)
        for step in itertools.count(1):
            if not len(left):
                break
            keys, right = self._look(words.some(left), step)
            found[left[right]] = self.places[keys[right]]
            left = left[(keys >= 0) & ~right]
        for i in np.flatnonzero(_is_long(words.sizes)) if self.long else ():
            start = words.starts[i]
            found[i] = self.long.get(words.data[start : start + words.sizes[i]], -1)
        return found


def _is_long(size: Host | int) -> Host | bool:
    return size > _WORD * _KEPT
