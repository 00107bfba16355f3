"""Which of NumPy's arrays are tensors; and its functions on tensors without values.

To NumPy an array is both. Those of its default dtypes (float64, int64, complex128) are
host data here, in dtypes that nobody asked for, so they become floatx and so on as they
do on every backend. What the backend itself made in one of these dtypes is a `Wide`.

In a step that is planned or differentiated, functions of NumPy's are those of the
library of the same names; what is planned alone may go through others, too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from multinet.errors import TraceError
from multinet.interface import Backend, Native
from multinet.interface.signatures import SIGNATURES
from multinet_numpy.fast.plan import Planned, planned_in
from multinet_numpy.operators import Operators, _is_operand, _operate
from multinet_numpy.tape import Traced

C = TypeVar("C", bound=type)

DEFAULTS: frozenset[Any] = frozenset((np.float64, np.int64, np.longlong, np.complex128))
_AS_THEY_ARE = frozenset((Traced, Planned, np.float32, np.int32, np.bool_))
_ndarray = np.ndarray


class Wide(np.ndarray):
    """An array of float64, int64 or complex128 that is a tensor."""

    def __getitem__(self, key: Any) -> Any:
        return tensor(super().__getitem__(key))

    def __iter__(self) -> Iterator[Any]:
        return map(tensor, super().__iter__())


def is_tensor(x: Any) -> bool:
    """Return whether `x` is a tensor: traced, or of NumPy and no host data."""
    if type(x) is np.ndarray or isinstance(x, np.generic):
        return x.itemsize < 8 or x.dtype.type not in DEFAULTS
    return isinstance(x, (Traced, Planned, np.ndarray))


def tensor(x: Any) -> Any:
    """Return a result as a tensor: arrays of the default dtypes as `Wide`, no others.

    Tuples and lists are looked into; a function is made to return tensors.
    """
    kind = type(x)
    if kind is np.ndarray:
        return x.view(Wide) if x.dtype.type in DEFAULTS else x
    if kind is Wide:
        return x if x.dtype.type in DEFAULTS else x.view(np.ndarray)
    if kind is tuple or kind is list:
        return kind(map(tensor, x))
    if isinstance(x, np.generic) and x.dtype.type in DEFAULTS:
        return np.asarray(x).view(Wide)
    return returning(x) if callable(x) else x


def returning(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its results as tensors."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        x = function(*args, **kwargs)
        kind = type(x)
        if kind is _ndarray and x.itemsize < 8 or kind in _AS_THEY_ARE:
            return x  # nearly always: the whole wrapper takes 0.2 us
        return tensor(x)

    return call


def taking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its arguments as tensors, and so a pullback it makes."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        results = function(*tensor(args))
        if type(results) is not tuple:
            return results
        return tuple([taking(y) if callable(y) else y for y in results])

    return call


def _transforming(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = [taking(x) if callable(x) else x for x in args]
        named = {k: taking(x) if callable(x) else x for k, x in kwargs.items()}
        return tensor(method(self, *given, **named))

    return call


# No tensors come back, or such as are never of these dtypes; and ufuncs, which keep
# the class.
_ASIDE = {
    *"argument add subtract multiply divide maximum minimum negative".split(),
    *(k for k, f in SIGNATURES.items() if f.result in ("host", "words")),
    *("fold_in", "dropout_mask"),
}
_TRANSFORMS = {k for k, f in SIGNATURES.items() if f.result == "given"}


def tensors_only(backend: C) -> C:
    """Make the methods of the backend return tensors, and hand them to functions."""
    classes = backend.__mro__[: backend.__mro__.index(Backend)]
    for name in {name for cls in classes for name in vars(cls)} - _ASIDE:
        method = inspect.getattr_static(backend, name)
        if isinstance(method, staticmethod):
            setattr(backend, name, staticmethod(returning(method.__func__)))
        elif name in _TRANSFORMS:
            setattr(backend, name, _transforming(method))
        elif type(method) is FunctionType and not name.startswith("_"):
            setattr(backend, name, returning(method))
    return backend


# -- functions of NumPy's on tensors without values ------------------------------------

_OPERATORS = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "floor_divide", "mod", "power"),
        *("matmul", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "not_equal"),
        *("less", "less_equal", "greater", "greater_equal"),
    )
)
# Names that are others in the library, of functions and of their arguments; arguments
# that tell how to compute and not what; and functions that are others there.
_NAMES = {
    "remainder": "mod",
    "rint": "round",
    "invert": "bitwise_not",
    "positive": "convert_to_tensor",
}
_ARGUMENTS = {"a_min": "x_min", "a_max": "x_max", "min": "x_min", "max": "x_max"}
_IDLE = frozenset(("optimize", "kind", "copy", "subok", "assume_unique"))
_MODULES = frozenset(("numpy", "numpy.linalg"))
_DIFFERENT = frozenset(("cond", "unique", "nonzero", "shape", "size", "ndim"))
_METHODS = frozenset(
    (
        *("all", "any", "argmax", "argmin", "argsort", "clip", "conj", "cumprod"),
        *("cumsum", "diagonal", "dot", "max", "min", "prod", "ravel", "repeat"),
        *("round", "searchsorted", "squeeze", "std", "swapaxes", "take", "trace"),
        *("var", "flatten"),
    )
)


@functools.cache
def install() -> None:
    """Let tensors without values take functions and methods of NumPy's; once."""
    own: Any = Operators
    own.__array_ufunc__, own.__array_function__ = _ufunc, _function
    own.__getattr__ = _attribute


