"""The error function and its inverse, to the last digits of the dtype.

Sources: Cody, "Rational Chebyshev approximations for the error function", 1969;
Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_BLOCK = 16384  # elements a pass: the temporaries stay in cache


def _pair(top: str, bottom: str) -> tuple[list[float], list[float]]:
    return [float(c) for c in top.split()], [float(c) for c in bottom.split()]


# Each pair: numerator and denominator, highest power first.
_ERF_SMALL = _pair(
    """
    1.85777706184603153e-1 3.16112374387056560e0 1.13864154151050156e2
    3.77485237685302021e2 3.20937758913846947e3
    """,
    """
    1.0 2.36012909523441209e1 2.44024637934444173e2
    1.28261652607737228e3 2.84423683343917062e3
    """,
)
_ERFC_MIDDLE = _pair(
    """
    2.15311535474403846e-8 5.64188496988670089e-1 8.88314979438837594e0
    6.61191906371416295e1 2.98635138197400131e2 8.81952221241769090e2
    1.71204761263407058e3 2.05107837782607147e3 1.23033935479799725e3
    """,
    """
    1.0 1.57449261107098347e1 1.17693950891312499e2
    5.37181101862009858e2 1.62138957456669019e3 3.29079923573345963e3
    4.36261909014324716e3 3.43936767414372164e3 1.23033935480374942e3
    """,
)
_QUANTILE_CENTRE = _pair(
    """
    2.5090809287301226727e3 3.3430575583588128105e4 6.7265770927008700853e4
    4.5921953931549871457e4 1.3731693765509461125e4 1.9715909503065514427e3
    1.3314166789178437745e2 3.3871328727963666080e0
    """,
    """
    5.2264952788528545610e3 2.8729085735721942674e4 3.9307895800092710610e4
    2.1213794301586595867e4 5.3941960214247511077e3 6.8718700749205790830e2
    4.2313330701600911252e1 1.0
    """,
)
_QUANTILE_TAIL = _pair(
    """
    7.74545014278341407640e-4 2.27238449892691845833e-2 2.41780725177450611770e-1
    1.27045825245236838258e0 3.64784832476320460504e0 5.76949722146069140550e0
    4.63033784615654529590e0 1.42343711074968357734e0
    """,
    """
    1.05075007164441684324e-9 5.47593808499534494600e-4 1.51986665636164571966e-2
    1.48103976427480074590e-1 6.89767334985100004550e-1 1.67638483018380384940e0
    2.05319162663775882187e0 1.0
    """,
)
_QUANTILE_FAR = _pair(
    """
    2.01033439929228813265e-7 2.71155556874348757815e-5 1.24266094738807843860e-3
    2.65321895265761230930e-2 2.96560571828504891230e-1 1.78482653991729133580e0
    5.46378491116411436990e0 6.65790464350110377720e0
    """,
    """
    2.04426310338993978564e-15 1.42151175831644588870e-7 1.84631831751005468180e-5
    7.86869131145613259100e-4 1.48753612908506148525e-2 1.36929880922735805310e-1
    5.99832206555887937690e-1 1.0
    """,
)


def _ratio(pair: tuple[list[float], list[float]], x: Any) -> Any:
    top, bottom = (np.full_like(x, coefficients[0]) for coefficients in pair)
    for value, coefficients in zip((top, bottom), pair):
        for coefficient in coefficients[1:]:
            value *= x
            value += coefficient
    return np.divide(top, bottom, out=top)


def _erf_block(x: Any) -> Any:
    size = np.abs(x)
    middle = np.clip(size, 0.46875, 6.0)  # erf(6) is 1 in float64; clip keeps NaN
    outer = 1.0 - np.exp(-middle * middle) * _ratio(_ERFC_MIDDLE, middle)
    np.minimum(size, 0.46875, out=middle)
    inner = size * _ratio(_ERF_SMALL, np.square(middle, out=middle))
    # computing both halves everywhere is faster than gathering each
    return np.copysign(np.where(size <= 0.46875, inner, outer), x)


def _erfinv_block(x: Any) -> Any:
    size = np.abs(x)
    out = 0.5 * x * _ratio(_QUANTILE_CENTRE, 0.180625 - 0.25 * x * x)
    tail = size > 0.85
    if tail.any():
        r = np.sqrt(-np.log((1.0 - size[tail]) * 0.5))
        quantile = _ratio(_QUANTILE_TAIL, np.minimum(r, 5.0) - 1.6)
        far = r > 5.0
        if far.any():
            edge = np.isinf(r[far])
            deep = _ratio(_QUANTILE_FAR, np.minimum(r[far], 30.0) - 5.0)
            quantile[far] = np.where(edge, math.inf, deep)
        out[tail] = np.copysign(quantile, x[tail])
    out *= math.sqrt(0.5)
    return out


def _blockwise(block: Any, x: Any, dtype: Any) -> Any:
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty_like(flat)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _BLOCK):
            piece = flat[start : start + _BLOCK].astype(dtype)
            out[start : start + _BLOCK] = block(piece)
    return out.reshape(np.shape(x))


# erf(x) = x * P(x**2) / Q(x**2) on [-3.9, 3.9]: a least-squares fit of weights that
# level the relative error, 2e-8 in exact arithmetic; float32 rounds to 4e-7. From 3.95
# on it exceeds 1, where erf is 1 in float32.
ERF_SINGLE = _pair(
    """
    2.06648517e-6 2.85059472e-4 3.73824665e-3 5.26677797e-2 1.89664584e-1 1.12837915
    """,
    """
    3.82699991e-5 1.15735102e-3 1.49140803e-2 1.13818025e-1 5.01418643e-1 1.0
    """,
)

SATURATED = 4.05


def _erf_single(x: Any) -> Any:
    near = np.clip(x, -SATURATED, SATURATED)  # keeps NaN
    out = _ratio(ERF_SINGLE, np.multiply(near, near))
    return np.clip(np.multiply(out, near, out=out), -1, 1, out=out)


def erf(x: Any) -> Any:
    """Return the error function of a float array."""
    block = _erf_single if x.dtype == np.float32 else _erf_block
    return _blockwise(block, x, x.dtype)


def erf_into(x: Any, out: Any) -> None:
    """Fill contiguous `out` with the error function of a float32 array."""
    source, target = np.ascontiguousarray(x).reshape(-1), out.reshape(-1)
    for start in range(0, source.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        target[part] = _erf_single(source[part])


def erfinv(x: Any) -> Any:
    """Return the inverse error function of a float array, computed in float64."""
    return _blockwise(_erfinv_block, x, np.float64)
