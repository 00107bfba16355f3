"""Fingerprints of texts: FarmHash and SipHash of many at once, in NumPy.

They are those by which TensorFlow, and so Keras, puts texts into bins. Texts of one
length are one matrix of bytes, and each line below does all of them.

Sources: Pike and Alakuijala, FarmHash, 2014 (`Fingerprint64`); Aumasson and Bernstein,
"SipHash: a fast short-input PRF", 2012 (SipHash-2-4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.typing import Host

_U64 = np.uint64
_K0, _K1, _K2 = map(_U64, (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_MURMUR = _U64(0xC6A4A7935BD1E995)


def farmhash(texts: Sequence[bytes]) -> Host:
    """Return the FarmHash fingerprints of texts as uint64."""
    return _by_length(texts, _farmhash)


def siphash(texts: Sequence[bytes], key: Sequence[int]) -> Host:
    """Return the SipHash-2-4 of texts under a key of two integers, as uint64."""
    k0, k1 = (_U64(int(part) % 2**64) for part in key)
    return _by_length(texts, lambda rows: _siphash(rows, k0, k1))


def joined(x: Host, y: Host) -> Host:
    """Return the fingerprint of two fingerprints in their order."""
    with np.errstate(over="ignore"):
        result = x ^ _MURMUR
        result = result ^ _shift_mix(y * _MURMUR) * _MURMUR
        result = _shift_mix(result * _MURMUR) * _MURMUR
        return _shift_mix(result)


def _by_length(texts: Sequence[bytes], function: Callable[[Host], Host]) -> Host:
    """Return what a function makes of the matrices of texts of one length."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    found = np.empty(len(texts), np.uint64)
    order = np.argsort(lengths, kind="stable")
    starts = np.flatnonzero(np.diff(lengths[order], prepend=-1))
    with np.errstate(over="ignore"):
        for places in np.split(order, starts[1:]) if len(texts) else ():
            data = b"".join([texts[i] for i in places])
            rows = np.frombuffer(data, np.uint8).reshape(len(places), -1)
            found[places] = function(rows)
    return found


def _word(rows: Host, start: int, size: int = 8) -> Host:
    """Return the little-endian integers that begin at a byte of each row."""
    part = np.ascontiguousarray(rows[:, start : start + size])
    return part.view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotate_right(x: Host, count: int) -> Host:
    return (x >> _U64(count)) | (x << _U64(64 - count))


def _shift_mix(x: Host) -> Host:
    return x ^ (x >> _U64(47))


# -- FarmHash --------------------------------------------------------------------------


def _farmhash(rows: Host) -> Host:
    length = rows.shape[1]
    if length <= 16:
        return _up_to_16(rows, length)
    if length <= 32:
        return _up_to_32(rows, length)
    return _up_to_64(rows, length) if length <= 64 else _longer(rows, length)


def _mixed(u: Host, v: Host, by: Any) -> Host:
    a = _shift_mix((u ^ v) * by)
    return _shift_mix((v ^ a) * by) * by


def _up_to_16(rows: Host, length: int) -> Host:
    by = _K2 + _U64(2 * length)
    if length >= 8:
        a, b = _word(rows, 0) + _K2, _word(rows, length - 8)
        c = _rotate_right(b, 37) * by + a
        d = (_rotate_right(a, 25) + b) * by
        return _mixed(c, d, by)
    if length >= 4:
        first, last = _word(rows, 0, 4), _word(rows, length - 4, 4)
        return _mixed(_U64(length) + (first << _U64(3)), last, by)
    if length > 0:
        a, b, c = (_word(rows, i, 1) for i in (0, length >> 1, length - 1))
        y, z = a + (b << _U64(8)), _U64(length) + (c << _U64(2))
        return _shift_mix(y * _K2 ^ z * _K0) * _K2
    return np.full(len(rows), _K2)


def _up_to_32(rows: Host, length: int) -> Host:
    by = _K2 + _U64(2 * length)
    a, b = _word(rows, 0) * _K1, _word(rows, 8)
    c, d = _word(rows, length - 8) * by, _word(rows, length - 16) * _K2
    return _mixed(
        _rotate_right(a + b, 43) + _rotate_right(c, 30) + d,
        a + _rotate_right(b + _K2, 18) + c,
        by,
    )


