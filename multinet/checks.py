"""Checks of plain arguments: whole numbers, numbers in a range, and what they are not.

An argument that is right is returned, a scalar of NumPy as a number of Python. An
`ArgumentError` says what was expected and what came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from multinet.errors import ArgumentError, unknown_name

_LONGEST = 60  # letters of a value in a message


def shown(value: object) -> str:
    """Return a value as messages show it: long ones are cut."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _plain(value: object) -> object:
    """Return a scalar of NumPy as a number of Python."""
    if (
        isinstance(value, np.generic)
        or isinstance(value, np.ndarray)
        and not value.ndim
    ):
        return value.item()
    return value


def whole(value: object, name: str, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if type(value) is int and value >= least:
        return value
    value = _plain(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        kind = "a positive integer" if least == 1 else f"an integer >= {least}"
        raise ArgumentError(f"Expected {name} to be {kind}, got {shown(value)}.")
    return value


def number(
    value: object,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    hint: str = "",
) -> float:
    """Return a finite number within bounds: `least` and `most` are within, too."""
    value = _plain(value)
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    ):
        return value
    kind = _range(least, above, most, below)
    raise ArgumentError(f"Expected {name} to be {kind}, got {shown(value)}.{hint}")


def _range(
    least: float | None, above: float | None, most: float | None, below: float | None
) -> str:
    low, high = least if above is None else above, most if below is None else below
    if low is None or high is None:
        bounds = [
            f" {sign} {bound:g}"
            for sign, bound in ((">=", least), (">", above), ("<=", most), ("<", below))
            if bound is not None
        ]
        return f"a {'' if bounds else 'finite '}number{' and'.join(bounds)}"
    left, right = "(" if above is not None else "[", ")" if below is not None else "]"
    return f"a number in {left}{low:g}, {high:g}{right}"


def flag(value: object, name: str) -> bool:
    """Return True or False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ArgumentError(f"Expected {name} to be True or False, got {shown(value)}.")


def one_of(value: object, name: str, known: Iterable[str]) -> str:
    """Return one of some names; the error lists them and names the near ones."""
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    raise unknown_name(name, value, known)
