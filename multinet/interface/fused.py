"""Fused methods: compositions of primitives that a backend may replace by something
faster.

Each body is the specification of its overrides; the conformance kit compares the two in
value, gradient and second order. Here are those of networks and training, with what a
backend is asked as a whole; `composed.py` has those of arrays, `sequence.py` those of
recurrences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from multinet import dtypes
from multinet.errors import BackendError
from multinet.interface.array import Axes, Shape, T
from multinet.interface.mesh import Mesh, Placement
from multinet.interface.native import Native
from multinet.interface.program import Function, Key, Pairs, Tensors
from multinet.interface.sequence import SequenceMethods
from multinet.interface.sparse import NativeSparse
from multinet.interface.step import Program
from multinet.typing import Host, Numbers, Tensor

_LOW = ("float16", "bfloat16")

HostCall = Callable[
    [Callable[..., Sequence[Host]], Sequence[T], Sequence[tuple[Shape, str]]],
    Tensors[T],
]


class Backend(SequenceMethods[T]):
    """The complete interface: subclass it and write every primitive."""

    name: ClassVar[str]
    interface: ClassVar[tuple[int, int]]
    #: Whether tensors are shapes without values; true of the symbolic backend only.
    symbolic: ClassVar[bool] = False
    #: Whether a step is compiled to machine code where nobody said so.
    compiles: ClassVar[bool] = False
    #: The framework's own sparse tensors, None if it has none.
    sparse: ClassVar[NativeSparse | None] = None
    #: What the framework owes to code that calls its own functions.
    native: ClassVar[Native] = Native()

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

    @property
    def host_call(self) -> HostCall[T] | None:
        """What puts a call of the host into a graph that the framework runs by itself.

        `host_call(function, operands, results)` returns the tensors of
        function(*arrays), anew for each run of the graph; `results` are their shapes,
        None where a size is unknown, and dtypes. None where tensors have values, in the
        programs of Multinet, and in frameworks that have no such graphs: they are those
        of pipelines of data.
        """
        return None

    @property
    def unknown_size(self) -> type | None:
        """The class of sizes that a graph of the framework's own leaves open.

        Such a size has arithmetic and no number. None where there are none.
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
        placement: Placement[T] | None = None,
    ) -> Program[T]:
        """Return a step ready to run many times with its state; see `Program`.

        A `placement` comes only on a mesh of several devices.
        """
        return Program(self, function, consumed, scalars, jit_compile, placement)

    def mesh(
        self, shape: Shape, names: Sequence[str], devices: Sequence[str]
    ) -> Mesh[T]:
        """Return the devices named, in a grid of named axes; see `Mesh`.

        `BackendError` where the backend lacks one, or computes on one device only.
        """
        known = self.devices()
        unknown = [name for name in devices if name not in known]
        if unknown or math.prod(shape) > 1:
            lacks = unknown[0] if unknown else "mesh of several devices yet"
            raise BackendError(
                f"Expected one of the devices {', '.join(known)} as a mesh, got "
                f"{', '.join(devices)} of shape {tuple(shape)}: backend {self.name!r} "
                f"has no {lacks}. Make a mesh of one device, or use another backend."
            )
        return Mesh(self, shape, names, devices)

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
        """Return the mean of each window of x (n, *spatial, c), padding not counted.

        Low floats compute in float32.
        """
        dtype = self.dtype(x)
        if dtype in _LOW:
            wide = self.cast(x, "float32")
            return self.cast(self.mean_pool(wide, window, strides, padding), dtype)
        total = self.sum_pool(x, window, strides, padding)
        if all(tuple(pair) == (0, 0) for pair in padding):
            return self.divide(total, math.prod(window))
        ones = self.full((1, *self.shape(x)[1:-1], 1), 1.0, dtype)
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

        Low floats compute in float32. Source: Ioffe and Szegedy, "Batch
        normalization", 2015.
        """
        dtype = self.dtype(x)
        if dtype in _LOW:
            given = (x, mean, variance, scale, offset)
            wide = (None if v is None else self.cast(v, "float32") for v in given)
            return self.cast(self.batch_norm(*wide, epsilon), dtype)  # type: ignore[arg-type]
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

    def decay_update(self, params: Sequence[T], rate: T | float) -> list[T]:
        """Return param - param * rate for each: weights decayed before their step.

        `rate` is a float or a scalar tensor.

        Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017.
        """
        return [
            self.subtract(p, self.multiply(p, self._scalar_like(rate, p)))
            for p in params
        ]

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
        self, step: Any, rate: Numbers, beta_1: float, beta_2: float, dtype: str
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
