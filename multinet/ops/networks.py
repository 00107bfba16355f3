"""What networks need beside activations: normalization, attention, one-hot, patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from multinet import config, dtypes
from multinet.bounds import note
from multinet.errors import ArgumentError, OutOfRange, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import (
    at_least,
    check_real,
    in_range,
    number,
    real_floats,
    real_numbers,
    within,
)
from multinet.ops.core import (
    as_tensor,
    boolean,
    both,
    cast_tensor,
    floating,
    op,
    operands,
    shape_of,
)
from multinet.ops.indexing import as_index
from multinet.ops.sparse_forms import native
from multinet.ops.sparse_making import hot, occurring
from multinet.ops.widening import root, widened
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Axis, DType, Numbers, Tensor


@op
def moments(
    x: Tensor, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance (divided by the count) over axes."""
    if synchronized:
        raise ArgumentError(
            "ops.moments runs on one device; synchronized must be False."
        )
    x = real_floats("ops.moments", x)
    return current().moments(x, axes_of(axes, len(shape_of(x))), keepdims)


@op
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Numbers | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Return (x - mean) * scale / sqrt(variance + epsilon) + offset.

    The statistics are vectors along `axis`, or broadcast with x.
    """
    x = real_floats("ops.batch_normalization", x)
    given = current().dtype(x)
    (x,) = widened(x)
    dtype = current().dtype(x)
    rank = len(shape_of(x))
    along = axis_of(axis, rank)
    parts = [
        None if v is None else _along(as_tensor(v, dtype), along, rank)
        for v in (mean, variance, scale, offset)
    ]
    for part in parts:
        if part is not None:
            within(shape_of(part), shape_of(x), "statistics and weights")
    y = current().batch_norm(x, *parts, epsilon)  # type: ignore[arg-type]
    return cast_tensor(y, given)


def _along(vector: Any, axis: int, rank: int) -> Any:
    """Return a vector shaped to broadcast along an axis."""
    shape = shape_of(vector)
    if len(shape) != 1 or axis == rank - 1:
        return vector
    return current().reshape(vector, (*shape, *(1,) * (rank - 1 - axis)))


@op
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
) -> Tensor:
    """Normalize over axes to mean 0 and variance 1; then times gamma, plus beta."""
    x = real_floats("ops.layer_normalization", x)
    axes = axes_of(axis, len(shape_of(x)))
    scale, offset = (None if v is None else _over(v, x, axes) for v in (gamma, beta))
    return current().layer_norm(x, scale, offset, axes, _least(epsilon))


@op
def rms_normalization(
    x: Tensor,
    scale: Numbers | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
) -> Tensor:
    """Return x / sqrt(mean(x**2) + epsilon) over axes, times scale.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """
    x, backend = floating(x), current()
    dtype = backend.dtype(x)
    axes = axes_of(axis, len(shape_of(x)))
    wide = cast_tensor(x, "float32") if dtype in ("float16", "bfloat16") else x
    power = backend.mean(backend.square(wide), axes, True)
    y = backend.multiply(wide, backend.rsqrt(backend.add(power, _least(epsilon))))
    y = cast_tensor(y, dtype)
    return y if scale is None else backend.multiply(y, _over(scale, x, axes))


def _least(epsilon: float | None) -> float:
    return config.epsilon() if epsilon is None else float(epsilon)


def _over(weight: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return a weight of the normalized axes shaped to broadcast with x."""
    backend, shape = current(), shape_of(x)
    weight = as_tensor(weight, backend.dtype(x))
    if len(shape_of(weight)) != len(axes) or axes == tuple(
        range(len(shape) - len(axes), len(shape))
    ):
        within(shape_of(weight), shape, "a weight")
        return weight
    form = tuple(n if i in axes else 1 for i, n in enumerate(shape))
    return backend.reshape(weight, form)


