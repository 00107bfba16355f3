"""JSON that is read without trust: bounded in size and depth, no key twice."""

from __future__ import annotations

import json
import re
from typing import Any

from multinet.errors import FileError
from multinet.typing import Data

LARGEST, DEEPEST = 64 * 2**20, 200
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def read_json(text: bytes, name: str) -> Data:
    """Return the data of a JSON text; `FileError` if it is none, too long or too deep.

    `name` is that of the file, for the message.
    """
    if len(text) > LARGEST:
        raise FileError(f"{name} has {len(text)} bytes; at most {LARGEST} are read.")
    try:
        string = text.decode("utf-8")
        if _depth(string) > DEEPEST:
            raise FileError(f"{name} has more than {DEEPEST} brackets within brackets.")
        return json.loads(string, object_pairs_hook=_pairs)
    except UnicodeDecodeError as error:
        raise FileError(f"{name} is no text in UTF-8: {error}") from error
    except json.JSONDecodeError as error:
        raise FileError(f"{name} is no JSON: {error}") from error


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        mark = found.group()
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise FileError(f"An object in JSON has keys twice: {twice}.")
    return found
