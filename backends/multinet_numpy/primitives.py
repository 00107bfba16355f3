"""The two namespaces of primitives: `raw` on plain arrays, `traced` recording."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from multinet_numpy import (
    arrays,
    elementwise,
    linalg,
    rules_arrays,  # noqa: F401  (fills the table of rules)
    rules_elementwise,  # noqa: F401
    rules_linalg,  # noqa: F401
    windows,
)
from multinet_numpy.fast import fused_kernels, sequence
from multinet_numpy.fast.plan import plannable
from multinet_numpy.spaces import raw, traced
from multinet_numpy.tape import binary, constant, quiet, unary, variadic

_MODULES = (elementwise, arrays, windows, linalg, fused_kernels, sequence)
_CONSTANT = """
    arange sign floor ceil round floor_divide bitwise_and bitwise_or bitwise_xor
    left_shift right_shift equal less less_equal not_equal greater greater_equal
    logical_and logical_or logical_not isnan isfinite any all argmax argmin argsort
    searchsorted eig lu_factor tie_shares
"""
_UNARY = """
    real imag conj negative abs sqrt exp expm1 log log1p sin cos tan arcsin arccos
    arctan sinh cosh tanh arcsinh arccosh arctanh sigmoid erf erfinv sum unbroadcast
    prod max min cumsum cumprod reshape transpose swap broadcast_to pad flip getitem
    getitem_adjoint sort max_pool sum_pool sum_pool_adjoint fft ifft irfft cholesky
    relu softmax log_softmax
"""
_BINARY = """
    add subtract multiply divide mod power maximum minimum arctan2 logaddexp matmul
    solve solve_triangular conv conv_transpose conv_kernel relu_adjoint difference
"""
_VARIADIC = """
    make_complex cast where concatenate stack take take_adjoint take_along_axis
    take_along_axis_adjoint scatter max_pool_adjoint max_pool_select einsum rfft qr
    svd eigh slogdet dense cross_entropy cross_entropy_adjoint lstm lstm_adjoint gru
    gru_adjoint
"""
# Where inf and NaN are ordinary results; inside transforms and `jit` all is quiet.
_LOUD = frozenset(
    """
    divide floor_divide mod power log log1p sqrt exp expm1 sinh cosh tan arcsin arccos
    arccosh arctanh logaddexp sigmoid softmax log_softmax cast fft
    """.split()
)


def _quietly(kernel: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(kernel)
    def call(*args: Any) -> Any:
        with quiet():
            return kernel(*args)

    vars(call).pop("ufunc", None)  # which is loud
    return call


# Plain compositions of ufuncs and methods, which record themselves in a plan.
_PLAIN = frozenset(
    """
    add subtract multiply divide floor_divide mod maximum minimum arctan2 bitwise_and
    bitwise_or bitwise_xor left_shift right_shift power equal less less_equal not_equal
    greater greater_equal sigmoid reshape transpose swap getitem relu matmul
    """.split()
)


@functools.cache
def _kernel(name: str) -> Callable[..., Any]:
    kernel = next(getattr(m, name) for m in _MODULES if hasattr(m, name))
    if name in _PLAIN or isinstance(kernel, np.ufunc):
        return kernel
    return plannable(name, kernel)


def _fill() -> None:
    for kind, names in ((constant, _CONSTANT), (None, _UNARY + _BINARY + _VARIADIC)):
        for name in names.split():
            kernel = _kernel(name)
            setattr(raw, name, kernel)
            if kind is constant:
                setattr(traced, name, constant(_loud(name, kernel)))
    for record, names in ((unary, _UNARY), (binary, _BINARY), (variadic, _VARIADIC)):
        for name in names.split():
            setattr(traced, name, record(name, _loud(name, _kernel(name))))


def _loud(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    return _quietly(kernel) if name in _LOUD else kernel


_fill()
