"""The array half of the backend: conversion to sorting, in the interface's order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from multinet.errors import TraceError
from multinet.interface import Backend
from multinet_numpy import native
from multinet_numpy.dtypes import NAMES, NUMPY, canonical
from multinet_numpy.primitives import raw, traced
from multinet_numpy.tape import Traced, strip

# Arrays of these dtypes are tensors, and no host data.
_READY = {k: name for k, name in NAMES.items() if k not in native.DEFAULTS}


class ArrayBackend(Backend[Any]):
    """Conversion to sorting; elementwise primitives are the recording functions."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array):
        array = np.asarray(array)
        return np.array(array, dtype=canonical(array.dtype))

    def to_numpy(self, x):
        if type(x) is Traced:
            raise TraceError(
                "to_numpy met a value that is being differentiated, which cuts its "
                "gradient silently. Use stop_gradient(x) first, or return the value as "
                "an auxiliary output."
            )
        return np.array(x)

    def is_tensor(self, x):
        return native.is_tensor(x)

    def shape(self, x):
        return x.shape

    def dtype(self, x):
        return NAMES[x.dtype.type]

    def common_dtype(self, x, y):
        if type(x) is type(y) is ndarray and (dtype := x.dtype) is y.dtype:
            return _READY.get(dtype.type)
        return None

    def cast(self, x, dtype):
        kept = NUMPY[dtype].kind in "fcV"  # integers and bool have no gradient
        return traced.cast(x if kept else strip(x), dtype)

    def bitcast(self, x, dtype):
        return strip(x).view(NUMPY[dtype])

    def make_complex(self, real, imag):
        return traced.make_complex(real, imag)

    def real(self, x):
        return traced.real(x)

    def imag(self, x):
        return traced.imag(x)

    def conj(self, x):
        return traced.conj(x)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape, value, dtype):
        return np.full(shape, value, NUMPY[dtype])

    def arange(self, start, stop, step, dtype):
        return raw.arange(start, stop, step, dtype)

    # -- elementwise, one operand ------------------------------------------------------

    negative = staticmethod(traced.negative)
    abs = staticmethod(traced.abs)
    sign = staticmethod(traced.sign)
    sqrt = staticmethod(traced.sqrt)
    exp = staticmethod(traced.exp)
    expm1 = staticmethod(traced.expm1)
    log = staticmethod(traced.log)
    log1p = staticmethod(traced.log1p)
    sin = staticmethod(traced.sin)
    cos = staticmethod(traced.cos)
    tan = staticmethod(traced.tan)
    arcsin = staticmethod(traced.arcsin)
    arccos = staticmethod(traced.arccos)
    arctan = staticmethod(traced.arctan)
    sinh = staticmethod(traced.sinh)
    cosh = staticmethod(traced.cosh)
    tanh = staticmethod(traced.tanh)
    arcsinh = staticmethod(traced.arcsinh)
    arccosh = staticmethod(traced.arccosh)
    arctanh = staticmethod(traced.arctanh)
    sigmoid = staticmethod(traced.sigmoid)
    erf = staticmethod(traced.erf)
    erfinv = staticmethod(traced.erfinv)
    floor = staticmethod(traced.floor)
    ceil = staticmethod(traced.ceil)
    round = staticmethod(traced.round)

    # -- elementwise, two operands -----------------------------------------------------

    add = staticmethod(traced.add)
    subtract = staticmethod(traced.subtract)
    multiply = staticmethod(traced.multiply)
    divide = staticmethod(traced.divide)
    floor_divide = staticmethod(traced.floor_divide)
    mod = staticmethod(traced.mod)
    power = staticmethod(traced.power)
    maximum = staticmethod(traced.maximum)
    minimum = staticmethod(traced.minimum)
    arctan2 = staticmethod(traced.arctan2)
    logaddexp = staticmethod(traced.logaddexp)
    bitwise_and = staticmethod(traced.bitwise_and)
    bitwise_or = staticmethod(traced.bitwise_or)
    bitwise_xor = staticmethod(traced.bitwise_xor)
    left_shift = staticmethod(traced.left_shift)
    right_shift = staticmethod(traced.right_shift)

    # -- comparison and logic ----------------------------------------------------------

    equal = staticmethod(traced.equal)
    less = staticmethod(traced.less)
    less_equal = staticmethod(traced.less_equal)
    logical_and = staticmethod(traced.logical_and)
    logical_or = staticmethod(traced.logical_or)
    logical_not = staticmethod(traced.logical_not)
    isnan = staticmethod(traced.isnan)
    isfinite = staticmethod(traced.isfinite)
    where = staticmethod(traced.where)

    # -- reductions --------------------------------------------------------------------

    def sum(self, x, axes, keepdims):
        return traced.sum(x, axes, keepdims)

    def prod(self, x, axes, keepdims):
        return traced.prod(x, axes, keepdims)

    def max(self, x, axes, keepdims):
        return traced.max(x, axes, keepdims)

    def min(self, x, axes, keepdims):
        return traced.min(x, axes, keepdims)

    def any(self, x, axes, keepdims):
        return traced.any(x, axes, keepdims)

    def all(self, x, axes, keepdims):
        return traced.all(x, axes, keepdims)

    def argmax(self, x, axis):
        return traced.argmax(x, axis)

    def argmin(self, x, axis):
        return traced.argmin(x, axis)

    def cumsum(self, x, axis):
        return traced.cumsum(x, axis)

    def cumprod(self, x, axis):
        return traced.cumprod(x, axis)

    # -- shape -------------------------------------------------------------------------

    def reshape(self, x, shape):
        return traced.reshape(x, shape)

    def transpose(self, x, permutation):
        return traced.transpose(x, permutation)

    def broadcast_to(self, x, shape):
        return traced.broadcast_to(x, shape)

    def concatenate(self, xs, axis):
        return traced.concatenate(*xs, axis)

    def pad(self, x, widths, value):
        return traced.pad(x, widths, value)

    def slice(self, x, start, stop, step):
        return traced.getitem(x, tuple(map(slice, start, stop, step)))

    def flip(self, x, axes):
        return traced.flip(x, axes)

    # -- indexing ----------------------------------------------------------------------

    def take(self, x, indices, axis):
        return traced.take(x, indices, axis)

    def pick(self, x, indices, axis):
        if type(x) is type(indices) is ndarray:
            return np.take(x, indices, axis)  # which counts back by itself
        return super().pick(x, indices, axis)

    def take_along_axis(self, x, indices, axis):
        return traced.take_along_axis(x, indices, axis)

    def scatter(self, x, indices, updates, mode):
        return traced.scatter(x, indices, updates, mode)

    # -- sorting -----------------------------------------------------------------------

    def sort(self, x):
        return traced.sort(x)

    def argsort(self, x):
        return traced.argsort(x)

    def searchsorted(self, sorted, values, side):
        return traced.searchsorted(sorted, values, side)
