"""Derivatives that PyTensor lacks, or has by other conventions than the interface: of
complex numbers, at kinks and at ties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytensor.scalar.basic as ps
from pytensor.graph.basic import Apply
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Dot, Max, Min

from multinet import dtypes
from multinet_pytensor.core import pt

Slopes = Callable[..., Sequence[Any]]


def pullback(node: Apply, cotangents: Sequence[Any]) -> Sequence[Any]:
    """Return the cotangents of a node's inputs, for those of its outputs."""
    op: Any = node.op
    if isinstance(op, Max | Min):
        return [_shared(op.axis, *node.inputs, *node.outputs, *cotangents)]
    if isinstance(getattr(op, "core_op", op), Dot):
        return _product(*node.inputs, *cotangents)
    if hasattr(op, "idx_list") and is_complex(node.outputs[0]):
        return _by_parts(node, cotangents)
    slopes = SLOPES.get(type(op.scalar_op)) if isinstance(op, Elemwise) else None
    if slopes is None:
        return op.pullback(node.inputs, node.outputs, cotangents)
    found = zip(node.inputs, slopes(*node.inputs, *node.outputs), strict=True)
    g = conj(cotangents[0]) if isinstance(op.scalar_op, ps.Conj) else cotangents[0]
    return [summed(g * conj(slope), x) for x, slope in found]


def is_complex(x: Any) -> bool:
    """Return whether a variable, or a number, is a complex tensor."""
    return dtypes.is_complex(getattr(x, "dtype", "bool"))


def conj(x: Any) -> Any:
    """Return the complex conjugate, of any number."""
    return pt.conj(x) if is_complex(x) else x


def _by_parts(node: Apply, cotangents: Sequence[Any]) -> Sequence[Any]:
    """Pull back through the indexing of complex tensors, which PyTensor refuses.

    It is linear, and does the same to both parts.
    """
    halves = []
    for part in (pt.real, pt.imag):
        inputs = [part(x) if is_complex(x) else x for x in node.inputs]
        twin = node.op.make_node(*inputs)
        seeds = [part(g) for g in cotangents]
        halves.append(node.op.pullback(twin.inputs, twin.outputs, seeds))
    pairs = zip(node.inputs, *halves, strict=True)
    return [pt.complex(a, b) if is_complex(x) else a for x, a, b in pairs]


def transposed(x: Any) -> Any:
    """Return the conjugate transpose."""
    return conj(pt.swapaxes(x, -1, -2))


def summed(g: Any, x: Any) -> Any:
    """Return g summed over the axes along which x was broadcast."""
    sizes = zip(x.type.shape, g.type.shape, strict=True)
    axes = [i for i, (n, m) in enumerate(sizes) if n == 1 != m]
    return pt.sum(g, axes, keepdims=True) if axes else g


def _product(x: Any, y: Any, g: Any) -> Sequence[Any]:
    for_x, for_y = pt.matmul(g, transposed(y)), pt.matmul(transposed(x), g)
    return summed(for_x, x), summed(for_y, y)


def _shared(axis: Any, x: Any, y: Any, g: Any) -> Any:
    wins = pt.cast(pt.eq(x, pt.expand_dims(y, axis)), x.dtype)
    return wins * pt.expand_dims(g / pt.sum(wins, axis), axis)


def _abs(x: Any, y: Any) -> Sequence[Any]:
    if not is_complex(x):
        return [pt.sign(x)]
    return [pt.switch(pt.eq(y, 0), 0, conj(x) / pt.switch(pt.eq(y, 0), 1, y))]


def _mul(*xs: Any) -> Sequence[Any]:
    inputs = xs[:-1]
    others = [inputs[:i] + inputs[i + 1 :] for i in range(len(inputs))]
    return [reduce(pt.mul, rest) for rest in others]


def _power(x: Any, y: Any, z: Any) -> Sequence[Any]:
    for_x = y * pt.pow(pt.switch(pt.eq(y, 0), 1, x), y - 1)
    base = pt.switch(pt.eq(x, 0), 1, x)
    return for_x, pt.log(base) * pt.pow(base, y)


def _logaddexp(x: Any, y: Any, z: Any) -> Sequence[Any]:
    gap = pt.switch(pt.eq(x, y) & pt.isinf(x), 0, x - y)
    return pt.sigmoid(gap), pt.sigmoid(-gap)


def _share(wins: Callable[..., Any]) -> Slopes:
    def slopes(x: Any, y: Any, z: Any) -> Sequence[Any]:
        half = pt.constant(0.5, dtype=x.dtype)
        tied = pt.switch(pt.eq(x, y), half, 0)
        return pt.switch(wins(x, y), 1, tied), pt.switch(wins(y, x), 1, tied)

    return slopes


def ufunc(name: str) -> Any:
    """Return NumPy's function of two numbers as an Op."""
    members = {
        "nfunc_spec": (name, 2, 1),
        "impl": lambda self, *xs: getattr(np, name)(*xs),
    }
    return Elemwise(type(name, (ps.BinaryScalarOp,), members)(ps.upcast_out, name))


logaddexp = ufunc("logaddexp")

#: By the class of scalar Op: the derivatives for (*inputs, output).
SLOPES: dict[type, Slopes] = {
    ps.Neg: lambda x, y: [-1],
    ps.Conj: lambda x, y: [1],
    ps.Abs: _abs,
    ps.Sqrt: lambda x, y: [0.5 / y],
    ps.Exp: lambda x, y: [y],
    ps.Log: lambda x, y: [1 / x],
    ps.Sin: lambda x, y: [pt.cos(x)],
    ps.Cos: lambda x, y: [-pt.sin(x)],
    ps.Tanh: lambda x, y: [1 - y * y],
    ps.Add: lambda *xs: [1] * (len(xs) - 1),
    ps.Sub: lambda x, y, z: [1, -1],
    ps.Mul: _mul,
    ps.TrueDiv: lambda x, y, z: [1 / y, -z / y],
    ps.Pow: _power,
    ps.ScalarMaximum: _share(pt.gt),
    ps.ScalarMinimum: _share(pt.lt),
    type(logaddexp.scalar_op): _logaddexp,
}
