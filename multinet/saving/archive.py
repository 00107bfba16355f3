"""The archive of a model: a ZIP, or a folder, of a few members that are read safely."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from multinet.errors import FileError
from multinet.saving.damage import told
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
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(path.open("rb"))
            with told(f"{path.name} is no ZIP archive, or it is damaged"):
                self._zip = opened.enter_context(zipfile.ZipFile(file))
            _check(self._zip.infolist(), path)
            self._open = opened.pop_all()

    def __enter__(self) -> ZipArchive:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def names(self) -> list[str]:
        """Return the names of all members that are files."""
        return [name for name in self._zip.namelist() if not name.endswith("/")]

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._zip.getinfo(name)
        except KeyError:
            raise FileError(f"{self.path.name} has no {name}.") from None

    def _told(self, name: str) -> contextlib.AbstractContextManager[None]:
        return told(f"{name} of {self.path.name} is damaged")

    def check_sums(self) -> None:
        """Read all members, and compare them with their sums; `FileError` if not."""
        for name in self.names():
            with self._told(name), self._zip.open(name) as member:
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
        with self._told(name), self._zip.open(info) as member:
            return member.read(LARGEST + 1)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a member to read anywhere in it."""
        info = self._info(name)
        if info.compress_type == zipfile.ZIP_STORED:
            with self.path.open("rb") as whole:
                with self._told(name):
                    window = _window(whole, info, self.path)
                yield window
            return
        with tempfile.TemporaryFile() as unpacked:
            with self._told(name), self._zip.open(info) as member:
                shutil.copyfileobj(member, unpacked, _BLOCK)
            unpacked.seek(0)
            yield unpacked  # type: ignore[misc]


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


# -- writing ---------------------------------------------------------------------------


class NewArchive(Protocol):
    """What takes the members of a model."""

    def text(self, name: str, data: str) -> None:
        """Add a short member."""
        ...

    def opened(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Add a member that is written anywhere in it, and read again meanwhile."""
        ...

    def copied(self, name: str, file: Path) -> None:
        """Add a file as a member."""
        ...


class NewFolder:
    """A folder that takes the members of a model as files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(self, name: str, data: str) -> None:
        """Add a short member."""
        (self.path / name).write_text(data, "utf-8")

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Add a member that is written anywhere in it, and read again meanwhile."""
        with (self.path / name).open("w+b", buffering=0) as member:
            yield member  # type: ignore[misc]

    def copied(self, name: str, file: Path) -> None:
        """Add a file as a member."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, self.path / name)


class NewZip:
    """A ZIP of members as they are; what is large is written in its place at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._large: list[zipfile.ZipInfo] = []
        self._small: list[tuple[str, str]] = []

    def __enter__(self) -> NewZip:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        with self._file:
            if kind is None:
                self._finish()

    def text(self, name: str, data: str) -> None:
        """Add a short member."""
        self._small.append((name, data))

    def copied(self, name: str, file: Path) -> None:
        """Add a file as a member."""
        with file.open("rb") as source, self.opened(name) as member:
            shutil.copyfileobj(source, member, _BLOCK)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Add a member that is written anywhere in it, and read again meanwhile."""
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.external_attr, info.CRC = 0o600 << 16, 0
        info.header_offset = self._file.seek(0, os.SEEK_END)
        self._file.write(info.FileHeader(zip64=True))
        start = self._file.tell()
        yield _Growing(self._file, start)  # type: ignore[misc]
        info.file_size = info.compress_size = self._file.seek(0, os.SEEK_END) - start
        info.CRC = _checksum(self._file, start)
        self._file.seek(info.header_offset)
        self._file.write(info.FileHeader(zip64=True))
        self._large.append(info)

    def _finish(self) -> None:
        """Write the short members and the list of all, in the order of Keras."""
        self._file.seek(0, os.SEEK_END)
        with zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED) as packed:  # type: ignore[arg-type]
            for name, data in self._small:
                packed.writestr(name, data)
            members = packed.infolist()  # the list that is written at the end
            members += self._large
            first = [METADATA, CONFIG, WEIGHTS]
            members.sort(key=lambda each: [each.filename != name for name in first])


class _Growing(_Window):
    """The end of a file as a file that is written."""

    def __init__(self, whole: Any, start: int) -> None:
        super().__init__(whole, start, 0)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write all bytes at the place in the part."""
        view, done = memoryview(data).cast("B"), 0
        self._whole.seek(self._start + self._at)
        while done < len(view):  # Linux takes 2 GB at once
            done += self._whole.write(view[done:])
        self._at += done
        self._size = max(self._size, self._at)
        return done

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the part."""
        self._size = self._at if size is None else size
        return self._whole.truncate(self._start + self._size)


def _checksum(file: BinaryIO, start: int) -> int:
    """Return the checksum of the bytes of a file from `start` on."""
    found, block = 0, bytearray(_BLOCK)
    file.seek(start)
    while count := file.readinto(block):  # type: ignore[attr-defined]
        found = zlib.crc32(memoryview(block)[:count], found)
    return found
