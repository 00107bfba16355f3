"""Vocabularies: from tokens to their places and back, counting, files."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from multinet.errors import ArgumentError, FileError
from multinet.layers.preprocessing.host import decode_texts, encode_texts, on_host
from multinet.layers.preprocessing.packing import Index, Packed
from multinet.ops.core import is_array
from multinet.typing import Config, Host, Tree

Token: TypeAlias = str | int
Keys: TypeAlias = Any  # what a kind looks for: a list of bytes, or an array
Table: TypeAlias = Any  # what it looks in
_FILE, _EXACT = "vocabulary.txt", "vocabulary.json"
_TWICE = 5  # tokens that an error lists


class Kind(ABC):
    """What tokens are: texts, or integers."""

    @abstractmethod
    def keys(self, array: Host) -> Keys:
        """Return flat keys of what an array holds, in order."""

    @abstractmethod
    def table(self, tokens: Sequence[Token]) -> Table:
        """Return what `find` looks in: each token is at its place."""

    @abstractmethod
    def find(self, table: Table, keys: Keys) -> Host:
        """Return the places of keys in a table, -1 where they are not."""

    def some(self, keys: Keys, places: Host) -> Keys:
        """Return the keys at places."""
        return [keys[i] for i in places.tolist()]

    @abstractmethod
    def counted(self, keys: Keys) -> Counter[Any]:
        """Return how often each key is there."""

    @abstractmethod
    def token(self, key: bytes | int) -> Token:
        """Return the token of a key."""

    @abstractmethod
    def parsed(self, line: str) -> Token:
        """Return the token that a line of a file holds."""

    @abstractmethod
    def array(self, tokens: Sequence[Any]) -> Host:
        """Return tokens as an array."""


class Places(dict[bytes, int]):
    """The places of texts, and where many are looked up at once."""

    @cached_property
    def index(self) -> Index:
        """Return what packed words are looked up in."""
        return Index(self)


class Texts(Kind):
    """Tokens that are texts, known by their bytes."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding

    def keys(self, array: Host) -> list[bytes]:
        """Return texts as bytes; `ArgumentError` for numbers."""
        if array.dtype.kind not in "USO":
            raise ArgumentError(f"Expected texts, got an array of {array.dtype}.")
        return encode_texts(array, self.encoding)

    def table(self, tokens: Sequence[Token]) -> Places:
        """Return a dict."""
        keys = [str(token).encode(self.encoding) for token in tokens]
        return Places(zip(keys, range(len(keys))))

    def find(self, table: Places, keys: list[bytes] | Packed) -> Host:
        """Return the places."""
        if isinstance(keys, Packed):
            return table.index.find(keys)
        places = map(table.get, keys, repeat(-1))
        return np.fromiter(places, np.int64, len(keys))

    def some(self, keys: list[bytes] | Packed, places: Host) -> list[bytes] | Packed:
        """Return the keys at places."""
        if isinstance(keys, Packed):
            return keys.some(places)
        return super().some(keys, places)

    def counted(self, keys: list[bytes]) -> Counter[bytes]:
        """Return the counts."""
        return Counter(keys)

    def token(self, key: bytes | int) -> str:
        """Return the text."""
        return key.decode(self.encoding) if isinstance(key, bytes) else str(key)

    def parsed(self, line: str) -> str:
        """Return the line."""
        return line

    def array(self, tokens: Sequence[Any]) -> Host:
        """Return an array of str."""
        return decode_texts(np.asarray(tokens, dtype=object), self.encoding)


class Integers(Kind):
    """Tokens that are integers."""

    def keys(self, array: Host) -> Host:
        """Return integers; `ArgumentError` for other numbers, and for texts."""
        if array.dtype.kind == "f" and np.array_equal(array, np.trunc(array)):
            array = array.astype(np.int64)
        if array.dtype.kind not in "iub":
            raise ArgumentError(f"Expected integers, got an array of {array.dtype}.")
        return array.ravel().astype(np.int64, copy=False)

    def table(self, tokens: Sequence[Token]) -> tuple[Host, Host]:
        """Return the tokens in order, and the place of each."""
        keys = np.asarray(tokens, np.int64)
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def find(self, table: tuple[Host, Host], keys: Host) -> Host:
        """Return the places, by bisection."""
        known, places = table
        if len(known) == 0:
            return np.full(len(keys), -1)
        near = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[near] == keys, places[near], -1)

    def some(self, keys: Host, places: Host) -> Host:
        """Return the keys at places."""
        return keys[places]

    def counted(self, keys: Host) -> Counter[int]:
        """Return the counts."""
        tokens, counts = np.unique(keys, return_counts=True)
        return Counter(dict(zip(tokens.tolist(), counts.tolist())))

    def token(self, key: bytes | int) -> int:
        """Return the integer."""
        return int(key)

    def parsed(self, line: str) -> int:
        """Return the integer of a line."""
        return int(line)

    def array(self, tokens: Sequence[Any]) -> Host:
        """Return an array of int64."""
        return np.asarray(tokens, np.int64)


def repeated(tokens: Sequence[Token]) -> list[Token]:
    """Return tokens that are there more than once, up to a few of them."""
    if len(set(tokens)) == len(tokens):
        return []
    return [token for token, count in Counter(tokens).items() if count > 1][:_TWICE]


# -- files -----------------------------------------------------------------------------


def write_vocabulary(folder: Path, tokens: Sequence[Token]) -> None:
    """Write tokens as Keras does, a line each.

    Where a text has line breaks also as JSON, which alone can tell them.
    """
    lines = [str(token) for token in tokens]
    (folder / _FILE).write_text("\n".join(lines), "utf-8", newline="\n")
    if any("\n" in line or "\r" in line for line in lines) or lines[-1:] == [""]:
        (folder / _EXACT).write_text(json.dumps(list(tokens)), "utf-8")


def read_vocabulary(folder: Path, kind: Kind) -> list[Token]:
    """Return the tokens of what `write_vocabulary` or Keras wrote into a folder."""
    if (folder / _EXACT).is_file():
        tokens = json.loads((folder / _EXACT).read_text("utf-8"))
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            raise FileError(f"{_EXACT} is no list of texts.")
        return tokens
    return lines_of(folder / _FILE, kind)


def lines_of(path: Path, kind: Kind) -> list[Token]:
    """Return the tokens of a file with one in each line; `FileError` if it is none."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
        while lines and lines[-1] == "":
            lines.pop()
        return [kind.parsed(line) for line in lines]
    except ValueError as error:
        raise FileError(f"{path.name} is no vocabulary: {error}") from error


def refuse_path(config: Config) -> None:
    """Raise if a configuration names a file of this machine as a vocabulary."""
    if isinstance(config.get("vocabulary"), str | Path):
        raise ArgumentError(
            f"The configuration names the file {config['vocabulary']!r} as a "
            "vocabulary. It is not read: a file that came from elsewhere could make "
            "the program read any file here. Use set_vocabulary yourself."
        )


def listed(vocabulary: Tree) -> list[Token]:
    """Return tokens of a list, an array or a tensor as plain str and int."""
    if not isinstance(vocabulary, list | tuple) and is_array(vocabulary):
        vocabulary = on_host(vocabulary, "a vocabulary")
    if isinstance(vocabulary, np.ndarray):
        vocabulary = vocabulary.tolist()
    return [_token(token) for token in vocabulary]


def _token(token: Any) -> Token:
    if isinstance(token, bytes):
        return token.decode("utf-8")
    return token.item() if isinstance(token, np.generic) else token
