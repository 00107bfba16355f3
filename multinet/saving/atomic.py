"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from multinet.errors import ArgumentError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a new file beside `path`, which takes its place at the end.

    It is on the disk before it does. Whatever stops the block leaves the file that was
    there as it was: an error, a full disk, the end of the process. `FileNotFoundError`
    if there is no such folder.
    """
    path = real(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield new
        _settle(new)
        os.replace(new, path)
        _settle(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path`, which takes its place at the end.

    A folder cannot take another's place in one step. At the worst the old one is left
    beside, under a hidden name.
    """
    path = real(path)
    mark = secrets.token_hex(4)
    new, old = (path.with_name(f".{path.name}.{mark}.{end}") for end in ("part", "old"))
    new.mkdir()
    try:
        yield new
        for file in new.rglob("*"):
            _settle(file)
        if path.exists():
            os.replace(path, old)
        os.replace(new, path)
        _settle(path.parent)
    except BaseException:
        if old.exists() and not path.exists():
            os.replace(old, path)
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def real(path: Path) -> Path:
    """Return the path with links followed: what a link leads to is replaced, not it."""
    return Path(os.path.realpath(path))


def local(filepath: str | os.PathLike[str]) -> Path:
    """Return a path of this machine; `ArgumentError` for an address elsewhere."""
    text = os.fspath(filepath)
    if "://" in text:
        raise ArgumentError(
            f"Expected a path on this machine, got {text!r}. Files elsewhere are "
            "neither read nor written: copy them with the tools of their service."
        )
    return Path(text).expanduser()


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `ArgumentError` if there is a file that may not be overwritten."""
    if not overwrite and path.exists():
        raise ArgumentError(
            f"{path} exists, and overwrite=False. Give another name, or pass "
            "overwrite=True."
        )


def _settle(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # where a folder cannot be opened
    number = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
