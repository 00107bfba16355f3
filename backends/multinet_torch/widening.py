"""Unsigned integers: torch stores uint16 to uint64 but hardly computes with them.

Every function here is a plain call for all other dtypes. For these three it goes by way
of int64, which holds uint64 as its bit pattern, or of signed views.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from multinet.interface import Scalar

_LOWEST = -(2**63)
_SIGNED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}


def modular(function: Callable[..., Tensor], *operands: Tensor | Scalar) -> Tensor:
    """Apply a function that respects arithmetic modulo 2**64, such as a sum."""
    dtype = _dtype(operands)
    if dtype not in _SIGNED:
        return function(*operands)
    return function(*map(_wide, operands)).to(dtype)


def ordered(function: Callable[..., Tensor], *operands: Tensor | Scalar) -> Tensor:
    """Apply a function that only compares; of its results, int64 ones are values."""
    dtype = _dtype(operands)
    if dtype not in _SIGNED:
        return function(*operands)
    # Flipping the top bit maps the order of uint64 to that of int64.
    flip = _LOWEST if dtype == torch.uint64 else 0
    result = function(*[_wide(x) ^ flip for x in operands])
    return (result ^ flip).to(dtype) if result.dtype == torch.int64 else result


def binary(function: Callable[..., Tensor], rule: Any = modular) -> Any:
    """Return the method of two operands that is this function, by a rule as above."""

    def apply(x: Any, y: Any) -> Tensor:
        dtype = x.dtype if isinstance(x, Tensor) else y.dtype
        return rule(function, x, y) if dtype in _SIGNED else function(x, y)

    return staticmethod(apply)


def on_tensors(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the function of two operands, for one that takes no Python scalars."""
    return lambda x, y: function(*tensors(x, y))


def moved(function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    """Apply a function that only moves elements."""
    signed = _SIGNED.get(operands[0].dtype)
    if signed is None:
        return function(*operands)
    return function(*[x.view(signed) for x in operands]).view(operands[0].dtype)


def floor_divide(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return x / y rounded down."""
    if _dtype((x, y)) == torch.uint64:
        return modular(_floor_divide, x, y)
    return modular(_floor, x, y)


def mod(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return the remainder with the sign of y."""
    if _dtype((x, y)) == torch.uint64:
        return modular(lambda x, y: x - y * _floor_divide(x, y), x, y)
    return modular(lambda x, y: torch.remainder(*tensors(x, y)), x, y)


def right_shift(x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
    """Return x >> y: arithmetic on signed, logical on unsigned."""
    if _dtype((x, y)) == torch.uint64:
        return modular(_right_shift, x, y)
    return modular(operator.rshift, x, y)


def _floor(x: Any, y: Any) -> Tensor:
    return torch.div(x, y, rounding_mode="floor")


def _floor_divide(x: Any, y: Any) -> Tensor:
    # Half of x is not negative as int64; its quotient, doubled, is short by at most 1.
    # A divisor with the top bit set goes into x once or not at all.
    x, y = tensors(x, y)
    short = _floor(_right_shift(x, 1), torch.where(y > 0, y, 1)) << 1
    short = torch.where(y > 0, short, 0)
    return short + ((x - short * y ^ _LOWEST) >= (y ^ _LOWEST))


def _right_shift(x: Any, y: Any) -> Tensor:
    x, y = tensors(x, y)
    return (x >> y) & ((torch.full_like(y, 2) << (63 - y)) - 1)


def tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return both operands as tensors, a Python scalar in the dtype of the other."""
    if not isinstance(x, Tensor):
        return torch.full((), x, dtype=y.dtype, device=y.device), y
    if not isinstance(y, Tensor):
        return x, torch.full((), y, dtype=x.dtype, device=x.device)
    return x, y


def _dtype(operands: tuple[Any, ...]) -> torch.dtype:
    first = operands[0]
    return first.dtype if isinstance(first, Tensor) else operands[1].dtype


def _wide(x: Tensor | Scalar) -> Any:
    if isinstance(x, Tensor):
        return x.to(torch.int64)
    return int(x) - 2**64 if int(x) >= 2**63 else int(x)  # type: ignore[arg-type]
