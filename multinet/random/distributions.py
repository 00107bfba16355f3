"""Random tensors, all from Philox words, so equal on every backend where noted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError
from multinet.ops.axes import axis_of
from multinet.ops.checks import (
    at_least,
    number,
    real_floats,
    sizes_at_least,
    whole,
    within,
)
from multinet.ops.core import as_tensor, cast_tensor, floating, is_scalar, op, shape_of
from multinet.ops.creation import shape_tuple
from multinet.registry import current
from multinet.seeds import key_of
from multinet.symbolic.dims import public_shape
from multinet.typing import DType, Numbers, Seed, ShapeLike, Tensor

_BITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def _float(dtype: Any, what: str) -> str:
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        raise DTypeError(f"random.{what} makes floats, got dtype={name!r}.")
    return name


@op
def uniform(
    shape: ShapeLike,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DType | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return uniform floats in [minval, maxval).

    Equal bit for bit on every backend if the range is symmetric or one end is 0;
    otherwise to the last bit, since compilers may fuse the shift with the scale.
    """
    name, size = _float(dtype, "uniform"), sizes_of(shape)
    minval, maxval = number(minval, "minval"), number(maxval, "maxval")
    if not minval < maxval:
        raise ArgumentError(f"Expected minval < maxval, got {minval} and {maxval}.")
    backend, kind = current(), dtypes.to_numpy(name)
    # Rounded here: a backend that rounded the product of wider numbers would differ.
    low, high = kind.type(minval), kind.type(maxval)
    width, middle = float(kind.type(maxval - minval)), (maxval + minval) / 2
    u = _unit(key_of(seed), size, name)
    if low == 0:
        return u if high == 1 else backend.multiply(u, float(high))
    if high == 0:
        return backend.multiply(backend.subtract(u, 1.0), float(-low))
    centred = backend.multiply(backend.subtract(u, 0.5), width)
    if middle == 0:
        return centred
    below = float(np.nextafter(high, low))
    moved = backend.add(centred, float(kind.type(middle)))
    return backend.clip(moved, float(low), below)


def _unit(key: Any, shape: tuple[Any, ...], dtype: str) -> Any:
    """Return multiples of 2**-bits in [0, 1), as many bits as the dtype's mantissa."""
    backend, bits = current(), _BITS[dtype]
    if dtype == "float32":
        return backend.random_uniform(key, shape)
    if dtype == "float64":
        return backend.multiply(_joined(key, shape, 27, 26), 2.0**-53)
    words = backend.right_shift(backend.random_bits(key, shape, 32), 32 - bits)
    return backend.multiply(backend.cast(words, dtype), 2.0**-bits)


def _joined(key: Any, shape: tuple[Any, ...], high: int, low: int) -> Any:
    """Return integers of high + low random bits, two words each, in float64."""
    backend, last = current(), len(shape)
    words = backend.random_bits(key, (*shape, 2), 32)
    halves = [backend.squeeze(w, (last,)) for w in backend.split(words, (1, 1), last)]
    first, second = (
        backend.cast(backend.right_shift(half, 32 - bits), "float64")
        for half, bits in zip(halves, (high, low))
    )
    return backend.add(backend.multiply(first, 2.0**low), second)


def _centred(key: Any, shape: tuple[Any, ...], dtype: str) -> Any:
    """Return uniform floats in the open (-1, 1), symmetric about 0; float32 or
    float64.
    """
    backend = current()
    if dtype == "float64":
        words, bits = _joined(key, shape, 26, 26), 52
    else:
        words = backend.right_shift(backend.random_bits(key, shape, 32), 9)
        words, bits = backend.cast(words, "float32"), 23
    scaled = backend.multiply(backend.add(words, 0.5), 2.0 ** (1 - bits))
    return backend.subtract(scaled, 1.0)


