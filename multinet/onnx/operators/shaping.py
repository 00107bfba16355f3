"""Operators on shapes, indices and order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from multinet import ops
from multinet.errors import NotWritten
from multinet.onnx.values import dtype_of, narrow, numbers, sizes_of, tensor
from multinet.registry import current
from multinet.symbolic.dims import Dim, same
from multinet.typing import Size, Tensor

_FAR = 2**31 - 1  # from here on an end means the end of the axis


def _axes(call: Any, given: Any, rank: int) -> list[int]:
    axes = call.get("axes") if given is None else numbers(given, call.name, "axes")
    return [axis % rank for axis in axes or ()]


def _reshape(call: Any, x: Tensor, shape: Any) -> Tensor:
    sizes, own = numbers(shape, call.name, "a shape"), sizes_of(x)
    if not call.get("allowzero", 0):
        sizes = [own[i] if same(n, 0) else n for i, n in enumerate(sizes)]
    return ops.reshape(x, tuple(sizes))


def _flatten(call: Any, x: Tensor) -> Tensor:
    shape = sizes_of(x)
    axis = call.get("axis", 1)
    axis += len(shape) if axis < 0 else 0
    return ops.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _squeeze(call: Any, x: Tensor, axes: Any = None) -> Tensor:
    shape = sizes_of(x)
    found = _axes(call, axes, len(shape))
    found = found or [i for i, n in enumerate(shape) if same(n, 1)]
    return ops.squeeze(x, tuple(found)) if found else x


def _unsqueeze(call: Any, x: Tensor, axes: Any = None) -> Tensor:
    given = call.get("axes") if axes is None else numbers(axes, call.name, "axes")
    rank = len(sizes_of(x)) + len(given)
    for axis in sorted(n % rank for n in given):
        x = ops.expand_dims(x, axis)
    return x


def _transpose(call: Any, x: Tensor) -> Tensor:
    return ops.transpose(x, call.get("perm"))


def _expand(call: Any, x: Tensor, shape: Any) -> Tensor:
    wanted, own = numbers(shape, call.name, "a shape"), list(sizes_of(x))
    rank = max(len(wanted), len(own))
    wanted = [1] * (rank - len(wanted)) + wanted
    own = [1] * (rank - len(own)) + own
    sizes = [n if same(m, 1) else m for n, m in zip(own, wanted)]
    return ops.broadcast_to(x, tuple(sizes))


def _tile(call: Any, x: Tensor, repeats: Any) -> Tensor:
    return ops.tile(x, tuple(numbers(repeats, call.name, "repeats")))


def _concat(call: Any, *xs: Tensor) -> Tensor:
    return ops.concatenate(xs, axis=call.get("axis"))


def _split(call: Any, x: Tensor, sizes: Any = None) -> Any:
    axis, shape = call.get("axis", 0), sizes_of(x)
    given = call.get("split")
    if sizes is not None:
        given = numbers(sizes, call.name, "sizes")
    if given is None:
        each = -(-shape[axis] // call.outputs)
        given = [each] * (call.outputs - 1)
        given.append(shape[axis] - sum(given))
    ends = list(itertools.accumulate(given))
    return [cut(x, axis, end - n, end) for end, n in zip(ends, given)]


def cut(x: Tensor, axis: int, start: Size, stop: Size) -> Tensor:
    """Return x[start:stop] along an axis."""
    key = [slice(None)] * len(sizes_of(x))
    key[axis] = slice(start, stop)
    return ops.get_item(x, tuple(key))


def _slice(
    call: Any, x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> Tensor:
    rank = len(sizes_of(x))
    first = numbers(starts, call.name, "where to start")
    last = numbers(ends, call.name, "where to end")
    over = list(range(len(first))) if axes is None else _axes(call, axes, rank)
    by = [1] * len(first) if steps is None else numbers(steps, call.name, "steps")
    key = [slice(None)] * rank
    for axis, a, b, step in zip(over, first, last, by):
        key[axis] = slice(_near(a), _near(b), step)
    return ops.get_item(x, tuple(key))


def _near(place: Any) -> Any:
    """Return a bound, None for one beyond any axis."""
    far = not isinstance(place, Dim) and not -_FAR < place < _FAR
    return None if far else place


def _pad(
    call: Any, x: Tensor, widths: Any = None, value: Any = None, axes: Any = None
) -> Tensor:
    rank, mode = len(sizes_of(x)), call.get("mode", "constant")
    given = call.get("pads")
    given = numbers(widths, call.name, "widths") if given is None else given
    over = list(range(rank)) if axes is None else _axes(call, axes, rank)
    pairs: list[Any] = [(0, 0)] * rank
    for place, axis in enumerate(over):
        pairs[axis] = given[place], given[len(over) + place]
    if mode != "constant":
        return ops.pad(x, pairs, mode=mode)
    (fill,) = [0] if value is None else numbers(value, call.name, "what to pad with")
    for axis, pair in enumerate(pairs):  # those below 0 cut
        low, high = (type(n) is int and n < 0 for n in pair)
        if low or high:
            stop = sizes_of(x)[axis] + pair[1] if high else None
            x = cut(x, axis, -pair[0] if low else 0, stop)
            pairs[axis] = 0 if low else pair[0], 0 if high else pair[1]
    return current().pad(x, pairs, fill)


def _filled(call: Any, shape: Any) -> Tensor:
    value = call.array("value", np.zeros(1, "float32")).ravel()[0]
    sizes = tuple(numbers(shape, call.name, "a shape"))
    return current().full(sizes, value.item(), narrow(value.dtype))


def _range(call: Any, start: Any, limit: Any, delta: Any) -> Tensor:
    dtype = narrow(dtype_of(start))
    given = [numbers(n, call.name, "bounds")[0] for n in (start, limit, delta)]
    return ops.arange(*given, dtype=dtype)


def _trilu(call: Any, x: Tensor, k: Any = None) -> Tensor:
    (offset,) = [0] if k is None else numbers(k, call.name, "a diagonal")
    return ops.triu(x, offset) if call.get("upper", 1) else ops.tril(x, offset)


def _depth_to_space(call: Any, x: Tensor) -> Tensor:
    block, (n, c, h, w) = call.get("blocksize"), sizes_of(x)
    each = c // block**2
    if call.get("mode", "DCR") == "DCR":
        shape, order = (n, block, block, each, h, w), (0, 3, 4, 1, 5, 2)
    else:
        shape, order = (n, each, block, block, h, w), (0, 1, 4, 2, 5, 3)
    parts = ops.transpose(ops.reshape(x, shape), order)
    return ops.reshape(parts, (n, each, h * block, w * block))


def _space_to_depth(call: Any, x: Tensor) -> Tensor:
    block, (n, c, h, w) = call.get("blocksize"), sizes_of(x)
    parts = ops.reshape(x, (n, c, h // block, block, w // block, block))
    parts = ops.transpose(parts, (0, 3, 5, 1, 2, 4))
    return ops.reshape(parts, (n, c * block**2, h // block, w // block))


# -- indices ---------------------------------------------------------------------------


def _gather(call: Any, x: Tensor, indices: Tensor) -> Tensor:
    return ops.take(x, indices, call.get("axis", 0))


def _gather_elements(call: Any, x: Tensor, indices: Tensor) -> Tensor:
    return ops.take_along_axis(x, indices, call.get("axis", 0))


def _gather_nd(call: Any, x: Tensor, indices: Tensor) -> Tensor:
    if call.get("batch_dims", 0):
        raise NotWritten(f"{call.name} has batch_dims, which is not read.")
    parts = _split_last(indices, sizes_of(indices)[-1])
    return ops.get_item(x, tuple(ops.squeeze(part, -1) for part in parts))


def _split_last(x: Tensor, count: int) -> list[Tensor]:
    return [cut(x, -1, i, i + 1) for i in range(count)]


def _reverse_sequence(call: Any, x: Tensor, lengths: Tensor) -> Tensor:
    """Turn the first steps of each sequence round, as many as its length says."""
    axes = [call.get("batch_axis", 1), call.get("time_axis", 0)]
    rows = ops.moveaxis(x, axes, [0, 1])  # b t ...
    shape = sizes_of(rows)
    steps = ops.arange(shape[1], dtype=ops.dtype(lengths))
    ends = ops.expand_dims(lengths, -1)
    turned = ops.subtract(ops.subtract(ends, 1), steps)
    places = ops.where(ops.less(steps, ends), turned, steps)
    places = ops.reshape(places, (*shape[:2], *[1] * (len(shape) - 2)))
    found = ops.take_along_axis(rows, ops.broadcast_to(places, shape), 1)
    return ops.moveaxis(found, [0, 1], axes)


_MODES = {"none": "set", "add": "add", "mul": "multiply", "max": "max", "min": "min"}


def _scatter_nd(call: Any, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    mode = _MODES[call.get("reduction", "none")]
    return current().scatter(x, indices, updates, mode)


def _one_hot(call: Any, indices: Tensor, depth: Any, values: Any) -> Tensor:
    (count,) = numbers(depth, call.name, "a depth")
    off, on = _split_last(tensor(values), 2)
    spread = ops.expand_dims(tensor(indices), -1)
    hot = ops.equal(spread, ops.arange(count, dtype=ops.dtype(spread)))
    found = ops.where(hot, on, off)
    return ops.moveaxis(found, -1, call.get("axis", -1))


# -- order -----------------------------------------------------------------------------


def _top_k(call: Any, x: Tensor, k: Any) -> Any:
    (count,) = numbers(k, call.name, "how many")
    axis = call.get("axis", -1)
    rows = ops.moveaxis(tensor(x), axis, -1)
    if call.get("largest", 1):
        last = sizes_of(rows)[-1]
        order = ops.argsort(ops.flip(rows, -1))  # of equals the first one comes first
        order = ops.subtract(last - 1, ops.flip(order, -1))
    else:
        order = ops.argsort(rows)
    order = cut(order, -1, 0, count)
    found = ops.take_along_axis(rows, order, -1)
    return [ops.moveaxis(y, -1, axis) for y in (found, ops.cast(order, "int32"))]


def _cumsum(call: Any, x: Tensor, axis: Any) -> Tensor:
    (along,) = numbers(axis, call.name, "an axis")
    x = tensor(x)
    back = call.get("reverse", 0)
    rows = ops.flip(x, along) if back else x
    total = ops.cumsum(rows, along, dtype=ops.dtype(x))
    total = ops.subtract(total, rows) if call.get("exclusive", 0) else total
    return ops.flip(total, along) if back else total


def _argument(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(call: Any, x: Tensor) -> Tensor:
        axis, keep = call.get("axis", 0), bool(call.get("keepdims", 1))
        if call.get("select_last_index", 0):
            last = sizes_of(x)[axis]
            found = function(ops.flip(x, axis), axis, keepdims=keep)
            return ops.subtract(last - 1, found)
        return function(x, axis, keepdims=keep)

    return apply


TENSORS: dict[str, Callable[..., Any]] = {
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "ReverseSequence": _reverse_sequence,
    "ArgMax": _argument(ops.argmax),
    "ArgMin": _argument(ops.argmin),
}


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator whose first input alone is a tensor."""
    return lambda call, x, *rest: function(call, tensor(x), *rest)


MIXED: dict[str, Callable[..., Any]] = {
    "Reshape": _first(_reshape),
    "Squeeze": _first(_squeeze),
    "Unsqueeze": _first(_unsqueeze),
    "Expand": _first(_expand),
    "Tile": _first(_tile),
    "Split": _first(_split),
    "Slice": _first(_slice),
    "Pad": _first(_pad),
    "Trilu": _first(_trilu),
    "ConstantOfShape": _filled,
    "Range": _range,
    "OneHot": _one_hot,
    "TopK": _top_k,
    "CumSum": _cumsum,
}
