"""Groups of arrays in HDF5: written plainly, and read without trust.

A reader follows hard links alone, name by name, and takes only what a plain writer
makes: datasets of numbers in one piece or in chunks whose size can be told before any
memory is taken.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

import ml_dtypes
import numpy as np

from multinet import dtypes
from multinet.errors import FileError
from multinet.saving.damage import told
from multinet.saving.heaps import check_heaps
from multinet.saving.memory import lent
from multinet.typing import Data, Host, Tensor

if TYPE_CHECKING:
    import h5py

#: deflate, shuffle and a checksum: what the library itself has. Others are plug-ins.
_FILTERS = frozenset({1, 2, 3})
_CONTIGUOUS, _CHUNKED, _COMPACT = 1, 2, 0
#: Of groups within groups.
DEEPEST = 64
_LONGEST = 2**23  # of an attribute, in bytes; long texts are kept apart
_MOST = 1024  # of chunk bytes over those of the array, rounded up by a megabyte
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_BITS = np.dtype("V2")  # how bfloat16 is written


def library() -> ModuleType:
    """Return h5py, imported when a file is touched: it is slow to load."""
    import h5py  # a third of the time that importing multinet takes

    return h5py


class Writer:
    """A new HDF5 file, in which each object has a group of numbered arrays."""

    def __init__(self, file: str | os.PathLike[str] | BinaryIO) -> None:
        self._file = library().File(file, "w")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def entry(self, path: str, name: str | None = None) -> Entry:
        """Return where the arrays of the part at a path go; `name` is for people."""
        group = self._file.require_group(f"{path}/vars" if path else "vars")
        if name is not None:
            group.attrs["name"] = name
        return Entry(group)


class Entry(MutableMapping[str, Any]):
    """The arrays of one object that is being written, by key."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        #: The bytes written.
        self.size = 0

    def __setitem__(self, key: str, value: Tensor) -> None:
        array = lent(value)
        bits = array.view(_BITS) if array.dtype == _BFLOAT16 else array
        written = self._group.create_dataset(key, data=bits)
        if bits is not array:
            written.attrs["dtype"] = "bfloat16"
        self.size += array.nbytes

    def __getitem__(self, key: str) -> Host:
        return Arrays(self._group, "vars")[key]

    def __delitem__(self, key: str) -> None:
        del self._group[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._group.keys()))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._group)


