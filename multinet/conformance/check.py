"""Comparisons: what a backend returned against what the contract says."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet import dtypes
from multinet.interface import Backend

#: Relative error allowed by default; a row's `slack` multiplies it.
TOLERANCE = {
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
    "float32": 2e-6,
    "float64": 4e-13,
    "complex64": 4e-6,
    "complex128": 8e-13,
}


class Mismatch(AssertionError):
    """A result that breaks the contract: what was expected, what came, how far off."""

    def __init__(self, what: str, expected: Any, got: Any, distance: str = "") -> None:
        self.what, self.distance = what, distance
        self.expected, self.got = brief(expected), brief(got)
        far = f", {distance}" if distance else ""
        super().__init__(f"{what}: expected {self.expected}, got {self.got}{far}")


def brief(x: Any) -> str:
    """Return a value on one short line."""
    if isinstance(x, np.ndarray):
        body = np.array2string(
            x, precision=7, threshold=12, edgeitems=2, separator=", "
        )
        return " ".join(body.split()) + f" {x.dtype}{list(x.shape)}"
    text = " ".join(str(x).split())
    return text if len(text) <= 300 else text[:297] + "..."


def expect(condition: bool, what: str, expected: Any, got: Any) -> None:
    """Raise `Mismatch` unless the condition holds."""
    if not condition:
        raise Mismatch(what, expected, got)


def fetch(backend: Backend[Any], x: Any, what: str = "result") -> np.ndarray[Any, Any]:
    """Return a tensor as NumPy, its shape and dtype methods checked on the way."""
    expect(backend.is_tensor(x), what, "a tensor of the backend", type(x))
    array = backend.to_numpy(x)
    expect(
        tuple(backend.shape(x)) == array.shape,
        f"shape({what})",
        array.shape,
        backend.shape(x),
    )
    name = backend.dtype(x)
    expect(dtypes.to_numpy(name) == array.dtype, f"dtype({what})", array.dtype, name)
    return array


def compare(
    got: np.ndarray[Any, Any],
    expected: Any,
    dtype: str,
    *,
    what: str = "value",
    slack: float = 1.0,
    floor: float = 1e-2,
    tolerance: float | None = None,
) -> float:
    """Return the relative error, or raise `Mismatch` if the two are not near.

    `dtype` is that which `got` must have. Integers and bools must be equal; NaN and
    infinities must agree exactly.
    """
    wanted = np.asarray(expected)
    expect(got.shape == wanted.shape, f"shape of {what}", wanted.shape, got.shape)
    expect(got.dtype == dtypes.to_numpy(dtype), f"dtype of {what}", dtype, got.dtype)
    if dtype not in TOLERANCE:
        wanted = wanted.astype(got.dtype)
        if not np.array_equal(got, wanted):
            count = int(np.sum(got != wanted))
            raise Mismatch(what, wanted, got, f"{count} of {got.size} elements differ")
        return 0.0
    limit = (TOLERANCE[dtype] if tolerance is None else tolerance) * slack
    error = relative_error(got, wanted, floor)
    if not error <= limit:
        raise Mismatch(what, wanted, got, f"error {error:.2g}, allowed {limit:.2g}")
    return error


def relative_error(got: Any, wanted: Any, floor: float) -> float:
    """Return max |got - wanted| / (|wanted| + floor * max |wanted|).

    It is inf where one is NaN or infinite and the other is not.
    """
    kind = np.complex128 if np.iscomplexobj(got) or np.iscomplexobj(wanted) else float
    got, wanted = np.asarray(got).astype(kind), np.asarray(wanted).astype(kind)
    if got.size == 0:
        return 0.0
    finite = np.isfinite(wanted)
    if not np.array_equal(finite, np.isfinite(got)):
        return float("inf")
    if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True):
        return float("inf")
    got, wanted = got[finite], wanted[finite]
    if got.size == 0:
        return 0.0
    size = np.abs(wanted)
    scale = size + floor * size.max()
    difference = np.abs(got - wanted)
    ratio = np.divide(
        difference, scale, out=np.where(difference > 0, np.inf, 0.0), where=scale > 0
    )
    # A result that should be 0 everywhere may be off by rounding, not by more.
    return float(difference.max() if size.max() == 0 else ratio.max())
