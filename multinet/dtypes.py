"""Dtype names and the one promotion table that every backend follows.

Dtypes cross the waist as strings (`"float32"`). The table is the lattice that JAX
publishes and Keras documents: Python scalars are weak, so they never widen a tensor of
their own kind, and results that depend on scalars alone are int32, floatx or complex64.
No 64 bits come of 32: uint32 with a signed integer makes int32 unless 64-bit dtypes
were asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from multinet import surface
from multinet.errors import DTypeError, unknown_name
from multinet.typing import DType

__all__ = [
    "ALL",
    "COMPLEX",
    "FLOATS",
    "INTEGERS",
    "SIGNED",
    "TEXT",
    "UNSIGNED",
    "complex_of",
    "enable_x64",
    "floatx",
    "holds_texts",
    "is_complex",
    "is_differentiable",
    "is_float",
    "is_integer",
    "is_text",
    "of_host",
    "promote",
    "real_of",
    "set_floatx",
    "standardize",
    "to_float",
    "to_numpy",
    "weaken",
    "x64_enabled",
]

surface.show(__name__)

FLOATS = ("float16", "bfloat16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
COMPLEX = ("complex64", "complex128")
ALL = ("bool", *INTEGERS, *FLOATS, *COMPLEX)
#: The name for texts, which symbolic inputs may have and no tensor: they stay on the
#: host.
TEXT = "string"

_WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}

# What NumPy makes of numbers when nobody chose a dtype, and what they are here.
_NUMPY_DEFAULTS = {"int64": "int*", "float64": "float*", "complex128": "complex*"}

# Each dtype and the ones directly above it; the join of two is their least upper bound.
_ABOVE = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("bfloat16", "float16", "complex*"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}

_floatx = "float32"
_x64 = False


def _ancestors(name: str) -> frozenset[str]:
    found = {name}
    for above in _ABOVE[name]:
        found |= _ancestors(above)
    return frozenset(found)


_UPPER = {name: _ancestors(name) for name in _ABOVE}


@cache
def _join(x: str, y: str) -> str:
    common = _UPPER[x] & _UPPER[y]
    return next(name for name in common if common <= _UPPER[name])


def floatx() -> str:
    """Return the default float dtype, `"float32"` unless `set_floatx` changed it."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype: float16, bfloat16, float32 or float64."""
    global _floatx
    if value not in FLOATS:
        raise unknown_name("float dtype", value, FLOATS)
    _floatx = value


def enable_x64() -> None:
    """Let 64-bit dtypes exist on backends that have to be told first, such as JAX."""
    global _x64
    _x64 = True


def x64_enabled() -> bool:
    """Return whether `enable_x64` or a floatx of float64 asked for 64-bit dtypes."""
    return _x64 or _floatx == "float64"


def of_host(dtype: DType) -> str:
    """Return the dtype that host data of a NumPy dtype become where none is asked for.

    NumPy's defaults float64, int64 and complex128 become floatx, int32 and complex64
    (complex128 if floatx is float64); every other dtype is kept.
    """
    name = standardize(dtype)
    return _concrete(_NUMPY_DEFAULTS.get(name, name))


def _concrete(name: str) -> str:
    if name == "int*":
        return "int32"
    if name == "float*":
        return _floatx
    if name == "complex*":
        return "complex128" if _floatx == "float64" else "complex64"
    return name


def promote(*dtypes: Any) -> str:
    """Return the dtype that holds all of `dtypes` (names, or Python types as weak
    ones).

    uint32 with a signed integer, which only int64 would hold, makes int32 unless
    `x64_enabled`: so it does in JAX and Keras, where 64 bits have to be asked for.

    >>> promote("int32", float), promote("uint8", "int8"), promote("float16", float)
    ('float32', 'int16', 'float16')
    """
    joined = weaken(dtypes[0])
    for dtype in dtypes[1:]:
        name = weaken(dtype)
        if name != joined:
            joined = _join(joined, name)
    if joined == "int64" and not x64_enabled():
        return "int64" if "int64" in map(weaken, dtypes) else "int32"
    return _concrete(joined)


def weaken(dtype: DType) -> str:
    """Return the lattice name of a dtype name or of a Python scalar type."""
    weak = _WEAK.get(dtype) if isinstance(dtype, type) else None
    return weak if weak is not None else standardize(dtype)


def standardize(dtype: DType) -> str:
    """Return the name of `dtype`: a name, a Python or NumPy type, a framework's dtype.

    `None` is floatx, `int` and "int" are int32, `float` is floatx. An unknown one is
    an `ArgumentError` that lists the names.
    """
    if type(dtype) is str:
        if dtype in _UPPER_NAMES:
            return dtype
        if dtype == "int":
            return _concrete("int*")
    if dtype is None:
        return _floatx
    if isinstance(dtype, type) and dtype in _WEAK:
        return _concrete(_WEAK[dtype])
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    name = str(name or dtype).rpartition(".")[2]
    if name in ("bool_", "boolean"):
        name = "bool"
    if name not in _UPPER_NAMES:
        raise unknown_name("dtype", name, ALL)
    return name


_UPPER_NAMES = frozenset(ALL)


def is_float(dtype: str) -> bool:
    """Return whether `dtype` is a real floating-point dtype."""
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    """Return whether `dtype` is a signed or unsigned integer dtype (bool is not)."""
    return dtype in INTEGERS


def is_text(dtype: DType) -> bool:
    """Return whether a dtype, also one of NumPy, is that of texts."""
    return dtype == TEXT if isinstance(dtype, str) else dtype.kind in "USO"


def holds_texts(array: np.ndarray[Any, Any]) -> bool:
    """Return whether all that an array of NumPy holds is texts, as str or bytes."""
    if array.dtype.kind == "O":
        return all(isinstance(x, str | bytes) for x in array.ravel().tolist())
    return array.dtype.kind in "US"


def is_complex(dtype: str) -> bool:
    """Return whether `dtype` is complex."""
    return dtype in COMPLEX


def is_differentiable(dtype: str) -> bool:
    """Return whether gradients exist for `dtype`: floats and complex numbers."""
    return dtype in FLOATS or dtype in COMPLEX


def to_float(dtype: str) -> str:
    """Return the dtype that `dtype` computes in: itself if inexact, else floatx."""
    return dtype if is_differentiable(dtype) else _floatx


def real_of(dtype: str) -> str:
    """Return the dtype of the real part: complex64 -> float32, others unchanged."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """Return the complex dtype whose parts hold `dtype`."""
    return "complex128" if dtype in ("float64", "complex128") else "complex64"


@cache
def to_numpy(dtype: str) -> np.dtype[Any]:
    """Return the NumPy dtype named `dtype` (bfloat16 comes from ml_dtypes)."""
    if dtype == "bfloat16":
        return np.dtype(ml_dtypes.bfloat16)
    if dtype not in _UPPER_NAMES:
        raise DTypeError(f"{dtype!r} is not a Multinet dtype: {', '.join(ALL)}.")
    return np.dtype(dtype)
