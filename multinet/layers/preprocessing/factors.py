"""What the constructors of image layers take: factors, ranges, ways to fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from multinet.errors import ArgumentError, unknown_name

Factor: TypeAlias = float | Sequence[float]
"""A number f, for the range from -f to f, or the two ends of a range."""

Interval: TypeAlias = tuple[float, float]

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("reflect", "wrap", "constant", "nearest")


def factor_of(
    name: str, factor: Factor, low: float = -1, high: float = 1, within: bool = False
) -> Interval:
    """Return the two ends of a factor in order.

    A number f, which lies from `low` to `high`, is the range from -f to f as far as it
    lies there. A range overlaps those bounds, and lies `within` them if that is asked.
    """
    ends = ends_of(factor)
    if ends is None or ends[0] > high or ends[1] < low:
        raise _wrong(name, factor, low, high)
    number = not isinstance(factor, list | tuple)
    if (number or within) and not (low <= ends[0] and ends[1] <= high):
        raise _wrong(name, factor, low, high)
    return (max(-abs(ends[1]), low), abs(ends[1])) if number else ends


def _wrong(name: str, factor: object, low: float, high: float) -> ArgumentError:
    return ArgumentError(
        f"Expected {name} to be a number within [{low}, {high}], or a list of two, got "
        f"{factor!r}."
    )


def ends_of(factor: object) -> Interval | None:
    """Return a pair of numbers in order, one number as both; None of anything else."""
    ends = factor if isinstance(factor, list | tuple) else (factor, factor)
    if len(ends) != 2 or not all(
        isinstance(end, int | float) and not isinstance(end, bool) for end in ends
    ):
        return None
    return min(ends), max(ends)  # type: ignore[type-var]


def value_range_of(value_range: object) -> list[float]:
    """Return the least and the greatest value of a pixel."""
    ends = ends_of(value_range) if isinstance(value_range, list | tuple) else None
    if ends is None:
        raise ArgumentError(
            "Expected value_range to be a list of two numbers, the values of black and "
            f"white, got {value_range!r}."
        )
    return list(ends)


def kept(factor: Factor | None) -> Factor | None:
    """Return a factor as it was given, a pair as a tuple."""
    return tuple(factor) if isinstance(factor, list | tuple) else factor


def choice(name: str, given: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed names."""
    if given not in allowed:
        raise unknown_name(name, given, allowed)
    return given
