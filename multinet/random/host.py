"""Random numbers made on the host by NumPy: initial weights and shuffles.

They do not depend on the backend, so initial weights are equal bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import philox

Array = np.ndarray[Any, Any]
_BLOCK = 1 << 20


def uniform(key: philox.Key, shape: tuple[int, ...]) -> Array:
    """Return float32 in [0, 1): (word >> 8) * 2**-24."""
    words = philox.words(key, math.prod(shape))
    return (
        ((words >> np.uint32(8)) * np.float32(2**-24)).astype(np.float32).reshape(shape)
    )


def normal(key: philox.Key, shape: tuple[int, ...]) -> Array:
    """Return standard normals in float64, by the inverse distribution function."""
    return inverse_normal(_centred(key, shape))


def truncated_normal(key: philox.Key, shape: tuple[int, ...]) -> Array:
    """Return standard normals conditioned on [-2, 2], in float64."""
    inside = math.erf(math.sqrt(2.0))  # the probability of [-2, 2]
    return inverse_normal(0.5 + (_centred(key, shape) - 0.5) * inside)


def permutation(key: philox.Key, count: int) -> Array:
    """Return a random order of `count` items, int64: the stable order of words."""
    return np.argsort(philox.words(key, count), kind="stable")


def permutations(keys: Sequence[philox.Key], count: int) -> Array:
    """Return `permutation(key, count)` of each key, shape (keys, count)."""
    return np.argsort(philox.words_of_each(keys, count), axis=1, kind="stable")


def _centred(key: philox.Key, shape: tuple[int, ...]) -> Array:
    words = philox.words(key, math.prod(shape)).reshape(shape)
    return (words.astype(np.float64) + 0.5) * 2.0**-32


# Rational approximations of the inverse normal distribution function, algorithm AS 241:
# M. J. Wichura, Applied Statistics 37 (1988), 477-484. Relative error about 1e-16.
_CENTRE = (
    (
        2509.0809287301226727,
        33430.575583588128105,
        67265.770927008700853,
        45921.953931549871457,
        13731.693765509461125,
        1971.5909503065514427,
        133.14166789178437745,
        3.387132872796366608,
    ),
    (
        5226.495278852545925,
        28729.085735721942674,
        39307.89580009271061,
        21213.794301586595867,
        5394.1960214247511077,
        687.1870074920579083,
        42.313330701600911252,
        1.0,
    ),
)
_MIDDLE = (
    (
        7.7454501427834140764e-4,
        0.0227238449892691845833,
        0.24178072517745061177,
        1.27045825245236838258,
        3.64784832476320460504,
        5.7694972214606914055,
        4.6303378461565452959,
        1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        0.0151986665636164571966,
        0.14810397642748007459,
        0.68976733498510000455,
        1.6763848301838038494,
        2.05319162663775882187,
        1.0,
    ),
)
_TAIL = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        0.0012426609473880784386,
        0.026532189526576123093,
        0.29656057182850489123,
        1.7848265399172913358,
        5.4637849111641143699,
        6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15,
        1.4215117583164458887e-7,
        1.8463183175100546818e-5,
        7.868691311456132591e-4,
        0.0148753612908506148525,
        0.13692988092273580531,
        0.59983220655588793769,
        1.0,
    ),
)


def inverse_normal(p: Array) -> Array:
    """Return the standard normal quantiles of probabilities in (0, 1), float64.

    Source: Wichura, algorithm AS 241, 1988.
    """
    p = np.asarray(p, np.float64)
    q = p - 0.5
    centre = 0.180625 - q * q
    result = q * _ratio(_CENTRE, centre)
    outer = np.abs(q) > 0.425
    if outer.any():
        far = p[outer]
        r = np.sqrt(-np.log(np.minimum(far, 1.0 - far)))
        tail = np.where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5.0))
        result[outer] = np.copysign(tail, q[outer])
    return result


def _ratio(
    coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array
) -> Array:
    above, below = (np.full_like(x, c[0]) for c in coefficients)
    for a, b in zip(coefficients[0][1:], coefficients[1][1:]):
        above *= x
        above += a
        below *= x
        below += b
    return above / below