@op
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: int | Sequence[int],
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Return softmax(scale * query key^T + bias) value over a bool mask.

    query (b, t, h, d), key and value (b, s, h, d); fewer key heads serve groups of
    query heads. `scale` is 1 / sqrt(d) by default; mask and bias broadcast to (b, h, t,
    s). The kernel is the backend's choice, so `flash_attention=True` is an
    `ArgumentError`.
    """
    if flash_attention:
        raise ArgumentError("The backend chooses the attention kernel; leave it None.")
    query, key, value = _attended(query, key, value)
    backend, dtype = current(), current().dtype(query)
    (_, t, _, d), s = shape_of(query), shape_of(key)[1]
    if isinstance(d, Dim) and scale is None:
        raise ShapeError("ops.dot_product_attention needs the size of the last axis.")
    factor = 1 / math.sqrt(d) if scale is None else float(scale)
    mask = None if mask is None else boolean(mask)
    if is_causal:
        earlier = _causal(t, s)
        mask = earlier if mask is None else backend.logical_and(mask, earlier)
    bias = None if bias is None else as_tensor(bias, dtype)
    if not attn_logits_soft_cap:
        return backend.attention(query, key, value, mask, bias, factor)
    scores = backend.multiply(backend.einsum("bthd,bshd->bhts", query, key), factor)
    if bias is not None:
        scores = backend.add(scores, bias)
    capped = backend.tanh(backend.divide(scores, float(attn_logits_soft_cap)))
    scores = backend.multiply(capped, float(attn_logits_soft_cap))
    if mask is not None:
        scores = backend.where(mask, scores, -3e4 if dtype == "float16" else -1e38)
    return backend.einsum("bhts,bshe->bthe", backend.softmax(scores, 3), value)


def _attended(query: Any, key: Any, value: Any) -> list[Any]:
    """Return the three tensors promoted and checked, with as many heads each."""
    backend = current()
    q, k, v = (as_tensor(x) for x in (query, key, value))
    dtype = dtypes.to_float(dtypes.promote(*(backend.dtype(x) for x in (q, k, v))))
    check_real("ops.dot_product_attention", dtype)
    q, k, v = (cast_tensor(x, dtype) for x in (q, k, v))
    shapes = [shape_of(x) for x in (q, k, v)]
    if any(len(s) != 4 for s in shapes) or differ(shapes[0][3], shapes[1][3]):
        raise ShapeError(
            "ops.dot_product_attention expects (batch, length, heads, size) with equal "
            "sizes "
            f"of query and key, got {', '.join(str(public_shape(s)) for s in shapes)}."
        )
    if any(map(differ, shapes[1][:3], shapes[2][:3])):
        raise ShapeError(
            "ops.dot_product_attention expects key and value of one batch, length and "
            f"heads, got {public_shape(shapes[1])} and {public_shape(shapes[2])}."
        )
    heads, served = shapes[0][2], shapes[1][2]
    if not differ(heads, served):
        return [q, k, v]
    if heads % served:
        raise ShapeError(
            f"{heads} query heads are not a multiple of {served} key heads."
        )
    return [q, *(backend.repeat(x, heads // served, 2) for x in (k, v))]


def _causal(t: Any, s: Any) -> Any:
    """Return a (t, s) mask that is true where the key is not after the query."""
    backend = current()
    i = backend.reshape(backend.arange(0, t, 1, "int32"), (t, 1))
    j = backend.reshape(backend.arange(0, s, 1, "int32"), (1, s))
    return backend.less_equal(j, i)


@op
def one_hot(
    x: Tensor,
    num_classes: int,
    axis: int = -1,
    dtype: DType | None = None,
    sparse: bool = False,
) -> Tensor:
    """Return 1 where a new axis equals the integer x in [0, num_classes), else 0."""
    backend, count = current(), at_least(num_classes, 0, "num_classes")
    x = _labels("ops.one_hot", x)
    index = as_index(x)
    note(x, count, f"the integers of a one_hot of {count} classes")
    if sparse:
        at = axis_of(axis, len(shape_of(x)) + 1)
        return native(hot(index, count, at, dtypes.standardize(dtype)))
    try:
        y = backend.one_hot(index, count, dtypes.standardize(dtype))
    except OutOfRange:
        in_range(index, count, f"integers for {count} classes")
        raise
    rank = len(shape_of(y))
    at = axis_of(axis, rank)
    if at == rank - 1:
        return y
    order = list(range(rank - 1))
    order.insert(at, rank - 1)
    return backend.transpose(y, tuple(order))


def _labels(name: str, x: Any) -> Any:
    """Return integers; those of a float data set are cast."""
    x = real_numbers(name, x)
    return x if dtypes.is_integer(current().dtype(x)) else cast_tensor(x, "int32")


@op
def multi_hot(
    inputs: Tensor,
    num_classes: int,
    axis: int = -1,
    dtype: DType | None = None,
    sparse: bool = False,
) -> Tensor:
    """Return 1 for every class that occurs along axis 1 (axis 0 of a vector) of
    inputs.
    """
    inputs = as_tensor(inputs)
    reduced = 1 if len(shape_of(inputs)) > 1 else 0
    if sparse:
        at = axis_of(axis, len(shape_of(inputs)) + 1)
        labels = as_index(_labels("ops.multi_hot", inputs))
        x = hot(labels, at_least(num_classes, 0, "num_classes"), at, "int32")
        return native(occurring(x, reduced, dtypes.standardize(dtype)))
    each = one_hot(inputs, num_classes, axis, dtype)
    backend = current()
    if backend.dtype(each) == "bool":
        return backend.any(each, (reduced,), False)
    return backend.max(each, (reduced,), False)


@op
def psnr(x1: Tensor, x2: Tensor, max_val: float) -> Tensor:
    """Return the peak signal-to-noise ratio of two images, in decibels."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend = current()
    dtype = backend.dtype(x1)
    check_real("ops.psnr", dtype)
    x1, x2 = widened(x1, x2)
    max_val = number(max_val, "max_val")
    if not max_val > 0:
        raise ArgumentError(f"Expected a positive max_val, got {max_val}.")
    axes = tuple(range(len(shape_of(x1))))
    error = backend.mean(backend.square(backend.subtract(x1, x2)), axes, False)
    noise = backend.multiply(backend.log(error), -10 / math.log(10.0))
    return cast_tensor(backend.add(noise, 20 * math.log10(max_val)), dtype)


