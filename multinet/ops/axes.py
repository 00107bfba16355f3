"""Axes as users give them: checked, and counted from the first."""

from __future__ import annotations

import operator
from typing import Any

from multinet.errors import ArgumentError, NoAxis
from multinet.ops.refusals import shown
from multinet.typing import Axis


def axis_of(axis: int, rank: int, what: str = "axis") -> int:
    """Return a non-negative axis; `NoAxis` naming the range if it is outside."""
    if type(axis) is int and -rank <= axis < rank:
        return axis % rank
    try:
        place = operator.index(axis)
    except TypeError as error:
        raise ArgumentError(f"Expected {what} as an int, got {shown(axis)}.") from error
    if not -rank <= place < rank:
        raise NoAxis(
            f"Expected {what} in [{-rank}, {rank}) for a tensor of {rank} axes, got "
            f"{axis}."
        )
    return place % rank


def axes_of(axis: Axis | None, rank: int) -> tuple[int, ...]:
    """Return sorted unique non-negative axes of an int, a sequence, or None for all."""
    if axis is None:
        return tuple(range(rank))
    if type(axis) is int and -rank <= axis < rank:
        return (axis % rank,)
    several = isinstance(axis, list | tuple | set | range)
    chosen: Any = axis if several else [axis]
    axes = sorted(axis_of(a, rank) for a in chosen)
    if len(set(axes)) < len(axes):
        raise ArgumentError(f"Expected each axis once, got axis={axis}.")
    return tuple(axes)
