"""Optimizer updates in place, in blocks that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

_BLOCK = 1 << 15  # elements a pass: five float32 blocks fit into L2
Columns = Sequence[Sequence[Any]]
Update = Callable[..., None]


def runs(columns: Columns) -> list[list[Any]]:
    """Return rows of flat arrays: of each column one, those that touch joined."""
    rows: list[list[Any]] = []
    for row in zip(*columns):
        row = [x.reshape(-1) for x in row]
        if rows and all(map(_touch, rows[-1], row)):
            size = rows[-1][0].size + row[0].size
            rows[-1] = [as_strided(x, (size,)) for x in rows[-1]]
        else:
            rows.append(row)
    return rows


def blocks(columns: Columns) -> list[list[Any]]:
    """Return `runs` in pieces that stay in cache."""
    rows = runs(columns)
    starts = [(row, start) for row in rows for start in range(0, row[0].size, _BLOCK)]
    return [[x[start : start + _BLOCK] for x in row] for row, start in starts]


def _touch(x: Any, y: Any) -> bool:
    return x.dtype == y.dtype and x.ctypes.data + x.nbytes == y.ctypes.data


def _with_scratch(columns: Columns) -> list[list[Any]]:
    rows, scratch = blocks(columns), {}
    for row in rows:
        dtype = row[0].dtype
        if dtype not in scratch:
            scratch[dtype] = np.empty(max(r[0].size for r in rows), dtype)
        row.append(scratch[dtype][: row[0].size])
    return rows


def correction(step: Any, beta_1: float, beta_2: float) -> float:
    """Return what makes up for moments that start at 0."""
    return math.sqrt(1 - beta_2 ** int(step)) / (1 - beta_1 ** int(step))


def adam(columns: Columns, beta_1: float, beta_2: float, epsilon: float) -> Update:
    """Return update(step, rate) of (params, grads, means, variances) in place."""
    rows = _with_scratch(columns)
    constants = {
        dtype: [np.array(c, dtype) for c in (1 - beta_1, 1 - beta_2, epsilon, 0)]
        for dtype in {row[0].dtype for row in rows}
    }

    def update(step: Any, rate: Any) -> None:
        scale = float(rate) * correction(step, beta_1, beta_2)
        for values in constants.values():
            values[3][()] = scale
        for p, g, m, v, t in rows:
            take_1, take_2, small, factor = constants[p.dtype]
            np.subtract(g, m, t)
            np.multiply(t, take_1, t)
            np.add(m, t, m)
            np.multiply(g, g, t)
            np.subtract(t, v, t)
            np.multiply(t, take_2, t)
            np.add(v, t, v)
            np.sqrt(v, t)
            np.add(t, small, t)
            np.divide(m, t, t)
            np.multiply(t, factor, t)
            np.subtract(p, t, p)

    return update


def sgd(columns: Columns, momentum: float, nesterov: bool) -> Update:
    """Return update(rate) of (params, grads[, velocities]) in place."""
    rows = _with_scratch(columns)

    def update(rate: Any) -> None:
        for row in rows:
            p, g, t = row[0], row[1], row[-1]
            np.multiply(g, rate, t)
            if momentum:
                v = row[2]
                np.multiply(v, momentum, v)
                np.subtract(v, t, v)
                if nesterov:
                    np.subtract(np.multiply(v, momentum), t, t)
                    np.add(p, t, p)
                else:
                    np.add(p, v, p)
            else:
                np.subtract(p, t, p)

    return update
