"""Methods on shapes, indices and order as operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.graph.values import Value
from multinet.onnx.writer import Named, Writer
from multinet.symbolic.dims import Dim, Size, same
from multinet.typing import Host

_FIRST = -(2**63)  # an end before the first element, for steps backwards
_WIDE = ("float32", "float64", "int32", "int64")


def _full(w: Writer, out: Sequence[Value], shape: Any, value: Any, dtype: str) -> str:
    if isinstance(value, Dim) or not shape:
        scalar = w.scalar(value, dtype)
        return w.add("Expand", scalar, w.vector(shape)) if shape else scalar
    array = w.onnx.numpy_helper.from_array(_filled(value, dtype))
    return w.add("ConstantOfShape", w.vector(shape), value=array)


def _filled(value: Any, dtype: str) -> Host:
    return np.full((1,), value, dtypes.to_numpy(dtype))


def _arange(
    w: Writer, out: Sequence[Value], start: Any, stop: Any, step: Any, dtype: str
) -> str:
    kind = dtype if dtype in _WIDE else "float32" if "float" in dtype else "int64"
    found = w.add("Range", *(w.scalar(n, kind) for n in (start, stop, step)))
    return found if kind == dtype else w.cast(found, dtype)


def _reshape(w: Writer, out: Sequence[Value], x: Value, shape: Any) -> str:
    return w.reshape(x, shape)


def _expand_dims(w: Writer, out: Sequence[Value], x: Value, axis: int) -> str:
    return w.add("Unsqueeze", x, w.ints(axis))


def _squeeze(w: Writer, out: Sequence[Value], x: Value, axes: Any) -> str:
    return w.add("Squeeze", x, w.ints(*axes)) if axes else w.name(x)


def _transpose(w: Writer, out: Sequence[Value], x: Value, permutation: Any) -> str:
    return w.transpose(x, permutation)


def _broadcast_to(w: Writer, out: Sequence[Value], x: Value, shape: Any) -> str:
    return w.add("Expand", x, w.vector(shape)) if shape else w.name(x)


def _tile(w: Writer, out: Sequence[Value], x: Value, repeats: Any) -> str:
    return w.add("Tile", x, w.vector(repeats)) if repeats else w.name(x)


def _concatenate(w: Writer, out: Sequence[Value], xs: Any, axis: int) -> str:
    return w.add("Concat", *xs, axis=axis)


def _stack(w: Writer, out: Sequence[Value], xs: Any, axis: int) -> str:
    rows = [w.add("Unsqueeze", x, w.ints(axis)) for x in xs]
    return w.add("Concat", *rows, axis=axis)


def _split(w: Writer, out: Sequence[Value], x: Value, sizes: Any, axis: int) -> Any:
    return w.several("Split", len(sizes), w.name(x), w.vector(sizes), axis=axis)


def _pad(w: Writer, out: Sequence[Value], x: Value, widths: Any, value: Any) -> str:
    before, after = ([pair[i] for pair in widths] for i in (0, 1))
    return w.add("Pad", x, w.vector([*before, *after]), w.scalar(value, x.dtype))


def _slice(
    w: Writer, out: Sequence[Value], x: Value, start: Any, stop: Any, step: Any
) -> str:
    axes = [
        i
        for i, n in enumerate(x.shape)
        if not (same(start[i], 0) and same(stop[i], n) and step[i] == 1)
    ]
    if not axes:
        return w.name(x)
    starts, stops, steps = ([given[i] for i in axes] for given in (start, stop, step))
    return cut(w, x, starts, stops, axes, steps)


def cut(
    w: Writer,
    x: Named,
    starts: Sequence[Size],
    stops: Sequence[Size],
    axes: Sequence[int],
    steps: Sequence[int],
) -> str:
    """Return x[start:stop:step] on some axes."""
    places = w.vector(starts), w.vector(stops), w.ints(*axes), w.ints(*steps)
    return w.add("Slice", x, *places)


def _flip(w: Writer, out: Sequence[Value], x: Value, axes: Any) -> str:
    if not axes:
        return w.name(x)
    count = len(axes)
    return cut(w, x, [-1] * count, [_FIRST] * count, list(axes), [-1] * count)


# -- indices ---------------------------------------------------------------------------


def _take(w: Writer, out: Sequence[Value], x: Value, indices: Named, axis: int) -> str:
    return w.add("Gather", x, indices, axis=axis)


def _embedding(w: Writer, out: Sequence[Value], table: Value, indices: Named) -> str:
    return w.add("Gather", table, indices, axis=0)


def _take_along_axis(
    w: Writer, out: Sequence[Value], x: Value, indices: Named, axis: int
) -> str:
    return w.add("GatherElements", x, indices, axis=axis)


_MODES = {"set": "none", "add": "add", "multiply": "mul", "max": "max", "min": "min"}


def _scatter(
    w: Writer, out: Sequence[Value], x: Value, indices: Value, updates: Any, mode: str
) -> str:
    places = w.cast(indices, "int64")
    return w.add("ScatterND", x, places, updates, reduction=_MODES[mode])


# -- order -----------------------------------------------------------------------------


def _ordered(w: Writer, x: Value) -> tuple[str, str]:
    """Return the last axis sorted upwards, and the order."""
    name = w.name(x)
    narrow = x.dtype not in _WIDE
    if narrow:
        name = w.cast(x, "float32" if dtypes.is_float(x.dtype) else "int64")
    size = w.size(x.shape[-1])
    found, order = w.several("TopK", 2, name, size, axis=-1, largest=0, sorted=1)
    return (w.cast(found, x.dtype) if narrow else found), order


def _sort(w: Writer, out: Sequence[Value], x: Value) -> str:
    return _ordered(w, x)[0]


def _argsort(w: Writer, out: Sequence[Value], x: Value) -> str:
    return w.cast(_ordered(w, x)[1], "int32")


def _top_k(w: Writer, out: Sequence[Value], x: Value, k: Any) -> Any:
    found, order = w.several("TopK", 2, w.name(x), w.size(k), axis=-1, sorted=1)
    return found, w.cast(order, "int32")


def _searchsorted(
    w: Writer, out: Sequence[Value], sorted: Value, values: Value, side: str
) -> str:
    spread = w.add("Unsqueeze", values, w.ints(-1))
    kind = "Less" if side == "left" else "LessOrEqual"
    before = w.cast(w.add(kind, sorted, spread), "int32")
    return w.add("ReduceSum", before, w.ints(-1), keepdims=0)


RULES = {
    "full": _full,
    "arange": _arange,
    "reshape": _reshape,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "tile": _tile,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": _split,
    "pad": _pad,
    "slice": _slice,
    "flip": _flip,
    "take": _take,
    "embedding": _embedding,
    "take_along_axis": _take_along_axis,
    "scatter": _scatter,
    "sort": _sort,
    "argsort": _argsort,
    "top_k": _top_k,
    "searchsorted": _searchsorted,
}
SUITS = {"top_k": lambda opset, x, k: x.dtype in _WIDE}
