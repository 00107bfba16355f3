"""Functions that rearrange elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.ops import doors
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import at_least, whole
from multinet.ops.core import (
    as_tensor,
    behind,
    broadcast_shapes,
    host,
    is_scalar,
    needed,
    op,
    shape_of,
)
from multinet.ops.creation import shape_tuple
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Axis, Numbers, ShapeLike, Tensor


@behind(doors.reshape)
def reshape(x: Tensor, newshape: ShapeLike) -> Tensor:
    """Return the elements in row-major order in another shape; one size may be -1."""
    x, backend = as_tensor(x), current()
    shape = shape_of(x)
    wanted = tuple(-1 if n is None else n for n in shape_tuple_or_none(newshape))
    unknown = [i for i, n in enumerate(wanted) if isinstance(n, int) and n == -1]
    if len(unknown) > 1:
        raise ShapeError(f"ops.reshape expects one -1 at most, got {newshape}.")
    total = math.prod(shape)
    if unknown:
        known = math.prod(n for i, n in enumerate(wanted) if i != unknown[0])
        _check_divides(total, known, shape, newshape)
        size = total // known if isinstance(known, Dim) or known else 0
        wanted = (*wanted[: unknown[0]], size, *wanted[unknown[0] + 1 :])
    if differ(math.prod(wanted), total):
        raise ShapeError(
            f"ops.reshape cannot turn shape {public_shape(shape)}{_elements(shape)} "
            f"into {public_shape(wanted)}{_elements(wanted)}."
        )
    return backend.reshape(x, wanted)


def shape_tuple_or_none(shape: ShapeLike) -> tuple[Any, ...]:
    """Return a shape argument that may hold None as a tuple."""
    if isinstance(shape, list | tuple) and None in [n for n in shape if n is None]:
        shape = [-1 if n is None else n for n in shape]
    return shape_tuple(shape)


def _elements(shape: Any) -> str:
    """Return how many elements a shape has, or each sample; "" if nobody knows."""
    batched = bool(shape) and isinstance(shape[0], Dim)
    total = math.prod(shape[1:] if batched else shape)
    if isinstance(total, Dim):
        return ""
    return f" ({total} elements{' a sample' if batched else ''})"


def _check_divides(total: Any, known: Any, shape: Any, newshape: Any) -> None:
    if isinstance(total, Dim) or isinstance(known, Dim):
        return
    if total % known if known else total:
        raise ShapeError(
            f"ops.reshape cannot turn shape {shape} ({total} elements) into "
            f"{newshape}: "
            f"{total} is not a multiple of {known}."
        )


@op
def ravel(x: Tensor) -> Tensor:
    """Return the elements in row-major order as a vector."""
    x = as_tensor(x)
    return current().reshape(x, (math.prod(shape_of(x)),))


@behind(doors.transpose)
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Permute the axes: axis i of the result is axes[i] of x; reversed by default."""
    x = as_tensor(x)
    rank = len(shape_of(x))
    order = (
        range(rank - 1, -1, -1) if axes is None else [axis_of(a, rank) for a in axes]
    )
    if sorted(order) != list(range(rank)):
        raise ArgumentError(
            f"ops.transpose expects a permutation of {rank} axes, got axes={axes}."
        )
    return current().transpose(x, tuple(order))


