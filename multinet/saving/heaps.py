"""The heaps of an HDF5 file, where texts in attributes lie: whether they can be read.

The HDF5 library walks through a heap object by object, and believes their sizes: one of
size 0 that a damaged or hostile file has would keep it there for ever.
"""

from __future__ import annotations

import mmap
import os

from multinet.errors import FileError

_MARK = b"GCOL\x01\x00\x00\x00"  # signature, version 1, three bytes of zeros
_HEAD = 16  # bytes of a heap's head, and of an object's


def check_heaps(path: str | os.PathLike[str], name: str) -> None:
    """Refuse a file with a heap that does not end, or ends beyond the file.

    Source: HDF5 File Format Specification 3.0, section III.E.
    """
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            at = whole.find(_MARK)
            while at >= 0:
                if not _is_sound(whole, at):
                    raise FileError(f"The texts of {name} are damaged, at byte {at}.")
                at = whole.find(_MARK, at + 1)


def _is_sound(whole: mmap.mmap, start: int) -> bool:
    """Return whether the objects of a heap fill it to its end."""
    end = start + _number(whole, start + 8, 8)
    if end > len(whole) or end < start + _HEAD:
        return False
    at = start + _HEAD
    while at + _HEAD <= end:
        index, size = _number(whole, at, 2), _number(whole, at + 8, 8)
        if index == 0:  # the space that is free, its own head included
            return at + size == end
        at += _HEAD + size + -size % 8
    return at <= end


def _number(whole: mmap.mmap, at: int, size: int) -> int:
    return int.from_bytes(whole[at : at + size], "little")