def _up_to_64(rows: Host, length: int) -> Host:
    by = _K2 + _U64(2 * length)
    a, b = _word(rows, 0) * _K2, _word(rows, 8)
    c, d = _word(rows, length - 8) * by, _word(rows, length - 16) * _K2
    y = _rotate_right(a + b, 43) + _rotate_right(c, 30) + d
    z = _mixed(y, a + _rotate_right(b + _K2, 18) + c, by)
    e, f = _word(rows, 16) * by, _word(rows, 24)
    g = (y + _word(rows, length - 32)) * by
    h = (z + _word(rows, length - 24)) * by
    return _mixed(
        _rotate_right(e + f, 43) + _rotate_right(g, 30) + h,
        e + _rotate_right(f + a, 18) + g,
        by,
    )


class _Long:
    """The state of the hash of texts over 64 bytes, which blocks of 64 change."""

    def __init__(self, rows: Host) -> None:
        seed = np.full(len(rows), 81, np.uint64)
        self.rows = rows
        self.y = seed * _K1 + _U64(113)
        self.z = _shift_mix(self.y * _K2 + _U64(113)) * _K2
        self.v = self.w = (np.zeros_like(seed), np.zeros_like(seed))
        self.x = seed * _K2 + _word(rows, 0)

    def take(self, start: int, by: Any, w: int = 1, v: int = 1) -> None:
        """Mix in the block that begins at a byte."""

        def word(i: int) -> Host:
            return _word(self.rows, start + 8 * i)

        x = _rotate_right(self.x + self.y + self.v[0] + word(1), 37) * by
        y = _rotate_right(self.y + self.v[1] + word(6), 42) * by
        x = x ^ (self.w[1] * _U64(w))
        y = y + self.v[0] * _U64(v) + word(5)
        z = _rotate_right(self.z + self.w[0], 33) * by
        first = word(0), word(1), word(2), word(3)
        self.v = _weak(first, self.v[1] * by, x + self.w[0])
        second = word(4), word(5), word(6), word(7)
        self.w = _weak(second, z + self.w[1], y + word(2))
        self.x, self.y, self.z = z, y, x


def _weak(words: tuple[Host, ...], a: Host, b: Host) -> tuple[Host, Host]:
    w, x, y, z = words
    a = a + w
    b = _rotate_right(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate_right(a, 44) + c


def _longer(rows: Host, length: int) -> Host:
    state, end = _Long(rows), (length - 1) // 64 * 64
    for start in range(0, end, 64):
        state.take(start, _K1)
    by = _K1 + ((state.z & _U64(0xFF)) << _U64(1))
    w = state.w[0] + _U64((length - 1) & 63)
    v = state.v[0] + w
    state.w, state.v = (w + v, state.w[1]), (v, state.v[1])
    state.take(length - 64, by, w=9, v=9)
    return _mixed(
        _mixed(state.v[0], state.w[0], by) + _shift_mix(state.y) * _K0 + state.z,
        _mixed(state.v[1], state.w[1], by) + state.x,
        by,
    )


# -- SipHash ---------------------------------------------------------------------------


def _siphash(rows: Host, k0: Any, k1: Any) -> Host:
    count, length = rows.shape
    whole = length // 8 * 8
    last = np.zeros((count, 8), np.uint8)
    last[:, : length - whole] = rows[:, whole:]
    last[:, 7] = length % 256
    zero = np.zeros(count, np.uint64)
    v = [
        zero + (k0 ^ _U64(0x736F6D6570736575)),
        zero + (k1 ^ _U64(0x646F72616E646F6D)),
        zero + (k0 ^ _U64(0x6C7967656E657261)),
        zero + (k1 ^ _U64(0x7465646279746573)),
    ]
    for word in (*(_word(rows, i) for i in range(0, whole, 8)), _word(last, 0)):
        v[3] = v[3] ^ word
        _rounds(v, 2)
        v[0] = v[0] ^ word
    v[2] = v[2] ^ _U64(0xFF)
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[Host], count: int) -> None:
    """Mix the four words, as often as asked."""
    for _ in range(count):
        v[0] = v[0] + v[1]
        v[1] = _rotate_right(v[1], 51) ^ v[0]
        v[0] = _rotate_right(v[0], 32)
        v[2] = v[2] + v[3]
        v[3] = _rotate_right(v[3], 48) ^ v[2]
        v[0] = v[0] + v[3]
        v[3] = _rotate_right(v[3], 43) ^ v[0]
        v[2] = v[2] + v[1]
        v[1] = _rotate_right(v[1], 47) ^ v[2]
        v[2] = _rotate_right(v[2], 32)