@op
def cdist(x: Tensor, y: Tensor) -> Tensor:
    """Return the Euclidean distances between rows: (..., n, d), (..., m, d) -> (..., n,
    m).
    """
    x, y = both(*operands(as_tensor(x), as_tensor(y), floating=True))
    backend, shapes = current(), (shape_of(x), shape_of(y))
    check_real("ops.cdist", backend.dtype(x))
    if min(map(len, shapes)) < 2 or differ(shapes[0][-1], shapes[1][-1]):
        raise ShapeError(
            "ops.cdist expects rows of one size, (..., n, d) and (..., m, d), got "
            f"{public_shape(shapes[0])} and {public_shape(shapes[1])}."
        )
    dtype = backend.dtype(x)
    x, y = widened(x, y)
    a = backend.expand_dims(x, len(shape_of(x)) - 1)  # ... n 1 d
    b = backend.expand_dims(y, len(shape_of(y)) - 2)  # ... 1 m d
    gap = backend.subtract(a, b)
    squares = backend.sum(backend.square(gap), (len(shape_of(gap)) - 1,), False)
    return cast_tensor(root(squares), dtype)


@op
def depth_to_space(
    x: Tensor, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Move channels into blocks of pixels: (n, h, w, c * b * b) -> (n, h * b, w * b,
    c).
    """
    x, backend, b = as_tensor(x), current(), at_least(block_size, 2, "block_size")
    last = _channels_last(data_format)
    x = x if last else backend.transpose(x, (0, 2, 3, 1))
    n, h, w, c = shape_of(x)
    if not isinstance(c, Dim) and c % (b * b):
        raise ShapeError(f"{c} channels are not a multiple of block_size**2 = {b * b}.")
    y = backend.reshape(x, (n, h, w, b, b, c // (b * b)))
    y = backend.transpose(y, (0, 1, 3, 2, 4, 5))
    y = backend.reshape(y, (n, h * b, w * b, c // (b * b)))
    return y if last else backend.transpose(y, (0, 3, 1, 2))


@op
def space_to_depth(
    x: Tensor, block_size: int, data_format: str = "channels_last"
) -> Tensor:
    """Move blocks of pixels into channels, the inverse of `depth_to_space`."""
    x, backend, b = as_tensor(x), current(), at_least(block_size, 2, "block_size")
    last = _channels_last(data_format)
    x = x if last else backend.transpose(x, (0, 2, 3, 1))
    n, h, w, c = shape_of(x)
    if any(not isinstance(size, Dim) and size % b for size in (h, w)):
        raise ShapeError(f"Height and width {h}, {w} are not multiples of {b}.")
    y = backend.reshape(x, (n, h // b, b, w // b, b, c))
    y = backend.transpose(y, (0, 1, 3, 2, 4, 5))
    y = backend.reshape(y, (n, h // b, w // b, b * b * c))
    return y if last else backend.transpose(y, (0, 3, 1, 2))


def _channels_last(data_format: str | None) -> bool:
    return config.standardize_data_format(data_format) == "channels_last"


@op
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Return whether each target's prediction is among the k largest of its row, as
    bool.

    A tie at the border counts as in; a target out of range or NaN as out. NaN
    elsewhere is larger than any number.
    """
    backend, k = current(), at_least(k, 1, "k")
    y = real_floats("ops.in_top_k", predictions)  # n c
    index = as_index(targets)
    shapes = shape_of(index), shape_of(y)
    if (len(shapes[0]), len(shapes[1])) != (1, 2) or differ(shapes[0][0], shapes[1][0]):
        raise ShapeError(
            "ops.in_top_k expects targets (n,) and predictions (n, classes), got "
            f"{public_shape(shapes[0])} and {public_shape(shapes[1])}."
        )
    classes = shapes[1][1]
    inside = backend.logical_and(
        backend.less_equal(0, index), backend.less(index, classes)
    )
    safe = backend.where(inside, index, 0)
    chosen = backend.take_along_axis(y, backend.expand_dims(safe, 1), 1)  # n 1
    larger = backend.logical_not(backend.less_equal(y, chosen))  # as NaN is
    larger = backend.sum(backend.cast(larger, "int32"), (1,), False)
    known = backend.logical_not(backend.squeeze(backend.isnan(chosen), (1,)))
    valid = backend.logical_and(inside, known)
    return backend.logical_and(valid, backend.less(larger, k))
