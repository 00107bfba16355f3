"""Kernels compiled by numba, where it is installed: one pass in place of many ufuncs.

A plan takes them once it is made, for calls on many elements; nothing else imports
numba. They run on one thread and equal the NumPy kernels to 1e-6. What is compiled
stays in numba's cache: beside this file, or in the user's cache directory.
"""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np

from multinet_numpy import special, windows
from multinet_numpy.fast import optimizers
from multinet_numpy.fast.plan import Operation, Plan, planned_in

LEAST = 1 << 17  # elements of a call: for fewer, loading numba takes what it saves
_TOP, _BOTTOM = (tuple(map(np.float32, c)) for c in special.ERF_SINGLE)
_EDGE, _ONE = np.float32(special.SATURATED), np.float32(1)


def missing() -> str:
    """Return why numba is not used, or nothing."""
    return "" if importlib.util.find_spec("numba") else "not installed"


def accelerate(plan: Plan) -> set[str]:
    """Give calls of a plan to numba; return which kernels, or why none."""
    used = set()
    for op in [] if missing() else plan.code:
        if op.call in _KERNELS and _serves(op):
            try:
                _compiled(_erf)
            except ImportError as error:  # not for this version of NumPy
                return {f"cannot be imported: {error}"}
            used.add(op.call.__name__.removesuffix("_into"))
            op.call = _KERNELS[op.call]
    return used


def _serves(op: Operation) -> bool:
    xs = list(planned_in((op.args, op.outs)))
    plain = all(x.dtype.kind in "fi" and x.dtype.itemsize > 3 for x in xs)
    if op.call is windows.max_pool_adjoint_into:
        *_, window, strides, padding = op.args
        plain &= tuple(window) == tuple(strides) == (2, 2) and not np.any(padding)
    return plain and sum(x.value.size for x in xs) >= LEAST


@functools.cache
def _compiled(function: Any) -> Any:
    """Return the function, which is compiled or loaded at its first call.

    A product and a sum may be rounded once; infinities and NaN are kept.
    """
    import numba  # optional, and slow to import

    options = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no directory to write to
        return numba.njit(**options)(function)


def _adam(p, g, m, v, take_1, take_2, epsilon, rate):
    for i in range(p.size):
        m[i] += (g[i] - m[i]) * take_1
        v[i] += (g[i] * g[i] - v[i]) * take_2
        p[i] -= m[i] / (np.sqrt(v[i]) + epsilon) * rate


def _erf(x, out):
    for i in range(x.size):
        z = min(max(x[i], -_EDGE), _EDGE)
        square, top, bottom = z * z, _TOP[0], _BOTTOM[0]
        for c in _TOP[1:]:
            top = top * square + c
        for c in _BOTTOM[1:]:
            bottom = bottom * square + c
        y = min(max(top / bottom * z, -_ONE), _ONE)
        out[i] = y if x[i] == x[i] else x[i]


def _max_pool_adjoint(g, x, y, out):
    n, h, w, channels = g.shape
    out[:, 2 * h :] = 0
    out[:, :, 2 * w :] = 0
    zero = g.dtype.type(0)
    for k, i in np.ndindex(n, h):
        above, below = x[k, 2 * i], x[k, 2 * i + 1]
        row, last = out[k, 2 * i], out[k, 2 * i + 1]
        for j in range(w):
            share, best = g[k, i, j], y[k, i, j]
            a, b, d = above[2 * j], above[2 * j + 1], below[2 * j]
            for c in range(channels):  # the first that is the maximum, or NaN
                rest = share[c]
                wins = (a[c] == best[c]) | (a[c] != a[c])
                row[2 * j, c], rest = (rest, zero) if wins else (zero, rest)
                wins = (b[c] == best[c]) | (b[c] != b[c])
                row[2 * j + 1, c], rest = (rest, zero) if wins else (zero, rest)
                wins = (d[c] == best[c]) | (d[c] != d[c])
                last[2 * j, c], rest = (rest, zero) if wins else (zero, rest)
                last[2 * j + 1, c] = rest


def _update(columns: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    rows, kernel = optimizers.runs(columns), _compiled(_adam)

    def update(step: Any, rate: Any) -> None:
        factor = float(rate) * optimizers.correction(step, beta_1, beta_2)
        for row in rows:
            constants = 1 - beta_1, 1 - beta_2, epsilon, factor
            kernel(*row, *map(row[0].dtype.type, constants))

    return update


def _erf_into(x: Any, out: Any) -> None:
    _compiled(_erf)(np.ascontiguousarray(x).reshape(-1), out.reshape(-1))


def _max_pool_adjoint_into(g: Any, x: Any, y: Any, *rest: Any) -> None:
    _compiled(_max_pool_adjoint)(g, x, y, rest[-1])


_KERNELS = {
    optimizers.adam: _update,
    special.erf_into: _erf_into,
    windows.max_pool_adjoint_into: _max_pool_adjoint_into,
}
