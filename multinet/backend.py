"""Facts about the backend in use and its dtypes, with the names of `keras.backend`.

>>> multinet.backend.backend(), multinet.backend.floatx()
('numpy', 'float32')
"""

from __future__ import annotations

import gc
from typing import Any

from multinet import names, surface
from multinet.config import (
    epsilon,
    image_data_format,
    set_epsilon,
    set_image_data_format,
)
from multinet.dtypes import floatx, is_float, is_integer, promote, set_floatx
from multinet.dtypes import standardize as _standardize
from multinet.registry import backend
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shortening
from multinet.typing import DType

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]

surface.show(__name__)


@shortening
def standardize_dtype(dtype: DType) -> str:
    """Return the name of a dtype: a name, a Python, NumPy or framework type; None is
    floatx.
    """
    return _standardize(dtype)


@shortening
def result_type(*dtypes: Any) -> str:
    """Return the dtype that holds all of these; Python types are weak, None is floatx.

    >>> result_type("int32", float), result_type("int8", "uint8")
    ('float32', 'int16')
    """
    named = [floatx() if dtype is None else dtype for dtype in dtypes]
    return promote(*named) if named else floatx()


@shortening
def is_float_dtype(dtype: DType) -> bool:
    """Return whether a dtype is a real floating-point one."""
    return is_float(_standardize(dtype))


@shortening
def is_int_dtype(dtype: DType) -> bool:
    """Return whether a dtype is a signed or unsigned integer one; bool is not."""
    return is_integer(_standardize(dtype))


def is_keras_tensor(x: object) -> bool:
    """Return whether `x` is a symbolic tensor: a shape and a dtype without values."""
    return isinstance(x, KerasTensor)


@shortening
def get_uid(prefix: str = "") -> int:
    """Return a new number for `prefix`: 1 at the first call, then 2, ..."""
    return names.next_number(prefix)


def clear_session(free_memory: bool = True) -> None:
    """Count automatic names from the beginning again.

    `free_memory` collects objects that only refer to each other.
    """
    names.restart()
    if free_memory:
        gc.collect()
