"""Files of data sets: where they are, their hashes, and how they are read.

`files.json` has addresses and hashes. The environment variable `MULTINET_DATASETS`
names another address that has the same files, such as a mirror.
"""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import zipfile
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from multinet.errors import ArgumentError, FileError
from multinet.typing import Config, Data, Host, Tree
from multinet.utils import get_file


@cache
def table() -> Config:
    """Return the addresses and hashes."""
    return json.loads(files("multinet.datasets").joinpath("files.json").read_text())


def fetch(name: str, fname: str | None = None, **options: Any) -> Path:
    """Return the path of a file, downloaded if it is not there, its hash checked.

    `options` are those of `get_file`.
    """
    known = table()["files"][name]
    base = os.environ.get("MULTINET_DATASETS") or known.get("base", table()["base"])
    address = f"{base.rstrip('/')}/{name}"
    return Path(get_file(fname or name, address, file_hash=known["hash"], **options))


def arrays(path: Path) -> dict[str, Host]:
    """Return the arrays of an .npz file; those of objects are lists of numbers."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _array(io.BytesIO(archive.read(name)))
                for name in archive.namelist()
            }
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise FileError(f"{path} is no whole archive of arrays: {error}") from error


def _array(file: BinaryIO) -> Host:
    version = np.lib.format.read_magic(file)
    names = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}
    header = getattr(np.lib.format, names.get(version, "read_array_header_2_0"))
    shape, _, dtype = header(file)
    if dtype.hasobject:
        return unpickled(file).reshape(shape)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


# -- pickles ---------------------------------------------------------------------------


class _Numbers(pickle.Unpickler):
    """Reads arrays, lists, dicts, numbers and strings; nothing else is ever called."""

    def find_class(self, module: str, name: str) -> Any:
        multiarray = ("numpy.core.multiarray", "numpy._core.multiarray")
        if module in multiarray and name == "_reconstruct":
            return _empty
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise FileError(
            f"The file names {module}.{name}: only arrays, lists, dicts, numbers and "
            "strings are read."
        )


def _empty(cls: Any, shape: Any, kind: Any) -> Host:
    if cls is not np.ndarray or math.prod(shape):
        raise FileError("The file has an array of another form than NumPy writes.")
    return np.ndarray(shape, np.uint8)


def unpickled(file: BinaryIO) -> Tree:
    """Return arrays, lists and dicts of a pickle; `FileError` for all else in it."""
    try:
        return _Numbers(file, encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, TypeError, IndexError) as error:
        raise FileError(f"The file is no pickle of arrays: {error}") from error


# -- samples ---------------------------------------------------------------------------

Pair = tuple[Host, Host]


def shuffled(x: Host, y: Host, random: np.random.RandomState) -> Pair:
    """Return samples and labels in an order of a generator of Keras's kind."""
    order = np.arange(len(x))
    random.shuffle(order)
    return x[order], y[order]


def parts(x: Host, y: Host, test_split: float) -> tuple[Pair, Pair]:
    """Return the samples for training, and the last ones for a test."""
    if not 0 <= test_split < 1:
        raise ArgumentError(f"Expected test_split within [0, 1), got {test_split}.")
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def objects(rows: list[list[int]]) -> Host:
    """Return lists of numbers as an array of objects."""
    out = np.empty(len(rows), object)
    out[:] = rows
    return out


def marked(
    rows: Iterable[Iterable[int]], start: int | None, shift: int
) -> list[list[int]]:
    """Return word numbers shifted, after a mark of the start."""
    if start is not None:
        return [[start, *(int(w) + shift for w in row)] for row in rows]
    return [[int(w) + shift for w in row] for row in rows]


def words(
    rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Return the words within a range; others are `oov_char`, or left out."""
    top = num_words or max(max(row) for row in rows)
    if oov_char is None:
        return [[w for w in row if skip_top <= w < top] for row in rows]
    return [[w if skip_top <= w < top else oov_char for w in row] for row in rows]


def no_longer(
    rows: list[list[int]], labels: Host, maxlen: int | None
) -> tuple[list[list[int]], Host]:
    """Return the rows shorter than `maxlen`, and their labels."""
    if not maxlen:
        return rows, labels
    kept = [i for i, row in enumerate(rows) if len(row) < maxlen]
    if not kept:
        raise ArgumentError(
            f"Expected maxlen above the shortest text, got {maxlen}: none is left."
        )
    return [rows[i] for i in kept], labels[kept]


def index(path: Path) -> Data:
    """Return what a JSON file says."""
    return json.loads(path.read_text("utf-8"))