class Reader:
    """An HDF5 file that is read without trust; see the module.

    Attributes that are texts may be asked for if the file at this path `has_texts`.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        name: str,
        has_texts: bool = False,
    ) -> None:
        self.name = name
        if has_texts and isinstance(file, str | os.PathLike):
            check_heaps(file, name)
        with told(f"{name} is no HDF5 file, or it is damaged"):
            self._file = library().File(file, "r")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def root(self) -> Arrays:
        """Return the arrays and groups at the top."""
        return Arrays(self._file, self.name)

    def group(self, path: str) -> Arrays | None:
        """Return what is at a path, or None if nothing is."""
        found: Arrays | None = self.root()
        for part in filter(None, path.split("/")):
            found = found.inner(part) if found is not None else None
        return found

    def entry(self, path: str) -> Arrays | None:
        """Return the arrays of the part at a path, or None if it has none."""
        return self.group(f"{path}/vars")

    def paths(self) -> Iterator[str]:
        """Yield the paths that have arrays."""
        stack = [("", self.root(), 0)]
        while stack:
            path, group, depth = stack.pop()
            if depth > DEEPEST:
                raise FileError(f"{self.name} has groups within groups, {path}.")
            for name in group:
                if name == "vars":
                    if group.inner(name):
                        yield path
                elif group.is_group(name):
                    inner = group.inner(name)
                    assert inner is not None
                    below = f"{path}/{name}" if path else name
                    stack.append((below, inner, depth + 1))


class Arrays(Mapping[str, Any]):
    """The arrays of one group, by key; each is checked, and read when it is asked
    for.
    """

    gives_away = True  # each array is read anew

    def __init__(self, group: h5py.Group, place: str) -> None:
        self._group, self.place = group, place

    def __iter__(self) -> Iterator[str]:
        with told(f"{self.place} is damaged"):
            return iter(list(self._group.keys()))  # type: ignore[arg-type]

    def __len__(self) -> int:
        with told(f"{self.place} is damaged"):
            return len(self._group)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._get(key) is not None

    def _get(self, key: str) -> Any:
        """Return what a key stands for in the file itself, or None.

        Of a path each step is checked: a link on the way would be followed, too.
        """
        found: Any = self._group
        for part in key.split("/"):
            with told(f"{self.place}/{key} is damaged"):
                if not isinstance(found, library().Group):
                    return None
                link = found.get(part, getlink=True)
                if link is None:
                    return None
                if not isinstance(link, library().HardLink):
                    raise FileError(
                        f"{self.place}/{key} is a link to another place or file. Such "
                        "links are not followed."
                    )
                found = found[part]
        return found

    def inner(self, name: str) -> Arrays | None:
        """Return a group inside, or None."""
        found = self._get(name)
        if found is None:
            return None
        if not isinstance(found, library().Group):
            raise FileError(f"Expected a group at {self.place}/{name}, found an array.")
        return Arrays(found, f"{self.place}/{name}")

    def is_group(self, name: str) -> bool:
        """Return whether a name is that of a group."""
        return isinstance(self._get(name), library().Group)

    def attribute(self, name: str) -> Data:
        """Return an attribute of the group, or None."""
        return _attribute(self._group, name, self.place)

    def dataset(self, key: str) -> Dataset:
        """Return an array that has been checked, but not read."""
        found = self._get(key)
        if not isinstance(found, library().Dataset):
            what = "nothing" if found is None else "a group"
            raise FileError(f"Expected an array at {self.place}/{key}, found {what}.")
        with told(f"{self.place}/{key} is damaged"):
            return Dataset(found, f"{self.place}/{key}")

    def __getitem__(self, key: str) -> Host:
        if key not in self:
            raise KeyError(key)
        return self.dataset(key).read()


class Dataset:
    """An array in a file: its shape and dtype, and later its values.

    `FileError` if it is anything but numbers that are really there.
    """

    def __init__(self, dataset: h5py.Dataset, place: str) -> None:
        self._dataset, self.place = dataset, place
        kind = dataset.id.get_type()
        # Only bfloat16 has its name there: the text itself need not be trusted.
        self._is_bfloat16 = dataset.dtype == _BITS and "dtype" in dataset.attrs
        if not self._is_bfloat16 and (
            dataset.dtype.kind not in "fiub" or kind.committed()
        ):
            raise FileError(f"{place} holds {dataset.dtype}, not numbers.")
        if dataset.shape is None:
            raise FileError(f"{place} holds nothing.")
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self._check_storage()

    @property
    def dtype(self) -> str:
        """The dtype by its name."""
        if self._is_bfloat16:
            return "bfloat16"
        return dtypes.standardize(self._dataset.dtype.newbyteorder("="))

    @property
    def is_chunked(self) -> bool:
        """Whether reading can still show that the data are damaged."""
        return self._dataset.chunks is not None

    @property
    def nbytes(self) -> int:
        """The bytes that the values take in memory."""
        return int(self._dataset.nbytes)

    def _check_storage(self) -> None:
        dataset, place = self._dataset, self.place
        plan = dataset.id.get_create_plist()
        layout, stored = plan.get_layout(), dataset.id.get_storage_size()
        if dataset.is_virtual or layout not in (_CONTIGUOUS, _CHUNKED, _COMPACT):
            raise FileError(f"{place} takes its values from other files.")
        if dataset.external:
            raise FileError(f"{place} keeps its values in another file.")
        if layout != _CHUNKED and stored != self.nbytes:
            raise FileError(
                f"{place} has shape {self.shape}, {self.nbytes} bytes, but {stored} "
                "bytes are in the file."
            )
        if layout != _CHUNKED:
            return
        unknown = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
        if unknown - _FILTERS:
            raise FileError(
                f"{place} is packed by a filter of a plug-in, which is not used here."
            )
        chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
        if chunk > self.nbytes + 2**20 or self.nbytes > _MOST * (stored + 2**10):
            raise FileError(
                f"{place} would unpack {stored} bytes to {max(chunk, self.nbytes)}."
            )
        if self.nbytes and not stored:
            raise FileError(f"{place} has shape {self.shape}, but no values.")

    def read(self) -> np.ndarray[Any, Any]:
        """Return the values, in the byte order of this machine."""
        with told(f"{self.place} is damaged"):
            array = np.asarray(self._dataset[()])
        if self._is_bfloat16:
            return array.view(_BFLOAT16)
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def _attribute(owner: Any, name: str, place: str) -> Any:
    """Return an attribute of a group or dataset, or None."""
    with told(f"The attribute {name} of {place} is damaged"):
        if name not in owner.attrs:
            return None
        found = owner.attrs.get_id(name)
        size = math.prod(found.shape or ()) * found.dtype.itemsize
        if size > _LONGEST:
            raise FileError(f"The attribute {name} of {place} has {size} bytes.")
        return owner.attrs[name]
