"""Fused methods on arrays, from comparison to indexing: compositions of primitives.

Each body is the specification of its overrides, as in `fused.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from multinet.interface.array import Axes, Scalar, Shape, T
from multinet.interface.program import ProgramPrimitives, Tensors

_LOW = ("float16", "bfloat16")


class ArrayMethods(ProgramPrimitives[T]):
    """The part of `Backend` whose bodies are what array libraries have too."""

    # -- comparison --------------------------------------------------------------------

    def not_equal(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x != y as bool; true where either is NaN."""
        return self.logical_not(self.equal(x, y))

    def greater(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x > y as bool; false where either is NaN."""
        return self.less(y, x)

    def greater_equal(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x >= y as bool; false where either is NaN."""
        return self.less_equal(y, x)

    def isinf(self, x: T) -> T:
        """Return where the float x is inf or -inf, as bool."""
        return self.equal(self.abs(x), math.inf)

    # -- elementwise -------------------------------------------------------------------

    def square(self, x: T) -> T:
        """Return x * x. Integers, floats, complex."""
        return self.multiply(x, x)

    def rsqrt(self, x: T) -> T:
        """Return 1 / sqrt(x). Floats."""
        return self.divide(1.0, self.sqrt(x))

    def clip(self, x: T, low: T | Scalar, high: T | Scalar) -> T:
        """Return minimum(maximum(x, low), high)."""
        return self.minimum(self.maximum(x, low), high)

    def relu(self, x: T) -> T:
        """Return x where positive, else 0; gradient 0 at 0; NaN stays.

        Floats, integers.
        """
        return self.where(self.less_equal(x, 0), 0, x)

    def leaky_relu(self, x: T, slope: float) -> T:
        """Return x where positive, else slope * x; gradient `slope` at 0."""
        return self.where(self.less_equal(x, 0), self.multiply(x, slope), x)

    def elu(self, x: T, alpha: float) -> T:
        """Return x where positive, else alpha * (e**x - 1). Gradient alpha at 0."""
        below = self.less_equal(x, 0)
        negative = self.expm1(self.where(below, x, 0.0))  # exp never sees a large x
        return self.where(below, self.multiply(negative, alpha), x)

    def softplus(self, x: T) -> T:
        """Return log(1 + e**x)."""
        return self.logaddexp(x, 0.0)

    def silu(self, x: T) -> T:
        """Return x * sigmoid(x)."""
        return self.multiply(x, self.sigmoid(x))

    def gelu(self, x: T, approximate: bool) -> T:
        """Return x times the normal distribution function of x, exact or by tanh.

        Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
        """
        if approximate:
            root = math.sqrt(2 / math.pi)
            square = self.minimum(self.multiply(x, x), 100.0)  # tanh is 1 from there on
            slope = self.add(self.multiply(square, 0.044715 * root), root)
            shape = self.tanh(self.multiply(x, slope))
        else:
            shape = self.erf(self.multiply(x, math.sqrt(0.5)))
        return self.multiply(self.multiply(x, 0.5), self.add(shape, 1.0))

    # -- reductions --------------------------------------------------------------------

    def mean(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return the mean over axes.

        Floats and complex; low floats compute in float32.
        """
        dtype = self.dtype(x)
        if dtype in _LOW:
            return self.cast(self.mean(self.cast(x, "float32"), axes, keepdims), dtype)
        count = math.prod(self.shape(x)[axis] for axis in axes)
        return self.divide(self.sum(x, axes, keepdims), count)

    def moments(self, x: T, axes: Axes, keepdims: bool) -> tuple[T, T]:
        """Return the mean and the biased variance over axes, in two passes.

        Floats; low floats compute in float32.
        """
        dtype = self.dtype(x)
        if dtype in _LOW:
            wide = self.moments(self.cast(x, "float32"), axes, keepdims)
            return self.cast(wide[0], dtype), self.cast(wide[1], dtype)
        mean = self.mean(x, axes, True)
        variance = self.mean(self.square(self.subtract(x, mean)), axes, keepdims)
        if not keepdims:
            mean = self.reshape(mean, self.shape(variance))
        return mean, variance

    def logsumexp(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return log(sum(e**x)) over axes without overflow. Floats."""
        top = self.stop_gradient(self.max(x, axes, True))
        top = self.where(self.isfinite(top), top, 0.0)
        total = self.sum(self.exp(self.subtract(x, top)), axes, True)
        result = self.add(self.log(total), top)
        return result if keepdims else self.squeeze(result, axes)

    def softmax(self, x: T, axis: int) -> T:
        """Return e**x / sum(e**x) along an axis.

        Floats; the maximum is taken by row.
        """
        top = self.stop_gradient(self.max(x, (axis,), True))
        powers = self.exp(self.subtract(x, top))
        return self.divide(powers, self.sum(powers, (axis,), True))

    def log_softmax(self, x: T, axis: int) -> T:
        """Return x - log(sum(e**x)) along an axis. Floats."""
        top = self.stop_gradient(self.max(x, (axis,), True))
        shifted = self.subtract(x, top)
        return self.subtract(
            shifted, self.log(self.sum(self.exp(shifted), (axis,), True))
        )

    # -- shape and indexing ------------------------------------------------------------

    def expand_dims(self, x: T, axis: int) -> T:
        """Insert an axis of size 1 at position `axis` of the result."""
        shape = self.shape(x)
        return self.reshape(x, (*shape[:axis], 1, *shape[axis:]))

    def squeeze(self, x: T, axes: Axes) -> T:
        """Remove axes of size 1."""
        kept = [n for i, n in enumerate(self.shape(x)) if i not in axes]
        return self.reshape(x, tuple(kept))

    def stack(self, xs: Sequence[T], axis: int) -> T:
        """Join tensors of one shape along a new axis."""
        return self.concatenate([self.expand_dims(x, axis) for x in xs], axis)

    def split(self, x: T, sizes: Sequence[int], axis: int) -> Tensors[T]:
        """Cut an axis into consecutive pieces of sizes that add up to it."""
        shape = self.shape(x)
        step, parts, begin = (1,) * len(shape), [], 0
        for size in sizes:
            start = tuple(begin if i == axis else 0 for i in range(len(shape)))
            stop = tuple(begin + size if i == axis else n for i, n in enumerate(shape))
            parts.append(self.slice(x, start, stop, step))
            begin += size
        return tuple(parts)

    def tile(self, x: T, repeats: Shape) -> T:
        """Repeat the whole tensor along each axis; one repeat per axis."""
        shape = self.shape(x)
        split = tuple(part for n in shape for part in (1, n))
        grown = tuple(
            part for r, n in zip(repeats, shape, strict=True) for part in (r, n)
        )
        tiled = self.broadcast_to(self.reshape(x, split), grown)
        return self.reshape(tiled, tuple(r * n for r, n in zip(repeats, shape)))

    def repeat(self, x: T, count: int, axis: int) -> T:
        """Repeat each slice along an axis `count` times, consecutively."""
        shape = self.shape(x)
        grown = (*shape[: axis + 1], count, *shape[axis + 1 :])
        spread = self.broadcast_to(self.expand_dims(x, axis + 1), grown)
        return self.reshape(
            spread, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])
        )

    def eye(self, rows: int, columns: int, offset: int, dtype: str) -> T:
        """Return ones on the diagonal j = i + offset, zeros elsewhere."""
        i = self.reshape(self.arange(0, rows, 1, "int32"), (rows, 1))
        j = self.reshape(self.arange(0, columns, 1, "int32"), (1, columns))
        return self.cast(self.equal(j, self.add(i, offset)), dtype)

    def one_hot(self, indices: T, size: int, dtype: str) -> T:
        """Return 1 where the new last axis equals the index; zeros out of range."""
        dtype_in = self.dtype(indices)
        places = self.arange(0, size, 1, dtype_in)
        spread = self.expand_dims(indices, len(self.shape(indices)))
        return self.cast(self.equal(spread, places), dtype)

    def pick(self, x: T, indices: T, axis: int) -> T:
        """Return `take` of indices in [-size, size): negative ones count back."""
        size = self.shape(x)[axis]
        ahead = self.where(self.less(indices, 0), self.add(indices, size), indices)
        return self.take(x, ahead, axis)

    def embedding(self, table: T, indices: T) -> T:
        """Return rows of `table` (rows, width): shape indices + (width,)."""
        return self.take(table, indices, 0)

    def top_k(self, x: T, k: int) -> tuple[T, T]:
        """Return the k largest of the last axis, descending, and their int32 indices.

        The first of equals comes first; NaN counts as the largest.
        """
        shape = self.shape(x)
        last, n = len(shape) - 1, shape[-1]
        order = self.flip(self.argsort(self.flip(x, (last,))), (last,))
        start, step = (0,) * len(shape), (1,) * len(shape)
        order = self.slice(order, start, (*shape[:-1], k), step)
        order = self.subtract(n - 1, order)
        return self.take_along_axis(x, order, last), order
