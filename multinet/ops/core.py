"""What every public op stands on: the decorator, conversion and promotion."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import ml_dtypes
import numpy as np
import optree

from multinet import dtypes
from multinet.errors import (
    BackendError,
    DTypeError,
    ShapeError,
    TraceError,
)
from multinet.interface import Backend
from multinet.names import snake_case
from multinet.ops.classes import class_name
from multinet.ops.entrances import entrance
from multinet.ops.refusals import refusal
from multinet.ops.sparse_forms import (
    applied,
    dense,
    is_sparse_tensor,
    sparse_among,
    sparse_to_host,
)
from multinet.registry import WATCHED, current, get, owner
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.symbolic.tensor import KerasTensor, OpCall, record
from multinet.tracebacks import shorten
from multinet.typing import Host, Shape, Tensor

F = TypeVar("F", bound=Callable[..., Any])

#: The public ops by name; the functional graph and the operators look them up here.
PUBLIC: dict[str, Callable[..., Any]] = {}

WATCHED.update(dict.fromkeys((list, tuple, dict, Dim, KerasTensor), "tree"))

# The dtypes that a Python scalar of each type leaves as they are. Integers are not
# among those of int, since the number must fit.
KEEPS: dict[type, frozenset[str]] = {
    bool: frozenset(dtypes.INTEGERS + dtypes.FLOATS + dtypes.COMPLEX),
    int: frozenset(dtypes.FLOATS + dtypes.COMPLEX),
    float: frozenset(dtypes.FLOATS + dtypes.COMPLEX),
    complex: frozenset(dtypes.COMPLEX),
}
_ARRAYS = ("__array__", "__array_interface__", "__multinet_tensor__")
_RANGES = {
    name: (int(np.iinfo(name).min), int(np.iinfo(name).max)) for name in dtypes.INTEGERS
}


def op(function: F) -> F:
    """Make a function on tensors a public op: on KerasTensors it records a node.

    So it does on unknown sizes, such as `ops.arange(ops.shape(x)[0])` of a symbolic x.
    """
    return _public(function, None)


def behind(door: Callable[..., Any]) -> Callable[[F], F]:
    """Return the decorator of a public op that has a fast way in.

    `door` takes the arguments of the op. Where they are what a primitive takes, plain
    tensors above all, it returns what that makes of them, and None of all others. It
    checks what a framework would let pass silently, and nothing else: where it fails,
    or returns None, the op itself answers, and words what is wrong.

    >>> @behind(lambda x: current().negative(x) if is_plain(x) else None)
    ... def negative(x): ...
    """
    return lambda function: _public(function, door)


def _public(function: F, door: Callable[..., Any] | None) -> F:
    @functools.wraps(function)
    def general(*args: Any, **kwargs: Any) -> Any:
        try:
            try:
                for arg in args:
                    if WATCHED[type(arg)]:
                        return _watched(public, function, args, kwargs)
                if kwargs:
                    return _watched(public, function, args, kwargs)
                return function(*args, **kwargs)
            except Exception as error:
                told = refusal(function, args, kwargs, error)
                if told is error:
                    raise
                raise told from error
        except Exception as error:
            shorten(error)
            raise

    public = general if door is None else entrance(door, general)
    PUBLIC[function.__name__] = public
    return public  # type: ignore[return-value]


@functools.cache  # not at import, which has some hundred ops
def _prefix(function: Callable[..., Any]) -> str:
    return snake_case(class_name(function.__name__))


def _watched(public: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """Return the result of a call whose arguments may be other than dense tensors.

    On a KerasTensor, or a Dim among concrete values, it is recorded.
    """
    kinds = _kinds(args, kwargs)
    if KerasTensor in kinds or (Dim in kinds and not current().symbolic):
        operation = OpCall(public, _prefix(function))
        return record(operation, functools.partial(_run, function), args, kwargs)
    if sparse_among(kinds):
        return applied(function, args, kwargs)
    return function(*args, **kwargs)


def _run(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    sparse = sparse_among(_kinds(args, kwargs))
    return applied(function, args, kwargs) if sparse else function(*args, **kwargs)


def _kinds(args: Any, kwargs: Any) -> set[type]:
    leaves: list[Any] = optree.tree_leaves((args, kwargs), none_is_leaf=False)  # type: ignore[arg-type]
    return set(map(type, leaves))


def as_tensor(x: Tensor, dtype: str | None = None) -> Tensor:
    """Return `x` as a tensor of the backend in use.

    Tensors pass unchanged and Variables give their value. Python numbers, and NumPy
    data of float64, int64 or complex128, become floatx, int32 or complex64; all other
    host data keep their dtype. `BackendError` for a tensor of another backend,
    `DTypeError` for integers that do not fit.
    """
    backend = current()
    if backend.is_tensor(x):
        return x if dtype is None else cast_tensor(x, dtype)
    if type(x) not in KEEPS:
        if type(x) is Dim:
            return backend.full((), x, dtype or "int32")  # type: ignore[arg-type]
        value = getattr(x, "__multinet_tensor__", None)
        if value is not None:
            x = value()
            return x if dtype is None else cast_tensor(x, dtype)
        if is_sparse_tensor(x):
            x = dense(x)
            return x if dtype is None else cast_tensor(x, dtype)
    if is_scalar(x):
        name = dtype or dtypes.promote(type(x))
        return backend.full((), _fits(x, name), name)
    return backend.from_numpy(host_array(x, dtype))


def in_dtype(x: Tensor, dtype: str) -> Tensor:
    """Return `x` as a tensor; floats of the host are made in `dtype` at once.

    Other numbers, and tensors, keep their own.
    """
    if current().is_tensor(x) or hasattr(x, "__multinet_tensor__"):
        return as_tensor(x)
    if is_sparse_tensor(x):
        return as_tensor(x)
    array = read(x)
    floats = dtypes.is_float(dtypes.standardize(array.dtype))
    return as_tensor(array, dtype) if floats else as_tensor(array)


def host_array(x: Tensor, dtype: str | None = None) -> Host:
    """Return host data as a NumPy array of `dtype`, or of the one `of_host` gives."""
    array = read(x)
    if dtype is None:
        dtype = dtypes.of_host(array.dtype)
    if array.dtype.kind in "iu" and dtypes.is_integer(dtype) and array.size:
        _fits(int(array.min()), dtype)
        _fits(int(array.max()), dtype)
    return array.astype(dtypes.to_numpy(dtype), copy=False)


def read(x: Tensor) -> Host:
    """Return host data as a NumPy array, as NumPy reads them.

    `ShapeError` for ragged lists, `DTypeError` for strings and objects, and for those
    that NumPy would read item by item, perhaps without end.
    """
    refuse_foreign(x)
    if hasattr(type(x), "__getitem__") and not (is_array(x) or isinstance(x, Sequence)):
        raise DTypeError(
            "Expected an array, a tensor, or numbers and lists of them, got a "
            f"{type(x).__name__}. Make an array of it first."
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError(
            f"Expected rectangular data, got {type(x).__name__}: {error}"
        ) from error
    if x is None:
        raise DTypeError(
            "Expected numbers or bools, got None. If a function made it, is a `return` "
            "missing?"
        )
    if array.dtype.kind in "OSUMmV" and array.dtype.name not in dtypes.ALL:
        raise DTypeError(
            f"Expected numbers or bools, got a {type(x).__name__} of dtype "
            f"{array.dtype}. Encode strings and objects as integers first."
        )
    return array


def is_array(x: Tensor) -> bool:
    """Return whether NumPy sees an array or a number in `x`, not a sequence."""
    if isinstance(x, numbers.Number | np.generic | range):
        return True
    if any(hasattr(type(x), name) for name in _ARRAYS):
        return True
    try:
        return bool(memoryview(x).format) and not isinstance(x, bytes | bytearray)
    except TypeError:
        return False


def _fits(value: Any, dtype: str) -> Any:
    """Return a Python number as one of `dtype`; `DTypeError` for ints beyond it."""
    if dtype in _RANGES and type(value) is float and math.isfinite(value):
        value = int(value)  # as a cast of the host does; TensorFlow would refuse it
    if dtype in _RANGES and isinstance(value, int):
        low, high = _RANGES[dtype]
        if not low <= value <= high:
            raise DTypeError(
                f"{value} does not fit in {dtype} ({low} to {high}). Pass a dtype that "
                "holds it, such as dtype='int64'."
            )
    return value


def refuse_foreign(x: object) -> None:
    """Raise `BackendError` if `x` is a tensor of another loaded backend."""
    if isinstance(x, np.ndarray | np.generic):
        return  # host data everywhere
    other = owner(x)
    if other is None and type(x).__name__ == "SymbolicArray":
        raise BackendError(
            "A symbolic value left the model whose shapes were being computed. Return "
            "tensors from call() instead of storing them on self."
        )
    if other is not None:
        here = current().concrete.name
        raise BackendError(
            f"Got a tensor of backend {other.name!r} ({type(x).__name__}) while "
            "backend "
            f"{here!r} is in use. Convert it with multinet.ops.convert_to_numpy(x), or "
            f"work inside `with multinet.use_backend({other.name!r})`."
        )


def cast_tensor(x: Tensor, dtype: str) -> Tensor:
    """Return the native tensor `x` in `dtype`; complex to real keeps the real part."""
    backend = current()
    have = backend.dtype(x)
    if have == dtype:
        return x
    if dtypes.is_complex(have) and not dtypes.is_complex(dtype):
        x = backend.real(x)
    return backend.cast(x, dtype)


def kind_of(x: Tensor) -> Tensor:
    """Return what `x` promotes as: a dtype name, or a Python type for weak scalars."""
    if is_scalar(x):
        return type(x)
    return current().dtype(x)


def pair(backend: Backend[Any], x: Tensor, y: Tensor) -> tuple[Any, Any, str]:
    """Return two arguments promoted to one dtype, and it; a Python scalar stays one.

    `backend` is the one in use. Most calls need no change, so those come first.
    """
    if backend.is_tensor(x):
        dtype, kind = backend.dtype(x), type(y)
        if kind in KEEPS:
            if dtype in KEEPS[kind]:
                return x, y, dtype
        elif backend.is_tensor(y) and backend.dtype(y) == dtype:
            return x, y, dtype
    elif type(x) in KEEPS and backend.is_tensor(y):
        dtype = backend.dtype(y)
        if dtype in KEEPS[type(x)]:
            return x, y, dtype
    x, y = operands(x, y)
    return x, y, dtype_of(x, y)


def operands(*xs: Any, floating: bool = False) -> tuple[Any, ...]:
    """Return arguments promoted to one dtype, fitting Python scalars left as they are.

    At least one result is a tensor. With `floating`, integers become floatx.
    """
    backend = current()
    values = [x if is_scalar(x) else as_tensor(x) for x in xs]
    if all(map(is_scalar, values)):
        name = dtypes.promote(*map(type, values))
        name = dtypes.to_float(name) if floating else name
        return tuple(backend.full((), _fits(v, name), name) for v in values)
    name = dtypes.promote(*map(kind_of, values))
    if floating:
        name = dtypes.to_float(name)
    return tuple(
        _fits(v, name) if is_scalar(v) else cast_tensor(v, name) for v in values
    )


def is_scalar(x: object) -> bool:
    """Return whether `x` is a Python number, which is weak in promotion."""
    return type(x) in KEEPS or (isinstance(x, int) and not isinstance(x, np.generic))


def floating(x: Tensor) -> Tensor:
    """Return `x` as a float or complex tensor: integers and bool become floatx."""
    x = as_tensor(x)
    return cast_tensor(x, dtypes.to_float(current().dtype(x)))


def numeric(x: Tensor) -> Tensor:
    """Return `x` as a tensor that arithmetic accepts: bool becomes int32."""
    x = as_tensor(x)
    return cast_tensor(x, "int32") if current().dtype(x) == "bool" else x


def boolean(x: Tensor) -> Tensor:
    """Return `x` as a bool tensor: true where it is not zero."""
    return cast_tensor(as_tensor(x), "bool")


def shape_of(x: Tensor) -> Shape:
    """Return the shape of a native tensor."""
    return current().shape(x)


def host(x: Tensor) -> Host:
    """Return `x` (tensor, Variable, or host data) as a NumPy array."""
    value = getattr(x, "__multinet_tensor__", None)
    if value is not None:
        x = value()
    if isinstance(x, np.ndarray | np.generic):
        return read(x)
    if is_sparse_tensor(x):
        return sparse_to_host(x)
    backend = current()
    if backend.is_tensor(x):
        return backend.to_numpy(x)
    other = owner(x)
    return host_array(x) if other is None else other.to_numpy(x)


def needed(x: object, what: str, remedy: str) -> Host:
    """Return the values on which the size of a result depends.

    `TraceError` saying what to do instead where there are none.
    """
    try:
        return host(x)
    except TraceError as error:
        raise TraceError(
            f"The size of the result of ops.{what} depends on values, which compiled "
            f"functions and symbolic tensors do not have. {remedy}"
        ) from error


def size_is_unknown(x: object) -> bool:
    """Return whether a size that depends on a tensor's values is unknown, in a graph.

    Such a graph runs where there are values: eagerly, and not in a compiled function.
    """
    return current().symbolic and current().known(x) is None


def numpy_backend() -> Backend[Any]:
    """Return the embedded backend, which computes on the host whatever is in use."""
    return get("numpy")


def float_max(dtype: str) -> float:
    """Return the largest finite number of a float dtype."""
    return float(ml_dtypes.finfo(dtypes.to_numpy(dtype)).max)


def dtype_of(x: Tensor, y: Tensor) -> str:
    """Return the dtype of promoted operands, of which one may be a Python scalar."""
    backend = current()
    return backend.dtype(y if is_scalar(x) else x)


def both(x1: Tensor, x2: Tensor) -> tuple[Any, Any]:
    """Return promoted operands as tensors of their one dtype."""
    dtype = dtype_of(x1, x2)
    return as_tensor(x1, dtype), as_tensor(x2, dtype)


def broadcast_shapes(
    *shapes: Any, what: str = "broadcasting", cause: Exception | None = None
) -> tuple[Any, ...]:
    """Return the shape that `shapes` broadcast to; an unknown size yields to a known
    one.
    """
    result: list[Any] = []
    for i in range(1, max(map(len, shapes), default=0) + 1):
        size: Any = 1
        for n in (shape[-i] for shape in shapes if len(shape) >= i):
            if isinstance(n, int) and n == 1:
                continue
            if isinstance(size, int) and size == 1:
                size = n
            elif differ(size, n):
                known = isinstance(size, int) and isinstance(n, int)
                told = map(public_shape, shapes) if known else shapes
                raise ShapeError(
                    f"{what} expects shapes that broadcast, got "
                    f"{' and '.join(map(str, told))}: sizes {size} and {n} at axis "
                    f"-{i} differ and neither is 1."
                ) from cause
            elif isinstance(n, int):
                size = n
        result.append(size)
    return tuple(reversed(result))
