"""Configurable: objects whose constructor's signature says how they become data.

An argument of our own classes is read from the attribute of its name. A class of the
program may do anything with an argument, so what it was passed is remembered, and
written unless the attribute of that name was set since.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from types import FunctionType
from typing import Any, ClassVar, NamedTuple, Self
from weakref import WeakKeyDictionary

from multinet.errors import ArgumentError, NotWritten
from multinet.names import is_ours
from multinet.objects import exports
from multinet.objects.serialization import revive, to_data
from multinet.tracebacks import leave_out, shorten_methods, shortening
from multinet.typing import Config, Data

_OPEN = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
_ABSENT = object()
_SKETCHED = frozenset((bool, int, float, str))


class Passed(NamedTuple):
    """What a constructor was passed, and the attributes it left."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    left: dict[str, Any]


class Configurable:
    """An object that a dictionary of its constructor's arguments builds again.

    `get_config` may be overridden where the signature does not say it all; `super()`
    then gives the arguments of the base.
    """

    #: Arguments of the constructors above that this one gives by itself.
    _decided: ClassVar[frozenset[str]] = frozenset()
    #: Methods that programs call, whose errors show their lines and none of ours.
    _doors: ClassVar[frozenset[str]] = frozenset({"from_config"})
    #: Arguments that are no part of a configuration: they say what others say, too.
    _unwritten: ClassVar[frozenset[str]] = frozenset()
    _passed: dict[type, Passed]  # by class of the program that has a constructor
    _lent: ClassVar[frozenset[str]] = frozenset({"_passed"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            own = cls.__init__
            cls.__init__ = shortening(own) if is_ours(cls) else _remembering(cls, own)
        if is_ours(cls):
            shorten_methods(cls, cls._doors)

    def get_config(self) -> Config:
        """Return the constructor's arguments, as data that can be written to a file."""
        return arguments(self, Configurable)

    def __repr__(self) -> str:
        return sketch(self)

    @classmethod
    @shortening
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a new object of this configuration."""
        return cls(**revived(cls, config))


def sketch(thing: object) -> str:
    """Return an object as text: its class, and the plain arguments that say more."""
    told = [type(thing).__name__]
    for name, parameter in parameters(type(thing)).items():
        value = vars(thing).get(name)
        if type(value) in _SKETCHED and value != parameter.default:
            told.append(f"{name}={value}")
    return f"<{' '.join(told)}>"


def arguments(thing: object, base: type) -> dict[str, Any]:
    """Return the arguments of an object's constructor as data.

    For a class that overrides `get_config` and asks that of `base`: those of the class
    above it.
    """
    cls = described(type(thing), base)
    owner = next((c for c in cls.__mro__ if "__init__" in vars(c)), object)
    # A constructor that was put there later, as dataclass does, remembers nothing.
    passed = vars(thing).get("_passed", {}).get(owner)
    values = _own(thing, cls) if passed is None else _remembered(thing, owner, passed)
    own = {} if passed is None else signature(owner)
    return {
        name: to_data(value) if name in own else as_argument(value)
        for name, value in values.items()
    }


def own_arguments(thing: object) -> dict[str, Any]:
    """Return what the constructor of an object's class of ours itself names, as data.

    For a class that has more to write than its constructor says.
    """
    cls = next(c for c in type(thing).__mro__ if is_ours(c) and "__init__" in vars(c))
    names = [n for n, p in signature(cls).items() if p.kind not in _OPEN]
    kept = [name for name in names if name not in type(thing)._unwritten]  # type: ignore[attr-defined]
    return {name: as_argument(getattr(thing, name)) for name in kept}


def as_argument(value: object) -> Data:
    """Return an argument of a class of ours as data: activations are their names."""
    if isinstance(value, FunctionType) and exports.is_activation(value):
        return value.__name__
    return to_data(value)


def revived(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor from their data.

    Options that only Keras has are left out where they say what happens anyway.
    """
    takes = parameters(cls)
    return {
        name: revive(value)
        for name, value in config.items()
        if name in takes or name not in _INERT or value != _INERT[name]
    }


# Arguments that Keras writes for classes whose constructor here lacks them.
_INERT: dict[str, Any] = {"quantization_config": None}


class _Signatures(NamedTuple):
    own: dict[str, Parameter]  # of the constructor itself
    all: dict[str, Parameter]  # with what `**kwargs` hands on


_signatures: WeakKeyDictionary[type, _Signatures] = WeakKeyDictionary()


def _of(cls: type) -> _Signatures:
    known = _signatures.get(cls)
    if known is None:
        known = _signatures[cls] = _read(cls)
    return known


def parameters(cls: type) -> dict[str, Parameter]:
    """Return what a constructor takes: with `**kwargs` what the next above does, too.

    But for what a class has `_decided` by itself.
    """
    return _of(cls).all


def signature(cls: type) -> dict[str, Parameter]:
    """Return the parameters of a class's own constructor, without `self`."""
    return _of(cls).own


def _read(cls: type) -> _Signatures:
    decided = getattr(cls, "_decided", frozenset())
    found: dict[str, Parameter] = {}
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            own = _parameters(base)
            hidden = {*found, *(decided if found else ())}
            found.update((n, p) for n, p in own.items() if n not in hidden)
            if all(p.kind is not Parameter.VAR_KEYWORD for p in own.values()):
                break
    every = {name: p for name, p in found.items() if p.kind not in _OPEN}
    return _Signatures(_parameters(cls), every)


def _parameters(cls: type) -> dict[str, Parameter]:
    return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])