@op
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes."""
    x = as_tensor(x)
    rank = len(shape_of(x))
    order = list(range(rank))
    i, j = axis_of(axis1, rank, "axis1"), axis_of(axis2, rank, "axis2")
    order[i], order[j] = j, i
    return current().transpose(x, tuple(order))


@op
def moveaxis(x: Tensor, source: Axis, destination: Axis) -> Tensor:
    """Move axes to other positions; the rest keep their order."""
    x = as_tensor(x)
    rank = len(shape_of(x))
    origin = [source] if isinstance(source, int) else list(source)
    target = [destination] if isinstance(destination, int) else list(destination)
    origin = [axis_of(a, rank, "source") for a in origin]
    target = [axis_of(a, rank, "destination") for a in target]
    again = len(set(origin)) < len(origin) or len(set(target)) < len(target)
    if len(origin) != len(target) or again:
        raise ArgumentError(
            "ops.moveaxis expects as many distinct sources as destinations, got "
            f"{source} "
            f"and {destination}."
        )
    order = [a for a in range(rank) if a not in origin]
    for to, axis in sorted(zip(target, origin)):
        order.insert(to, axis)
    return current().transpose(x, tuple(order))


@behind(doors.expand_dims)
def expand_dims(x: Tensor, axis: Axis) -> Tensor:
    """Insert axes of size 1 at positions of the result."""
    x, backend = as_tensor(x), current()
    positions = [axis] if isinstance(axis, int | np.integer) else list(axis)
    rank = len(shape_of(x)) + len(positions)
    for position in axes_of(tuple(positions), rank):
        x = backend.expand_dims(x, position)
    return x


@behind(doors.squeeze)
def squeeze(x: Tensor, axis: Axis | None = None) -> Tensor:
    """Remove axes of size 1: all of them, or those given."""
    x = as_tensor(x)
    shape = shape_of(x)
    if axis is None:
        axes = tuple(i for i, n in enumerate(shape) if isinstance(n, int) and n == 1)
    else:
        axes = axes_of(axis, len(shape))
    for i in axes:
        if differ(shape[i], 1):
            raise ShapeError(
                f"ops.squeeze expects size 1 at axis {i}, got shape "
                f"{public_shape(shape)}."
            )
    return current().squeeze(x, axes)


@behind(doors.broadcast_to)
def broadcast_to(x: Tensor, shape: ShapeLike) -> Tensor:
    """Expand axes of size 1, and add leading ones, to `shape`."""
    x = as_tensor(x)
    have, want = shape_of(x), shape_tuple(shape)
    broadcast_shapes(have, want, what="ops.broadcast_to")
    if len(have) > len(want):
        raise ShapeError(f"ops.broadcast_to cannot turn shape {have} into {want}.")
    return current().broadcast_to(x, want)


def promoted(xs: Sequence[Tensor], what: str) -> list[Tensor]:
    """Return a sequence of tensors, or the rows of one tensor, in one dtype."""
    backend = current()
    if backend.is_tensor(xs) or isinstance(xs, np.ndarray):
        xs = unstack(xs)
    values = [x if is_scalar(x) else as_tensor(x) for x in xs]
    if not values:
        raise ArgumentError(f"ops.{what} expects at least one tensor, got none.")
    kinds = {type(v) if is_scalar(v) else backend.dtype(v) for v in values}
    name = dtypes.promote(*kinds)
    return [as_tensor(v, name) for v in values]


@behind(doors.concatenate)
def concatenate(xs: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    """Join tensors along an existing axis; None flattens them first."""
    values = promoted(xs, "concatenate")
    if axis is None:
        values, axis = [ravel(v) for v in values], 0
    shapes = [shape_of(v) for v in values]
    axis = axis_of(axis, len(shapes[0]))
    for shape in shapes[1:]:
        wrong = len(shape) != len(shapes[0]) or any(
            differ(n, m) for i, (n, m) in enumerate(zip(shape, shapes[0])) if i != axis
        )
        if wrong:
            raise ShapeError(
                f"ops.concatenate expects shapes equal except at axis {axis}, got "
                f"{', '.join(str(public_shape(s)) for s in shapes)}."
            )
    return current().concatenate(values, axis)


@behind(doors.stack)
def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis."""
    values = promoted(x, "stack")
    shapes = [shape_of(v) for v in values]
    for shape in shapes[1:]:
        if len(shape) != len(shapes[0]) or any(map(differ, shape, shapes[0])):
            raise ShapeError(
                "ops.stack expects tensors of one shape, got "
                f"{', '.join(str(public_shape(s)) for s in shapes)}."
            )
    return current().stack(values, axis_of(axis, len(shapes[0]) + 1))


