"""Activation functions. `networks.py` has what a network needs beside them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from multinet import config, dtypes
from multinet.calls import in_call
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import number, real_floats, real_numbers
from multinet.ops.core import behind, floating, numeric, op, shape_of
from multinet.ops.doors import domain, unary
from multinet.ops.matrices import norm
from multinet.ops.shapes import moveaxis
from multinet.ops.widening import in_float32
from multinet.registry import current
from multinet.scope import active_scope
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import Axis, Tensor


@behind(unary("relu"))
def relu(x: Tensor) -> Tensor:
    """Return x where positive, else 0."""
    return current().relu(numeric(real_numbers("ops.relu", x)))


@op
def relu6(x: Tensor) -> Tensor:
    """Return x limited to [0, 6]."""
    return current().minimum(current().relu(real_floats("ops.relu6", x)), 6)


@op
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Return x where positive, else negative_slope * x."""
    return current().leaky_relu(real_floats("ops.leaky_relu", x), float(negative_slope))


@op
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where positive, else alpha * (e**x - 1)."""
    return current().elu(real_floats("ops.elu", x), float(alpha))


@op
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where positive, else alpha * (e**(x / alpha) - 1)."""
    x, backend, alpha = real_floats("ops.celu", x), current(), float(alpha)
    if alpha == 1.0:
        return backend.elu(x, 1.0)
    below = backend.less_equal(x, 0)
    power = backend.multiply(backend.where(below, x, 0.0), 1 / alpha)
    return backend.where(below, backend.multiply(backend.expm1(power), alpha), x)


@op
def selu(x: Tensor) -> Tensor:
    """Return elu with the scale and alpha that keep mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return current().multiply(current().elu(real_floats("ops.selu", x), alpha), scale)


@op
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """Return x times the normal distribution function of x, by tanh or exact."""
    return current().gelu(real_floats("ops.gelu", x), bool(approximate))


@behind(unary("silu"))
def silu(x: Tensor) -> Tensor:
    """Return x * sigmoid(x)."""
    return current().silu(real_floats("ops.silu", x))


@behind(unary("softplus"))
def softplus(x: Tensor) -> Tensor:
    """Return log(1 + e**x)."""
    return current().softplus(real_floats("ops.softplus", x))


@op
def log_sigmoid(x: Tensor) -> Tensor:
    """Return log(sigmoid(x)) = -softplus(-x)."""
    x, backend = real_floats("ops.log_sigmoid", x), current()
    return backend.negative(backend.softplus(backend.negative(x)))


@op
@in_float32
def softsign(x: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    x, backend = floating(x), current()
    return backend.divide(x, backend.add(backend.abs(x), 1))


@op
def hard_sigmoid(x: Tensor) -> Tensor:
    """Return x / 6 + 1/2 limited to [0, 1]."""
    x, backend = real_floats("ops.hard_sigmoid", x), current()
    return backend.clip(backend.add(backend.multiply(x, 1 / 6), 0.5), 0, 1)


@op
def hard_silu(x: Tensor) -> Tensor:
    """Return x * hard_sigmoid(x)."""
    x = real_floats("ops.hard_silu", x)
    return current().multiply(x, hard_sigmoid(x))


@op
def hard_tanh(x: Tensor) -> Tensor:
    """Return x limited to [-1, 1]."""
    x = numeric(real_numbers("ops.hard_tanh", x))
    return current().clip(x, -1, 1)


@op
def tanh_shrink(x: Tensor) -> Tensor:
    """Return x - tanh(x)."""
    x = floating(x)
    return current().subtract(x, current().tanh(x))


@op
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Return x, 0 where |x| <= threshold."""
    x, backend = real_floats("ops.hard_shrink", x), current()
    return backend.where(backend.less_equal(backend.abs(x), threshold), 0, x)


