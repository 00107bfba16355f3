"""The dtypes for which each method of the interface is defined, as one table."""

from __future__ import annotations

from multinet import dtypes

_BOOL = frozenset({"bool"})
_INTEGERS = frozenset(dtypes.INTEGERS)
_FLOATS = frozenset(dtypes.FLOATS)
_WIDE = frozenset({"float32", "float64"})
_COMPLEX = frozenset(dtypes.COMPLEX)
_INEXACT = _FLOATS | _COMPLEX
_REAL = _INTEGERS | _FLOATS
_NUMBERS = _REAL | _COMPLEX
_ORDERED = _BOOL | _REAL
_ALL = frozenset(dtypes.ALL)

_METHODS = {
    _ALL: (
        "cast bitcast copy equal not_equal where reshape transpose broadcast_to "
        "concatenate pad slice flip take take_along_axis stop_gradient expand_dims "
        "squeeze stack split tile repeat embedding pick scatter"
    ),
    _BOOL: "logical_and logical_or logical_not any all",
    _INTEGERS: "left_shift right_shift one_hot",
    _BOOL | _INTEGERS: "bitwise_and bitwise_or bitwise_xor",
    _ORDERED: "less less_equal greater greater_equal argmax argmin sort argsort top_k",
    _REAL: (
        "sign floor_divide mod maximum minimum prod max min cumsum cumprod "
        "searchsorted arange clip relu"
    ),
    _NUMBERS: "negative abs add subtract multiply power sum matmul einsum square",
    _INEXACT: "sqrt exp log sin cos tanh divide isnan isfinite mean",
    _FLOATS: (
        "expm1 log1p tan arcsin arccos arctan sinh cosh arcsinh arccosh arctanh "
        "sigmoid erf erfinv floor ceil round arctan2 logaddexp conv conv_transpose "
        "max_pool sum_pool isinf rsqrt leaky_relu elu softplus silu gelu moments "
        "logsumexp softmax log_softmax dense mean_pool softmax_cross_entropy "
        "sparse_softmax_cross_entropy sigmoid_cross_entropy batch_norm layer_norm "
        "attention lstm gru sgd_update adam_update"
    ),
    _COMPLEX: "real imag conj fft ifft irfft",
    _WIDE: "make_complex rfft",
    _WIDE | _COMPLEX: (
        "cholesky solve solve_triangular qr svd eigh eig lu_factor slogdet inv det"
    ),
}

#: The dtypes of the main operand, by method; methods that take no tensor are absent.
DOMAINS = {name: kinds for kinds, names in _METHODS.items() for name in names.split()}