@op
def normal(
    shape: ShapeLike,
    mean: Numbers = 0.0,
    stddev: Numbers = 1.0,
    dtype: DType | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return normal floats of a mean and a standard deviation."""
    name, size = _float(dtype, "normal"), sizes_of(shape)
    mean, stddev = _moments(mean, stddev, size)
    backend, key = current(), key_of(seed)
    if name == "float64":
        z = backend.erfinv(_centred(key, size, name))
        z = backend.multiply(z, math.sqrt(2.0))
    else:
        z = backend.random_normal(key, size)
    return _moved(z, mean, stddev, name)


def sizes_of(shape: ShapeLike) -> tuple[Any, ...]:
    """Return the shape of what to draw, which holds no negative sizes."""
    return sizes_at_least(shape_tuple(shape), 0, "a shape")


def _moments(mean: Any, stddev: Any, size: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a mean and a standard deviation, checked, as numbers or tensors."""
    if is_scalar(stddev) and number(stddev, "stddev") < 0:
        raise ArgumentError(f"Expected a stddev of at least 0, got {stddev}.")
    found = []
    for value, what in ((mean, "mean"), (stddev, "stddev")):
        if not is_scalar(value):
            value = as_tensor(value)
            within(shape_of(value), size, f"a {what}")
        found.append(value)
    return found[0], found[1]


def _moved(z: Any, mean: Any, stddev: Any, dtype: str) -> Any:
    """Return z * stddev + mean in `dtype`, computed in the dtype of z."""
    backend, wide = current(), current().dtype(z)
    if not (is_scalar(stddev) and stddev == 1):
        scale = float(stddev) if is_scalar(stddev) else as_tensor(stddev, wide)
        z = backend.multiply(z, scale)
    if not (is_scalar(mean) and mean == 0):
        z = backend.add(z, float(mean) if is_scalar(mean) else as_tensor(mean, wide))
    return cast_tensor(z, dtype)


@op
def truncated_normal(
    shape: ShapeLike,
    mean: Numbers = 0.0,
    stddev: Numbers = 1.0,
    dtype: DType | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return normal floats conditioned on two standard deviations around the mean."""
    name, size = _float(dtype, "truncated_normal"), sizes_of(shape)
    mean, stddev = _moments(mean, stddev, size)
    backend = current()
    wide = "float64" if name == "float64" else "float32"
    v = _centred(key_of(seed), size, wide)
    inside = math.erf(math.sqrt(2.0))  # the probability of [-2, 2]
    z = backend.multiply(backend.erfinv(backend.multiply(v, inside)), math.sqrt(2.0))
    return _moved(backend.clip(z, -2.0, 2.0), mean, stddev, name)


@op
def randint(
    shape: ShapeLike,
    minval: int,
    maxval: int,
    dtype: DType = "int32",
    seed: Seed = None,
) -> Tensor:
    """Return uniform integers in [minval, maxval), at most 2**32 different ones.

    Equal bit for bit on every backend.
    """
    name, size = dtypes.standardize(dtype), sizes_of(shape)
    minval, maxval = whole(minval, "minval"), whole(maxval, "maxval")
    span = maxval - minval
    if not dtypes.is_integer(name):
        raise DTypeError(f"random.randint makes integers, got dtype={name!r}.")
    limits = np.iinfo(name)
    if not (0 < span <= 1 << 32 and limits.min <= minval and maxval - 1 <= limits.max):
        raise ArgumentError(
            f"random.randint expects minval < maxval within {name} and at most 2**32 "
            "apart, "
            f"got {minval} and {maxval}."
        )
    backend, last = current(), len(size)
    words = backend.random_bits(key_of(seed), (*size, 2), 32)
    high, low = (
        backend.squeeze(w, (last,)) for w in backend.split(words, (1, 1), last)
    )
    drawn = high if span == 1 << 32 else _scaled(high, low, span)
    if name in ("int64", "uint64", "uint32"):
        return backend.add(backend.cast(drawn, name), int(minval))
    # In int32 the sum may wrap on the way, and is right in the end.
    moved = backend.add(backend.bitcast(drawn, "int32"), int(minval))
    return cast_tensor(moved, name)


def _scaled(high: Any, low: Any, span: int) -> Any:
    """Return floor((high * 2**32 + low) * span / 2**64): uniform to one part in
    2**32.
    """
    backend = current()
    top, bottom = _product(high, span)
    carried = _product(low, span)[0]
    over = backend.less(backend.add(bottom, carried), bottom)
    return backend.add(top, backend.cast(over, "uint32"))


def _product(x: Any, y: int) -> tuple[Any, Any]:
    """Return the high and the low word of x * y, from products of 16-bit halves."""
    backend = current()
    x1, x0 = backend.right_shift(x, 16), backend.bitwise_and(x, 0xFFFF)
    y1, y0 = y >> 16, y & 0xFFFF
    t = backend.multiply(x0, y0)
    u = backend.add(backend.multiply(x1, y0), backend.right_shift(t, 16))
    v = backend.add(backend.multiply(x0, y1), backend.bitwise_and(u, 0xFFFF))
    high = backend.add(backend.multiply(x1, y1), backend.right_shift(u, 16))
    high = backend.add(high, backend.right_shift(v, 16))
    low = backend.bitwise_or(backend.left_shift(v, 16), backend.bitwise_and(t, 0xFFFF))
    return high, low


@op
def categorical(
    logits: Tensor, num_samples: int, dtype: DType = "int32", seed: Seed = None
) -> Tensor:
    """Return class numbers drawn by unscaled log-probabilities: (n, c) -> (n, samples).

    The class with the largest logit after adding Gumbel noise is drawn.
    """
    backend = current()
    logits = real_floats("random.categorical", logits)
    num_samples = at_least(num_samples, 0, "num_samples")
    if backend.dtype(logits) in ("float16", "bfloat16"):
        logits = cast_tensor(logits, "float32")
    wide, shape = backend.dtype(logits), shape_of(logits)
    if len(shape) != 2:
        raise ArgumentError(
            "random.categorical expects logits of 2 axes, got shape "
            f"{public_shape(shape)}."
        )
    rows, classes = shape
    sizes_at_least((classes,), 1, "classes of the logits")
    v = _centred(key_of(seed), (rows, num_samples, classes), wide)
    u = backend.multiply(backend.add(v, 1.0), 0.5)  # n samples c, in (0, 1)
    noise = backend.negative(backend.log(backend.negative(backend.log(u))))
    noisy = backend.add(backend.expand_dims(logits, 1), noise)
    return cast_tensor(backend.argmax(noisy, 2), dtypes.standardize(dtype))


@op
def shuffle(x: Tensor, axis: int = 0, seed: Seed = None) -> Tensor:
    """Return the slices along an axis in a random order, the same on every backend."""
    x, backend = as_tensor(x), current()
    axis = axis_of(axis, len(shape_of(x)))
    words = backend.random_bits(key_of(seed), (shape_of(x)[axis],), 32)
    return backend.take(x, backend.argsort(words), axis)


@op
def dropout(
    inputs: Tensor,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return inputs / (1 - rate), zeros with probability `rate`.

    Sizes of 1 in `noise_shape` drop whole axes together. The mask is equal bit for bit
    on every backend.
    """
    if not 0 <= number(rate, "rate") <= 1:
        raise ArgumentError(f"Expected a rate in [0, 1], got {rate}.")
    x, backend = floating(inputs), current()
    if rate == 0:
        return x
    shape = shape_of(x)
    if rate == 1:
        return backend.full(shape, 0, backend.dtype(x))
    if noise_shape is not None:
        shape = tuple(n if m is None else m for n, m in zip(shape, noise_shape))
    mask = backend.dropout_mask(key_of(seed), shape, float(rate))
    return backend.where(mask, backend.multiply(x, 1 / (1 - rate)), 0.0)
