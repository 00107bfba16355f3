"""The safetensors format: arrays by name, in one piece each, behind a header in JSON.

A file is 8 bytes with the length of the header, the header, and the data in its order.
Arrays are written one at a time and read by memory map, so that nothing is held twice.

Source: https://github.com/huggingface/safetensors, README.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from multinet import dtypes
from multinet.errors import FileError
from multinet.saving import atomic
from multinet.saving.archive import is_beside
from multinet.saving.json import read_json
from multinet.typing import Host

#: The names of dtypes in the format.
_NAMES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}
_DTYPES = {
    written: np.dtype(getattr(ml_dtypes, name, None) or name)
    for name, written in _NAMES.items()
}
_LONGEST = 100 * 2**20  # of a header
_GB = 1024**3


class Planned(NamedTuple):
    """An array to be written: what is known of it before, and how to get it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    make: Callable[[], Host]

    @property
    def size(self) -> int:
        """The bytes that it takes."""
        return math.prod(self.shape) * _DTYPES[_NAMES[self.dtype]].itemsize


def write(path: Path, planned: Sequence[Planned]) -> None:
    """Write arrays to a file, one at a time; it is whole or not there."""
    header: dict[str, Any] = {"__metadata__": {"format": "np"}}
    place = 0
    for each in planned:
        if each.dtype not in _NAMES:
            raise FileError(f"safetensors has no dtype {each.dtype}, of {each.name}.")
        header[each.name] = {
            "dtype": _NAMES[each.dtype],
            "shape": list(each.shape),
            "data_offsets": [place, place + each.size],
        }
        place += each.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with atomic.replacing(path) as new, new.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for each in planned:
            file.write(_bytes(each))


def _bytes(planned: Planned) -> memoryview:
    array = np.ascontiguousarray(planned.make())
    assert array.nbytes == planned.size, planned.name
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return little.reshape(-1).view("u1").data


def write_sharded(path: Path, planned: Sequence[Planned], most: float) -> None:
    """Write arrays to files of at most `most` GB, and an index of what is where.

    Those that fit one file go to `path` itself, without an index.
    """
    groups: list[list[Planned]] = [[]]
    filled = 0
    for each in planned:
        if groups[-1] and filled + each.size > most * _GB:
            groups.append([])
            filled = 0
        groups[-1].append(each)
        filled += each.size
    if len(groups) == 1:
        write(path, planned)
        return
    stem = path.name.removesuffix(".safetensors")
    places: dict[str, str] = {}
    for number, group in enumerate(groups, 1):
        name = f"{stem}-{number:05}-of-{len(groups):05}.safetensors"
        write(path.with_name(name), group)
        places |= {each.name: name for each in group}
    size = sum(each.size for each in planned)
    index = {"metadata": {"total_size": size}, "weight_map": places}
    with atomic.replacing(index_of(path)) as new:
        new.write_text(json.dumps(index, indent=2))


def index_of(path: Path) -> Path:
    """Return the path of the index of a file in shards."""
    return path.with_name(f"{path.name}.index.json")


class Tensors(Mapping[str, Host]):
    """The arrays of a file, or of one in shards, by name: views of the memory map.

    `read` gives an array of its own, which later writes to the file do not change.
    `FileError` if the header is not what the format says.
    """

    def __init__(self, path: Path) -> None:
        self._arrays: dict[str, Host] = {}
        self._places: dict[str, tuple[Path, int]] = {}
        if path.exists():
            self._map(path)
            return
        index = read_json(index_of(path).read_bytes(), index_of(path).name)
        places = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(places, dict):
            raise FileError(f"{index_of(path).name} has no weight_map.")
        for name in places.values():
            if not is_beside(name, ".safetensors"):
                raise FileError(f"The index names the file {name!r}, not one beside.")
        for name in set(places.values()):
            self._map(path.with_name(name))
        if set(self._arrays) != set(places):
            raise FileError(f"{index_of(path).name} lists other arrays than there are.")

    def _map(self, path: Path) -> None:
        for name, (start, array) in _mapped(path).items():
            self._arrays[name], self._places[name] = array, (path, start)

    def read(self, name: str) -> Host:
        """Return a new array, which has been read past the memory map."""
        like, (path, start) = self._arrays[name], self._places[name]
        found = np.fromfile(path, like.dtype, like.size, offset=start)
        if found.size != like.size:
            raise FileError(f"{path.name} has been cut off since it was opened.")
        return found.reshape(like.shape)

    def __getitem__(self, name: str) -> Host:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def _mapped(path: Path) -> dict[str, tuple[int, Host]]:
    """Return where each array begins in a file, and a view of the memory map."""
    with path.open("rb") as file:
        size = path.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_LONGEST, size - 8):
            raise FileError(f"{path.name} is no safetensors file, or it is cut off.")
        header = read_json(file.read(length), path.name)
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if not isinstance(header, dict):
        raise FileError(f"The header of {path.name} does not describe arrays.")
    header.pop("__metadata__", None)
    data = memoryview(whole)[8 + length :]
    found: dict[str, tuple[int, Host]] = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: _begin(item, path)):
        dtype, shape, (begin, stop) = _entry(name, entry, path)
        if begin != end or stop > len(data):
            raise FileError(
                f"{name} in {path.name} overlaps, leaves a gap, or ends it."
            )
        if stop - begin != math.prod(shape) * dtype.itemsize:
            raise FileError(f"{name} in {path.name} has {stop - begin} bytes: {shape}.")
        array = np.frombuffer(data[begin:stop], dtype.newbyteorder("<"))
        found[name], end = (8 + length + begin, array.reshape(shape)), stop
    if end != len(data):
        raise FileError(f"{path.name} has {len(data) - end} bytes that nothing names.")
    return found


def _begin(item: tuple[str, Any], path: Path) -> tuple[int, int]:
    begin, stop = _entry(*item, path)[2]
    return begin, stop


def _entry(
    name: str, entry: Any, path: Path
) -> tuple[np.dtype[Any], tuple[int, ...], tuple[int, int]]:
    """Return dtype, shape and offsets of an array, checked."""
    given = entry if isinstance(entry, dict) else {}
    dtype = _DTYPES.get(str(given.get("dtype")))
    shape, place = _sizes(given.get("shape")), _sizes(given.get("data_offsets"))
    if dtype is None or shape is None or place is None or len(place) != 2:
        raise FileError(f"{path.name} describes {name!r} as {entry!r}.")
    if place[0] > place[1]:
        raise FileError(f"{path.name} describes {name!r} as ending before it begins.")
    return dtype, shape, (place[0], place[1])


def _sizes(value: Any) -> tuple[int, ...] | None:
    fine = isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
    return tuple(value) if fine else None


def dtype_of(array: Host) -> str:
    """Return the name of the dtype of an array of a file."""
    return dtypes.standardize(array.dtype.newbyteorder("="))
