"""NumPy dtypes of the interface's names, and computing low floats in float32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from multinet import dtypes
from multinet.errors import DTypeError

BFLOAT16: Any = ml_dtypes.bfloat16
LOW: frozenset[Any] = frozenset((np.float16, BFLOAT16))
SCALARS: frozenset[Any] = frozenset((bool, int, float, complex))
NUMPY = {name: dtypes.to_numpy(name) for name in dtypes.ALL}
NAMES: dict[Any, str] = {dtype.type: name for name, dtype in NUMPY.items()}
for _alias in (np.intc, np.uintc, np.int_, np.uint, np.longlong, np.ulonglong):
    NAMES.setdefault(_alias, np.dtype(_alias).name)  # C types of the same width
_CANONICAL = {dtype: dtype for dtype in NUMPY.values()}


def canonical(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the native-order dtype of the interface that equals `dtype`."""
    found = _CANONICAL.get(dtype.newbyteorder("="))
    if found is None:
        raise DTypeError(
            f"NumPy tensors are {', '.join(dtypes.ALL)}; got an array of {dtype}. "
            "Convert it with .astype() first."
        )
    return found


def like(value: Any, x: Any) -> Any:
    """Return a Python scalar in the form in which it does not widen `x`."""
    return BFLOAT16(value) if x.dtype.type is BFLOAT16 else value


def wrapped(value: Any, x: Any) -> Any:
    """Return an integer beyond the range of x's dtype modulo its width."""
    bits = x.dtype.itemsize * 8
    return np.array(value % (1 << bits), f"uint{bits}").astype(x.dtype)


def widened(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return the kernel that computes float16 and bfloat16 operands in float32."""

    @functools.wraps(kernel)
    def wide(x: Any, *args: Any) -> Any:
        first = args[0] if type(x) in SCALARS else x
        dtype = first.dtype
        if dtype.type not in LOW:
            return kernel(x, *args)
        args = tuple(a.astype(np.float32) if _low(a) else a for a in args)
        return kernel(x.astype(np.float32) if _low(x) else x, *args).astype(dtype)

    return wide


def _low(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "type", None) in LOW
