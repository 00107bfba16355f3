"""What an op says of a call that failed: the same class and text on every backend."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from multinet.errors import (
    ArgumentError,
    BackendError,
    DTypeError,
    MultinetError,
    OutOfRange,
    ShapeError,
    TraceError,
)
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import KerasTensor, shadowing
from multinet.typing import Tree

_RULES = (ShapeError, DTypeError, ArgumentError)
_IMAGES = ("colors", "cropping", "filters", "resizing", "warping")
_ELSEWHERE = (MemoryError, RecursionError)  # what no argument is to blame for


def refusal(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
) -> Exception:
    """Return what to raise where `function(*args, **kwargs)` failed with `error`.

    Errors of Multinet stay. Frameworks word theirs each in its own way, so the call
    runs again on shapes alone, whose rules are one: what they say is returned. It is
    `error` itself where they find nothing, since then the call is not to blame; and
    where a function of the user's is among the arguments, since then it may be his.
    """
    leaves: list[Any] = optree.tree_leaves((args, kwargs))  # type: ignore[arg-type]
    if any(callable(leaf) for leaf in leaves):
        return error
    if isinstance(error, MultinetError) and not isinstance(error, BackendError):
        if type(error) is OutOfRange and not _symbolic(leaves):
            # An axis may be empty.
            found = _on_shapes(function, args, kwargs)
            error = found if type(found) is ShapeError else error
        return _named(function, error)
    if isinstance(error, _ELSEWHERE) or not _binds(function, args, kwargs):
        return error
    if not _symbolic(leaves):
        found = _on_shapes(function, args, kwargs)
        if found is None or isinstance(found, TraceError):
            return error
        error = found
    if isinstance(error, MultinetError):
        return _named(function, error)
    return ArgumentError(_text(function, args, kwargs, error))


def _named(function: Any, error: MultinetError) -> Exception:
    """Return an error with the op's name, which the rules of primitives do not know."""
    if type(error) not in _RULES:
        return error
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    if not place.startswith("multinet.symbolic."):
        return error
    return type(error)(f"{full_name(function)}: {error}")


def _symbolic(leaves: list[Any]) -> bool:
    """Return whether a call is on shapes already."""
    return current().symbolic or any(type(leaf) is KerasTensor for leaf in leaves)


def _binds(function: Any, args: Any, kwargs: Any) -> bool:
    """Return whether arguments are those of the signature; if not, Python's TypeError
    names the wrong one.
    """
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def valid_on_shapes(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Return whether a run of the call on shapes and dtypes finds nothing wrong."""
    return _on_shapes(function, args, {}) is None


def _on_shapes(function: Any, args: Any, kwargs: Any) -> Exception | None:
    """Return the error of a run of the call on shapes and dtypes, or None."""
    try:
        with shadowing():
            function(*args, **kwargs)
    except Exception as error:
        return error
    return None


def _text(function: Any, args: Any, kwargs: Any, error: Exception) -> str:
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    told = ", ".join(f"{name}={shown(value)}" for name, value in given.items())
    reason = f"{error}" if str(error) else type(error).__name__
    return (
        f"Expected arguments that {full_name(function)} accepts, got {told}: "
        f"{reason.rstrip('.')}. Its docstring says what it takes."
    )


def full_name(function: Callable[..., Any]) -> str:
    """Return an op's name as users write it, such as `ops.sum` or `random.normal`."""
    room, _, name = function.__module__.rpartition(".")
    if room.endswith("random"):
        return f"random.{function.__name__}"
    return f"ops.{'image.' * (name in _IMAGES)}{function.__name__}"


def shown(value: Tree) -> str:
    """Return an argument in short, its tensors as their dtypes and shapes."""
    return textwrap.shorten(
        repr(optree.tree_map(_described, value, none_is_leaf=True)),
        80,
        placeholder="...",
    )


def _described(leaf: Any) -> Any:
    leaf = leaf.array if isinstance(leaf, KerasTensor) else leaf
    value = getattr(leaf, "__multinet_tensor__", None)
    if value is not None:
        leaf = value()
    if isinstance(leaf, np.ndarray | np.generic | SymbolicArray):
        return _Words(f"{leaf.dtype} {public_shape(leaf.shape)}")
    backend = current()
    if backend.is_tensor(leaf):
        return _Words(f"{backend.dtype(leaf)} {public_shape(backend.shape(leaf))}")
    return leaf


class _Words(str):
    """A text that shows itself without quotes."""

    __repr__ = str.__str__