def _ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    name = str(_NAMES.get(ufunc.__name__, ufunc.__name__))
    if kwargs.get("out", (None,))[0] is inputs[0]:  # x += tensor binds x anew
        kwargs = {k: v for k, v in kwargs.items() if k not in ("out", "axes")}
    if method != "__call__" or kwargs:
        raise _refusal(f"np.{ufunc.__name__}.{method}({', '.join(kwargs)})", name)
    if name in _OPERATORS and all(map(_is_operand, inputs)):
        return _operate(name, *inputs)
    if name not in Native.functions:
        return _other(ufunc, name, inputs, {})
    return Native.functions[name](*inputs)


def _function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    name = str(_NAMES.get(function.__name__, function.__name__))
    if name in ("shape", "ndim", "size") and len(args) == 1:
        return getattr(args[0], name)
    module = getattr(function, "__module__", "numpy")
    known = Native.functions.get(name) if module in _MODULES else None
    if known is not None and name not in _DIFFERENT:
        given, named = _arguments(function, args, kwargs)
        if set(named) <= set(inspect.signature(known).parameters):
            return known(*given, **named)
    return _other(function, name, args, kwargs)


def _other(function: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Plan a function that the library has not; refuse it where it has no gradient."""
    tensors = list(_tensors((args, list(kwargs.values()))))
    plans = [x.plan for x in tensors if type(x) is Planned]
    if not plans or len(plans) < len(tensors) or list(planned_in(kwargs.values())):
        module = getattr(function, "__module__", None) or "numpy"
        raise _refusal(f"{module.replace('numpy', 'np')}.{function.__name__}", name)
    return plans[0].foreign(functools.partial(function, **kwargs), args)


def _tensors(args: Any) -> Iterator[Any]:
    for x in args:
        if isinstance(x, Operators):
            yield x
        elif type(x) in (tuple, list):
            yield from _tensors(x)


def _arguments(function: Any, args: Any, kwargs: Any) -> tuple[list[Any], Any]:
    """Return the arguments of a function of NumPy's as the library's takes them."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # of older versions, in C
        return list(args), kwargs
    given: list[Any] = []
    named: dict[str, Any] = {}
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            given += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif parameter.default is parameter.empty or (
            parameter.kind is parameter.POSITIONAL_ONLY and value is not None
        ):
            given.append(value)
        elif value is not parameter.default and name not in _IDLE:
            named[_ARGUMENTS.get(name, name)] = value
    return given, named


def _attribute(self: Any, name: str) -> Any:
    if name in ("real", "imag"):
        return getattr(np, name)(self)
    if name not in _METHODS:
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )
    return functools.partial(getattr(np, "ravel" if name == "flatten" else name), self)


def _refusal(what: str, name: str) -> TraceError:
    there = f"Use ops.{name}" if name in Native.functions else "See multinet.ops"
    return TraceError(
        f"{what} got a tensor of a step that is compiled or differentiated, which "
        f"it cannot take. {there}, whose functions take tensors."
    )
