"""Weights over several files of a bounded size, and a list of what is where."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

from multinet.errors import FileError
from multinet.saving import atomic
from multinet.saving.archive import is_beside
from multinet.saving.hdf5 import Arrays, Dataset, Reader, Writer
from multinet.saving.json import read_json
from multinet.saving.memory import lent
from multinet.typing import Host, Tensor

_GB = 1024**3


class ShardWriter:
    """Files beside `path`, each of at most so many GB, and `path` with their list.

    The list is written last, and the files of an earlier one, which keep their names
    until then, are deleted after it.
    """

    def __init__(self, path: Path, max_shard_size: float) -> None:
        if not max_shard_size > 0:
            raise FileError(
                f"Expected max_shard_size in GB, above 0, got {max_shard_size!r}."
            )
        self.path, self.limit = path, int(max_shard_size * _GB)
        self._base = _free_name(path)
        self._open = contextlib.ExitStack()
        self._names: list[str] = []
        self._writer: Writer | None = None
        self._filled = self.total = 0
        self.places: dict[str, list[str]] = {}

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            for name in self._names:
                self.path.with_name(name).unlink(missing_ok=True)
            return
        self._open.close()
        where = {k: v[0] if len(v) == 1 else v for k, v in self.places.items()}
        listed = {"metadata": {"total_size": self.total}, "weight_map": where}
        old = _files_of(self.path) if self.path.exists() else set()
        with atomic.replacing(self.path) as new:
            new.write_text(json.dumps(listed, indent=4))
        for name in old - set(self._names):
            self.path.with_name(name).unlink(missing_ok=True)

    def entry(self, path: str, name: str | None = None) -> MutableMapping[str, Any]:
        """Return where the arrays of the part at a path go; `name` is for people."""
        return _Split(self, path, name)

    def writer_for(self, size: int, key: str) -> Writer:
        """Return the writer of the file that has room for `size` more bytes."""
        if size > self.limit:
            raise FileError(
                f"{key} has {size} bytes, more than max_shard_size allows a file, "
                f"{self.limit}."
            )
        if self._writer is None or self._filled + size > self.limit:
            self._open.close()
            self._open = contextlib.ExitStack()
            name = _shard(self._base, len(self._names))
            self._names.append(name)
            new = self._open.enter_context(atomic.replacing(self.path.with_name(name)))
            self._writer = self._open.enter_context(Writer(new))
            self._filled = 0
        self._filled += size
        self.total += size
        return self._writer

    def note(self, path: str) -> None:
        """Note that the file in progress has arrays of the part at a path."""
        listed = self.places.setdefault(f"/{path}/vars" if path else "/vars", [])
        if self._names[-1] not in listed:
            listed.append(self._names[-1])


class _Split(MutableMapping[str, Any]):
    """The arrays of one part that is being written, in whichever file has room."""

    def __init__(self, shards: ShardWriter, path: str, name: str | None) -> None:
        self._shards, self._path, self._name = shards, path, name
        self._written: dict[str, Any] = {}

    def __setitem__(self, key: str, value: Tensor) -> None:
        array = lent(value)
        writer = self._shards.writer_for(array.nbytes, f"{self._path}/{key}")
        entry = writer.entry(self._path, self._name)
        entry[key] = array
        self._written[key] = entry
        self._shards.note(self._path)

    def __getitem__(self, key: str) -> Host:
        return self._written[key][key]

    def __delitem__(self, key: str) -> None:
        del self._written.pop(key)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


class ShardReader:
    """Weights over several files, read as if they were in one."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name
        self._places = _listed(path)
        self._open = contextlib.ExitStack()
        self._readers: dict[str, Reader] = {}

    def __enter__(self) -> ShardReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def _reader(self, name: str) -> Reader:
        if name not in self._readers:
            reader = Reader(self.path.with_name(name), name)
            self._readers[name] = self._open.enter_context(reader)
        return self._readers[name]

    def entry(self, path: str) -> Joined | None:
        """Return the arrays of the part at a path, or None if it has none."""
        names = self._places.get(f"/{path}/vars" if path else "/vars", [])
        found = [self._reader(name).entry(path) for name in names]
        return Joined([arrays for arrays in found if arrays]) if found else None

    def paths(self) -> Iterator[str]:
        """Yield the paths that have arrays."""
        for place in self._places:
            yield place.strip("/").removesuffix("vars").strip("/")


def _free_name(path: Path) -> str:
    """Return how the names of new files begin, so that none is there already."""
    base = path.name.removesuffix(".weights.json")
    names = (base if not i else f"{base}_{i}" for i in itertools.count())
    return next(n for n in names if not path.with_name(_shard(n, 0)).exists())


def _shard(base: str, number: int) -> str:
    return f"{base}_{number:05}.weights.h5"


def _files_of(path: Path) -> set[str]:
    return {name for names in _listed(path).values() for name in names}


def _listed(path: Path) -> dict[str, list[str]]:
    """Return the files that a list names, by the path of what they have."""
    listed = read_json(path.read_bytes(), path.name)
    places = listed.get("weight_map") if isinstance(listed, dict) else None
    if not isinstance(places, dict):
        raise FileError(f"{path.name} has no weight_map.")
    found = {k: v if isinstance(v, list) else [v] for k, v in places.items()}
    for name in (name for names in found.values() for name in names):
        if not is_beside(name, ".weights.h5"):
            raise FileError(
                f"{path.name} names the file {name!r}. Expected names of .weights.h5 "
                "files beside it."
            )
    return found


class Joined(Mapping[str, Any]):
    """The arrays of one part from several files."""

    gives_away = True

    def __init__(self, parts: list[Arrays]) -> None:
        self._owner = {key: part for part in parts for key in part}

    def __getitem__(self, key: str) -> Host:
        return self._owner[key][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._owner)

    def __len__(self) -> int:
        return len(self._owner)

    def dataset(self, key: str) -> Dataset:
        """Return an array that has been checked, but not read."""
        return self._owner[key].dataset(key)
