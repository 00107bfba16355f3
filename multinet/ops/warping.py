"""Values of images between the pixels: maps of coordinates, affine and others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from multinet import dtypes
from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.ops.checks import number, real_floats, real_numbers
from multinet.ops.colors import image_rank
from multinet.ops.core import as_tensor, cast_tensor, floating, op, shape_of
from multinet.ops.filters import blur
from multinet.ops.shapes import stack
from multinet.registry import current
from multinet.seeds import key_of
from multinet.symbolic.dims import differ, larger, public_shape
from multinet.typing import Numbers, Seed, Tensor

_ORDERS = {"nearest": 0, "bilinear": 1}
_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _order(interpolation: str) -> int:
    if interpolation not in _ORDERS:
        raise unknown_name("interpolation", interpolation, _ORDERS)
    return _ORDERS[interpolation]


def _half_away(x: Any) -> Any:
    """Round to the nearest integer, halves away from zero."""
    backend = current()
    size = backend.floor(backend.add(backend.abs(x), 0.5))
    return backend.multiply(backend.sign(x), size)


def _wrapped(index: Any, size: Any, mode: str) -> Any:
    """Return the row that stands for a row outside of [0, size)."""
    backend = current()
    if mode in ("constant", "nearest"):
        return backend.clip(index, 0, size - 1)
    if mode == "wrap":
        return backend.mod(index, size)
    # A zigzag: mirror does not repeat the edge, reflect does.
    shift, period = (0, 2 * size - 2) if mode == "mirror" else (1, 2 * size)
    around = backend.mod(index, larger(period, 1))
    return backend.minimum(around, backend.subtract(period - shift, around))


def _neighbours(
    at: Any, size: Any, order: int, mode: str
) -> list[tuple[Any, Any, Any]]:
    """Return (row, weight, inside) of the rows next to a coordinate along one axis."""
    backend = current()
    if order == 0:
        pairs = [(cast_tensor(_half_away(at), "int32"), None)]
    else:
        below = backend.floor(at)
        part = backend.subtract(at, below)
        index = cast_tensor(below, "int32")
        pairs = [(index, backend.subtract(1, part)), (backend.add(index, 1), part)]
    found = []
    for index, weight in pairs:
        inside = None
        if mode == "constant":
            inside = backend.logical_and(
                backend.less_equal(0, index), backend.less(index, size)
            )
        found.append((_wrapped(index, size, mode), weight, inside))
    return found


def _sampled(
    rows: Any,
    sizes: Sequence[Any],
    coordinates: Sequence[Any],
    order: int,
    mode: str,
    fill: float,
    base: Any = None,
) -> Any:
    """Return rows (n, *rest) at fractional places (*shape), as (*shape, *rest).

    The rows lie row-major in a grid of `sizes`; `base`, which broadcasts with the
    coordinates, is the first row of the grid to be used.
    """
    backend, dtype = current(), current().dtype(rows)
    axes = [_neighbours(c, n, order, mode) for c, n in zip(coordinates, sizes)]
    rest = len(shape_of(rows)) - 1
    total: Any = None
    for corner in itertools.product(*axes):
        flat, weight, inside = base, None, None
        for (index, part, within), n in zip(corner, _strides(sizes)):
            step = backend.multiply(index, n)
            flat = step if flat is None else backend.add(flat, step)
            weight = _joined("multiply", weight, part)
            inside = _joined("logical_and", inside, within)
        value = backend.take(rows, flat, 0)
        if inside is not None:
            value = backend.where(_widened(inside, rest), value, fill)
        if weight is not None:
            value = backend.multiply(_widened(cast_tensor(weight, dtype), rest), value)
        total = value if total is None else backend.add(total, value)
    return total


def _strides(sizes: Sequence[Any]) -> list[Any]:
    return [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]


def _joined(name: str, x: Any, y: Any) -> Any:
    if x is None or y is None:
        return y if x is None else x
    return getattr(current(), name)(x, y)


def _widened(x: Any, count: int) -> Any:
    """Return x with `count` more axes of size 1 at the end."""
    return current().reshape(x, (*shape_of(x), *(1,) * count)) if count else x


def _finished(y: Any, dtype: str) -> Any:
    return cast_tensor(_half_away(y) if dtypes.is_integer(dtype) else y, dtype)


def _check_mode(fill_mode: str) -> None:
    if fill_mode not in _MODES:
        raise unknown_name("fill_mode", fill_mode, _MODES)


@op
def map_coordinates(
    inputs: Tensor,
    coordinates: Tensor,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Tensor:
    """Return values of a tensor at fractional places, in its dtype.

    `coordinates` (rank, *shape) holds one tensor for each axis of `inputs`; the result
    has their shape. `order` 0 takes the nearest element, halves away from zero, 1
    interpolates linearly. Outside, `fill_mode` is constant (`fill_value`), nearest,
    wrap, mirror (about the edge elements) or reflect (about the edges).
    """
    x, backend = real_numbers("ops.image.map_coordinates", inputs), current()
    if isinstance(coordinates, list | tuple):
        coordinates = stack(coordinates)
    at = as_tensor(coordinates)
    rank, form = len(shape_of(x)), shape_of(at)
    if len(form) < 2 or differ(form[0], rank) or not rank:
        raise ShapeError(
            f"ops.image.map_coordinates expects coordinates of shape ({rank}, ...) for "
            f"inputs of {rank} axes, got {public_shape(form)}."
        )
    if order not in (0, 1):
        raise ArgumentError(f"Expected order 0 or 1, got {order!r}.")
    _check_mode(fill_mode)
    dtype, at = backend.dtype(x), real_floats("ops.image.map_coordinates", at)
    wide = dtypes.promote(dtype, backend.dtype(at))
    rows = backend.reshape(cast_tensor(x, wide), (math.prod(shape_of(x)),))
    parts = [backend.squeeze(p, (0,)) for p in backend.split(at, (1,) * rank, 0)]
    given: Any = (order, fill_mode, float(fill_value))
    return _finished(_sampled(rows, shape_of(x), parts, *given), dtype)


# -- images ----------------------------------------------------------------------------


class _Images:
    """A batch of images, channels last, and the way back to what came."""

    def __init__(self, images: Any, data_format: str | None, what: str) -> None:
        x, backend = real_numbers(f"ops.image.{what}", images), current()
        self.single = image_rank(x, what) == 3
        self.first = standardize_data_format(data_format) == "channels_first"
        x = backend.expand_dims(x, 0) if self.single else x
        self.x = backend.transpose(x, (0, 2, 3, 1)) if self.first else x
        self.dtype = backend.dtype(x)
        self.n, self.h, self.w, self.c = shape_of(self.x)

    def grid(self, dtype: str) -> tuple[Tensor, Tensor]:
        """Return the coordinates y (h, 1) and x (1, w) of all pixels."""
        backend = current()
        y, x = (backend.arange(0, size, 1, dtype) for size in (self.h, self.w))
        return backend.expand_dims(y, 1), backend.expand_dims(x, 0)

    def sampled(
        self, y: Tensor, x: Tensor, order: int, mode: str, fill: float
    ) -> Tensor:
        """Return the images at y, x (n, h, w), in the layout and dtype that came."""
        backend = current()
        wide = dtypes.promote(self.dtype, backend.dtype(y))
        count = self.n * self.h * self.w
        rows = backend.reshape(cast_tensor(self.x, wide), (count, self.c))
        base = backend.arange(0, self.n, 1, "int32")
        base = backend.multiply(base, self.h * self.w)
        base = backend.reshape(base, (self.n, 1, 1))
        sizes = (self.h, self.w)
        found = _sampled(rows, sizes, (y, x), order, mode, float(fill), base)
        result = _finished(found, self.dtype)
        result = backend.transpose(result, (0, 3, 1, 2)) if self.first else result
        return backend.squeeze(result, (0,)) if self.single else result

    def projected(self, transform: Tensor) -> tuple[Tensor, Tensor]:
        """Return where each pixel comes from, y and x (n, h, w), by (n or 1, 8)."""
        backend = current()
        y, x = self.grid(backend.dtype(transform))
        parts = backend.split(transform, (1,) * 8, 1)
        a0, a1, a2, b0, b1, b2, c0, c1 = (
            backend.expand_dims(part, 2) for part in parts
        )

        def plane(u: Any, v: Any, w: Any) -> Any:
            sum_ = backend.add(backend.multiply(u, x), backend.multiply(v, y))
            return backend.add(sum_, w)

        scale = plane(c0, c1, 1.0)
        shape = (self.n, self.h, self.w)
        return (
            backend.broadcast_to(backend.divide(plane(b0, b1, b2), scale), shape),
            backend.broadcast_to(backend.divide(plane(a0, a1, a2), scale), shape),
        )


@op
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return images whose pixel (x, y) comes from ((a0 x + a1 y + a2) / k, (b0 x + b1 y
    + b2) / k), k = c0 x + c1 y + 1.

    `transform` is (a0, a1, a2, b0, b1, b2, c0, c1), or a row of them for each image.
    `interpolation` is nearest or bilinear; for `fill_mode` see `map_coordinates`.
    """
    order, batch = (
        _order(interpolation),
        _Images(images, data_format, "affine_transform"),
    )
    _check_mode(fill_mode)
    backend, rows = current(), floating(transform)
    if len(shape_of(rows)) == 1:
        rows = backend.expand_dims(rows, 0)
    form = shape_of(rows)
    fits = len(form) == 2 and not differ(form[1], 8)
    if not fits or (differ(form[0], 1) and differ(form[0], batch.n)):
        raise ShapeError(
            "ops.image.affine_transform expects a transform of 8 numbers, or 8 for "
            f"each image, got shape {public_shape(form)}."
        )
    y, x = batch.projected(rows)
    return batch.sampled(y, x, order, fill_mode, fill_value)


