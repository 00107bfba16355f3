"""The answer to a name that Keras has and Multinet lacks: one sentence that says so.

`absent.json` lists those names. `.ci/absent.py` writes it, and a test compares it with
Keras. Modules and classes get their `__getattr__` at run time, out of sight of type
checkers, which therefore still find names that do not exist.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from types import FrameType, ModuleType
from typing import Any, TypeVar

from multinet.errors import ArgumentError

_T = TypeVar("_T")

# What there is instead; full names, so that a test can look them up.
INSTEAD = {
    "OrbaxCheckpoint": "multinet.callbacks.BackupAndRestore goes on after a kill",
}

# What became of methods that Keras 2 had.
BEFORE = {
    "evaluate_generator": "evaluate takes generators",
    "fit_generator": "fit takes generators",
    "predict_classes": "Take np.argmax(model.predict(x), axis=-1)",
    "predict_generator": "predict takes generators",
    "predict_proba": "It is predict now",
}

# Who asks whether a name is there at each import, and throws the answer away.
_PYTHON = ("_frozen_importlib", "importlib._bootstrap")


def watch(cls: type[_T]) -> type[_T]:
    """Let objects of a class answer for the names that they lack."""
    setattr(cls, "__getattr__", member)  # noqa: B010
    return cls


def refuse_options(what: str, **options: Any) -> None:
    """Raise `ArgumentError` for options of Keras that were given but do nothing."""
    for name, value in options.items():
        if value is not None:
            raise ArgumentError(
                f"{what} has no option {name} yet; Keras 3 has it. Leave it out."
            )


@functools.cache
def known() -> dict[str, dict[str, list[str]]]:
    """Return the absent names: those of modules, and those of classes."""
    import json  # not needed but for an error

    with open(f"{os.path.splitext(__file__)[0]}.json", encoding="utf-8") as file:
        return json.load(file)


def refused(module: ModuleType, attribute: str, frame: FrameType) -> Exception:
    """Return what says that a module lacks a name to whoever asks in a frame."""
    name = module.__name__
    text = f"module {name!r} has no attribute {attribute!r}"
    if attribute.startswith("__") or frame.f_globals["__name__"] in _PYTHON:
        return _attribute_error(text, attribute)
    # Python replaces the text of an AttributeError when it imports a name; it needs
    # one where a module of that name is about to be there.
    importing = _importing(frame) and f"{name}.{attribute}" not in sys.modules
    if attribute in known()["modules"].get(name, ()):
        text = f"{_sentence(name, attribute)} What is there: help({name})."
    else:
        if importing:
            text = f"cannot import name {attribute!r} from {name!r}"
        text += _near(attribute, vars(module).get("__all__") or dir(module))
    if importing:
        return ImportError(text, name=name, path=module.__file__)
    return _attribute_error(text, attribute)


def member(self: object, name: str) -> object:
    """Do what the `__getattr__` of an object does where there is no such name."""
    cls = type(self)
    import inspect  # not needed but for an error

    if inspect.getattr_static(cls, name, None) is not None:
        try:
            return object.__getattribute__(self, name)  # a property failed: its error
        except AttributeError as error:
            trace = error.__traceback__
            error.__traceback__ = trace and trace.tb_next  # past this line
            raise
    text = f"{cls.__name__!r} object has no attribute {name!r}"
    if not name.startswith("_"):
        own = [c.__name__ for c in cls.__mro__ if c.__module__.startswith("multinet.")]
        if any(name in known()["classes"].get(base, ()) for base in own):
            text = _sentence(cls.__name__, name)
        elif name in BEFORE:
            text += f". {BEFORE[name]}."
        else:
            text += _near(name, dir(self))
    try:
        raise _attribute_error(text, name)
    except AttributeError as error:
        error.__traceback__ = None  # this line would be in it
        raise


def _sentence(owner: str, name: str) -> str:
    instead = INSTEAD.get(name)
    more = f" {instead}." if instead else ""
    return f"{owner} has no {name} yet; Keras 3 has it.{more}"


def _near(name: str, known: Iterable[str]) -> str:
    public = [n for n in known if not n.startswith("_")]
    import difflib  # not needed but for an error

    near = difflib.get_close_matches(name, public, n=1, cutoff=0.7)
    return f". Did you mean: {near[0]!r}?" if near else ""


def _attribute_error(text: str, name: str) -> AttributeError:
    # Without an object, so that Python adds no hint of its own.
    return AttributeError(text, name=name, obj=None)


def refusal(text: str, name: str, frame: FrameType) -> Exception:
    """Return what says that a module lacks a name to whoever asks in a frame.

    Python replaces the text of an AttributeError where a name is imported.
    """
    return ImportError(text) if _importing(frame) else _attribute_error(text, name)


def _importing(frame: FrameType) -> bool:
    """Return whether a frame is at a `from ... import ...`."""
    import dis  # not needed but for an error

    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"