@op
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Return x moved towards 0 by threshold, 0 where |x| <= threshold."""
    x, backend = real_floats("ops.soft_shrink", x), current()
    small = backend.less_equal(backend.abs(x), threshold)
    moved = backend.subtract(x, backend.multiply(backend.sign(x), threshold))
    return backend.where(small, 0, moved)


@op
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """Return x where it is above the threshold, else default_value."""
    x, backend = real_floats("ops.threshold", x), current()
    value = number(default_value, "default_value")
    return backend.where(backend.less_equal(x, threshold), value, x)


@op
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """Return (x + sqrt(x**2 + b)) / 2."""
    x, backend = real_floats("ops.squareplus", x), current()
    below = backend.less(x, 0)
    plain = isinstance(b, int | float)
    root: Any = max(math.sqrt(b), 1e-7) if plain else None
    root = root if plain else backend.sqrt(b)
    size = backend.where(below, backend.negative(x), x)
    large, small = backend.maximum(size, root), backend.minimum(size, root)
    ratio = backend.square(backend.divide(small, large))  # x**2 could overflow
    length = backend.multiply(large, backend.sqrt(backend.add(ratio, 1)))
    excess = backend.multiply(backend.subtract(length, size), 0.5)
    half = backend.add(size, excess)  # length + size could overflow
    quarter = b / 4 if plain else backend.multiply(backend.square(root), 0.25)
    mirrored = backend.divide(quarter, half)  # x + length cancels below 0
    return backend.where(below, mirrored, half)


@op
def sparse_plus(x: Tensor) -> Tensor:
    """Return 0 below -1, (x + 1)**2 / 4 between -1 and 1, x above."""
    x, backend = real_floats("ops.sparse_plus", x), current()
    inner = backend.where(backend.less(backend.abs(x), 1), x, 0.0)
    middle = backend.multiply(backend.square(backend.add(inner, 1)), 0.25)
    upper = backend.where(backend.less(x, 1), middle, x)
    return backend.where(backend.less_equal(x, -1), 0, upper)


@op
def sparse_sigmoid(x: Tensor) -> Tensor:
    """Return (x + 1) / 2 limited to [0, 1]."""
    x, backend = real_floats("ops.sparse_sigmoid", x), current()
    return backend.clip(backend.multiply(backend.add(x, 1), 0.5), 0, 1)


@op
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Return the first half of an axis times the sigmoid of the second."""
    x, backend = real_floats("ops.glu", x), current()
    shape = shape_of(x)
    axis = axis_of(axis, len(shape))
    if not isinstance(shape[axis], Dim) and shape[axis] % 2:
        raise ShapeError(
            f"ops.glu expects an even size at axis {axis}, got {public_shape(shape)}."
        )
    a, b = backend.split(x, (shape[axis] // 2,) * 2, axis)
    return backend.multiply(a, backend.sigmoid(b))


def _along(name: str) -> Callable[..., Any]:
    """Return the door to a function of one axis."""
    ready = domain(name)

    def door(x: Any, axis: Any) -> Any:
        backend = current()
        if type(axis) is not int or backend.common_dtype(x, x) not in ready:
            return None
        shape = backend.shape(x)
        axis = axis_of(axis, len(shape))
        return None if shape[axis] == 1 else getattr(backend, name)(x, axis)

    return door


@behind(_along("softmax"))
def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """Return e**x / sum(e**x) along an axis, or over several together."""
    if not in_call():  # in layers an axis may happen to be short, as that of keys
        warn_of_one(x, axis)
    return _over_axes("softmax", x, axis)


@behind(_along("log_softmax"))
def log_softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """Return x - log(sum(e**x)) along an axis, or over several together."""
    return _over_axes("log_softmax", x, axis)


def warn_of_one(x: Tensor, axis: Axis) -> None:
    """Warn of a softmax over one number, where values are known."""
    if current().symbolic or active_scope() is not None or not isinstance(axis, int):
        return
    shape = shape_of(x) if current().is_tensor(x) else np.shape(x)
    if -len(shape) <= axis < len(shape) and shape[axis] == 1:
        warnings.warn(
            f"A softmax over an axis of size 1 is 1 everywhere: got shape {shape} and "
            f"axis {axis}. Use sigmoid for two classes, or another axis.",
            stacklevel=2,
        )


def _over_axes(name: str, x: Any, axis: Any) -> Any:
    x, backend = real_floats(f"ops.{name}", x), current()
    shape = shape_of(x)
    if isinstance(axis, int):
        return getattr(backend, name)(x, axis_of(axis, len(shape)))
    axes = axes_of(axis, len(shape))
    rest = [a for a in range(len(shape)) if a not in axes]
    order = (*rest, *axes)
    moved = backend.transpose(x, order)
    joined = math.prod(shape[a] for a in axes)
    flat = backend.reshape(moved, (*(shape[a] for a in rest), joined))
    result = getattr(backend, name)(flat, len(rest))
    result = backend.reshape(result, shape_of(moved))
    back = [order.index(a) for a in range(len(shape))]
    return backend.transpose(result, tuple(back))


@op
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the nearest point of the probability simplex along an axis.

    Source: Martins and Astudillo, "From softmax to sparsemax", 2016.
    """
    backend = current()
    z = moveaxis(real_floats("ops.sparsemax", x), axis, -1)  # ... k
    last = len(shape_of(z)) - 1
    k = shape_of(z)[-1]
    z = backend.subtract(z, backend.stop_gradient(backend.max(z, (last,), True)))
    ordered = backend.flip(backend.sort(z), (last,))
    rank = backend.arange(1, k + 1, 1, backend.dtype(z))
    sums = backend.cumsum(ordered, last)
    inside = backend.less(sums, backend.add(backend.multiply(ordered, rank), 1))
    count = backend.sum(backend.cast(inside, "int32"), (last,), True)
    at = backend.maximum(backend.subtract(count, 1), 0)  # NaN is in no order
    excess = backend.subtract(backend.take_along_axis(sums, at, last), 1)
    tau = backend.divide(excess, backend.cast(count, backend.dtype(z)))
    return moveaxis(backend.relu(backend.subtract(z, tau)), -1, axis)


@op
@in_float32
def normalize(
    x: Tensor,
    axis: Axis = -1,
    order: int | float | str = 2,
    epsilon: float | None = None,
) -> Tensor:
    """Return x divided by its norm of `order` along an axis, the norm at least
    epsilon.
    """
    backend, dtype = current(), current().dtype(x)
    if not (isinstance(order, int | float) and order > 0):
        raise ArgumentError(f"Expected a positive order, got {order!r}.")
    least = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        size = backend.abs(x) if dtypes.is_complex(dtype) else x
        axes = axes_of(axis, len(shape_of(x)))
        squares = backend.sum(backend.square(size), axes, True)
        small = backend.less_equal(squares, least**2)
        scale = backend.rsqrt(backend.where(small, 1, squares))
        scale = backend.where(small, 1 / least if least else math.inf, scale)
    else:
        length = norm(x, ord=order, axis=axis, keepdims=True)
        scale = backend.divide(1.0, backend.maximum(length, least))
    if dtypes.is_complex(dtype):
        scale = backend.cast(scale, dtype)
    return backend.multiply(x, scale)
