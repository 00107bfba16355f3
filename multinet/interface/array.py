"""Array primitives: conversion to sorting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from multinet.typing import Host

T = TypeVar("T")
Scalar = bool | int | float | complex
Shape = tuple[int, ...]
Axes = tuple[int, ...]


class ArrayPrimitives(ABC, Generic[T]):
    """Conversion to sorting. See the package docstring for the shared conventions."""

    # -- conversion --------------------------------------------------------------------

    @abstractmethod
    def from_numpy(self, array: Host) -> T:
        """Copy a NumPy array into a tensor of the same dtype and shape.

        All dtypes (bfloat16 is ml_dtypes'). `DTypeError` if the framework cannot hold
        it.
        """

    @abstractmethod
    def to_numpy(self, x: T) -> Host:
        """Copy a tensor to a NumPy array of the same dtype and shape.

        Waits for the device. `TraceError` while compiling, when there is no value yet.
        """

    @abstractmethod
    def is_tensor(self, x: object) -> bool:
        """Return whether `x` is a tensor of this backend, traced ones included."""

    @abstractmethod
    def shape(self, x: T) -> Shape:
        """Return the shape: ints, and `Dim`s where a symbolic size is unknown."""

    @abstractmethod
    def dtype(self, x: T) -> str:
        """Return the dtype's name, such as `"float32"`."""

    @abstractmethod
    def cast(self, x: T, dtype: str) -> T:
        """Convert to `dtype`: any to any but complex to real.

        To bool is `x != 0` (NaN is true); float to integer truncates; the gradient is
        cast back.
        """

    @abstractmethod
    def bitcast(self, x: T, dtype: str) -> T:
        """Reinterpret the bits as another dtype of the same width. No gradient."""

    @abstractmethod
    def make_complex(self, real: T, imag: T) -> T:
        """Join two float32 (float64) tensors into one of complex64 (complex128)."""

    @abstractmethod
    def real(self, x: T) -> T:
        """Return the real part of a complex tensor, in float32 (float64)."""

    @abstractmethod
    def imag(self, x: T) -> T:
        """Return the imaginary part of a complex tensor, in float32 (float64)."""

    @abstractmethod
    def conj(self, x: T) -> T:
        """Return the complex conjugate of a complex tensor."""

    # -- creation ----------------------------------------------------------------------

    @abstractmethod
    def full(self, shape: Shape, value: Scalar, dtype: str) -> T:
        """Return a tensor filled with a scalar whose kind does not widen `dtype`."""

    @abstractmethod
    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> T:
        """Return start + i * step for i < ceil((stop - start) / step), a vector of
        `dtype`.

        Integers and floats; `step` is not zero; empty where the range is.
        """

    # -- elementwise, one operand ------------------------------------------------------

    @abstractmethod
    def negative(self, x: T) -> T:
        """Return -x. Integers, floats, complex; unsigned wraps."""

    @abstractmethod
    def abs(self, x: T) -> T:
        """Return |x|.

        Integers and floats; the modulus, in the real dtype, of complex.
        """

    @abstractmethod
    def sign(self, x: T) -> T:
        """Return -1, 0 or 1 (NaN for NaN). Integers and floats. Gradient zero."""

    @abstractmethod
    def sqrt(self, x: T) -> T:
        """Return the square root; NaN below zero. Floats and complex."""

    @abstractmethod
    def exp(self, x: T) -> T:
        """Return e**x. Floats and complex."""

    @abstractmethod
    def expm1(self, x: T) -> T:
        """Return e**x - 1, accurate near zero. Floats."""

    @abstractmethod
    def log(self, x: T) -> T:
        """Return the natural logarithm: -inf at 0, NaN below. Floats and complex."""

    @abstractmethod
    def log1p(self, x: T) -> T:
        """Return log(1 + x), accurate near zero. Floats."""

    @abstractmethod
    def sin(self, x: T) -> T:
        """Return the sine of radians. Floats and complex."""

    @abstractmethod
    def cos(self, x: T) -> T:
        """Return the cosine of radians. Floats and complex."""

    @abstractmethod
    def tan(self, x: T) -> T:
        """Return the tangent of radians. Floats."""

    @abstractmethod
    def arcsin(self, x: T) -> T:
        """Return the inverse sine in radians; NaN outside [-1, 1]. Floats."""

    @abstractmethod
    def arccos(self, x: T) -> T:
        """Return the inverse cosine in radians; NaN outside [-1, 1]. Floats."""

    @abstractmethod
    def arctan(self, x: T) -> T:
        """Return the inverse tangent in radians. Floats."""

    @abstractmethod
    def sinh(self, x: T) -> T:
        """Return the hyperbolic sine. Floats."""

    @abstractmethod
    def cosh(self, x: T) -> T:
        """Return the hyperbolic cosine. Floats."""

    @abstractmethod
    def tanh(self, x: T) -> T:
        """Return the hyperbolic tangent. Floats and complex."""

    @abstractmethod
    def arcsinh(self, x: T) -> T:
        """Return the inverse hyperbolic sine. Floats."""

    @abstractmethod
    def arccosh(self, x: T) -> T:
        """Return the inverse hyperbolic cosine; NaN below 1. Floats."""

    @abstractmethod
    def arctanh(self, x: T) -> T:
        """Return the inverse hyperbolic tangent; +-inf at +-1, NaN beyond. Floats."""

    @abstractmethod
    def sigmoid(self, x: T) -> T:
        """Return 1 / (1 + e**-x), relatively accurate far below zero. Floats."""

    @abstractmethod
    def erf(self, x: T) -> T:
        """Return the error function. Floats."""

    @abstractmethod
    def erfinv(self, x: T) -> T:
        """Return the inverse error function: +-inf at +-1, NaN beyond. Floats."""

    @abstractmethod
    def floor(self, x: T) -> T:
        """Round down. Floats. Gradient zero."""

    @abstractmethod
    def ceil(self, x: T) -> T:
        """Round up. Floats. Gradient zero."""

    @abstractmethod
    def round(self, x: T) -> T:
        """Round to the nearest integer, halves to even. Floats. Gradient zero."""

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    @abstractmethod
    def add(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x + y. Integers, floats, complex."""

    @abstractmethod
    def subtract(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x - y. Integers, floats, complex."""

    @abstractmethod
    def multiply(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x * y. Integers, floats, complex."""

    @abstractmethod
    def divide(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x / y: inf or NaN at zero divisors. Floats and complex."""

    @abstractmethod
    def floor_divide(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x / y rounded down. Integers and floats. Gradient zero."""

    @abstractmethod
    def mod(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return the remainder with the sign of y. Integers and floats.

        The gradient is 1 for x and -floor(x / y) for y.
        """

    @abstractmethod
    def power(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x**y; 1 for y = 0; NaN for negative x and fractional y.

        Floats and complex; integers with y >= 0.
        """

    @abstractmethod
    def maximum(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return the larger; NaN if either is; ties split the gradient.

        Integers, floats.
        """

    @abstractmethod
    def minimum(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return the smaller; NaN if either is; ties split the gradient.

        Integers, floats.
        """

    @abstractmethod
    def arctan2(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return the angle of the point (y, x) in radians, in [-pi, pi]. Floats.

        The first operand is the ordinate, as everywhere.
        """

    @abstractmethod
    def logaddexp(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return log(e**x + e**y) without overflow; smooth at ties to all orders.

        Floats.
        """

    @abstractmethod
    def bitwise_and(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x & y. Integers and bool."""

    @abstractmethod
    def bitwise_or(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x | y. Integers and bool."""

    @abstractmethod
    def bitwise_xor(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x ^ y. Integers and bool."""

    @abstractmethod
    def left_shift(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x << y for 0 <= y < width. Integers."""

    @abstractmethod
    def right_shift(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x >> y for 0 <= y < width: logical on unsigned, else arithmetic."""

    # -- comparison and logic ----------------------------------------------------------

    @abstractmethod
    def equal(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x == y as bool; false where either is NaN. All dtypes; broadcasts."""

    @abstractmethod
    def less(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x < y as bool; false where either is NaN. Bool, integers, floats."""

    @abstractmethod
    def less_equal(self, x: T | Scalar, y: T | Scalar) -> T:
        """Return x <= y as bool; false where either is NaN. Bool, integers, floats."""

    @abstractmethod
    def logical_and(self, x: T, y: T) -> T:
        """Return x and y, of bool tensors; broadcasts."""

    @abstractmethod
    def logical_or(self, x: T, y: T) -> T:
        """Return x or y, of bool tensors; broadcasts."""

    @abstractmethod
    def logical_not(self, x: T) -> T:
        """Return not x, of a bool tensor."""

    @abstractmethod
    def isnan(self, x: T) -> T:
        """Return where x is NaN, as bool. Floats and complex (either part)."""

    @abstractmethod
    def isfinite(self, x: T) -> T:
        """Return where x is neither inf nor NaN, as bool. Floats and complex."""

    @abstractmethod
    def where(self, condition: T, x: T | Scalar, y: T | Scalar) -> T:
        """Return x where the bool condition holds, else y; all three broadcast. All
        dtypes.

        At most one of `x`, `y` is a Python scalar. The branch not selected gets
        gradient 0.
        """

    # -- reductions (`axes` sorted, unique, non-negative; () reduces nothing) ----------

    @abstractmethod
    def sum(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return the sum over axes. Integers, floats, complex; the dtype stays.

        Relative error at most 4e-7 on positive float32 of (4096, 16) over axis 0.
        """

    @abstractmethod
    def prod(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return the product over axes; zeros have exact gradients.

        Integers, floats.
        """

    @abstractmethod
    def max(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return the largest over non-empty axes; NaN wins. Integers and floats."""

    @abstractmethod
    def min(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return the smallest over non-empty axes; NaN wins. Integers and floats."""

    @abstractmethod
    def any(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return whether any is true, of a bool tensor."""

    @abstractmethod
    def all(self, x: T, axes: Axes, keepdims: bool) -> T:
        """Return whether all are true, of a bool tensor."""

    @abstractmethod
    def argmax(self, x: T, axis: int) -> T:
        """Return the int32 index of the first maximum along one axis, which is dropped.

        Bool, integers and floats; the first NaN counts as the maximum.
        """

    @abstractmethod
    def argmin(self, x: T, axis: int) -> T:
        """Return the int32 index of the first minimum along one axis, which is dropped.

        Bool, integers and floats; the first NaN counts as the minimum.
        """

    @abstractmethod
    def cumsum(self, x: T, axis: int) -> T:
        """Return running sums along an axis. Integers and floats; the dtype stays."""

    @abstractmethod
    def cumprod(self, x: T, axis: int) -> T:
        """Return running products along an axis; exact gradient at zeros.

        Integers, floats.
        """

    # -- shape (all dtypes) ------------------------------------------------------------

    @abstractmethod
    def reshape(self, x: T, shape: Shape) -> T:
        """Return the elements in row-major order in another shape; no -1."""

    @abstractmethod
    def transpose(self, x: T, permutation: Axes) -> T:
        """Permute the axes: axis i of the result is axis permutation[i] of x."""

    @abstractmethod
    def broadcast_to(self, x: T, shape: Shape) -> T:
        """Expand axes of size 1, and add leading ones, to `shape`."""

    @abstractmethod
    def concatenate(self, xs: Sequence[T], axis: int) -> T:
        """Join at least one tensor along an existing axis."""

    @abstractmethod
    def pad(self, x: T, widths: Sequence[tuple[int, int]], value: Scalar) -> T:
        """Surround with a scalar of x's kind: (before, after) >= 0 for each axis."""

    @abstractmethod
    def slice(self, x: T, start: Shape, stop: Shape, step: Shape) -> T:
        """Return x[start:stop:step] by axis: 0 <= start <= stop <= size, step >= 1."""

    @abstractmethod
    def flip(self, x: T, axes: Axes) -> T:
        """Reverse the order along axes."""

    # -- indexing ----------------------------------------------------------------------

    @abstractmethod
    def take(self, x: T, indices: T, axis: int) -> T:
        """Pick slices along an axis: shape x[:axis] + indices + x[axis+1:]. All dtypes.

        Indices are int32 or int64 of any shape, in [0, size); see "out of range" of the
        conventions.
        """

    @abstractmethod
    def take_along_axis(self, x: T, indices: T, axis: int) -> T:
        """Pick elements along an axis, indices having x's shape but on that axis.

        Indices are int32 or int64 in [0, size), as for `take`. All dtypes.
        """

    @abstractmethod
    def scatter(self, x: T, indices: T, updates: T, mode: str) -> T:
        """Return x with x[indices[i]] combined with updates[i]. Numbers; set also bool.

        `indices` (n, k), int32 or int64, address the first k axes and are in range:
        the caller sees to it. `updates` is (n, *x.shape[k:]); `mode` is set, add,
        multiply, max or min. Repeated indices add up in `add` and are undefined in
        `set`. Gradients are required of set and add.
        """

    # -- sorting -----------------------------------------------------------------------

    @abstractmethod
    def sort(self, x: T) -> T:
        """Sort the last axis ascending, NaN last. Bool, integers, floats."""

    @abstractmethod
    def argsort(self, x: T) -> T:
        """Return the stable int32 order that sorts the last axis upwards, NaN last."""

    @abstractmethod
    def searchsorted(self, sorted: T, values: T, side: str) -> T:
        """Return int32 insertion points of values (any shape) in an ascending vector.

        `side` is left or right: before or after equal elements. Integers and floats.
        """
