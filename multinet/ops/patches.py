"""Sliding blocks of images, and axes named in a pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, ShapeError
from multinet.ops.checks import at_least
from multinet.ops.core import as_tensor, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import ShapeLike, Tensor


def _two(value: Any, what: str, least: int = 1) -> tuple[int, int]:
    """Return an option as an int of at least `least` for height and width each."""
    if not isinstance(value, list | tuple):
        value = (value, value)
    if len(value) != 2:
        raise ArgumentError(f"Expected {what} as one int or two, got {value!r}.")
    return at_least(value[0], least, what), at_least(value[1], least, what)


_OPTIONS = ("kernel_size", "dilation", "padding", "stride")


def _options(*given: Any) -> list[tuple[int, int]]:
    """Return kernel size, dilation, padding and stride, for height and width each."""
    return [
        _two(value, what, int(what != "padding"))
        for value, what in zip(given, _OPTIONS)
    ]


def _places(size: int, k: int, d: int, s: int) -> np.ndarray[Any, Any]:
    """Return the rows that each block covers, shape (blocks, k)."""
    count = (size - (k - 1) * d - 1) // s + 1
    return (np.arange(count)[:, None] * s + np.arange(k) * d).astype(np.int32)


@op
def unfold(
    x: Tensor,
    kernel_size: ShapeLike,
    dilation: ShapeLike = 1,
    padding: int | Sequence[Any] = 0,
    stride: ShapeLike = 1,
) -> Tensor:
    """Return sliding blocks as columns: (n, c, h, w) -> (n, c * kh * kw, blocks)."""
    x, backend = as_tensor(x), current()
    kernel, spread, around, step = _options(kernel_size, dilation, padding, stride)
    if len(shape_of(x)) != 4:
        raise ShapeError(
            f"ops.unfold expects (n, c, h, w), got shape {public_shape(shape_of(x))}."
        )
    x = backend.pad(x, [(0, 0), (0, 0), *((p, p) for p in around)], 0)
    n, c, h, w = shape_of(x)
    if isinstance(h, Dim) or isinstance(w, Dim):
        raise ShapeError("ops.unfold needs height and width that are known.")
    _check_fits((h, w), kernel, spread)
    rows, columns = (
        _places(size, k, d, s) for size, k, d, s in zip((h, w), kernel, spread, step)
    )
    y = backend.take(x, backend.from_numpy(rows), 2)  # n c blocks kh w
    y = backend.take(y, backend.from_numpy(columns), 4)  # n c rows kh columns kw
    y = backend.transpose(y, (0, 1, 3, 5, 2, 4))
    blocks = rows.shape[0] * columns.shape[0]
    return backend.reshape(y, (n, c * kernel[0] * kernel[1], blocks))


@op
def fold(
    x: Tensor,
    output_size: ShapeLike,
    kernel_size: ShapeLike,
    dilation: ShapeLike = 1,
    padding: int | Sequence[Any] = 0,
    stride: ShapeLike = 1,
) -> Tensor:
    """Return the sums of overlapping blocks: (n, c * kh * kw, blocks) -> (n, c, h,
    w).
    """
    x, backend = as_tensor(x), current()
    size = _two(output_size, "output_size")
    kernel, spread, around, step = _options(kernel_size, dilation, padding, stride)
    h, w = (n + 2 * p for n, p in zip(size, around))
    _check_fits((h, w), kernel, spread)
    _check_columns(shape_of(x), kernel)
    rows, columns = (
        _places(h, kernel[0], spread[0], step[0]),
        _places(w, kernel[1], spread[1], step[1]),
    )
    n, depth, blocks = shape_of(x)
    c = depth // (kernel[0] * kernel[1])
    if differ(blocks, rows.shape[0] * columns.shape[0]):
        raise ShapeError(
            f"ops.fold expects {rows.shape[0] * columns.shape[0]} blocks for an output "
            "of "
            f"{size}, got {blocks}."
        )
    flat = (
        rows.T[:, None, :, None] * w + columns.T[None, :, None, :]
    )  # kh kw rows columns
    index = backend.from_numpy(flat.reshape(-1, 1).astype(np.int32))
    values = backend.reshape(x, (n * c, math.prod(flat.shape)))
    empty = backend.full((h * w, n * c), 0, backend.dtype(x))
    total = backend.scatter(empty, index, backend.transpose(values, (1, 0)), "add")
    image = backend.reshape(backend.transpose(total, (1, 0)), (n, c, h, w))
    start = (0, 0, *around)
    stop = (n, c, around[0] + size[0], around[1] + size[1])
    return backend.slice(image, start, stop, (1, 1, 1, 1))


def _check_fits(sizes: Any, kernel: Any, spread: Any) -> None:
    for n, k, d in zip(sizes, kernel, spread):
        if (k - 1) * d + 1 > n:
            raise ShapeError(
                f"Expected a window that fits the padded sizes {sizes}, got "
                f"kernel_size {kernel} and dilation {spread}."
            )


def _check_columns(shape: Any, kernel: tuple[int, int]) -> None:
    area = kernel[0] * kernel[1]
    if len(shape) != 3 or (type(shape[1]) is int and shape[1] % area):
        raise ShapeError(
            f"ops.fold expects (n, c * {area}, blocks) for kernel_size {kernel}, got "
            f"shape {public_shape(shape)}."
        )


@op
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """Reorder, split and join axes by name: `rearrange(x, "b (h w) c -> b c h w",
    h=8)`.

    The grammar is that of einops: brackets join axes, `1` or `()` is an axis of size 1,
    `...` stands for any axes, which may be joined on the right. Of the names in one
    bracket one may be without a size.

    Source: Rogozhnikov, "Einops: clear and reliable tensor manipulations", 2022.
    """
    x, backend = as_tensor(tensor), current()
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ArgumentError(
            f"Expected a pattern such as 'a b -> b a', got {pattern!r}."
        )
    shape, groups, wanted = shape_of(x), _groups(left, pattern), _groups(right, pattern)
    groups, wanted = _without_ellipsis(groups, wanted, len(shape), pattern)
    if len(groups) != len(shape):
        raise ShapeError(
            f"Pattern {pattern!r} names {len(groups)} axes for shape "
            f"{public_shape(shape)}."
        )
    names = [name for group in groups for name in group]
    order = [name for group in wanted for name in group]
    if sorted(order) != sorted(names) or len(set(names)) < len(names):
        raise ArgumentError(
            f"Both sides of {pattern!r} must have the same names, each once."
        )
    sizes = _sizes(groups, shape, axes_lengths, pattern)
    x = backend.reshape(x, tuple(sizes[name] for name in names))
    x = backend.transpose(x, tuple(names.index(name) for name in order))
    return backend.reshape(x, tuple(math.prod(sizes[n] for n in g) for g in wanted))


def _sizes(groups: Any, shape: Any, given: dict[str, int], pattern: str) -> Any:
    """Return the size of each name; one name of a group may follow from the others."""
    unknown = set(given) - {name for group in groups for name in group}
    if unknown:
        raise ArgumentError(f"{sorted(unknown)} are no axes of {pattern!r}.")
    sizes: dict[str, Any] = dict(given)
    for group, size in zip(groups, shape):
        open_ = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(open_) > 1:
            raise ArgumentError(f"Give the sizes of {open_[1:]} in {pattern!r}.")
        if open_:
            sizes[open_[0]] = size // known
        if differ(math.prod(sizes[name] for name in group), size):
            raise ShapeError(
                f"Axis ({' '.join(group)}) of {pattern!r} has size {size}."
            )
    return sizes


def _without_ellipsis(
    groups: list[list[str]], wanted: list[list[str]], rank: int, pattern: str
) -> tuple[list[list[str]], list[list[str]]]:
    """Return both sides with `...` replaced by names for as many axes as it is."""
    counts = [sum(group.count("...") for group in side) for side in (groups, wanted)]
    if counts == [0, 0]:
        return groups, wanted
    if counts != [1, 1] or ["..."] not in groups:
        raise ArgumentError(
            f"Expected '...' once on each side of {pattern!r}, on the left outside of "
            "brackets."
        )
    more = [f"... {i}" for i in range(max(rank - len(groups) + 1, 0))]
    left: list[list[str]] = []
    for group in groups:
        left += [[name] for name in more] if group == ["..."] else [group]
    right: list[list[str]] = []
    for group in wanted:
        if group == ["..."]:
            right += [[name] for name in more]
        else:
            names = [more if name == "..." else [name] for name in group]
            right.append([name for part in names for name in part])
    return left, right


def _groups(side: str, pattern: str) -> list[list[str]]:
    """Return the names of each axis of one side of a pattern."""
    groups: list[list[str]] = []
    inside = False
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token in "()":
            if inside == (token == "("):
                raise ArgumentError(f"Brackets in {pattern!r} do not match.")
            inside = token == "("
            if inside:
                groups.append([])
        elif token == "1":
            groups += [] if inside else [[]]
        elif token != "..." and not token.isidentifier():
            raise ArgumentError(f"{token!r} in {pattern!r} is not a name of an axis.")
        elif inside:
            groups[-1].append(token)
        else:
            groups.append([token])
    if inside:
        raise ArgumentError(f"Brackets in {pattern!r} do not match.")
    return groups
