"""Optimizer updates in blocks that stay in cache; no array that came in is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_BLOCK = 1 << 15  # elements a pass: seven float32 blocks fit into L2


def blockwise(
    kernel: Callable[..., None], inputs: Sequence[Any], outputs: int
) -> list[Any]:
    """Return new arrays like inputs[0], filled by kernel(*ins, *outs, scratch)."""
    first = inputs[0]
    flat = [x.reshape(-1) for x in inputs]
    new = [np.empty(first.size, first.dtype) for _ in range(outputs)]
    scratch = np.empty(min(first.size, _BLOCK), first.dtype)
    for start in range(0, first.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        pieces = [x[part] for x in (*flat, *new)]
        kernel(*pieces, scratch[: pieces[0].size])
    return [x.reshape(first.shape) for x in new]


def adam(
    rate: float, beta_1: float, beta_2: float, epsilon: float
) -> Callable[..., None]:
    """Return the kernel (param, grad, m, v, new param, new m, new v, scratch)."""

    def kernel(
        p: Any, g: Any, m: Any, v: Any, p_new: Any, m_new: Any, v_new: Any, t: Any
    ) -> None:
        np.subtract(g, m, out=m_new)
        np.multiply(m_new, 1 - beta_1, out=m_new)
        np.add(m, m_new, out=m_new)
        np.multiply(g, g, out=v_new)
        np.subtract(v_new, v, out=v_new)
        np.multiply(v_new, 1 - beta_2, out=v_new)
        np.add(v, v_new, out=v_new)
        np.sqrt(v_new, out=t)
        np.add(t, epsilon, out=t)
        np.divide(m_new, t, out=t)
        np.multiply(t, rate, out=t)
        np.subtract(p, t, out=p_new)

    return kernel
