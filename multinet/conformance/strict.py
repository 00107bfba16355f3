"""A backend whose tensors can do nothing, and which checks what it is promised.

`strict` computes with NumPy, but hides every array in a `StrictTensor` that has no
operators, no shape and no conversion: a program that runs on it leans on the
interface alone. It also checks that arguments arrive clean, and its errors name the
method and the broken promise. Slow; for tests.
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import BackendError
from multinet.interface import INTERFACE, Backend, Plugin, fused, primitives
from multinet.interface.signatures import SIGNATURES
from multinet.registry import get
from multinet.symbolic.spec import dtype_kind

_LEANING = (
    "A tensor was {}: that works on some frameworks only. Call the method of the "
    "backend (in library code, the function of multinet.ops) instead."
)


class StrictTensor:
    """An opaque tensor: only the backend `strict` can look inside."""

    __slots__ = ("__native", "__weakref__")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, native: Any) -> None:
        self.__native = native

    def __eq__(self, other: object) -> bool:
        raise BackendError(_LEANING.format("compared with =="))

    def __bool__(self) -> bool:
        raise BackendError(_LEANING.format("used as a condition"))

    def __repr__(self) -> str:
        return "StrictTensor(...)"


_native = StrictTensor._StrictTensor__native.__get__  # type: ignore[attr-defined]

#: The annotations of host arguments of non-negative ints, and of pairs of them.
_INTS = ("Shape", "Sequence[int]")
_PAIRS = ("Pairs", "Sequence[tuple[int, int]]")
_KINDS = {bool: 0, int: 1, float: 2, complex: 3}


class _Checker:
    """The promises of one method, checked against the arguments of one call."""

    def __init__(
        self, method: str, inner: Backend[Any], values: dict[str, Any]
    ) -> None:
        self.method, self.inner, self.values = method, inner, values
        self.facts = SIGNATURES[method]

    def broken(self, promise: str, came: object) -> BackendError:
        return BackendError(
            f"{self.method} was promised {promise}; got {came!r}. The caller above the "
            "interface must prepare the arguments."
        )

    def dtype(self, x: StrictTensor) -> str:
        return self.inner.dtype(_native(x))

    def rank(self) -> int:
        first = next(iter(self.values.values()))
        if isinstance(first, (list, tuple)):
            if not first:
                raise self.broken("at least one tensor", first)
            first = first[0]
        return len(self.inner.shape(_native(first)))

    def run(self, annotations: dict[str, str]) -> None:
        for name, value in self.values.items():
            self.check_kind(name, value, annotations.get(name, "Any"))
        self.check_dtypes()
        for name, value in self.values.items():
            self.check_value(name, value, annotations.get(name, "Any"))

    # -- tensors -----------------------------------------------------------------------

    def check_kind(self, name: str, value: Any, annotation: str) -> None:
        if self.method in ("from_numpy", "argument", "is_tensor"):
            return
        if annotation in ("T", "T | Scalar", "T | None"):
            allowed = annotation != "T" and (
                value is None if annotation == "T | None" else type(value) in _KINDS
            )
            if not isinstance(value, StrictTensor) and not allowed:
                raise self.broken(f"a tensor of the backend as {name}", value)
        elif annotation == "Scalar" and type(value) not in _KINDS:
            raise self.broken(f"a Python scalar as {name}", value)
        elif annotation in ("Sequence[T]", "*T"):
            if not isinstance(value, (list, tuple)):
                raise self.broken(f"a list or tuple of tensors as {name}", value)
            for x in value:
                if not isinstance(x, StrictTensor):
                    raise self.broken(f"tensors of the backend in {name}", x)
        elif isinstance(value, (np.ndarray, np.generic)):
            raise self.broken(f"no NumPy value as {name}", value)

    def check_dtypes(self) -> None:
        names = self.facts.alike
        operands: list[Any] = []
        for name in names:
            value = self.values.get(name)
            operands += value if isinstance(value, (list, tuple)) else [value]
        tensors = [x for x in operands if isinstance(x, StrictTensor)]
        scalars = [x for x in operands if type(x) in _KINDS]
        found = sorted({self.dtype(x) for x in tensors})
        if len(found) > 1:
            raise self.broken(f"{', '.join(names)} of one dtype", found)
        if names == ("x", "y") and len(scalars) > 1:
            raise self.broken("at most one Python scalar", scalars)
        for scalar in scalars:
            if tensors and _KINDS[type(scalar)] > dtype_kind(found[0]):
                raise self.broken(f"a scalar that does not widen {found[0]}", scalar)
        self.check_domain(tensors)

    def check_domain(self, tensors: list[Any]) -> None:
        first = next(iter(self.values.values()), None)
        if not tensors and isinstance(first, StrictTensor):
            tensors = [first]
        domain = self.facts.domain
        if domain and tensors and self.dtype(tensors[0]) not in domain:
            names = ", ".join(domain)
            raise self.broken(f"one of the dtypes {names}", self.dtype(tensors[0]))
        indices = self.values.get(self.facts.indices)
        if indices is not None and self.dtype(indices) not in ("int32", "int64"):
            raise self.broken("indices of int32 or int64", self.dtype(indices))
        mask = self.values.get(self.facts.mask)
        if mask is not None and self.dtype(mask) != "bool":
            raise self.broken("a bool tensor as mask", self.dtype(mask))

    # -- host arguments ----------------------------------------------------------------

    def check_value(self, name: str, value: Any, annotation: str) -> None:
        if name == "axes":
            self.check_axes(value)
        elif name == "axis":
            rank = self.rank() + (self.method in ("expand_dims", "stack"))
            if type(value) is not int or not 0 <= value < rank:
                raise self.broken(f"an axis in [0, {rank})", value)
        elif name == "permutation":
            full = list(range(self.rank()))
            if type(value) is not tuple or sorted(value) != full:
                raise self.broken(f"a tuple that permutes {full}", value)
        elif name == "dtype" and value not in dtypes.ALL:
            raise self.broken("the name of a dtype", value)
        elif annotation in _INTS:
            whole = isinstance(value, tuple if name == "shape" else (tuple, list))
            if not whole or not all(type(n) is int and n >= 0 for n in value):
                raise self.broken(f"non-negative ints as {name}", value)
        elif annotation in _PAIRS:
            for pair in value:
                if len(pair) != 2 or not all(type(n) is int and n >= 0 for n in pair):
                    raise self.broken(f"pairs of non-negative ints as {name}", value)

    def check_axes(self, axes: Any) -> None:
        rank = self.rank()
        whole = type(axes) is tuple and all(type(axis) is int for axis in axes)
        if not whole or not all(a < b for a, b in pairwise((-1, *axes, rank))):
            raise self.broken(f"a sorted tuple of axes in [0, {rank})", axes)


class StrictBackend(Backend[StrictTensor]):
    """NumPy behind opaque tensors; every method of the interface is wrapped alike."""

    name = "strict"
    interface = INTERFACE

    def __init__(self) -> None:
        self._inner = get("numpy")

    def is_tensor(self, x: object) -> bool:
        """Return whether `x` is a `StrictTensor`."""
        return isinstance(x, StrictTensor)

    def _lower(self, value: Any) -> Any:
        """Return a value with its tensors unwrapped, in sequences and functions too."""
        if isinstance(value, StrictTensor):
            return _native(value)
        if isinstance(value, (list, tuple)):
            lowered = [self._lower(item) for item in value]
            return lowered if isinstance(value, list) else tuple(lowered)
        if callable(value):
            return lambda *args: self._lower(value(*self._lift(args)))
        return value

    def _lift(self, value: Any) -> Any:
        """Return a value with the inner tensors wrapped; the inverse of `_lower`."""
        if self._inner.is_tensor(value) or isinstance(value, (np.ndarray, np.generic)):
            return StrictTensor(value)
        if isinstance(value, (list, tuple)):
            lifted = [self._lift(item) for item in value]
            return lifted if isinstance(value, list) else tuple(lifted)
        if callable(value):
            return lambda *args: self._lift(value(*self._lower(args)))
        return value


@cache
def _signature(method: str) -> tuple[inspect.Signature, dict[str, str]]:
    signature = inspect.signature(getattr(Backend, method))
    names = {p.name: str(p.annotation) for p in signature.parameters.values()}
    if "operands" in names and names["operands"] == "T":
        names["operands"] = "*T"
    return signature, names


def _wrapped(method: str) -> Callable[..., Any]:
    def call(self: StrictBackend, *args: Any, **kwargs: Any) -> Any:
        signature, annotations = _signature(method)
        bound = signature.bind(self, *args, **kwargs)
        values = dict(list(bound.arguments.items())[1:])
        _Checker(method, self._inner, values).run(annotations)
        lowered = [self._lower(arg) for arg in args]
        named = {name: self._lower(arg) for name, arg in kwargs.items()}
        result = getattr(self._inner, method)(*lowered, **named)
        host = SIGNATURES[method].result == "host"
        return result if host else self._lift(result)

    call.__name__ = method
    call.__doc__ = getattr(Backend, method).__doc__
    return call


def _wrap(methods: Sequence[str]) -> None:
    for method in methods:
        # Those with a body of other methods look at tensors only through them.
        if method not in ("is_tensor", "program", "mesh", "common_dtype"):
            setattr(StrictBackend, method, _wrapped(method))
    abc.update_abstractmethods(StrictBackend)


_wrap((*primitives(), *fused()))


def _load() -> type[Backend[Any]]:
    return StrictBackend


plugin = Plugin("strict", ("numpy",), "numpy", "pip install multinet-nn", _load)
