"""Frozen dataclasses as data of JSON, and back: by their annotations, exactly.

An annotation is a dataclass, `str`, `int`, `float`, `bool`, one of these or None, a
tuple of one kind, or a dict of one kind by texts or integers.
"""

from __future__ import annotations

import dataclasses
import math
import types
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from multinet.errors import ArgumentError
from multinet.typing import Data

T = TypeVar("T")
#: JSON has no such numbers: they are texts, where a float is expected.
_UNUSUAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: object) -> Data:
    """Return a value as dicts, lists, texts and numbers."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {each.name: encode(getattr(value, each.name)) for each in fields}
    if isinstance(value, dict):
        return {str(name): encode(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [encode(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def decode(kind: type[T], data: object, place: str) -> T:
    """Return the value of a kind that was encoded; `ArgumentError` names the place."""
    return _decode(kind, data, place)


def _decode(kind: Any, data: Any, place: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is types.UnionType:
        if data is None and type(None) in inner:
            return None
        (kind,) = (each for each in inner if each is not type(None))
        return _decode(kind, data, place)
    if origin is tuple and isinstance(data, list):
        return tuple(_decode(inner[0], x, f"{place}[{i}]") for i, x in enumerate(data))
    if origin is dict and isinstance(data, dict):
        names = (int(n) if inner[0] is int and _whole(n) else n for n in data)
        pairs = zip(names, data.items())
        return {n: _decode(inner[1], x, f"{place}.{name}") for n, (name, x) in pairs}
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _object(kind, data, place)
    if kind is float and isinstance(data, str) and data in _UNUSUAL:
        return _UNUSUAL[data]
    if kind is float and type(data) is int:
        return float(data)
    if isinstance(kind, type) and type(data) is kind:
        return data
    name = getattr(kind, "__name__", str(kind))
    raise ArgumentError(f"Expected {place} to be {name}, got {data!r:.60}.")


def _whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _object(kind: Any, data: dict[str, Any], place: str) -> Any:
    hints = _hints(kind)
    unknown = sorted(data.keys() - hints.keys())
    needed = {
        each.name
        for each in dataclasses.fields(kind)
        if each.default is dataclasses.MISSING
        and each.default_factory is dataclasses.MISSING
    }
    lacking = sorted(needed - data.keys())
    if unknown or lacking:
        told = [f"no {name}" for name in lacking]
        told += [f"the unknown {name}" for name in unknown]
        raise ArgumentError(
            f"Expected {place} to be a {kind.__name__} of this version of Multinet; it "
            f"has {', '.join(told)}."
        )
    return kind(**{n: _decode(hints[n], x, f"{place}.{n}") for n, x in data.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
