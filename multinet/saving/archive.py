"""The archive of a model: a ZIP, or a folder, of a few members that are read safely."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from multinet.errors import FileError
from multinet.saving.json import LARGEST

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
ASSETS = "assets"
_MEMBERS, _RATIO = 100_000, 100
_BLOCK = 2**20


class Archive(Protocol):
    """What has the members of a model."""

    def text(self, name: str) -> bytes:
        """Return a short member whole."""
        ...

    def opened(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a member to read anywhere in it."""
        ...

    def names(self) -> list[str]:
        """Return the names of all members."""
        ...


class ZipArchive:
    """A ZIP whose members are read one by one, by name; nothing is unpacked.

    `FileError` for members twice, links, paths that leave it, and what would grow more
    than a hundredfold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise FileError(
                f"{path.name} is no ZIP archive, or it is damaged: {error}."
            ) from error
        try:
            _check(self._zip.infolist(), path)
        except FileError:
            self._zip.close()
            raise

    def __enter__(self) -> ZipArchive:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """Return the names of all members that are files."""
        return [name for name in self._zip.namelist() if not name.endswith("/")]

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._zip.getinfo(name)
        except KeyError:
            raise FileError(f"{self.path.name} has no {name}.") from None

    def check_sums(self) -> None:
        """Read all members, and compare them with their sums; `FileError` if not."""
        for name in self.names():
            with _damage(self.path, name), self._zip.open(name) as member:
                while member.read(_BLOCK):
                    pass

    def text(self, name: str) -> bytes:
        """Return a short member whole."""
        info = self._info(name)
        if info.file_size > LARGEST:
            raise FileError(
                f"{name} of {self.path.name} has {info.file_size} bytes; at most "
                f"{LARGEST} are read."
            )
        with _damage(self.path, name), self._zip.open(info) as member:
            return member.read(LARGEST + 1)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a member to read anywhere in it."""
        info = self._info(name)
        if info.compress_type == zipfile.ZIP_STORED:
            with self.path.open("rb") as whole:
                yield _window(whole, info, self.path)
            return
        with tempfile.TemporaryFile() as unpacked:
            with _damage(self.path, name), self._zip.open(info) as member:
                shutil.copyfileobj(member, unpacked, _BLOCK)
            unpacked.seek(0)
            yield unpacked  # type: ignore[misc]


@contextlib.contextmanager
def _damage(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise FileError(f"{name} of {path.name} is damaged: {error}") from error


def _check(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Raise if an archive is not what a plain writer makes."""
    if len(members) > _MEMBERS:
        raise FileError(f"{path.name} has {len(members)} members.")
    seen: set[str] = set()
    for info in members:
        name, kind = info.filename, info.external_attr >> 16
        reason = None
        if name.casefold() in seen:
            reason = "is there twice"
        elif not is_inside(name.rstrip("/")):
            reason = "is a path that leaves the archive"
        elif kind and stat.S_IFMT(kind) not in (0, stat.S_IFREG, stat.S_IFDIR):
            reason = "is a link or a device, not a file"
        elif info.flag_bits & 1:
            reason = "is encrypted"
        elif info.file_size > _RATIO * (info.compress_size + 1024):
            reason = f"would unpack {info.compress_size} bytes to {info.file_size}"
        if reason is not None:
            raise FileError(f"{path.name} is not read: its member {name!r} {reason}.")
        seen.add(name.casefold())


def is_inside(name: str) -> bool:
    """Return whether a name is a plain path within an archive or a folder."""
    if not name or "\\" in name or "\0" in name or ":" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name


def is_beside(name: object, end: str) -> bool:
    """Return whether a name is that of a file with this ending, without any folder."""
    if not isinstance(name, str) or not name.endswith(end):
        return False
    return "/" not in name and is_inside(name)


def _window(whole: BinaryIO, info: zipfile.ZipInfo, path: Path) -> BinaryIO:
    """Return a stored member as a file of its own; its bytes are read in place."""
    whole.seek(info.header_offset)
    header = whole.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise FileError(f"{info.filename} of {path.name} has no header.")
    lengths = (
        int.from_bytes(header[26:28], "little"),
        int.from_bytes(header[28:30], "little"),
    )
    start = info.header_offset + 30 + sum(lengths)
    whole.seek(0, os.SEEK_END)
    if start + info.file_size > whole.tell():
        raise FileError(f"{info.filename} of {path.name} is cut off.")
    return _Window(whole, start, info.file_size)  # type: ignore[return-value]


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, whole: BinaryIO, start: int, size: int) -> None:
        self._whole, self._start, self._size, self._at = whole, start, size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the part."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = base[whence] + offset
        return self._at

    def tell(self) -> int:
        """Return the place in the part."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the part goes."""
        view = memoryview(buffer).cast("B")
        room = max(min(len(view), self._size - self._at), 0)
        self._whole.seek(self._start + self._at)
        count = self._whole.readinto(view[:room])  # type: ignore[attr-defined]
        self._at += count
        return count


class Folder:
    """A folder with the members of a model as files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def names(self) -> list[str]:
        """Return the names of all files inside."""
        files = (file for file in self.path.rglob("*") if file.is_file())
        return [file.relative_to(self.path).as_posix() for file in files]

    def _file(self, name: str) -> Path:
        file = self.path / name
        if not file.is_file() or file.is_symlink():
            raise FileError(f"{self.path.name} has no file {name}.")
        return file

    def text(self, name: str) -> bytes:
        """Return a short member whole."""
        with self._file(name).open("rb") as member:
            return member.read(LARGEST + 1)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a member to read anywhere in it."""
        with self._file(name).open("rb") as member:
            yield member


def pack(folder: Path, path: Path) -> None:
    """Write the files of a folder to a ZIP, each as it is, in Keras's order."""
    first = [METADATA, CONFIG, WEIGHTS]
    names = sorted(Folder(folder).names())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        rest = [name for name in names if name not in first]
        for name in [*(n for n in first if n in names), *rest]:
            packed.write(folder / name, name)