def described(cls: type, base: type) -> type:
    """Return the class whose constructor `get_config` of `base` is to describe."""
    order = cls.__mro__
    places = [i for i, c in enumerate(order) if "get_config" in vars(c)]
    overriding = [i for i in places if i < order.index(base)]
    return order[overriding[-1] + 1] if overriding else cls


def _own(thing: Any, cls: type) -> dict[str, Any]:
    values = {}
    for name in parameters(cls):
        if name in cls._unwritten:
            continue
        value = getattr(thing, name, _ABSENT)
        if value is _ABSENT:
            raise ArgumentError(
                f"{cls.__name__} has an argument {name!r} but no attribute of that "
                f"name. Keep it as self.{name}, or override get_config."
            )
        values[name] = value
    return values


# -- classes of the program ------------------------------------------------------------


def _remembering(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that also remembers what it was passed."""

    remember, drop = _remember, leave_out

    def remembering(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except Exception as error:
            drop(error)  # this line, which is none of the program's
            raise
        remember(self, cls, args, kwargs)

    return functools.wraps(init)(_as_a_part_of(init, remembering))


def _as_a_part_of(init: Any, function: Callable[..., None]) -> Callable[..., None]:
    """Return a function whose lines count as those of a constructor.

    What warns about a line of its caller looks for the first one outside of its module.
    """
    if not (isinstance(init, FunctionType) and isinstance(function, FunctionType)):
        return function
    code = function.__code__.replace(co_filename=init.__code__.co_filename)
    return FunctionType(code, init.__globals__, None, None, function.__closure__)


def _remember(thing: Any, cls: type, args: tuple[Any, ...], kwargs: Any) -> None:
    state = vars(thing)
    left = {name: state[name] for name in parameters(cls) if name in state}
    passed = Passed(args, kwargs, left)
    if "_passed" in state:
        state["_passed"][cls] = passed
    else:
        state["_passed"] = {cls: passed}


def _remembered(thing: Any, owner: type, passed: Passed) -> dict[str, Any]:
    """Return what a class of the program was passed, or what was set since."""
    given = _bound(thing, owner, passed)
    names, travelling = signature(owner), parameters(owner)
    values = {}
    for name in travelling:
        now = vars(thing).get(name, _ABSENT)
        changed = now is not passed.left.get(name, _ABSENT)
        if changed or (name in given and name not in names):
            values[name] = getattr(thing, name, given.get(name))
        elif name in given:
            values[name] = given[name]
    return values


def _bound(thing: Any, owner: type, passed: Passed) -> dict[str, Any]:
    bound = inspect.signature(owner.__init__).bind(thing, *passed.args, **passed.kwargs)
    given = dict(list(bound.arguments.items())[1:])
    for name, parameter in signature(owner).items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            given.update(given.pop(name, {}))
        elif parameter.kind is Parameter.VAR_POSITIONAL and name in given:
            raise NotWritten(
                f"{owner.__name__} was made with arguments by position that have no "
                f"name, *{name}. Override get_config and from_config."
            )
        elif _is_plain(parameter.default):
            given.setdefault(name, parameter.default)
    return given


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
