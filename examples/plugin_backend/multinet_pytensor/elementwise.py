"""Elementwise functions, comparison and logic. Contracts are in
`multinet.interface.array`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.scalar.basic as ps
import pytensor.tensor as pt
from pytensor.tensor.elemwise import Elemwise

from multinet.interface import Backend, Scalar
from multinet_pytensor.core import Tensor, operands, settled
from multinet_pytensor.slopes import LogAddExp

Operand = Tensor | Scalar


class LeftShift(ps.BinaryScalarOp):
    nfunc_spec = ("left_shift", 2, 1)

    def impl(self, x: Any, y: Any) -> Any:
        return np.left_shift(x, y)


class RightShift(ps.BinaryScalarOp):
    nfunc_spec = ("right_shift", 2, 1)

    def impl(self, x: Any, y: Any) -> Any:
        return np.right_shift(x, y)


def unary(function: Any) -> Any:
    """Return the method of one operand that is this function."""

    def method(self: Any, x: Tensor) -> Tensor:
        return function(x)

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

    negative = unary(pt.neg)
    abs = unary(pt.abs)
    sign = unary(pt.sign)
    sqrt = unary(pt.sqrt)
    exp = unary(pt.exp)
    expm1 = unary(pt.expm1)
    log = unary(pt.log)
    log1p = unary(pt.log1p)
    sin = unary(pt.sin)
    cos = unary(pt.cos)
    tan = unary(pt.tan)
    arcsin = unary(pt.arcsin)
    arccos = unary(pt.arccos)
    arctan = unary(pt.arctan)
    sinh = unary(pt.sinh)
    cosh = unary(pt.cosh)
    tanh = unary(pt.tanh)
    arcsinh = unary(pt.arcsinh)
    arccosh = unary(pt.arccosh)
    arctanh = unary(pt.arctanh)
    sigmoid = unary(pt.sigmoid)
    erf = unary(pt.erf)
    erfinv = unary(pt.erfinv)
    floor = unary(pt.floor)
    ceil = unary(pt.ceil)
    round = unary(pt.round)

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
    logaddexp = binary(Elemwise(LogAddExp(ps.upcast_out)))
    bitwise_and = binary(pt.bitwise_and)
    bitwise_or = binary(pt.bitwise_or)
    bitwise_xor = binary(pt.bitwise_xor)
    left_shift = binary(Elemwise(LeftShift(ps.upcast_out)))
    right_shift = binary(Elemwise(RightShift(ps.upcast_out)))

    # -- comparison and logic ----------------------------------------------------------

    equal = binary(pt.eq)
    less = binary(pt.lt)
    less_equal = binary(pt.le)

    logical_and = binary(pt.bitwise_and)
    logical_or = binary(pt.bitwise_or)
    logical_not = unary(pt.bitwise_not)
    isnan = unary(pt.isnan)
    isfinite = unary(lambda x: ~(pt.isnan(x) | pt.isinf(x)))

    def where(self, condition: Tensor, x: Operand, y: Operand) -> Tensor:
        return pt.switch(condition, *operands(x, y))
