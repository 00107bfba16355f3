"""Elementwise functions, comparison and logic. Contracts are in
`multinet.interface.array`.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor

from multinet.interface import Backend, Scalar
from multinet_pytensor.core import Tensor, operands, settled
from multinet_pytensor.slopes import logaddexp, ufunc

pt: Any = pytensor.tensor  # its annotations do not tell what functions return

Operand = Tensor | Scalar


def plain(function: Any) -> Any:
    """Return the method that is this function of tensors."""

    def method(self: Any, *xs: Tensor) -> Any:
        return function(*xs)

    return method


def binary(function: Any) -> Any:
    """Return the method of two operands, one of which may be a Python scalar."""

    def method(self: Any, x: Operand, y: Operand) -> Tensor:
        return function(*operands(x, y))

    return method


@settled
class ElementwiseOps(Backend[Tensor]):
    """Elementwise functions, comparison and logic."""

    # -- elementwise, one operand ------------------------------------------------------

    negative = plain(pt.neg)
    abs = plain(pt.abs)
    sign = plain(pt.sign)
    sqrt = plain(pt.sqrt)
    exp = plain(pt.exp)
    expm1 = plain(pt.expm1)
    log = plain(pt.log)
    log1p = plain(pt.log1p)
    sin = plain(pt.sin)
    cos = plain(pt.cos)
    tan = plain(pt.tan)
    arcsin = plain(pt.arcsin)
    arccos = plain(pt.arccos)
    arctan = plain(pt.arctan)
    sinh = plain(pt.sinh)
    cosh = plain(pt.cosh)
    tanh = plain(pt.tanh)
    arcsinh = plain(pt.arcsinh)
    arccosh = plain(pt.arccosh)
    arctanh = plain(pt.arctanh)
    sigmoid = plain(pt.sigmoid)
    erf = plain(pt.erf)
    erfinv = plain(pt.erfinv)
    floor = plain(pt.floor)
    ceil = plain(pt.ceil)
    round = plain(pt.round)

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    add = binary(pt.add)
    subtract = binary(pt.sub)
    multiply = binary(pt.mul)
    divide = binary(pt.true_div)
    floor_divide = binary(pt.floor_div)
    mod = binary(pt.mod)
    power = binary(pt.pow)
    maximum = binary(pt.maximum)
    minimum = binary(pt.minimum)
    arctan2 = binary(pt.arctan2)
    logaddexp = binary(logaddexp)
    bitwise_and = binary(pt.bitwise_and)
    bitwise_or = binary(pt.bitwise_or)
    bitwise_xor = binary(pt.bitwise_xor)
    left_shift = binary(ufunc("left_shift"))
    right_shift = binary(ufunc("right_shift"))

    # -- comparison and logic ----------------------------------------------------------

    equal = binary(pt.eq)
    less = binary(pt.lt)
    less_equal = binary(pt.le)

    logical_and = binary(pt.bitwise_and)
    logical_or = binary(pt.bitwise_or)
    logical_not = plain(pt.bitwise_not)
    isnan = plain(pt.isnan)
    isfinite = plain(lambda x: ~(pt.isnan(x) | pt.isinf(x)))

    def where(self, condition: Tensor, x: Operand, y: Operand) -> Tensor:
        return pt.switch(condition, *operands(x, y))
