"""Special values: NaN beside numbers, slopes far out, statistics of low floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.probes_program import exact, near, pulled, tensor
from multinet.conformance.row import Probe
from multinet.interface import Backend

Anything = Backend[Any]


def _beside_nan(backend: Anything) -> None:
    for n in (2, 7, 40):
        for place in sorted({0, n // 2, n - 1}):
            x = np.ones((2, n), np.float32)
            x[0, place] = np.nan
            for name in ("softmax", "log_softmax"):
                got = fetch(backend, getattr(backend, name)(tensor(backend, x), 1))
                what = f"{name} of {n} with NaN at {place}"
                wanted = [True] * n, [False] * n
                compare(np.isnan(got), wanted, "bool", what=what)


_PIECEWISE: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("relu", ()),
    ("leaky_relu", (0.2,)),
    ("elu", (1.5,)),
    ("softplus", ()),
    ("silu", ()),
    ("gelu", (True,)),
    ("gelu", (False,)),
    ("sigmoid", ()),
    ("tanh", ()),
)


def _slopes_at_nan(backend: Anything) -> None:
    x = np.linspace(-3, 3, 40, dtype=np.float32)
    x[[0, 5, 17, 31, 38, 39]] = np.nan
    whole, t = (0,), tensor(backend, x)
    for name, arguments in _PIECEWISE:
        method = getattr(backend, name)
        apply = lambda x, f=method, a=arguments: f(x, *a)  # noqa: E731
        total = lambda x, f=apply: (backend.sum(f(x), whole, False),)  # noqa: E731
        ones = tensor(backend, np.ones(40))
        once = backend.value_and_grad(total, (t,))[2][0]
        again = pulled(backend, lambda x, f=apply: (f(x),), (t,), (ones,))[0]
        for steep in (fetch(backend, once), fetch(backend, again)):
            kinds = {str(g) for g in steep[np.isnan(x)]}
            expect(len(kinds) == 1, f"slopes of {name} at NaN", "one", sorted(kinds))
            rest = bool(np.isfinite(steep[~np.isnan(x)]).all())
            expect(rest, f"slopes of {name} beside NaN are finite", True, rest)


def _far_slopes(backend: Anything) -> None:
    x = np.array([[1e4, 1e4], [-1e4, -1e4]], np.float32)
    half = [[0.5, 0.5], [0.5, 0.5]]
    over = lambda x: backend.logsumexp(x, (1,), False)  # noqa: E731
    exact(backend, over, (x,), (half,), "logsumexp at 1e4")
    total = lambda x: (backend.sum(over(x), (0,), False),)  # noqa: E731
    once = backend.value_and_grad(total, (tensor(backend, x),))[2][0]
    near(backend, once, half, "gradient of logsumexp at 1e4, once")
    both = lambda x: backend.logsumexp(x, (0, 1), False)  # noqa: E731
    exact(backend, both, (x[:1],), (half[:1],), "logsumexp at 1e4, two axes")
    x = np.array([300.0, -300.0, 1e20, -1e20, 0.0], np.float32)
    by_tanh = lambda x: backend.gelu(x, True)  # noqa: E731
    exact(backend, by_tanh, (x,), ([1, 0, 1, 0, 0.5],), "gelu by tanh, far")
    erf = fetch(backend, backend.erf(tensor(backend, x)))
    compare(erf, [1, -1, 1, -1, 0], "float32", what="erf, far", tolerance=0.0)


def _many_axes(backend: Anything) -> None:
    x = np.arange(192, dtype=np.float32).reshape(2, 2, 2, 2, 2, 2, 3) % 5
    powers = np.exp(x.astype(float))
    for axis in (6, 2):
        got = backend.softmax(tensor(backend, x), axis)
        near(backend, got, powers / powers.sum(axis, keepdims=True), "softmax, 7 axes")


def wide_statistics(backend: Anything, dtype: str) -> None:
    """Check statistics of numbers whose squares and sums float16 does not hold."""
    native, flat = dtypes.to_numpy(dtype), ((0, 0), (0, 0))
    x = np.array([-16384, 16384, -8192, 8192] * 4).reshape(1, 4, 4, 1).astype(native)
    large = backend.from_numpy(np.abs(x))
    got = fetch(backend, backend.mean_pool(large, (4, 4), (4, 4), flat))
    compare(got, np.full((1, 1, 1, 1), 12288.0), dtype, what=f"mean_pool in {dtype}")
    got = fetch(backend, backend.mean(large, (1, 2), False))
    compare(got, [[12288.0]], dtype, what=f"mean of large numbers in {dtype}")
    t, wide = backend.from_numpy(x), x.astype(float)
    wanted = wide / np.sqrt(np.mean(wide * wide))
    got = fetch(backend, backend.layer_norm(t, None, None, (1, 2), 1e-3))
    compare(got, wanted, dtype, what=f"layer_norm in {dtype}")
    small = (x.astype(float) / 2**24).astype(native)
    mean, spread = (np.full((1,), v).astype(native) for v in (0.0, 2.0**-20))
    t, mean, spread = (backend.from_numpy(v) for v in (small, mean, spread))
    got = fetch(backend, backend.batch_norm(t, mean, spread, None, None, 1e-8))
    wanted = small.astype(float) / np.sqrt(2.0**-20 + 1e-8)
    compare(got, wanted, dtype, what=f"batch_norm in {dtype}")


EDGES: dict[str, Probe] = {
    "NaN beside numbers": _beside_nan,
    "slopes at NaN": _slopes_at_nan,
    "slopes far out": _far_slopes,
    "softmax of many axes": _many_axes,
}
