"""Operators on what is known without data: sizes, and arrays of the file."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ShapeError
from multinet.onnx.values import (
    Sizes,
    array_of,
    below,
    dtype_of,
    is_host,
    settled,
    sizes_of,
)
from multinet.symbolic.dims import differ, larger, same, smaller
from multinet.typing import Made

_LARGE = 4096  # elements from which an array is rather made on the device


class _Undecided(Exception):
    """The answer depends on sizes that only data will tell."""


def on_host(call: Made, inputs: Sequence[Any]) -> list[Any] | None:
    """Return what an operator gives for values of the host, None if it needs tensors.

    The shape of a tensor is known as far as its sizes are.
    """
    if call.operator in ("Shape", "Size") and inputs[0] is not None:
        return [_ASKED[call.operator](call, sizes_of(inputs[0]))]
    function = HOST.get(call.operator)
    if function is None or not all(x is None or is_host(x) for x in inputs):
        return None
    arrays = [None if x is None else array_of(x) for x in inputs]
    try:
        found = function(call, *arrays)
    except _Undecided:
        return None
    except (TypeError, ShapeError):
        if any(isinstance(x, Sizes) for x in inputs):
            return None  # what needs the values of sizes
        raise
    dtype = next((dtype_of(x) for x in inputs if isinstance(x, Sizes)), None)
    results = found if isinstance(found, list) else [found]
    return [_given(call, x, dtype) for x in results]


def _given(call: Any, found: Any, dtype: str | None) -> Any:
    array = np.asarray(found)
    if array.dtype != object:
        return array
    if call.operator == "Cast":
        dtype = call.dtype("to")
    return settled(array, dtype or "int64")


def _shape(call: Any, shape: Any) -> Any:
    return settled(list(shape[call.get("start", 0) : call.get("end")]), "int64")


def _size(call: Any, shape: Any) -> Any:
    return settled(math.prod(shape), "int64")


_ASKED = {"Shape": _shape, "Size": _size}


# -- arithmetic ------------------------------------------------------------------------


def _each(function: Callable[..., Any], *arrays: Any) -> Any:
    """Return a function of sizes elementwise, as an array of objects."""
    wide = np.broadcast_arrays(*(np.asarray(x, object) for x in arrays))
    flat = [function(*row) for row in zip(*(x.ravel() for x in wide))]
    found = np.empty(len(flat), object)
    found[:] = flat
    return found.reshape(wide[0].shape)


def _holds(*arrays: Any) -> bool:
    return any(x is not None and x.dtype == object for x in arrays)


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator on numbers and sizes alike."""

    def apply(call: Any, *arrays: Any) -> Any:
        return _each(function, *arrays) if _holds(*arrays) else function(*arrays)

    return apply


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator on numbers alone."""

    def apply(call: Any, *arrays: Any) -> Any:
        if _holds(*arrays):
            raise _Undecided
        with np.errstate(all="ignore"):
            return function(*arrays)

    return apply


def _divide(call: Any, x: Any, y: Any) -> Any:
    if _holds(x, y):
        if {x.dtype.kind, y.dtype.kind} & {"f"}:
            raise _Undecided
        return _each(operator.floordiv, x, y)
    if x.dtype.kind in "iu":  # rounds to zero
        return (np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))).astype(x.dtype)
    return np.divide(x, y)


def _many(one: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    def apply(call: Any, *arrays: Any) -> Any:
        if _holds(*arrays):
            return functools.reduce(functools.partial(_each, one), arrays)
        return functools.reduce(other, arrays)

    return apply


def _asked(plain: Callable[..., Any], decide: Callable[..., Any]) -> Any:
    """Return a comparison, which is undecided where sizes could be either way."""

    def apply(call: Any, x: Any, y: Any) -> Any:
        if not _holds(x, y):
            return plain(x, y)
        found = _each(lambda a, b: decide(_whole(a), _whole(b)), x, y)
        if any(answer is None for answer in found.flat):
            raise _Undecided
        return found.astype(bool)

    return apply


def _whole(n: Any) -> Any:
    """Return a number as sizes compare with it."""
    if isinstance(n, float):
        if not n.is_integer():
            raise _Undecided
        return int(n)
    return n


def _equal(x: Any, y: Any) -> bool | None:
    if same(x, y):
        return True
    apart = differ(x, y) or below(x, y) or below(y, x)
    return False if apart else None


def _no(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


# -- shapes ----------------------------------------------------------------------------


def _cast(call: Any, x: Any) -> Any:
    dtype = call.dtype("to")
    if x.dtype == object:
        if dtype == "bool":
            raise _Undecided
        return x
    return x.astype(dtypes.to_numpy(dtype))


def _gather(call: Any, x: Any, places: Any) -> Any:
    return np.take(x, places.astype("int64"), call.get("axis", 0))


def _ints(values: Any) -> list[int]:
    if _holds(values):
        raise _Undecided
    return [int(n) for n in values.ravel()]


def _slice(
    call: Any, x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> Any:
    first, last = _ints(starts), _ints(ends)
    over = list(range(len(first))) if axes is None else _ints(axes)
    by = [1] * len(first) if steps is None else _ints(steps)
    key = [slice(None)] * x.ndim
    for axis, a, b, step in zip(over, first, last, by):
        key[axis] = slice(a, None if step < 0 and b < -(2**31) else b, step)
    return x[tuple(key)]


def _axes(call: Any, axes: Any) -> Any:
    return tuple(call.get("axes", ()) if axes is None else _ints(axes))


def _squeeze(call: Any, x: Any, axes: Any = None) -> Any:
    return np.squeeze(x, _axes(call, axes) or None)


def _unsqueeze(call: Any, x: Any, axes: Any = None) -> Any:
    return np.expand_dims(x, _axes(call, axes))


def _reshape(call: Any, x: Any, shape: Any) -> Any:
    sizes = _ints(shape)
    if not call.get("allowzero", 0):
        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    return np.reshape(x, sizes)


def _small(sizes: list[int]) -> tuple[int, ...]:
    if math.prod(sizes) > _LARGE:
        raise _Undecided
    return tuple(sizes)


def _expand(call: Any, x: Any, shape: Any) -> Any:
    sizes = np.broadcast_shapes(x.shape, tuple(_ints(shape)))
    return np.broadcast_to(x, _small(list(sizes)))


def _filled(call: Any, shape: Any) -> Any:
    value = call.array("value", np.zeros(1, "float32"))
    return np.full(_small(_ints(shape)), value.ravel()[0], value.dtype)


def _range(call: Any, start: Any, limit: Any, delta: Any) -> Any:
    if _holds(start, limit, delta):
        raise _Undecided
    count = max(0, math.ceil((limit.item() - start.item()) / delta.item()))
    found = start + np.arange(count).astype(start.dtype) * delta
    _small([found.size])
    return found


def _split(call: Any, x: Any, sizes: Any = None) -> Any:
    axis = call.get("axis", 0)
    given = call.get("split") if sizes is None else _ints(sizes)
    if given is None:
        each = -(-x.shape[axis] // call.outputs)
        given = [each] * call.outputs
    return np.split(x, np.cumsum(given)[:-1], axis)


def _reduced(kind: str) -> Callable[..., Any]:
    def apply(call: Any, x: Any, axes: Any = None) -> Any:
        along = _axes(call, axes) or tuple(range(x.ndim))
        keep = bool(call.get("keepdims", 1))
        if x.dtype != object:
            return getattr(np, kind)(x, axis=along, keepdims=keep)
        if len(along) != x.ndim:
            raise _Undecided
        found = np.asarray(functools.reduce(_PAIRS[kind], x.ravel()), object)
        return found.reshape((1,) * x.ndim) if keep else found

    return apply


_PAIRS: dict[str, Callable[..., Any]] = {
    "sum": operator.add,
    "prod": operator.mul,
    "max": larger,
    "min": smaller,
}

HOST: dict[str, Callable[..., Any]] = {
    "Identity": lambda call, x: x,
    "Add": _plain(operator.add),
    "Sub": _plain(operator.sub),
    "Mul": _plain(operator.mul),
    "Div": _divide,
    "Mod": _plain(operator.mod),
    "Neg": _plain(operator.neg),
    "Pow": _known(lambda x, y: np.power(x, y).astype(x.dtype)),
    "Abs": _known(np.abs),
    "Sign": _known(np.sign),
    "Sqrt": _known(np.sqrt),
    "Exp": _known(np.exp),
    "Log": _known(np.log),
    "Reciprocal": _known(np.reciprocal),
    "Floor": _known(np.floor),
    "Ceil": _known(np.ceil),
    "Max": _many(larger, np.maximum),
    "Min": _many(smaller, np.minimum),
    "Equal": _asked(np.equal, _equal),
    "Less": _asked(np.less, below),
    "Greater": _asked(np.greater, lambda x, y: below(y, x)),
    "LessOrEqual": _asked(np.less_equal, lambda x, y: _no(below(y, x))),
    "GreaterOrEqual": _asked(np.greater_equal, lambda x, y: _no(below(x, y))),
    "And": _known(np.logical_and),
    "Or": _known(np.logical_or),
    "Xor": _known(np.logical_xor),
    "Not": _known(np.logical_not),
    "Where": lambda call, c, x, y: np.where(c, x, y),
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": lambda call, *xs: np.concatenate(xs, call.get("axis")),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Transpose": lambda call, x: np.transpose(x, call.get("perm")),
    "Expand": _expand,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Split": _split,
    "NonZero": _known(lambda x: np.stack(np.nonzero(x)).astype("int64")),
    "ReduceSum": _reduced("sum"),
    "ReduceProd": _reduced("prod"),
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
}
