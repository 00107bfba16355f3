"""Blocks of tensors at computed places: slices, and their replacement."""

from __future__ import annotations

import math
from typing import Any

from multinet.errors import OutOfRange, ShapeError, TraceError
from multinet.ops.checks import sizes_at_least, whole
from multinet.ops.core import as_tensor, cast_tensor, host, op, shape_of
from multinet.ops.creation import shape_tuple
from multinet.ops.indexing import as_index
from multinet.ops.ranges import inside, spoiled
from multinet.registry import current
from multinet.symbolic.dims import Dim
from multinet.typing import ShapeLike, Tensor


@op
def slice(inputs: Tensor, start_indices: Tensor, shape: ShapeLike) -> Tensor:
    """Return the block of `shape` that begins at `start_indices`, ints or tensors.

    Starts are moved so that the block fits; a size of -1 reaches the end.
    """
    x, backend = as_tensor(inputs), current()
    starts, sizes = _starts(start_indices), shape_tuple(shape)
    have = shape_of(x)
    if not len(starts) == len(sizes) == len(have):
        raise ShapeError(
            f"ops.slice expects {len(have)} starts and sizes, got {len(starts)} and "
            f"{len(sizes)}."
        )
    sizes_at_least(sizes, -1, "a block")
    moving = [not (type(s) is int or isinstance(s, Dim)) for s in starts]
    fixed = [0 if m else s for m, s in zip(moving, starts)]
    sizes = tuple(
        _rest(n, s, m) if type(size) is int and size == -1 else size
        for n, s, m, size in zip(have, fixed, moving, sizes)
    )
    known: list[Any] = [
        _fit(s, size, n) if type(s) is int else s
        for s, size, n in zip(fixed, sizes, have)
    ]
    first = tuple(0 if m else s for m, s in zip(moving, known))
    last = tuple(n if m else s + k for m, s, k, n in zip(moving, known, sizes, have))
    x = backend.slice(x, first, last, (1,) * len(have))
    for axis, start in enumerate(starts):
        if moving[axis]:
            x = backend.take(x, _run(start, sizes[axis], have[axis]), axis)
    return x


def _rest(limit: Any, start: Any, moving: bool) -> Any:
    """Return the size of what reaches to the end, unknown where the start is."""
    if not moving:
        return limit - start
    if current().symbolic:
        return Dim()
    raise TraceError(
        "ops.slice of size -1 has a size that depends on the values of start_indices, "
        "which compiled functions do not have. Give the size."
    )


def _starts(start_indices: Any) -> list[Any]:
    """Return block starts as ints, Dims, and scalar tensors where values are
    unknown.
    """
    backend = current()
    if backend.is_tensor(start_indices):
        pieces = backend.split(start_indices, (1,) * shape_of(start_indices)[0], 0)
        return [backend.squeeze(piece, (0,)) for piece in pieces]
    listed = (
        start_indices if isinstance(start_indices, list | tuple) else [start_indices]
    )
    if not isinstance(start_indices, list | tuple) and not isinstance(
        start_indices, int
    ):
        listed = list(host(start_indices).reshape(-1))
    return [
        s if isinstance(s, Dim) or backend.is_tensor(s) else whole(s, "a start")
        for s in listed
    ]


def _fit(start: Any, size: Any, limit: Any) -> Any:
    if isinstance(size, Dim) or isinstance(limit, Dim):
        return max(start, 0)
    if size > limit:
        raise ShapeError(
            f"ops.slice of size {size} does not fit an axis of size {limit}."
        )
    return min(max(start, 0), limit - size)


def _run(start: Any, size: Any, limit: Any) -> Any:
    """Return the indices of a block at a tensor start, as many as `size`."""
    backend = current()
    start = as_index(start)
    room = limit - size
    start = backend.clip(start, 0, room)
    steps = backend.arange(0, size, 1, backend.dtype(start))
    return backend.add(backend.reshape(start, (1,)), steps)


@op
def slice_update(inputs: Tensor, start_indices: Tensor, updates: Tensor) -> Tensor:
    """Return `inputs` with the block that begins at `start_indices` replaced.

    Negative starts count back. A block that does not fit is refused, or where the host
    does not know the starts, all becomes NaN, or the least integer.
    """
    x, backend = as_tensor(inputs), current()
    updates = as_tensor(updates, backend.dtype(x))
    starts, sizes, have = _starts(start_indices), shape_of(updates), shape_of(x)
    seen = [
        _block(_seen(start), size, limit, axis)
        for axis, (start, size, limit) in enumerate(zip(starts, sizes, have))
    ]
    if not any(map(backend.is_tensor, starts)):
        return _replace(x, updates, seen)
    full, valid = backend.full((), 0, "int32"), None
    for axis, (start, size, limit) in enumerate(zip(starts, sizes, have)):
        if backend.is_tensor(start):
            start = as_index(start, limit)
        else:
            start = backend.full((), seen[axis], "int32")
        if backend.is_tensor(seen[axis]):
            fits = backend.reshape(inside(start, limit - size + 1), ())
            valid = fits if valid is None else backend.logical_and(valid, fits)
        run = cast_tensor(_run(start, size, limit), "int32")
        form = [1] * len(have)
        form[axis] = size
        scaled = backend.multiply(
            backend.reshape(run, tuple(form)), math.prod(have[axis + 1 :])
        )
        full = backend.add(full, scaled)
    count = math.prod(sizes)
    flat = backend.reshape(x, (math.prod(have),))
    places = backend.reshape(backend.broadcast_to(full, sizes), (count, 1))
    result = backend.scatter(flat, places, backend.reshape(updates, (count,)), "set")
    result = backend.reshape(result, have)
    return result if valid is None else spoiled(result, valid)


def _seen(start: Any) -> Any:
    """Return a start as an int where the host knows it."""
    backend = current()
    values = backend.known(start) if backend.is_tensor(start) else None
    return start if values is None else int(values.reshape(()))


def _block(start: Any, size: Any, limit: Any, axis: int) -> Any:
    """Return where a block begins, counted from the front; a tensor as it is."""
    if type(start) is not int or isinstance(size, Dim) or isinstance(limit, Dim):
        return start
    first = start + limit if start < 0 else start
    if size <= limit and not 0 <= first <= limit - size:
        raise OutOfRange(
            f"Expected a start in [{-limit}, {limit - size}] of a block of {size} for "
            f"axis {axis} of size {limit}, got {start}."
        )
    return first


def _replace(x: Any, updates: Any, starts: list[Any]) -> Any:
    """Replace a block at known places: pieces around it are joined to it."""
    backend, have, sizes = current(), shape_of(x), shape_of(updates)
    block = updates
    for axis in range(len(have) - 1, -1, -1):
        # The block grows to the whole of this axis, inside the later starts' window.
        first = _fit(starts[axis], sizes[axis], have[axis])
        last = first + sizes[axis]
        lead = [_fit(s, k, n) for s, k, n in zip(starts[:axis], sizes, have)]
        window = [(s, s + k) for s, k in zip(lead, sizes)]
        tail = [(0, n) for n in have[axis + 1 :]]
        parts = []
        for a, b in ((0, first), (last, have[axis])):
            bounds = [*window, (a, b), *tail]
            empty = type(b - a) is int and b - a == 0
            low, high = zip(*bounds)
            piece = None if empty else backend.slice(x, low, high, (1,) * len(have))
            parts.append(piece)
        pieces = [p for p in (parts[0], block, parts[1]) if p is not None]
        block = pieces[0] if len(pieces) == 1 else backend.concatenate(pieces, axis)
    return block
