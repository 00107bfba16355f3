"""How a call comes into an op: through its door, else by the general path."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

from multinet.errors import MultinetError
from multinet.ops.refusals import valid_on_shapes
from multinet.tracebacks import shorten

# What the general path finds again, and words.
_ERRORS = (
    MultinetError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
_ENTRANCE = """
def public({parameters}):
    try:
        try:
            result = door({names})
        except Exception as failed:
            return told(failed, general, {names})
        return general({names}) if result is None else result
    except Exception as error:
        shorten(error)
        raise
"""


def _told(failed: Exception, general: Callable[..., Any], *args: Any) -> Any:
    """Return what the general path makes of a call for which the door failed.

    It words what was wrong. But with exceptions of its own a framework also stops a
    function in the midst, as torch does when it runs a checkpointed one again: such a
    one, of a call that is valid, is raised as it came, and nothing runs a second time.
    """
    if not isinstance(failed, _ERRORS) and valid_on_shapes(general, args):
        raise failed
    return general(*args)


def entrance(
    door: Callable[..., Any], general: Callable[..., Any]
) -> Callable[..., Any]:
    """Return the public op: the door, and the general path where that has no answer.

    It is written with the op's own parameters, as a dataclass writes its `__init__`:
    with `*args, **kwargs` a call takes 0.1 us more, and 0.3 with a named argument.
    """
    parameters = inspect.signature(general).parameters.values()
    given = {f"_{p.name}": p.default for p in parameters if p.default is not p.empty}
    names = [p.name for p in parameters]
    taken = [f"{n}=_{n}" if f"_{n}" in given else n for n in names]
    code = _written(", ".join(taken), ", ".join(names))
    space: dict[str, Any] = {"door": door, "general": general, "told": _told, **given}
    space |= {"shorten": shorten, "__name__": __name__}
    exec(code, space)
    public = functools.wraps(general)(space["public"])
    public.door = door  # type: ignore[attr-defined]
    return public


@functools.cache  # many ops have the same parameters, and import waits for all of them
def _written(parameters: str, names: str) -> CodeType:
    source = _ENTRANCE.format(parameters=parameters, names=names)
    return compile(source, "<op>", "exec")
