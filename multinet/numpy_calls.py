"""What is said where a program called NumPy on a tensor that has no values yet.

Frameworks refuse that in words of their own, deep inside; the program says `np.sum`.
The backend on NumPy takes most of its functions.
"""

from __future__ import annotations

import traceback
from types import FrameType
from typing import Any, NoReturn

import optree

from multinet import tracebacks
from multinet.errors import MultinetError, TraceError
from multinet.registry import current

#: A line of a program.
_Place = tuple[FrameType, int]
#: What Python calls where a program asks for a value, as `if x > 0` does.
_ASKS = frozenset(("__bool__", "__int__", "__float__", "__index__", "__iter__"))


def explain_numpy(error: Exception) -> None:
    """Raise `TraceError` if NumPy, called on a tensor, brought an error about.

    Or if Python asked for the value of one.
    """
    if isinstance(error, MultinetError):
        return
    place = _place_of_asking(error)
    if place is not None:
        _tell(
            error,
            place,
            "The program asks for the value of a tensor where a step is compiled, so "
            f"there is none yet: {_shown(place)} In the place of if use ops.where or "
            "ops.cond, or compile(run_eagerly=True).",
        )
    place = _place_of_call(error)
    if place is not None:
        _tell(
            error,
            place,
            "A function of NumPy got a tensor where a step is compiled or "
            f"differentiated, so there are no values that it could take: "
            f"{_shown(place)} Use the function of the same name in multinet.ops, or "
            "the framework's own.",
        )


def _tell(error: Exception, place: _Place, text: str) -> NoReturn:
    """Raise an error that ends at a line of the program, in place of another one."""
    told = TraceError(text)
    if not tracebacks.filtering():
        raise told from error
    raise told.with_traceback(tracebacks.until(error.__traceback__, place[0])) from None


def _place_of_call(error: Exception) -> _Place | None:
    """Return the line of the program that called NumPy on a tensor."""
    frames = list(traceback.walk_tb(error.__traceback__))
    for caller, called in zip(frames, frames[1:]):
        if _is_of_program(caller[0]) and _is_of_numpy(called[0]):
            return caller if _holds_tensor(called[0]) else None
    return None


def _place_of_asking(error: Exception) -> _Place | None:
    """Return the line of the program that used a tensor as a condition or a number."""
    frames = list(traceback.walk_tb(error.__traceback__))
    for caller, called in zip(frames, frames[1:]):
        if _is_of_program(caller[0]) and called[0].f_code.co_name in _ASKS:
            tensor = current().is_tensor(called[0].f_locals.get("self"))
            return caller if tensor else None
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


def _shown(place: _Place) -> str:
    (line,) = traceback.StackSummary.extract(iter([place]), lookup_lines=True)
    return f"{line.line or line.name}, {line.filename}:{line.lineno}."
