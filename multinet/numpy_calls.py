"""What is said where a program called NumPy on a tensor that has no values yet.

Each framework refuses that in words of its own, deep inside; the program says `np.sum`.
"""

from __future__ import annotations

import traceback
from types import FrameType
from typing import Any

import optree

from multinet.errors import MultinetError, TraceError
from multinet.registry import current


def explain_numpy(error: Exception) -> None:
    """Raise `TraceError` if NumPy, called on a tensor, brought an error about."""
    if isinstance(error, MultinetError):
        return
    place = _place_of_call(error)
    if place is not None:
        raise TraceError(
            "A function of NumPy got a tensor where a step is compiled or "
            f"differentiated, so there are no values that it could take: {place} Use "
            "the function of the same name in multinet.ops."
        ) from error


def _place_of_call(error: Exception) -> str | None:
    """Return the line of the program that called NumPy on a tensor."""
    frames = list(traceback.walk_tb(error.__traceback__))
    for caller, called in zip(frames, frames[1:]):
        if _is_of_program(caller[0]) and _is_of_numpy(called[0]):
            return _shown(caller) if _holds_tensor(called[0]) else None
    if _is_of_program(frames[-1][0]) and "__array_ufunc__" in str(error):
        return _shown(frames[-1])  # the words of NumPy itself
    return None


def _is_of_program(frame: FrameType) -> bool:
    package = _package(frame)
    return package not in ("multinet", "numpy") and not package.startswith("multinet_")


def _is_of_numpy(frame: FrameType) -> bool:
    """Return whether a frame is of NumPy, or the answer of a tensor that it asked."""
    return _package(frame) == "numpy" or frame.f_code.co_name == "__array__"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _holds_tensor(frame: FrameType) -> bool:
    values: list[Any] = optree.tree_leaves(dict(frame.f_locals))  # type: ignore[arg-type]
    return any(map(current().is_tensor, values))


def _shown(place: tuple[FrameType, int]) -> str:
    (line,) = traceback.StackSummary.extract(iter([place]), lookup_lines=True)
    return f"{line.line or line.name}, {line.filename}:{line.lineno}."
