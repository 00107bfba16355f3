"""get_file: a file of the network on this machine, whole and checked."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multinet.checks import one_of, shown
from multinet.config import is_interactive_logging_enabled
from multinet.errors import ArgumentError, FileError
from multinet.saving.atomic import replacing
from multinet.tracebacks import shortening
from multinet.utils.progbar import Progbar

_BLOCK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 3  # of a download that breaks off
_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}  # hexadecimal
_BROKEN = (http.client.HTTPException, ConnectionError, TimeoutError)


@shortening
def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str | os.PathLike[str] = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, downloaded from `origin` if it is not there yet.

    It is kept as `fname` in `cache_subdir` of `cache_dir`, which is the environment
    variable `MULTINET_HOME`, or `~/.multinet`. A download that broke off goes on where
    it was. `file_hash` is its MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal digits: a
    file with another one is downloaded anew, and never returned.

    `extract=True` unpacks a tar or zip archive (`archive_format` says which may be)
    and returns the folder. Archives with links, with members outside of the folder, or
    that grow beyond all measure are refused: `FileError`.

    `untar` and `md5_hash` are older names of extract=True and file_hash.

    >>> path = get_file(origin="https://example.org/data.csv")  # doctest: +SKIP
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    wanted = None if file_hash is None else Digest.of(file_hash, hash_algorithm)
    address = _address(origin)
    name = _name(fname, address)
    folder = _folder(cache_dir, cache_subdir)
    unpack = extract or untar
    path, target = folder / name, None
    if unpack:
        path, target = _places(folder, name, given=fname is not None)
    fresh = force_download or not _is_there(path, wanted)
    if fresh:
        download(address, path, wanted)
    if target is None:
        return str(path)
    if fresh or not target.exists():
        # Here, not at the top: tarfile is slow to import.
        from multinet.utils.extraction import extract_archive

        extract_archive(path, target, "tar" if untar else archive_format)
    return str(target)


@dataclass(frozen=True)
class Digest:
    """What a file must hash to."""

    algorithm: str
    digits: str

    @staticmethod
    def of(digits: str, algorithm: str = "auto") -> Digest:
        """Return a digest; "auto" tells the algorithm by the number of digits."""
        one_of(algorithm, "hash_algorithm", ("auto", *_DIGITS))
        lengths = {count: name for name, count in _DIGITS.items()}
        text = str(digits).strip().lower()
        if algorithm == "auto":
            algorithm = lengths.get(len(text), "")
        if _DIGITS.get(algorithm) != len(text) or set(text) - set("0123456789abcdef"):
            kinds = ", ".join(f"{n} of {name}" for n, name in lengths.items())
            raise ArgumentError(
                f"Expected file_hash in hexadecimal digits ({kinds}), got "
                f"{shown(digits)}."
            )
        return Digest(algorithm, text)

    def fits(self, path: Path) -> bool:
        """Return whether a file has it."""
        with open(path, "rb") as file:
            return hashlib.file_digest(file, self.algorithm).hexdigest() == self.digits


def download(address: str, path: Path, wanted: Digest | None = None) -> None:
    """Write what is at an address to a path, whole and checked, or not at all."""
    _tell(f"Downloading data from {address}")
    rest = Rest(path, address, sure=wanted is not None)
    with replacing(path) as new:
        rest.take(new)
        try:
            _fetch(address, new, rest)
        except BaseException:
            rest.leave(new)
            raise
        if wanted is not None and not wanted.fits(new):
            raise FileError(
                f"Expected {address} to have the {wanted.algorithm} {wanted.digits}, "
                "got another file, which is not kept. Is it another version, or was "
                "it changed on its way?"
            )
    rest.forget()


class Rest:
    """What is left of a download that broke off, and whether it can go on.

    It can where the server names the version of what it sends, or where a hash will
    tell (`sure`).
    """

    def __init__(self, path: Path, address: str, sure: bool) -> None:
        self.file = path.with_name(f".{path.name}.part")
        self.facts = path.with_name(f".{path.name}.part.json")
        self.address, self.sure = address, sure
        self.version: str | None = None

    def take(self, new: Path) -> None:
        """Move what is left to a path, if it is of the same address."""
        try:
            facts = json.loads(self.facts.read_text())
            os.replace(self.file, new)
        except (OSError, ValueError):
            return
        if not isinstance(facts, dict) or facts.get("address") != self.address:
            new.unlink()
            return
        self.version = facts.get("version")

    def leave(self, new: Path) -> None:
        """Keep what there is of a file for the next time."""
        if new.exists() and (self.sure or self.version):
            facts = {"address": self.address, "version": self.version}
            self.facts.write_text(json.dumps(facts))
            os.replace(new, self.file)

    def forget(self) -> None:
        """Keep nothing."""
        self.file.unlink(missing_ok=True)
        self.facts.unlink(missing_ok=True)

    def headers(self, done: int) -> dict[str, str]:
        """Return what asks a server for what comes after so many bytes."""
        if not done or not (self.version or self.sure):
            return {}
        asked = {"Range": f"bytes={done}-"}
        if self.version:
            asked["If-Range"] = self.version
        return asked


def _fetch(address: str, new: Path, rest: Rest) -> None:
    """Get a file, or what is missing of it; again where the connection breaks."""
    for left in reversed(range(_TRIES)):
        before = new.stat().st_size if new.exists() else 0
        try:
            _transfer(address, new, rest)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # what is there does not fit
                new.unlink()
                rest.version = None
                continue
            raise FileError(
                f"{address} answers {error.code}: {error.reason}."
            ) from error
        except urllib.error.URLError as error:
            raise FileError(f"{address} cannot be reached: {error.reason}.") from error
        except _BROKEN as error:
            if not left:
                raise FileError(
                    f"The download of {address} broke off: {error!r}. Call again to go "
                    "on with it."
                ) from error
    raise FileError(f"The server of {address} refuses to send all of it.")


def _transfer(address: str, new: Path, rest: Rest) -> None:
    done = new.stat().st_size if new.exists() else 0
    headers = {"User-Agent": "multinet", "Accept-Encoding": "identity"}
    request = urllib.request.Request(address, headers=headers | rest.headers(done))
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        _same_safety(address, answer.geturl())
        going_on = getattr(answer, "status", None) == 206
        if going_on and not _begins(answer.headers.get("Content-Range"), done):
            raise http.client.HTTPException("another part came than was asked for")
        done = done if going_on else 0
        rest.version = _version(answer.headers)
        length = answer.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        with open(new, "ab" if going_on else "wb") as file:
            _copy(answer, file, done, total)


def _copy(answer: Any, file: Any, done: int, total: int | None) -> None:
    bar = Progbar(total, verbose=1, unit_name="byte", interval=0.2)
    while block := answer.read(_BLOCK):
        file.write(block)
        done += len(block)
        bar.update(done, finalize=done == total)
    if total is None:
        bar.update(done, finalize=True)
    elif done != total:
        raise ConnectionError(f"{done} of {total} bytes came")


def _version(headers: Any) -> str | None:
    """Return what names a version of a file: a strong ETag, or when it was changed."""
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return headers.get("Last-Modified")


def _begins(content_range: str | None, done: int) -> bool:
    return (content_range or "").replace("=", " ").startswith(f"bytes {done}-")


def _same_safety(asked: str, given: str) -> None:
    """Refuse an answer in the clear where an encrypted one was asked for."""
    if asked.startswith("https:") and not given.startswith("https:"):
        raise FileError(f"{asked} leads to {given}, which is not encrypted.")


# -- names and places ------------------------------------------------------------------


def _address(origin: str | None) -> str:
    if not isinstance(origin, str):
        raise ArgumentError(
            f"Expected origin as the address of a file, got {shown(origin)}."
        )
    scheme = urllib.parse.urlsplit(origin).scheme
    if scheme not in ("http", "https", "file"):
        raise ArgumentError(
            f"Expected an address of http, https or file, got {shown(origin)}."
        )
    return origin


def _name(fname: str | os.PathLike[str] | None, address: str) -> str:
    """Return the name of the file here: no path, nothing that leads elsewhere."""
    name = os.fspath(fname) if fname else ""
    if not name:
        path = urllib.parse.urlsplit(address).path
        name = urllib.parse.unquote(path).rsplit("/", 1)[-1]
    if not name or name in (".", "..") or set(name) & set("/\\:\0"):
        raise ArgumentError(
            f"Expected fname as the name of a file, without a path, got {name!r} (of "
            f"{address}). Its folder is that of cache_dir and cache_subdir."
        )
    return name


def cache_home() -> Path:
    """Return where downloads are kept: `MULTINET_HOME`, or `~/.multinet`."""
    return Path(os.environ.get("MULTINET_HOME") or "~/.multinet").expanduser()


def _folder(
    cache_dir: str | os.PathLike[str] | None, subdir: str | os.PathLike[str]
) -> Path:
    home = cache_home() if cache_dir is None else Path(cache_dir).expanduser()
    folder = home / Path(subdir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise ArgumentError(
            f"Expected a folder to write to, got {folder}. Pass another cache_dir, or "
            "set the environment variable MULTINET_HOME."
        )
    return folder


def _places(folder: Path, name: str, given: bool) -> tuple[Path, Path]:
    """Return where an archive and what is in it are kept, as in Keras."""
    if given and "." in name:
        return folder / name, folder / f"{name.split('.')[0]}_extracted"
    return folder / f"{name}_archive", folder / name


def _is_there(path: Path, wanted: Digest | None) -> bool:
    if not path.exists():
        return False
    if wanted is None or wanted.fits(path):
        return True
    _tell(f"{path} has another {wanted.algorithm} than expected: downloading it anew.")
    return False


def _tell(text: str) -> None:
    if is_interactive_logging_enabled():
        print(text)
    else:
        logging.getLogger("multinet").info(text)
