"""Which of NumPy's arrays are tensors, and which are host data.

To NumPy an array is both. Those of its default dtypes (float64, int64, complex128) are
host data here, in dtypes that nobody asked for, so they become floatx and so on as they
do on every backend. What the backend itself made in one of these dtypes is a `Wide`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from multinet.interface import Backend
from multinet.interface.signatures import SIGNATURES
from multinet_numpy.fast.plan import Planned
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
