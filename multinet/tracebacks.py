"""Tracebacks that show the lines of a program, without those of Multinet in between."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

from multinet import registry
from multinet.errors import near

F = TypeVar("F", bound=Callable[..., Any])

#: Packages whose frames matter only below those of a program, as do frameworks.
_QUIET = frozenset({*sys.stdlib_module_names, "numpy", "optree"})
#: How notes begin that tell of the frames of a framework that it dropped itself.
_RULE = "-" * 20
#: Names of arguments that Keras had before.
_BEFORE = {"lr": "learning_rate", "nb_epoch": "epochs"}
_on = True


def filtering() -> bool:
    """Return whether frames are dropped."""
    return _on


def set_filtering(on: bool) -> None:
    """Drop frames from now on, or keep all."""
    global _on
    _on = on


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """Keep all frames in a block."""
    before = _on
    set_filtering(False)
    try:
        yield
    finally:
        set_filtering(before)


@contextlib.contextmanager
def noting(place: str) -> Iterator[None]:
    """Tell in errors of a block where they arose, such as "In the loss 'mse'."."""
    try:
        yield
    except Exception as error:
        error.add_note(place)
        raise


def shortening(function: F) -> F:
    """Make a function that a program calls one whose errors show the program's lines.

    What is called often has `try`, `shorten` and `raise` in its body instead, which
    cost nothing.
    """

    @functools.wraps(function)
    def shortened(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if type(error) is TypeError and _is_last(error.__traceback__):
                _suggest(function, error)
            shorten(error)
            raise

    return shortened  # type: ignore[return-value]


def shorten_methods(cls: type, names: frozenset[str]) -> None:
    """Let the errors of methods that a class itself has show the program's lines."""
    for name in names & vars(cls).keys():
        own = vars(cls)[name]
        if isinstance(own, classmethod):
            setattr(cls, name, classmethod(shortening(own.__func__)))
        else:
            setattr(cls, name, shortening(own))


def _is_last(trace: TracebackType | None) -> bool:
    """Return whether an error arose in the call of a function, not inside of it."""
    return trace is not None and trace.tb_next is None


def _suggest(function: Callable[..., Any], error: TypeError) -> None:
    """Say which argument was meant, where a call has one of an unknown name."""
    unknown = re.search(r"unexpected keyword argument '(\w+)'$", str(error))
    if unknown is not None:
        known = [
            name for name in inspect.signature(function).parameters if name != "self"
        ]
        name = _BEFORE.get(unknown[1])
        hint = f" It is {name!r} now." if name in known else near(unknown[1], known)
        error.args = (f"{error}.{hint or ' It takes ' + ', '.join(known) + '.'}",)


def shorten(error: BaseException) -> None:
    """Drop the frames of Multinet, and of frameworks that it called, from an error.

    An error that it came from goes too where it shows no line of the program, or says
    the same.
    """
    if not _on:
        return
    error.__traceback__ = _program_only(error.__traceback__)
    notes = getattr(error, "__notes__", None)
    if notes:
        error.__notes__ = [note for note in notes if not note.startswith(_RULE)]
    for link in ("__cause__", "__context__"):
        other = getattr(error, link)
        while other is not None and _is_told(other, error, link):
            other = other.__context__
        if other is not getattr(error, link):
            setattr(error, link, other)


def leave_out(error: BaseException) -> None:
    """Drop the frame that caught an error, which counts as one of the program."""
    if _on and error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next


def _is_told(other: BaseException, error: BaseException, link: str) -> bool:
    """Return whether an error says nothing beside the one that came from it.

    A cause that has no frames to begin with is a text, such as that of another process.
    """
    arose = other.__traceback__ is not None or link == "__context__"
    shorten(other)
    return str(other) == str(error) or (arose and other.__traceback__ is None)


def _program_only(trace: TracebackType | None) -> TracebackType | None:
    own, frameworks = registry.packages()
    kept: list[TracebackType] = []
    inside = True  # of Multinet
    while trace is not None:
        package = _package(trace.tb_frame)
        if package == "multinet" or package in own:
            inside = True
        elif package not in _QUIET and package not in frameworks:
            inside = False
        if not inside:
            kept.append(trace)
        trace = trace.tb_next
    return _chain(kept)


def until(trace: TracebackType | None, last: FrameType) -> TracebackType | None:
    """Return a traceback up to a frame, without what that called."""
    kept: list[TracebackType] = []
    while trace is not None and (not kept or kept[-1].tb_frame is not last):
        kept.append(trace)
        trace = trace.tb_next
    return _chain(kept)


def _chain(kept: list[TracebackType]) -> TracebackType | None:
    found: TracebackType | None = None
    for each in reversed(kept):
        found = TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return found


def line(frame: FrameType | None) -> str | None:
    """Return the file and line of the program from which a frame came, if one did."""
    own, frameworks = registry.packages()
    while frame is not None:
        package = _package(frame)
        if package not in {"multinet", *own, *frameworks, *_QUIET}:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def tell_unsettable(cls: type, name: str, error: AttributeError) -> None:
    """Say of an attribute that every object of a class computes that it is taken."""
    own = getattr(cls, name, None)
    if isinstance(own, property) and own.fset is None:
        error.args = (
            f"{cls.__name__} computes {name} by itself, so it cannot be set. Give the "
            "attribute another name.",
        )
    shorten(error)
