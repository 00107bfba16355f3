"""Fused methods: compositions of primitives that a backend may replace by something
faster.

Each body is the specification of its overrides; the conformance kit compares the two in
value, gradient and second order.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from multinet import dtypes
from multinet.interface.array import Axes, Scalar, Shape, T
from multinet.interface.program import Function, Key, Pairs, Tensors
from multinet.interface.sequence import SequenceMethods
from multinet.interface.step import Program
from multinet.typing import Numbers, Tensor

_LOW = ("float16", "bfloat16")


class Backend(SequenceMethods[T]):
    """The complete interface: subclass it and write every primitive."""

    name: ClassVar[str]
    interface: ClassVar[tuple[int, int]]
    #: Whether tensors are shapes without values; true of the symbolic backend only.
    symbolic: ClassVar[bool] = False

    @property
    def concrete(self) -> Backend[Any]:
        """The backend with values: itself, or the one a symbolic backend shadows."""
        return self

    @property
    def trace(self) -> Hashable:
        """What tells by == whether a trace in progress is the same as before.

        A tensor made in one is of no use outside. None where nothing is traced, and in
        frameworks whose tensors know no traces.
        """
        return None

    # -- program arguments -------------------------------------------------------------

    def argument(self, value: Numbers, dtype: str) -> T:
        """Return a host number (or tuple of them) as `jit` carries it from call to
        call.

        A tensor where `jit` compiles, so that a new value does not compile anew; a
        backend whose `jit` just runs overrides this to return the Python value itself,
        which spares it arithmetic on tiny tensors. Keys, step counts and learning rates
        use it.
        """
        return self.from_numpy(np.asarray(value, dtypes.to_numpy(dtype)))

    def program(
        self,
        function: Function[T],
        consumed: Sequence[int],
        scalars: Sequence[str],
        jit_compile: bool | str,
    ) -> Program[T]:
        """Return a step ready to run many times with its state; see `Program`."""
        return Program(self, function, consumed, scalars, jit_compile)

    def value_and_grad(
        self, function: Function[T], primals: Sequence[T]
    ) -> tuple[T, Tensors[T], Tensors[T]]:
        """Return the value, the auxiliary outputs and the gradients of value for
        primals.

        `function(*primals)` returns (value, *auxiliary), value a float scalar.
        """
        outputs, pullback = self.vjp(function, primals)
        seeds = [self.full(self.shape(y), 0, self.dtype(y)) for y in outputs[1:]]
        one = self.full((), 1, self.dtype(outputs[0]))
        return outputs[0], outputs[1:], pullback((one, *seeds))

    def common_dtype(self, x: Tensor, y: Tensor) -> str | None:
        """Return the dtype of two tensors that share one; None of anything else.

        It stands before each operation of two operands, so a backend looks no further
        than at its plain tensors: None for two that share a dtype is no error.
        """
        if self.is_tensor(x) and self.is_tensor(y):
            dtype = self.dtype(x)
            return dtype if self.dtype(y) == dtype else None
        return None

    def copy(self, x: T) -> T:
        """Return a tensor of equal values in memory of its own. All dtypes."""
        flat = self.reshape(x, (math.prod(self.shape(x)),))
        nothing = self.full((0,), 0, self.dtype(x))
        return self.reshape(self.concatenate([nothing, flat], 0), self.shape(x))

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
            cubic = self.multiply(self.multiply(self.multiply(x, x), x), 0.044715)
            inner = self.multiply(self.add(x, cubic), math.sqrt(2 / math.pi))
            shape = self.tanh(inner)
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

    # -- contraction and linear algebra ------------------------------------------------

    def dense(self, x: T, kernel: T, bias: T | None) -> T:
        """Return x @ kernel + bias: (..., n), (n, m), (m,) or None -> (..., m).

        Floats.
        """
        shape = self.shape(x)
        flat = x
        if len(shape) != 2:
            flat = self.reshape(x, (math.prod(shape[:-1]), shape[-1]))
        y = self.matmul(flat, kernel)
        if bias is not None:
            y = self.add(y, bias)
        return (
            y if len(shape) == 2 else self.reshape(y, (*shape[:-1], self.shape(y)[-1]))
        )

    def inv(self, x: T) -> T:
        """Return the inverse of square matrices (..., n, n)."""
        shape = self.shape(x)
        eye = self.eye(shape[-1], shape[-1], 0, self.dtype(x))
        return self.solve(x, self.broadcast_to(eye, shape))

    def det(self, x: T) -> T:
        """Return the determinant of square matrices.

        The gradient at singular ones is NaN.
        """
        sign, log_modulus = self.slogdet(x)
        return self.multiply(sign, self.cast(self.exp(log_modulus), self.dtype(sign)))

    # -- windows -----------------------------------------------------------------------

    def mean_pool(self, x: T, window: Shape, strides: Shape, padding: Pairs) -> T:
        """Return the mean of each window of x (n, *spatial, c), padding not counted."""
        total = self.sum_pool(x, window, strides, padding)
        if not any(before or after for before, after in padding):
            return self.divide(total, math.prod(window))
        ones = self.full((1, *self.shape(x)[1:-1], 1), 1.0, self.dtype(x))
        return self.divide(total, self.sum_pool(ones, window, strides, padding))

    # -- random ------------------------------------------------------------------------

    def random_uniform(self, key: Key, shape: Shape) -> T:
        """Return float32 in [0, 1): (word >> 8) * 2**-24, equal everywhere."""
        words = self.right_shift(self.random_bits(key, shape, 32), 8)
        return self.multiply(self.cast(words, "float32"), 2.0**-24)

    def random_normal(self, key: Key, shape: Shape) -> T:
        """Return standard normals in float32, by the inverse distribution function.

        sqrt(2) * erfinv(v), v = ((word >> 9) + 1/2) * 2**-22 - 1 exactly, in (-1, 1).
        """
        words = self.cast(
            self.right_shift(self.random_bits(key, shape, 32), 9), "float32"
        )
        v = self.subtract(self.multiply(self.add(words, 0.5), 2.0**-22), 1.0)
        return self.multiply(self.erfinv(v), math.sqrt(2.0))

    def dropout_mask(self, key: Key, shape: Shape, rate: float) -> T:
        """Return bool, false with probability `rate` in [0, 1): 16-bit lane >= rate *
        2**16.

        The threshold is rounded to an integer below 2**16; equal everywhere.
        """
        threshold = min(round(rate * 65536), 65535)
        lanes = self.cast(self.random_bits(key, shape, 16), "int32")
        return self.less_equal(threshold, lanes)

    # -- losses (over the last axis; the result drops it) ------------------------------

    def softmax_cross_entropy(self, logits: T, targets: T) -> T:
        """Return -sum(targets * log_softmax(logits)); both (..., classes)."""
        last = len(self.shape(logits)) - 1
        terms = self.multiply(targets, self.log_softmax(logits, last))
        return self.negative(self.sum(terms, (last,), False))

    def sparse_softmax_cross_entropy(self, logits: T, labels: T) -> T:
        """Return -log_softmax(logits)[label]: (..., classes), integers (...)."""
        last = len(self.shape(logits)) - 1
        index = self.expand_dims(labels, last)
        picked = self.take_along_axis(self.log_softmax(logits, last), index, last)
        return self.negative(self.squeeze(picked, (last,)))

    def sigmoid_cross_entropy(self, logits: T, targets: T) -> T:
        """Return softplus(logits) - logits * targets, elementwise, shape kept."""
        return self.subtract(self.softplus(logits), self.multiply(logits, targets))

    # -- normalization and attention ---------------------------------------------------

    def batch_norm(
        self,
        x: T,
        mean: T,
        variance: T,
        scale: T | None,
        offset: T | None,
        epsilon: float,
    ) -> T:
        """Return (x - mean) * scale / sqrt(variance + epsilon) + offset, all
        broadcasting.

        Source: Ioffe and Szegedy, "Batch normalization", 2015.
        """
        factor = self.rsqrt(self.add(variance, epsilon))
        if scale is not None:
            factor = self.multiply(factor, scale)
        y = self.multiply(self.subtract(x, mean), factor)
        return y if offset is None else self.add(y, offset)

    def layer_norm(
        self, x: T, scale: T | None, offset: T | None, axes: Axes, epsilon: float
    ) -> T:
        """Normalize over axes to mean 0, variance 1; then scale and offset,
        broadcasting.

        Low floats compute in float32. Source: Ba, Kiros and Hinton, "Layer
        normalization", 2016.
        """
        dtype = self.dtype(x)
        if dtype in _LOW:
            scale, offset = (
                None if v is None else self.cast(v, "float32") for v in (scale, offset)
            )
            wide = self.cast(x, "float32")
            return self.cast(self.layer_norm(wide, scale, offset, axes, epsilon), dtype)
        mean, variance = self.moments(x, axes, True)
        return self.batch_norm(x, mean, variance, scale, offset, epsilon)

    def attention(
        self, query: T, key: T, value: T, mask: T | None, bias: T | None, scale: float
    ) -> T:
        """Return softmax(scale * query key^T + bias) value, over bool `mask`.

        query (b, t, h, d), key (b, s, h, d), value (b, s, h, e) -> (b, t, h, e); mask
        and bias broadcast to (b, h, t, s). A row that is masked throughout attends
        evenly.

        Source: Vaswani et al., "Attention is all you need", 2017.
        """
        scores = self.multiply(self.einsum("bthd,bshd->bhts", query, key), scale)
        if bias is not None:
            scores = self.add(scores, bias)
        if mask is not None:
            lowest = -3e4 if self.dtype(scores) == "float16" else -1e38
            scores = self.where(mask, scores, lowest)
        weights = self.softmax(scores, 3)  # b h t s
        return self.einsum("bhts,bshe->bthe", weights, value)

    # -- optimizers (lists in, lists out; params and slots are consumed) ---------------

    def sgd_update(
        self,
        params: Sequence[T],
        grads: Sequence[T],
        velocities: Sequence[T],
        learning_rate: Numbers,
        momentum: float,
        nesterov: bool,
    ) -> tuple[list[T], list[T]]:
        """Return params and velocities after a step of gradient descent.

        velocity = momentum * velocity - rate * grad; params += velocity, or with
        `nesterov` momentum * velocity - rate * grad. No velocities when momentum is 0.
        `learning_rate` is a float or a scalar tensor, as `argument` made it.
        """
        new_params, new_velocities = [], []
        for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
            step = self.multiply(grad, self._scalar_like(learning_rate, param))
            if momentum:
                velocity = self.subtract(self.multiply(velocities[i], momentum), step)
                new_velocities.append(velocity)
                if not nesterov:
                    new_params.append(self.add(param, velocity))
                    continue
                step = self.subtract(step, self.multiply(velocity, momentum))
            new_params.append(self.subtract(param, step))
        return new_params, new_velocities

    def adam_update(
        self,
        params: Sequence[T],
        grads: Sequence[T],
        means: Sequence[T],
        variances: Sequence[T],
        step: Numbers,
        learning_rate: Numbers,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> tuple[list[T], list[T], list[T]]:
        """Return params, means and variances after a step of Adam, epsilon outside the
        root.

        `step` counts from 1; it and `learning_rate` are host numbers or scalar tensors.
        param -= rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * mean / (sqrt(var) +
        epsilon).

        Source: Kingma and Ba, "Adam", 2015, the form before section 2.1.
        """
        wide = dtypes.promote("float32", *map(self.dtype, params))
        rate = self._adam_rate(step, learning_rate, beta_1, beta_2, wide)
        new: tuple[list[T], list[T], list[T]] = ([], [], [])
        for param, grad, m, v in zip(params, grads, means, variances, strict=True):
            m = self.add(m, self.multiply(self.subtract(grad, m), 1 - beta_1))
            v = self.add(
                v, self.multiply(self.subtract(self.square(grad), v), 1 - beta_2)
            )
            direction = self.divide(m, self.add(self.sqrt(v), epsilon))
            change = self.multiply(direction, self._scalar_like(rate, param))
            for values, value in zip(new, (self.subtract(param, change), m, v)):
                values.append(value)
        return new

    def _adam_rate(
        self, step: Any, rate: Any, beta_1: float, beta_2: float, dtype: str
    ) -> Any:
        if isinstance(step, int):
            correction = math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
            return (
                rate * correction
                if isinstance(rate, float)
                else self.multiply(rate, correction)
            )
        t, rate = self.cast(step, dtype), self._scalar_in(rate, dtype)
        second = self.sqrt(self._bias_correction(beta_2, t))
        return self.multiply(
            self.divide(second, self._bias_correction(beta_1, t)), rate
        )

    def _bias_correction(self, beta: float, t: T) -> T:
        # 1 - beta**t in float32 is off by 3e-5 at t = 1; expm1 is exact to the last
        # bits.
        log_beta = math.log(beta) if beta > 0 else -100.0
        return self.negative(self.expm1(self.multiply(t, log_beta)))

    def _scalar_like(self, value: Any, x: T) -> Any:
        return self._scalar_in(value, self.dtype(x))

    def _scalar_in(self, value: Any, dtype: str) -> Any:
        return self.cast(value, dtype) if self.is_tensor(value) else value
