"""The array half of the backend: conversion to sorting, in the interface's order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from multinet.errors import TraceError
from multinet.interface import Backend, in_program, primitives
from multinet.interface.signatures import SIGNATURES
from multinet_numpy import native
from multinet_numpy.dtypes import NAMES, NUMPY, canonical
from multinet_numpy.primitives import raw, traced
from multinet_numpy.tape import Traced, strip

# Arrays of these dtypes are tensors, and no host data.
_READY = {k: name for k, name in NAMES.items() if k not in native.DEFAULTS}


def _over(apply):
    return lambda x, axes, keepdims: apply(x, axes, keepdims)


def _along(apply):
    return lambda x, axis: apply(x, axis)


# Functions that record take no names; methods do.
_NAMED = {"over": _over, "along": _along}


def _by_form(cls):
    """Make the primitives that have a form of the recording functions."""
    for name in primitives():
        form = SIGNATURES[name].form
        if form:
            method = _NAMED.get(form, lambda apply: apply)(getattr(traced, name))
            setattr(cls, name, staticmethod(method))
    return cls


@_by_form
class ArrayBackend(Backend[Any]):
    """Conversion to sorting, but for methods that have a form."""

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

    def known(self, x):
        x = strip(x)
        return None if type(x) is native.Planned or in_program() else x

    def cast(self, x, dtype):
        kept = NUMPY[dtype].kind in "fcV"  # integers and bool have no gradient
        return traced.cast(x if kept else strip(x), dtype)

    def bitcast(self, x, dtype):
        return strip(x).view(NUMPY[dtype])

    def make_complex(self, real, imag):
        return traced.make_complex(real, imag)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape, value, dtype):
        return np.full(shape, value, NUMPY[dtype])

    def arange(self, start, stop, step, dtype):
        return raw.arange(start, stop, step, dtype)

    # -- comparison and logic ----------------------------------------------------------

    where = staticmethod(traced.where)

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
            try:
                return np.take(x, indices, axis)  # which counts back by itself
            except IndexError:
                pass  # the body words it, or fills
        return super().pick(x, indices, axis)

    def take_along_axis(self, x, indices, axis):
        return traced.take_along_axis(x, indices, axis)

    def scatter(self, x, indices, updates, mode):
        return traced.scatter(x, indices, updates, mode)

    # -- sorting -----------------------------------------------------------------------

    def searchsorted(self, sorted, values, side):
        return traced.searchsorted(sorted, values, side)
