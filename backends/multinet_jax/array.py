"""Array primitives in JAX. Contracts are in `multinet.interface.array`.

`jax.numpy` functions are jitted and take half the time of bare `lax` ones when eager (5
against 10 microseconds for an addition), so `lax` is here only for a narrower meaning.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero

from multinet import dtypes
from multinet.errors import DTypeError, TraceError
from multinet.interface import filling, in_program, refused
from multinet.interface.array import Axes, Scalar, Shape
from multinet.interface.fused import Backend
from multinet.interface.memory import aligned_copy

Array = jax.Array
Arrays = Sequence[Array]

_NAMES = {dtypes.to_numpy(name): name for name in dtypes.ALL}
_LOW = frozenset(map(dtypes.to_numpy, ("float16", "bfloat16")))
_WIDE = frozenset(("int64", "uint64", "float64", "complex128"))
IN_BOUNDS = lax.GatherScatterMode.PROMISE_IN_BOUNDS
_FILL = lax.GatherScatterMode.FILL_OR_DROP
_SCATTERS: dict[str, Callable[..., Array]] = {
    "set": lax.scatter,
    "add": lax.scatter_add,
    "multiply": lax.scatter_mul,
    "max": lax.scatter_max,
    "min": lax.scatter_min,
}

_LARGE = 1 << 16  # bytes of an array that JAX takes without a second copy
_switched = False  # whether it is this backend that let JAX have 64 bits


def native(dtype: str) -> np.dtype[Any]:
    """Return the NumPy dtype for a tensor about to be made, 64 bits if it may have."""
    global _switched
    if dtype in _WIDE:
        has_x64 = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        if not dtypes.x64_enabled() and (_switched or not has_x64):
            raise DTypeError(
                f"{dtype} was asked for, and 64-bit types on JAX exist only if "
                "JAX_ENABLE_X64=1, config.set_floatx('float64') or config.enable_x64() "
                "said so. Say so first, or use a 32-bit type."
            )
        if not has_x64:
            jax.config.update("jax_enable_x64", True)
            _switched = True
    return dtypes.to_numpy(dtype)


def widened(compute: Callable[[Array], Array], x: Array) -> Array:
    """Apply `compute` in float32 to a float16 or bfloat16 tensor and round once."""
    if x.dtype not in _LOW:
        return compute(x)
    wide = compute(lax.convert_element_type(x, np.float32))
    return lax.convert_element_type(wide, x.dtype)


plain: Any = staticmethod  # a function of JAX that is a method as it stands


def _scalar(value: Any, x: Any) -> Any:
    # JAX reads a Python int as an int32, whatever the dtype of the other operand.
    if type(value) is int and not -(2**31) <= value < 2**31:
        return np.array(value, x.dtype)
    return value


def _binary(compute: Callable[[Any, Any], Array]) -> Any:
    def method(self: Any, x: Array | Scalar, y: Array | Scalar) -> Array:
        if type(x) is int or type(y) is int:
            return compute(_scalar(x, y), _scalar(y, x))
        return compute(x, y)

    return method


_concrete: set[type] = set()  # the class of arrays, once seen: quicker than isinstance


def _is_array(x: Any) -> bool:
    if not isinstance(x, jax.Array):
        return False
    if not isinstance(x, Tracer):
        _concrete.add(type(x))
    return True


@jax.custom_jvp
def _power(x: Any, y: Any) -> Array:
    """Return x**y, whose derivatives of every order exist at x = 0 where y = 0."""
    return jnp.power(x, y)


def _power_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (x, y), (dx, dy) = primals, tangents
    result = _power(x, y)
    slope = jnp.zeros_like(result)
    if not isinstance(dx, SymbolicZero):
        slope = dx * y * _power(jnp.where(y == 0, 1, x), y - 1)
    if not isinstance(dy, SymbolicZero):
        base = jnp.where(x == 0, 1, x)
        slope = slope + dy * jnp.log(base) * _power(base, y)
    return result, slope


_power.defjvp(_power_jvp, symbolic_zeros=True)


def bounded(indices: Array, size: int, least: int = 0) -> Any:
    """Return JAX's mode for indices, as known: in bounds, or to be filled.

    Those that are known to be out of range are refused, outside of programs.
    """
    values = _at_hand(indices)
    if values is None:
        return _FILL
    error = refused(values, size, least)
    if error is None:
        return IN_BOUNDS
    if in_program():
        return _FILL
    raise error


def _at_hand(x: Array) -> Any:
    """Return the values of a tensor that is no tracer and lies on the host, or None."""
    if isinstance(x, Tracer):
        return None
    on_host = all(device.platform == "cpu" for device in x.devices())
    return np.asarray(x) if on_host else None


def _take(x: Array, indices: Array, axis: int, mode: Any) -> Array:
    ndim = x.ndim + indices.ndim - 1
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(*range(axis), *range(axis + indices.ndim, ndim)),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )
    sizes = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    places = lax.expand_dims(indices, (indices.ndim,))
    fill = filling(_NAMES[x.dtype])

    def gather(x: Array) -> Array:
        return lax.gather(x, places, numbers, sizes, mode=mode, fill_value=fill)

    # Widened so that the gradient, a sum over repeated indices, is not rounded at
    # each term; XLA fuses the casts into the gather.
    return widened(gather, x)


@functools.partial(jax.jit, static_argnums=(2, 3))
def _pick(x: Array, indices: Array, axis: int, mode: Any) -> Array:
    ahead = jnp.where(indices < 0, indices + x.shape[axis], indices)
    return _take(x, ahead, axis, mode)


def along(x: Array, indices: Array, axis: int, mode: Any = IN_BOUNDS) -> Array:
    """Pick elements along an axis; unless told otherwise, the indices are in range."""
    fill = filling(_NAMES[x.dtype])
    if mode == _FILL:  # JAX would count negative ones back
        indices = jnp.where(indices < 0, x.shape[axis], indices)
    return widened(
        lambda x: jnp.take_along_axis(x, indices, axis, mode=mode, fill_value=fill), x
    )


class ArrayOps(Backend[Array]):
    """Conversion to sorting."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Array:
        name = _NAMES.get(array.dtype)
        if name is None:
            raise DTypeError(
                f"JAX holds no {array.dtype} arrays. Convert to one of "
                f"{', '.join(dtypes.ALL)} first."
            )
        # The copy is made here: JAX's own `copy=True` may still be reading on return.
        if array.nbytes < _LARGE:
            return jnp.asarray(np.array(array), native(name))
        return jax.device_put(aligned_copy(array, native(name)), may_alias=True)

    def to_numpy(self, x: Array) -> np.ndarray[Any, Any]:
        if isinstance(x, Tracer):
            raise TraceError(
                "A tensor has no value while JAX compiles or transforms a function. "
                "Return it from the function and convert it outside."
            )
        return np.array(x)

    def is_tensor(self, x: object) -> bool:
        return isinstance(x, jax.Array)

    def shape(self, x: Array) -> Shape:
        return x.shape

    def dtype(self, x: Array) -> str:
        return _NAMES[x.dtype]  # `x.dtype.name` takes 1.4 microseconds, this 0.1

    def common_dtype(self, x: Any, y: Any) -> str | None:
        kind = type(x)
        if kind is type(y) and (kind in _concrete or _is_array(x)):
            return _NAMES[dtype] if (dtype := x.dtype) is y.dtype else None
        return None

    def known(self, x: Array) -> np.ndarray[Any, Any] | None:
        return None if in_program() else _at_hand(x)

    def cast(self, x: Array, dtype: str) -> Array:
        if dtype == "bool":
            return x if x.dtype == bool else jnp.not_equal(x, 0)
        return lax.convert_element_type(x, native(dtype))

    def bitcast(self, x: Array, dtype: str) -> Array:
        if jnp.iscomplexobj(x):
            parts = jnp.stack([lax.real(x), lax.imag(x)], -1)
            if dtype in dtypes.COMPLEX:
                return lax.stop_gradient(x)
            return lax.bitcast_convert_type(parts, native(dtype))
        if dtype in dtypes.COMPLEX:
            half = native(dtypes.real_of(dtype))
            parts = lax.bitcast_convert_type(x, half)
            return lax.complex(parts[..., 0], parts[..., 1])
        if x.dtype == bool:
            x = x.astype(np.uint8)
        if dtype == "bool":
            return lax.bitcast_convert_type(x, np.uint8) != 0
        return lax.bitcast_convert_type(x, native(dtype))

    make_complex = plain(lax.complex)
    real = plain(jnp.real)
    imag = plain(jnp.imag)
    conj = plain(jnp.conj)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Array:
        kind = native(dtype)
        with np.errstate(all="ignore"):
            one = np.asarray(value).astype(kind)
        if not all(isinstance(n, int | np.integer) for n in shape):
            return jnp.full(shape, one)  # sizes that an export leaves open
        # Compiles nothing, where `jnp.full` takes 70 ms for each new shape; in a trace
        # this is as much one number, broadcast.
        return jax.device_put(np.broadcast_to(one, shape))

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Array:
        kind = native(dtype)
        ends: tuple[Any, Any, Any] = (start, stop, step)
        if all(type(end) is int for end in ends):
            count = max(0, -((ends[0] - ends[1]) // ends[2]))
        else:
            count = max(0, math.ceil((ends[1] - ends[0]) / ends[2]))
        if start == 0 and step == 1:
            return lax.iota(kind, count)
        # On the host, where the products are exact: XLA rounds them in the low floats.
        exact = np.float64 if dtypes.is_float(dtype) else kind
        places = np.arange(count).astype(exact) * np.array(step).astype(exact)
        return jnp.array((places + np.array(start).astype(exact)).astype(kind))

    # -- elementwise, one operand ------------------------------------------------------

    negative = plain(jnp.negative)

    def abs(self, x: Array) -> Array:
        if not jnp.issubdtype(x.dtype, np.floating):
            return jnp.abs(x)
        return jnp.where(x == 0, 0, jnp.abs(x))  # JAX's gradient at 0 is 1

    sign = plain(jnp.sign)
    sqrt = plain(jnp.sqrt)
    exp = plain(jnp.exp)
    expm1 = plain(jnp.expm1)
    log = plain(jnp.log)
    log1p = plain(jnp.log1p)
    sin = plain(jnp.sin)
    cos = plain(jnp.cos)
    tan = plain(jnp.tan)
    arcsin = plain(jnp.arcsin)
    arccos = plain(jnp.arccos)
    arctan = plain(jnp.arctan)
    sinh = plain(jnp.sinh)
    cosh = plain(jnp.cosh)
    tanh = plain(jnp.tanh)

    def arcsinh(self, x: Array) -> Array:
        return widened(jnp.arcsinh, x)

    def arccosh(self, x: Array) -> Array:
        return widened(jnp.arccosh, x)

    arctanh = plain(jnp.arctanh)
    sigmoid = plain(jax.nn.sigmoid)
    erf = plain(lax.erf)
    erfinv = plain(lax.erf_inv)
    floor = plain(jnp.floor)
    ceil = plain(jnp.ceil)
    round = plain(jnp.round)

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    add = _binary(jnp.add)
    subtract = _binary(jnp.subtract)
    multiply = _binary(jnp.multiply)
    divide = _binary(jnp.divide)
    floor_divide = _binary(jnp.floor_divide)
    mod = _binary(jnp.remainder)
    maximum = _binary(jnp.maximum)
    minimum = _binary(jnp.minimum)
    arctan2 = _binary(jnp.arctan2)
    bitwise_and = _binary(jnp.bitwise_and)
    bitwise_or = _binary(jnp.bitwise_or)
    bitwise_xor = _binary(jnp.bitwise_xor)
    left_shift = _binary(jnp.left_shift)
    right_shift = _binary(jnp.right_shift)

    def power(self, x: Array | Scalar, y: Array | Scalar) -> Array:
        base, exponent = _scalar(x, y), _scalar(y, x)
        if not jnp.issubdtype(jnp.result_type(base, exponent), np.inexact):
            return jnp.power(base, exponent)
        if type(exponent) in (int, float) and exponent % 1 == 0:
            return widened(lambda x: jnp.power(x, int(exponent)), base)
        return _power(base, exponent)

    def logaddexp(self, x: Array | Scalar, y: Array | Scalar) -> Array:
        if isinstance(x, jax.Array):
            return widened(lambda x: jnp.logaddexp(x, y), x)
        return self.logaddexp(y, x)

    # -- comparison and logic ----------------------------------------------------------

    equal = _binary(jnp.equal)
    less = _binary(jnp.less)
    less_equal = _binary(jnp.less_equal)

    logical_and = plain(jnp.logical_and)
    logical_or = plain(jnp.logical_or)
    logical_not = plain(jnp.logical_not)
    isnan = plain(jnp.isnan)
    isfinite = plain(jnp.isfinite)

    def where(self, condition: Array, x: Array | Scalar, y: Array | Scalar) -> Array:
        return jnp.where(condition, _scalar(x, y), _scalar(y, x))

    # -- reductions (`axes` sorted, unique, non-negative; () reduces nothing) ----------

    def sum(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return widened(lambda x: jnp.sum(x, axes, x.dtype, keepdims=keepdims), x)

    def prod(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return widened(lambda x: jnp.prod(x, axes, x.dtype, keepdims=keepdims), x)

    def max(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return jnp.max(x, axes, keepdims=keepdims)

    def min(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return jnp.min(x, axes, keepdims=keepdims)

    def any(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return jnp.any(x, axes, keepdims=keepdims)

    def all(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return jnp.all(x, axes, keepdims=keepdims)

    def argmax(self, x: Array, axis: int) -> Array:
        return lax.argmax(x, axis, np.int32)  # type: ignore[arg-type]

    def argmin(self, x: Array, axis: int) -> Array:
        return lax.argmin(x, axis, np.int32)  # type: ignore[arg-type]

    def cumsum(self, x: Array, axis: int) -> Array:
        return widened(lambda x: lax.cumsum(x, axis), x)

    def cumprod(self, x: Array, axis: int) -> Array:
        return widened(lambda x: lax.cumprod(x, axis), x)

    # -- shape (all dtypes) ------------------------------------------------------------

    reshape = plain(lax.reshape)
    transpose = plain(jnp.transpose)
    broadcast_to = plain(jnp.broadcast_to)
    concatenate = plain(lax.concatenate)

    def pad(self, x: Array, widths: Sequence[tuple[int, int]], value: Scalar) -> Array:
        fill = np.array(value).astype(x.dtype)
        return lax.pad(x, fill, [(before, after, 0) for before, after in widths])

    slice = plain(lax.slice)
    flip = plain(lax.rev)

    # -- indexing ----------------------------------------------------------------------

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        return _take(x, indices, axis, bounded(indices, x.shape[axis]))

    def pick(self, x: Array, indices: Array, axis: int) -> Array:
        size = x.shape[axis]
        mode = bounded(indices, size, -size)
        return _pick(x, indices, axis, mode)  # compiled: four calls in one

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        return along(x, indices, axis, bounded(indices, x.shape[axis]))

    def scatter(self, x: Array, indices: Array, updates: Array, mode: str) -> Array:
        depth = indices.shape[1]
        numbers = lax.ScatterDimensionNumbers(
            update_window_dims=tuple(range(1, updates.ndim)),
            inserted_window_dims=tuple(range(depth)),
            scatter_dims_to_operand_dims=tuple(range(depth)),
        )
        combine = _SCATTERS[mode]

        def compute(x: Array) -> Array:
            values = updates.astype(x.dtype)
            return combine(x, indices, values, numbers, mode=IN_BOUNDS)

        return widened(compute, x)

    # -- sorting -----------------------------------------------------------------------

    sort = plain(lax.sort)

    def argsort(self, x: Array) -> Array:
        places = lax.broadcasted_iota(np.int32, x.shape, x.ndim - 1)
        return lax.sort((x, places), num_keys=1, is_stable=True)[1]

    def searchsorted(self, sorted: Array, values: Array, side: str) -> Array:
        return jnp.searchsorted(sorted, values, side).astype(np.int32)
