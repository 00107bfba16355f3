"""On every backend, one primitive that is 1% off is found, in value and in gradient."""

from __future__ import annotations

from typing import Any

import pytest

from multinet import conformance, dtypes
from multinet.conformance.rows import PRIMITIVES
from multinet.interface import Backend

FLOATS = [
    name
    for name, row in PRIMITIVES.items()
    if row.cases and "float32" in row.dtypes and row.facts.result == "same"
]
# A gradient of 0 is no larger by 1%.
SLOPED = [n for n in FLOATS if PRIMITIVES[n].facts.gradient == "exact"]
# One of each family; all of them with `-m long`.
SAMPLE = ("tanh", "divide", "sum", "matmul", "conv", "cholesky", "take", "concatenate")


def cases(names):
    return [
        pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long)
        for name in names
    ]


def wrong(backend: Backend[Any], name: str, change: Any) -> Backend[Any]:
    """Return a backend of the same class; `change` is put upon the floats of `name`."""

    def put(x: Any) -> Any:
        return change(x) if dtypes.is_differentiable(backend.dtype(x)) else x

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = getattr(backend, name)(*args, **kwargs)
        if isinstance(result, (tuple, list)):
            return type(result)(put(x) for x in result)
        return put(result)

    return type("Wrong", (type(backend),), {name: method})()


@pytest.mark.parametrize("name", cases(FLOATS))
def test_a_primitive_one_percent_off_is_caught(real_backend, name):
    def change(x: Any) -> Any:
        return real_backend.multiply(x, 1.01)

    broken = wrong(real_backend, name, change)
    report = conformance.run(broken, only=name, gradients=False)
    assert not report.ok and name in report.failed


@pytest.mark.parametrize("name", cases(SLOPED))
def test_a_gradient_one_percent_off_is_caught(real_backend, name):
    def change(x: Any) -> Any:
        drift = real_backend.subtract(x, real_backend.stop_gradient(x))
        drift = real_backend.where(real_backend.isfinite(x), drift, 0)  # inf - inf
        return real_backend.add(x, real_backend.multiply(drift, 0.01))

    report = conformance.run(wrong(real_backend, name, change), only=name)
    # That of a gather is already seen where indices out of range are tried.
    told = [
        f.level == "gradients" or "gradient of" in f.message for f in report.failures
    ]
    assert any(told)