@op
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices along an axis, without the axis, as a list."""
    x, backend = as_tensor(x), current()
    axis = axis_of(axis, len(shape_of(x)))
    count = shape_of(x)[axis]
    if isinstance(count, Dim):
        if num is None:
            raise ShapeError("ops.unstack along an axis of unknown size needs num=.")
    elif num is not None and num != count:
        raise ShapeError(
            f"ops.unstack expects num to be the axis' size {count}, got {num}."
        )
    parts = backend.split(x, (1,) * (count if num is None else num), axis)
    return [backend.squeeze(part, (axis,)) for part in parts]


@op
def split(
    x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Tensor]:
    """Cut an axis into equal sections, or at indices; returns a list."""
    x = as_tensor(x)
    axis = axis_of(axis, len(shape_of(x)))
    size = shape_of(x)[axis]
    if isinstance(indices_or_sections, int | np.integer):
        count = at_least(indices_or_sections, 1, "indices_or_sections")
        if not isinstance(size, Dim) and size % count:
            raise ShapeError(
                f"ops.split expects sections that divide the axis: {size} into "
                f"{count}. "
                "Use ops.array_split for uneven ones."
            )
        return list(current().split(x, (size // count,) * count, axis))
    return _cut(x, indices_or_sections, axis)


def _cut(x: Any, indices: Any, axis: int) -> list[Any]:
    size = shape_of(x)[axis]
    listed = indices if isinstance(indices, list | tuple) else host(indices)
    places = [whole(i, "an index to split at") for i in listed]
    places = [i + size if i < 0 else i for i in places]
    if not isinstance(size, Dim):
        places = [min(i, size) for i in places]
    edges = [0, *places, size]
    widths = [
        b - a if isinstance(b - a, Dim) else max(b - a, 0)
        for a, b in zip(edges, edges[1:])
    ]
    return list(current().split(x, tuple(widths), axis))


@op
def array_split(
    x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Tensor]:
    """Cut an axis into sections of nearly equal size, the first ones larger; a list."""
    x = as_tensor(x)
    axis = axis_of(axis, len(shape_of(x)))
    if not isinstance(indices_or_sections, int | np.integer):
        return _cut(x, indices_or_sections, axis)
    count = at_least(indices_or_sections, 1, "indices_or_sections")
    size = shape_of(x)[axis]
    # Of n the first n % count are one larger: ceil((n - i) / count) each.
    widths = tuple((size - i + count - 1) // count for i in range(count))
    return list(current().split(x, widths, axis))


@op
def hsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split along axis 1, or axis 0 of a vector."""
    x = as_tensor(x)
    return split(x, indices_or_sections, 0 if len(shape_of(x)) == 1 else 1)


@op
def vsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split along axis 0."""
    return split(x, indices_or_sections, 0)


@op
def dsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split along axis 2."""
    return split(x, indices_or_sections, 2)


def _of_rank(x: Any, rank: int) -> Any:
    """Return x with axes of size 1 added as NumPy's atleast_nd functions do."""
    shape = shape_of(x)
    if len(shape) >= rank:
        return x
    lead = 0 if len(shape) == 2 else (1 if len(shape) else rank - 2 or 1)
    shape = (*(1,) * lead, *shape)
    return current().reshape(x, (*shape, *(1,) * (rank - len(shape))))


@op
def vstack(xs: Sequence[Tensor]) -> Tensor:
    """Join along axis 0; vectors become rows."""
    return concatenate([_of_rank(x, 2) for x in promoted(xs, "vstack")], 0)


@op
def hstack(xs: Sequence[Tensor]) -> Tensor:
    """Join along axis 1, or axis 0 of vectors."""
    values = [_of_rank(x, 1) for x in promoted(xs, "hstack")]
    return concatenate(values, 0 if len(shape_of(values[0])) == 1 else 1)