@op
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return images in which the quadrilateral of start points has moved to the end
    points.

    Points are (4, 2), or (n, 4, 2), as (x, y): the same corners in the same order. What
    comes from outside is `fill_value`.
    """
    order, batch = (
        _order(interpolation),
        _Images(images, data_format, "perspective_transform"),
    )
    start, end = (as_tensor(p, "float32") for p in (start_points, end_points))
    forms = shape_of(start), shape_of(end)
    if any(len(f) not in (2, 3) or any(map(differ, f[-2:], (4, 2))) for f in forms) or (
        len(forms[0]) != len(forms[1])
    ):
        raise ShapeError(
            "ops.image.perspective_transform expects points of shape (4, 2) or "
            f"(n, 4, 2), got {public_shape(forms[0])} and {public_shape(forms[1])}."
        )
    backend = current()
    if len(forms[0]) == 2:
        start, end = backend.expand_dims(start, 0), backend.expand_dims(end, 0)
    y, x = batch.projected(homography(start, end))
    return batch.sampled(y, x, order, "constant", fill_value)


def homography(start: Tensor, end: Tensor) -> Tensor:
    """Return the 8 numbers (n, 8) of the projection from end to start (n, 4, 2).

    Each pair of points gives two linear equations: u = (a0 x + a1 y + a2) / k is
    a0 x + a1 y + a2 - c0 x u - c1 y u = u.
    """
    backend, n = current(), shape_of(start)[0]
    u, v = backend.split(start, (1, 1), 2)  # n 4 1
    x, y = backend.split(end, (1, 1), 2)
    one = backend.full((n, 4, 1), 1.0, "float32")
    zero = backend.full((n, 4, 1), 0.0, "float32")

    def scaled(w: Any) -> list[Any]:
        return [backend.negative(backend.multiply(w, p)) for p in (x, y)]

    upper = backend.concatenate([x, y, one, zero, zero, zero, *scaled(u)], 2)
    lower = backend.concatenate([zero, zero, zero, x, y, one, *scaled(v)], 2)
    matrix = backend.concatenate([upper, lower], 1)  # n 8 8
    found = backend.solve(matrix, backend.concatenate([u, v], 1))
    return backend.squeeze(found, (2,))


@op
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Tensor:
    """Return images distorted by smooth random displacements.

    Normal noise of deviation `sigma` is blurred with the same `sigma`, and moves each
    pixel by `alpha` times its value. Equal on every backend for one seed.

    Source: Simard et al., "Best practices for convolutional neural networks applied to
    visual document analysis", 2003.
    """
    batch = _Images(images, data_format, "elastic_transform")
    alpha, sigma = number(alpha, "alpha"), number(sigma, "sigma")
    if not sigma > 0:
        raise ArgumentError(f"Expected a positive sigma, got {sigma}.")
    noise = current().random_normal(key_of(seed), (batch.n, batch.h, batch.w, 2))
    given: Any = (float(alpha), float(sigma), float(sigma))
    options: Any = (interpolation, fill_mode, fill_value, data_format)
    return displaced(images, noise, *given, *options)


def displaced(
    images: Tensor,
    noise: Tensor,
    alpha: Numbers,
    sigma: Numbers,
    largest: float,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> Tensor:
    """Return images whose pixels were moved by normal noise (n, h, w, 2), as (x, y).

    See `elastic_transform`; `largest` is the greatest value that a `sigma` which is a
    tensor may have: the window of the blur is of that size.
    """
    order, batch = (
        _order(interpolation),
        _Images(images, data_format, "elastic_transform"),
    )
    _check_mode(fill_mode)
    backend = current()
    wide = dtypes.promote(dtypes.to_float(batch.dtype), "float32")
    alpha, sigma = as_tensor(alpha, wide), as_tensor(sigma, wide)
    noise = backend.multiply(cast_tensor(as_tensor(noise), wide), sigma)
    width = int(6 * largest) | 1
    moved = backend.multiply(blur(noise, (width, width), (sigma, sigma)), alpha)
    dx, dy = (backend.squeeze(part, (3,)) for part in backend.split(moved, (1, 1), 3))
    y, x = batch.grid(wide)
    y, x = backend.add(y, dy), backend.add(x, dx)
    return batch.sampled(y, x, order, fill_mode, fill_value)
