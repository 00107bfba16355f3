"""Archives unpacked with care: nothing outside, no links, no bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from multinet.checks import one_of
from multinet.errors import ArgumentError, FileError
from multinet.saving.atomic import replacing_folder

_BLOCK = 1 << 20
_MOST_MEMBERS = 5_000_000
_MOST_RATIO = 200  # of what comes out to the archive; above that of real data
_ALWAYS = 64 << 20  # bytes that may come out of any archive
_MOST_AT_ONCE = 16 << 20  # bytes of a header; real ones have a few hundred

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,  # a method of compression
    zlib.error,
    lzma.LZMAError,
    EOFError,
)
_MAGIC = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


class Member(NamedTuple):
    """A folder or a file of an archive; a folder has no content."""

    name: str
    content: BinaryIO | None


def extract_archive(
    path: Path, target: Path, archive_format: str | Sequence[str] | None = "auto"
) -> None:
    """Unpack a tar or zip archive into a folder, whole or not at all.

    `FileError` for what is no archive, or a hostile one: with links or special files,
    with members outside of the folder, or that grow beyond all measure.
    """
    formats = ("tar", "zip") if archive_format == "auto" else archive_format or ()
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    for name in formats:
        one_of(name, "archive_format", ("auto", "tar", "zip"))
    if not formats:
        raise ArgumentError(
            "Expected archive_format to be 'auto', 'tar' or 'zip' where an archive is "
            f"to be extracted, got {archive_format!r}."
        )
    limit = max(_ALWAYS, _MOST_RATIO * path.stat().st_size)
    is_zip = zipfile.is_zipfile(path)
    try:
        # A tar may hold zips, and end like one: what it begins with decides.
        if "tar" in formats and (not is_zip or _is_tar(path, limit)):
            members = _tar(path, limit)
        elif "zip" in formats and is_zip:
            members = _zip(path)
        else:
            raise FileError(f"{path} is no archive of {' or '.join(formats)}.")
        with replacing_folder(target) as folder:
            _write(members, folder, limit)
    except _BROKEN as error:
        raise FileError(f"{path} is no whole archive: {error}") from error


def _write(members: Iterator[Member], folder: Path, limit: int) -> None:
    total = 0
    for count, member in enumerate(members):
        if count >= _MOST_MEMBERS:
            raise FileError(f"The archive has more than {_MOST_MEMBERS} members.")
        path = folder.joinpath(*_parts(member.name))
        (path if member.content is None else path.parent).mkdir(
            parents=True, exist_ok=True
        )
        if member.content is None:
            continue
        with open(path, "wb") as file:
            while block := member.content.read(_BLOCK):
                total += len(block)
                if total > limit:
                    raise _too_much(limit)
                file.write(block)


def _parts(name: str) -> list[str]:
    """Return the path of a member; `FileError` for one that may lead elsewhere."""
    parts = name.replace("\\", "/").split("/")
    leads = name.startswith(("/", "\\")) or ".." in parts
    if leads or any(":" in part or "\0" in part for part in parts):
        raise FileError(
            f"The archive has the member {name!r}, which is not inside of its folder: "
            "it is not extracted."
        )
    return [part for part in parts if part not in ("", ".")]


def _refuse(name: str, kind: str) -> FileError:
    return FileError(
        f"The archive has {kind}, {name!r}, which could lead outside of its folder: it "
        "is not extracted. Only files and folders are."
    )


def _too_much(limit: int) -> FileError:
    return FileError(
        f"More than {limit >> 20} MiB come out of the archive, {_MOST_RATIO} times its "
        "size: it is not extracted. Extract it by hand if you know what it is."
    )


# -- tar -------------------------------------------------------------------------------


class _Bounded(io.RawIOBase):
    """A stream of so many bytes at most, of which no one reads many at once."""

    def __init__(self, stream: Any, limit: int) -> None:
        self.stream, self.limit = stream, limit

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise FileError("The archive has a header that would fill the memory.")
        if self.stream.tell() + size > self.limit:
            data = self.stream.read(max(0, self.limit - self.stream.tell()))
            if len(data) == size or not self.stream.read(1):
                return data
            raise _too_much(self.limit)
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        # Forward in a compressed stream is as much work as reading.
        if whence == 0 and offset > self.limit:
            raise _too_much(self.limit)
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self.stream.close()
        super().close()


def _open(path: Path, limit: int) -> tarfile.TarFile:
    with open(path, "rb") as file:
        start = file.read(6)
    opens = next((f for magic, f in _MAGIC.items() if start.startswith(magic)), open)
    stream = _Bounded(opens(path, "rb"), limit)
    try:
        return tarfile.TarFile(fileobj=stream)
    except BaseException:
        stream.close()
        raise


def _is_tar(path: Path, limit: int) -> bool:
    try:
        _open(path, limit).close()
    except (*_BROKEN, OSError):
        return False
    return True


def _tar(path: Path, limit: int) -> Iterator[Member]:
    try:
        archive = _open(path, limit)
    except OSError as error:
        raise FileError(f"{path} is no whole archive: {error}") from error
    with archive:
        for info in archive:
            vars(archive)["members"] = []  # which would grow without end
            if info.issym() or info.islnk():
                raise _refuse(info.name, "a link")
            if not (info.isreg() or info.isdir()):
                raise _refuse(info.name, "a special file")
            content: Any = None if info.isdir() else archive.extractfile(info)
            yield Member(info.name, content)
    fileobj: Any = archive.fileobj
    fileobj.close()


# -- zip -------------------------------------------------------------------------------


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if stat.S_ISLNK(kind):
                raise _refuse(info.filename, "a link")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refuse(info.filename, "a special file")
            if info.flag_bits & 1:
                raise FileError(f"{os.fspath(path)} is encrypted: extract it by hand.")
            content: Any = None if info.is_dir() else archive.open(info)
            yield Member(info.filename, content)
            if content is not None:
                content.close()
