"""Program primitives in JAX. Contracts are in `multinet.interface.program`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from multinet import philox
from multinet.errors import BackendError
from multinet.interface import Running
from multinet.interface.array import Shape
from multinet.interface.program import Function, Key, Pairs, Tensors
from multinet_jax.array import Array, ArrayOps, Arrays, native, plain, widened

_FULL = lax.Precision.HIGHEST  # float32 products in float32: not TF32 or bfloat16


class ProgramOps(ArrayOps):
    """Contraction to devices."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Array, y: Array) -> Array:
        return jnp.matmul(x, y, precision=_FULL)

    def einsum(self, equation: str, *operands: Array) -> Array:
        return jnp.einsum(equation, *operands, precision=_FULL)

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    def cholesky(self, x: Array) -> Array:
        return lax.linalg.cholesky(_hermitian(x), symmetrize_input=False)

    solve = plain(jnp.linalg.solve)

    def solve_triangular(self, a: Array, b: Array, lower: bool) -> Array:
        return lax.linalg.triangular_solve(a, b, left_side=True, lower=lower)

    def qr(self, x: Array, full_matrices: bool) -> tuple[Array, Array]:
        q, r = lax.linalg.qr(x, full_matrices=full_matrices)
        return q, r

    def svd(self, x: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
        u, s, vh = jnp.linalg.svd(x, full_matrices=full_matrices)
        return u, s, vh

    def eigh(self, x: Array) -> tuple[Array, Array]:
        values, vectors = jnp.linalg.eigh(_hermitian(x), symmetrize_input=False)
        return values, vectors

    def eig(self, x: Array) -> tuple[Array, Array]:
        x = lax.stop_gradient(x)
        dtype = jnp.result_type(x.dtype, np.complex64)
        if jax.default_backend() == "cpu":
            values, vectors = jnp.linalg.eig(x)
            return values, vectors
        # XLA has no general eigensolver on most accelerators.
        return jax.pure_callback(
            lambda x: tuple(y.astype(dtype) for y in np.linalg.eig(np.asarray(x))),
            (
                jax.ShapeDtypeStruct(x.shape[:-1], dtype),
                jax.ShapeDtypeStruct(x.shape, dtype),
            ),
            x,
            vmap_method="expand_dims",
        )

    def lu_factor(self, x: Array) -> tuple[Array, Array]:
        packed, pivots, _ = lax.linalg.lu(x)
        return packed, pivots

    def slogdet(self, x: Array) -> tuple[Array, Array]:
        sign, log_modulus = jnp.linalg.slogdet(x)
        return sign, log_modulus

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    fft = plain(jnp.fft.fft)
    ifft = plain(jnp.fft.ifft)
    rfft = plain(jnp.fft.rfft)
    irfft = plain(jnp.fft.irfft)

    # -- windows (channels last, 1 to 3 spatial axes; floats) --------------------------

    def conv(
        self,
        x: Array,
        kernel: Array,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Array:
        last, spatial = x.ndim - 1, tuple(range(1, x.ndim - 1))
        numbers = lax.ConvDimensionNumbers(
            lhs_spec=(0, last, *spatial),
            rhs_spec=(last, last - 1, *range(last - 1)),
            out_spec=(0, last, *spatial),
        )
        return lax.conv_general_dilated(
            x,
            kernel,
            strides,
            padding,
            rhs_dilation=dilation,
            dimension_numbers=numbers,
            feature_group_count=groups,
            precision=_FULL,
        )

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Array:
        channels = kernel.shape[-2] * groups
        source = jax.ShapeDtypeStruct((x.shape[0], *shape, channels), x.dtype)

        def forward(y: Array) -> Array:
            return self.conv(y, kernel, strides, padding, dilation, groups)

        (y,) = jax.linear_transpose(forward, source)(x)
        return y

    def max_pool(
        self, x: Array, window: Shape, strides: Shape, padding: Pairs
    ) -> Array:
        for axes in _passes(window, strides):
            best, seen = None, np.array(False)
            for new, real in _pieces(x, axes, window, strides, padding, -np.inf):
                if best is None:
                    best, seen = new, real
                    continue
                keep = (new <= best) | (best != best)
                if (real & ~seen).any():  # padding loses, even to an equal -inf
                    keep = keep & ~(real & ~seen)
                best, seen = jnp.where(keep, best, new), seen | real
            x = jnp.asarray(best)
        return x

    def sum_pool(
        self, x: Array, window: Shape, strides: Shape, padding: Pairs
    ) -> Array:
        def compute(x: Array) -> Array:
            # Up to 12 times as fast with its gradient as XLA's windowed reduction.
            for axes in _passes(window, strides):
                pieces = _pieces(x, axes, window, strides, padding, 0)
                x = reduce(jnp.add, (piece for piece, _ in pieces))
            return x

        return widened(compute, x)

    # -- random bits -------------------------------------------------------------------

    #: Whether the process has a mesh: programs on one have no `lax.mulhi`.
    meshed = False

    def random_bits(self, key: Key, shape: Shape, width: int) -> Array:
        words = jnp.asarray(key, native("uint32"))
        return _random_bits(words, shape, width, self.meshed)

    def fold_in(self, key: Key, data: Any) -> Key:
        dtype = native("uint32")
        words = jnp.asarray(key, dtype), jnp.asarray(data, dtype)
        return _fold_in(*words, self.meshed)

    # -- control flow (flat tuples of tensors; functions are pure) ---------------------

    def cond(
        self,
        predicate: Array,
        true_function: Function[Array],
        false_function: Function[Array],
        operands: Arrays,
    ) -> Tensors[Array]:
        return lax.cond(
            predicate, _tupled(true_function), _tupled(false_function), *operands
        )

    def while_loop(
        self, condition: Callable[..., Array], body: Function[Array], state: Arrays
    ) -> Tensors[Array]:
        return lax.while_loop(
            lambda s: condition(*s), lambda s: tuple(body(*s)), tuple(state)
        )

    def scan(
        self,
        function: Callable[
            [Tensors[Array], Tensors[Array]], tuple[Tensors[Array], Tensors[Array]]
        ],
        carry: Arrays,
        xs: Arrays,
        length: int,
        reverse: bool,
    ) -> tuple[Tensors[Array], Tensors[Array]]:
        def step(carry: Any, x: Any) -> tuple[Any, Any]:
            carry, y = function(carry, x)
            return tuple(carry), tuple(y)

        return lax.scan(step, tuple(carry), tuple(xs), length, reverse)

    # -- transforms (functions of flat positional tensors, returning flat tuples) ------

    def vjp(
        self, function: Function[Array], primals: Arrays
    ) -> tuple[Tensors[Array], Callable[[Arrays], Tensors[Array]]]:
        outputs, pull = jax.vjp(_tupled(function), *primals)
        inputs = [_like(x) for x in primals]

        def pullback(cotangents: Arrays) -> Tensors[Array]:
            gradients = pull(tuple(map(to_cotangent, cotangents)))
            return tuple(map(from_cotangent, gradients, inputs))

        return outputs, pullback

    def jvp(
        self, function: Function[Array], primals: Arrays, tangents: Arrays
    ) -> tuple[Tensors[Array], Tensors[Array]]:
        outputs, derivatives = jax.jvp(
            _tupled(function), tuple(primals), tuple(tangents)
        )
        return outputs, tuple(
            jnp.zeros_like(y) if t.dtype == jax.dtypes.float0 else t
            for y, t in zip(outputs, derivatives, strict=True)
        )

    def vmap(
        self, function: Function[Array], in_axes: Sequence[int | None]
    ) -> Function[Array]:
        return jax.vmap(_tupled(function), tuple(in_axes))

    def jit(self, function: Function[Array], donate: Sequence[int]) -> Function[Array]:
        def traced(*xs: Array) -> Tensors[Array]:
            with Running():
                return tuple(function(*xs))

        return jax.jit(traced, donate_argnums=tuple(donate))

    def checkpoint(self, function: Function[Array]) -> Function[Array]:
        return jax.checkpoint(_tupled(function))

    stop_gradient = plain(lax.stop_gradient)

    def custom_gradient(
        self,
        function: Callable[..., tuple[Tensors[Array], Callable[..., Tensors[Array]]]],
    ) -> Function[Array]:
        def run(*xs: Array) -> tuple[Tensors[Array], Callable[..., Any]]:
            outputs, pullback = function(*xs)
            kinds = [_like(y) for y in outputs]

            def pull(cotangents: Any) -> Any:
                given = map(from_cotangent, cotangents, kinds)
                return tuple(map(to_cotangent, pullback(*given)))

            return tuple(outputs), pull

        return jax.custom_gradient(run)

    # -- devices -----------------------------------------------------------------------

    def devices(self) -> tuple[str, ...]:
        return tuple(_devices())

    def device(self, name: str) -> AbstractContextManager[Any]:
        known = _devices()
        if name not in known:
            raise BackendError(
                f"JAX has no device {name!r}. Use one of: {', '.join(known)}."
            )
        return jax.default_device(known[name])

    def synchronize(self, x: Array) -> None:
        jax.block_until_ready(x)


# -- linear algebra --------------------------------------------------------------------


def _hermitian(x: Array) -> Array:
    # JAX's derivative rules take both halves to be given; the lower one alone is read.
    lower = jnp.tril(x, -1)
    diagonal = jnp.tril(x) - lower
    return lower + jnp.real(diagonal).astype(x.dtype) + jnp.conj(lower.mT)


# -- windows ---------------------------------------------------------------------------


def _passes(window: Shape, strides: Shape) -> list[tuple[int, ...]]:
    """Return the groups of spatial axes to reduce together, in order.

    Windows that overlap go axis by axis from the last, in which the first of equals in
    row-major order still wins: (5, 5) then takes 8 comparisons in place of 24, a tenth
    of the time with the gradient. Others go at once: (2, 2) by 2 in half the time.
    """
    axes = tuple(range(len(window)))
    if all(n <= stride for n, stride in zip(window, strides, strict=True)):
        return [axes]
    return [(axis,) for axis in reversed(axes)]


def _pieces(
    x: Array,
    axes: tuple[int, ...],
    window: Shape,
    strides: Shape,
    padding: Pairs,
    fill: float,
) -> Iterator[tuple[Array, np.ndarray[Any, Any]]]:
    """Yield the elements at each place of the windows, and which are not padding."""
    widths = [(0, 0, 0)] * x.ndim
    for i in axes:
        widths[i + 1] = (*padding[i], 0)
    padded = lax.pad(x, np.array(fill, x.dtype), widths)
    for shifts in itertools.product(*(range(window[i]) for i in axes)):
        start, stop, step = [0] * x.ndim, list(padded.shape), [1] * x.ndim
        real = np.ones((1,) * x.ndim, bool)
        for i, shift in zip(axes, shifts, strict=True):
            axis, stride = i + 1, strides[i]
            count = (padded.shape[axis] - window[i]) // stride + 1
            length = (count - 1) * stride + 1 if count > 0 else 0
            start[axis] = shift if length else 0
            stop[axis], step[axis] = start[axis] + length, stride
            places = np.arange(count) * stride + shift - padding[i][0]
            column = (count,) + (1,) * (x.ndim - 1 - axis)
            real = real & ((places >= 0) & (places < x.shape[axis])).reshape(column)
        yield lax.slice(padded, start, stop, step), real


# -- random bits -----------------------------------------------------------------------


def _philox(
    key: Array, c0: Array, c1: int, meshed: bool
) -> tuple[Array, Array, Array, Array]:
    """Return the four words of counters (c0, c1, k0, k1), c0 of any shape."""
    # Twice as fast on a CPU as `lax.rng_bit_generator`, whose batching rule, besides,
    # gives every key of a vmap the words of the first.
    k0, k1 = key[0], key[1]
    zeros = jnp.zeros_like(c0)
    first, second = (zeros + np.uint32(m) for m in _MULTIPLIERS)
    high = _high if meshed else lax.mulhi
    lanes = (c0, zeros + np.uint32(c1), zeros + k0, zeros + k1)
    for _ in range(philox.ROUNDS):
        c0, c1_, c2, c3 = lanes
        lanes = (
            high(second, c2) ^ c1_ ^ k0,
            second * c2,
            high(first, c0) ^ c3 ^ k1,
            first * c0,
        )
        k0 = k0 + np.uint32(philox.WEYL_0)
        k1 = k1 + np.uint32(philox.WEYL_1)
    return lanes


_MULTIPLIERS = (philox.MULTIPLY_0, philox.MULTIPLY_1)


def _high(x: Array, y: Array) -> Array:
    """Return the high words of products: `lax.mulhi`, at 1.3 times its cost."""
    with jax.enable_x64(True):
        wide = [lax.convert_element_type(v, np.uint64) for v in (x, y)]
        product = lax.shift_right_logical(lax.mul(*wide), np.uint64(32))
        return lax.convert_element_type(product, np.uint32)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _random_bits(key: Array, shape: Shape, width: int, meshed: bool) -> Array:
    count = int(np.prod(shape, dtype=np.int64))
    words = -(-count // (128 // width))
    lanes = _philox(key, lax.iota(np.uint32, words), 0, meshed)
    if width == 16:
        halves = [(lane & np.uint32(0xFFFF), lane >> np.uint32(16)) for lane in lanes]
        lanes = [half.astype(np.uint16) for pair in halves for half in pair]
    return lax.slice(jnp.stack(lanes, -1).reshape(-1), (0,), (count,)).reshape(shape)


@partial(jax.jit, static_argnums=2)
def _fold_in(key: Array, data: Array, meshed: bool) -> Array:
    return jnp.stack(_philox(key, data, 1, meshed)[:2])


# -- transforms ------------------------------------------------------------------------


def _tupled(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: tuple(function(*xs))


def _like(x: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype)


def to_cotangent(cotangent: Array) -> Any:
    """Return a cotangent as JAX wants it: conjugate if complex, float0 of integers."""
    if jnp.iscomplexobj(cotangent):
        return jnp.conj(cotangent)
    if not jnp.issubdtype(cotangent.dtype, np.inexact):
        return np.zeros(cotangent.shape, jax.dtypes.float0)
    return cotangent


def from_cotangent(cotangent: Any, like: jax.ShapeDtypeStruct | Array) -> Array:
    """Return a cotangent of JAX as the interface wants it, of the dtype of `like`."""
    if cotangent.dtype == jax.dtypes.float0:
        return jnp.zeros(like.shape, like.dtype)
    return jnp.conj(cotangent) if jnp.iscomplexobj(cotangent) else cotangent


# -- devices ---------------------------------------------------------------------------


def _devices() -> dict[str, Any]:
    found = jax.local_devices()
    if jax.default_backend() != "cpu":
        found = found + jax.local_devices(backend="cpu")
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    if chosen in found:
        found = [chosen, *(device for device in found if device != chosen)]
    return {device_name(device): device for device in found}


def device_name(device: Any) -> str:
    """Return the name of a device, such as "gpu:0"."""
    platform = {"cuda": "gpu", "rocm": "gpu"}.get(device.platform, device.platform)
    return f"{platform}:{device.id}"