@op
def dstack(xs: Sequence[Tensor]) -> Tensor:
    """Join along axis 2; vectors and matrices become (1, n, 1) and (m, n, 1)."""
    values = [_of_rank(x, 3) for x in promoted(xs, "dstack")]
    return concatenate(values, 2)


@op
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """Join two tensors along an axis; None flattens them first."""
    return concatenate([x1, x2], axis)


@op
def tile(x: Tensor, repeats: ShapeLike) -> Tensor:
    """Repeat the whole tensor along each axis."""
    x, backend = as_tensor(x), current()
    counts, shape = shape_tuple(repeats), shape_of(x)
    counts = (1,) * (len(shape) - len(counts)) + counts
    if len(shape) < len(counts):
        x = backend.reshape(x, (1,) * (len(counts) - len(shape)) + tuple(shape))
    return backend.tile(x, counts)


@op
def repeat(x: Tensor, repeats: ShapeLike, axis: int | None = None) -> Tensor:
    """Repeat each slice along an axis: an int, or one count for each slice."""
    x, backend = as_tensor(x), current()
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, len(shape_of(x)))
    if isinstance(repeats, Dim):
        return backend.repeat(x, repeats, axis)  # type: ignore[arg-type]
    remedy = "Pass repeats as an int, or as numbers known before."
    counts = needed(repeats, "repeat", remedy).reshape(-1)
    if counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ArgumentError(
            f"Expected repeats as ints of at least 0, got {shown(repeats)}."
        )
    if counts.size == 1:
        return backend.repeat(x, int(counts[0]), axis)
    if differ(counts.size, shape_of(x)[axis]):
        raise ShapeError(
            f"Expected one number of repeats, or {shape_of(x)[axis]} as the axis has "
            f"slices, got {counts.size}."
        )
    order = np.repeat(np.arange(counts.size, dtype=np.int32), counts)
    return backend.take(x, backend.from_numpy(order), axis)


@op
def flip(x: Tensor, axis: Axis | None = None) -> Tensor:
    """Reverse the order along axes; along all of them by default."""
    x = as_tensor(x)
    return current().flip(x, axes_of(axis, len(shape_of(x))))


@op
def flipud(x: Tensor) -> Tensor:
    """Reverse the order along axis 0."""
    return flip(x, 0)


@op
def fliplr(x: Tensor) -> Tensor:
    """Reverse the order along axis 1."""
    return flip(x, 1)


@op
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotate by k quarter turns, from the first of two axes towards the second."""
    array = as_tensor(array)
    rank = len(shape_of(array))
    first, second = (axis_of(a, rank, "axes") for a in axes)
    if first == second:
        raise ArgumentError(f"ops.rot90 expects two different axes, got {axes}.")
    turns = whole(k, "k") % 4
    if turns == 0:
        return array
    if turns == 2:
        return flip(array, (first, second))
    if turns == 1:
        return swapaxes(flip(array, second), first, second)
    return flip(swapaxes(array, first, second), second)


@op
def roll(x: Tensor, shift: Numbers, axis: Axis | None = None) -> Tensor:
    """Shift elements along axes, those that leave coming back at the other end."""
    x, backend = as_tensor(x), current()
    if axis is None:
        return backend.reshape(roll(ravel(x), shift, 0), shape_of(x))
    axes: list[Any] = list(axis) if isinstance(axis, list | tuple) else [axis]
    shifts = [
        whole(s, "shift") for s in np.broadcast_to(np.asarray(shift), (len(axes),))
    ]
    for a, count in zip(axes, shifts):
        at = axis_of(a, len(shape_of(x)))
        size = shape_of(x)[at]
        if isinstance(size, int) and size == 0:
            continue
        cut = (-count) % size
        tail, head = backend.split(x, (cut, size - cut), at)
        x = backend.concatenate([head, tail], at)
    return x
