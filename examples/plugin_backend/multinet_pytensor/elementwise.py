"""Conversion to logic. Contracts are in `multinet.interface.array`."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.tensor.type import TensorType

from multinet.errors import TraceError
from multinet.interface import Backend, Scalar
from multinet.interface.array import Shape
from multinet_pytensor import core
from multinet_pytensor.control import Computed
from multinet_pytensor.core import Array, Tensor, constant, held, is_open, operands, pt
from multinet_pytensor.slopes import logaddexp, ufunc

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


class ElementwiseOps(Backend[Tensor]):
    """Conversion, creation, elementwise functions, comparison and logic."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: Array) -> Tensor:
        return constant(np.array(array, order="C"))

    def to_numpy(self, x: Tensor) -> Array:
        if is_open(x):
            raise TraceError(
                "A tensor has no value while PyTensor traces a function. Return it "
                "from the function and convert it outside."
            )
        return np.array(*core.evaluate([x]), order="C")

    def is_tensor(self, x: object) -> bool:
        return isinstance(x, Tensor)

    def shape(self, x: Tensor) -> Shape:
        return x.type.shape

    def dtype(self, x: Tensor) -> str:
        return x.type.dtype

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        if held(dtype) == "bool":
            return pt.neq(x, pt.zeros((), x.dtype))
        return pt.cast(x, dtype)

    def bitcast(self, x: Tensor, dtype: str) -> Tensor:
        kind = TensorType(held(dtype), x.type.shape)
        return Computed(lambda x: [np.array(x).view(dtype)], [kind], None).of(x)[0]

    make_complex = plain(pt.complex)
    real = plain(pt.real)
    imag = plain(pt.imag)
    conj = plain(pt.conj)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Tensor:
        return constant(np.full(shape, value, held(dtype)))

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Tensor:
        first: Any = start
        count = max(0, int(np.ceil((stop - first) / step)))
        return constant((first + step * np.arange(count)).astype(held(dtype)))

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
