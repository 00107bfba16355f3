"""Gradient rules of the conversions and the elementwise primitives."""

from __future__ import annotations

import math
from typing import Any

from multinet_numpy.dtypes import NAMES, SCALARS
from multinet_numpy.tape import conj, rule, strip


def name_of(x: Any) -> str:
    """Return the interface's name of x's dtype."""
    return NAMES[x.dtype.type]


def fit(F: Any, g: Any, x: Any) -> Any:
    """Sum a cotangent over the axes along which x was broadcast."""
    return g if g.shape == x.shape else F.unbroadcast(g, x.shape)


# -- conversion ------------------------------------------------------------------------


@rule("cast", conjugates=True)
def _(F, g, need, out, x, dtype):
    if g.dtype.kind == "c" and x.dtype.kind != "c":
        g = F.real(g)
    return (F.cast(g, name_of(x)),)


@rule("make_complex", conjugates=True)
def _(F, g, need, out, real, imag):
    return need[0] and F.real(g), need[1] and F.imag(g)


@rule("real", conjugates=True)
def _(F, g, need, out, x):
    return (F.make_complex(g, F.multiply(g, 0.0)),)


@rule("imag", conjugates=True)
def _(F, g, need, out, x):
    return (F.make_complex(F.multiply(g, 0.0), g),)


@rule("conj", conjugates=True)
def _(F, g, need, out, x):
    return (F.conj(g),)


# -- one operand -----------------------------------------------------------------------


@rule("negative")
def _(F, g, need, out, x):
    return (F.negative(g),)


@rule("abs", conjugates=True)
def _(F, g, need, out, x):
    if x.dtype.kind != "c":
        return (F.multiply(g, F.sign(x)),)
    modulus = F.where(F.equal(out, 0), 1.0, out)  # x is 0 where the modulus is
    name = name_of(x)
    return (F.multiply(F.cast(F.divide(g, modulus), name), x),)


@rule("sqrt")
def _(F, g, need, out, x):
    return (F.divide(F.multiply(g, 0.5), out),)


@rule("exp")
def _(F, g, need, out, x):
    return (F.multiply(g, out),)


@rule("expm1")
def _(F, g, need, out, x):
    return (F.multiply(g, F.exp(x)),)


@rule("log")
def _(F, g, need, out, x):
    return (F.divide(g, x),)


@rule("log1p")
def _(F, g, need, out, x):
    return (F.divide(g, F.add(x, 1.0)),)


@rule("sin")
def _(F, g, need, out, x):
    return (F.multiply(g, F.cos(x)),)


@rule("cos")
def _(F, g, need, out, x):
    return (F.negative(F.multiply(g, F.sin(x))),)


@rule("tan")
def _(F, g, need, out, x):
    return (F.multiply(g, F.add(F.multiply(out, out), 1.0)),)


def _one_minus_square(F, x):
    return F.multiply(F.subtract(1.0, x), F.add(x, 1.0))  # no cancellation near 1


@rule("arcsin")
def _(F, g, need, out, x):
    return (F.divide(g, F.sqrt(_one_minus_square(F, x))),)


@rule("arccos")
def _(F, g, need, out, x):
    return (F.divide(F.negative(g), F.sqrt(_one_minus_square(F, x))),)


@rule("arctan")
def _(F, g, need, out, x):
    return (F.divide(g, F.add(F.multiply(x, x), 1.0)),)


@rule("sinh")
def _(F, g, need, out, x):
    return (F.multiply(g, F.cosh(x)),)


@rule("cosh")
def _(F, g, need, out, x):
    return (F.multiply(g, F.sinh(x)),)


@rule("tanh")
def _(F, g, need, out, x):
    return (F.multiply(g, F.subtract(1.0, F.multiply(out, out))),)


@rule("arcsinh")
def _(F, g, need, out, x):
    return (F.divide(g, F.cosh(out)),)  # x * x could overflow


@rule("arccosh")
def _(F, g, need, out, x):
    root = F.multiply(F.sqrt(F.subtract(x, 1.0)), F.sqrt(F.add(x, 1.0)))
    return (F.divide(g, root),)


@rule("arctanh")
def _(F, g, need, out, x):
    return (F.divide(g, _one_minus_square(F, x)),)


@rule("sigmoid")
def _(F, g, need, out, x):
    return (F.multiply(g, F.multiply(out, F.subtract(1.0, out))),)


@rule("erf")
def _(F, g, need, out, x):
    bell = F.exp(F.negative(F.multiply(x, x)))
    return (F.multiply(g, F.multiply(bell, 2 / math.sqrt(math.pi))),)


@rule("erfinv")
def _(F, g, need, out, x):
    slope = F.multiply(F.exp(F.multiply(out, out)), math.sqrt(math.pi) / 2)
    return (F.multiply(g, slope),)


# -- two operands ----------------------------------------------------------------------


@rule("add")
def _(F, g, need, out, x, y):
    return need[0] and fit(F, g, x), need[1] and fit(F, g, y)


@rule("subtract")
def _(F, g, need, out, x, y):
    return need[0] and fit(F, g, x), need[1] and F.negative(fit(F, g, y))


@rule("multiply")
def _(F, g, need, out, x, y):
    return (
        need[0] and fit(F, F.multiply(g, y), x),
        need[1] and fit(F, F.multiply(g, x), y),
    )


@rule("divide")
def _(F, g, need, out, x, y):
    part = F.divide(g, y)
    return (
        need[0] and fit(F, part, x),
        need[1] and F.negative(fit(F, F.multiply(part, out), y)),
    )


@rule("mod")
def _(F, g, need, out, x, y):
    return (
        need[0] and fit(F, g, x),
        need[1] and F.negative(fit(F, F.multiply(g, F.floor_divide(x, y)), y)),
    )


@rule("power")
def _(F, g, need, out, x, y):
    gx = need[0] and fit(F, F.multiply(g, _power_slope(F, x, y)), x)
    if not need[1]:
        return gx, False
    if type(x) in SCALARS:
        slope = F.multiply(out, math.log(x) if x > 0 else (0.0 if x == 0 else math.nan))
    else:
        zero = F.equal(x, 0)
        slope = F.multiply(out, F.log(F.where(zero, 1.0, x)))
        slope = F.where(zero, 0.0, slope)
    return gx, fit(F, F.multiply(g, slope), y)


def _power_slope(F, x, y):
    """Return y * x**(y - 1), 0 for y = 0."""
    if type(y) in SCALARS:
        return F.multiply(F.power(x, y - 1), y) if y != 0 else F.multiply(x, 0.0)
    both = F.logical_and(F.equal(x, 0), F.equal(y, 0))
    return F.multiply(y, F.power(x, F.subtract(F.where(both, 1.0, y), 1.0)))


def _extremum(F, g, need, x, y, x_wins, y_wins):
    """Give the cotangent to the winner, half of it to each operand at ties."""
    ties = F.multiply(F.cast(F.equal(x, y), name_of(g)), 0.5)
    x_share, y_share = (F.add(F.cast(w, name_of(g)), ties) for w in (x_wins, y_wins))
    return (
        need[0] and fit(F, F.multiply(g, x_share), x),
        need[1] and fit(F, F.multiply(g, y_share), y),
    )


@rule("maximum")
def _(F, g, need, out, x, y):
    return _extremum(F, g, need, x, y, F.less(y, x), F.less(x, y))


@rule("minimum")
def _(F, g, need, out, x, y):
    return _extremum(F, g, need, x, y, F.less(x, y), F.less(y, x))


@rule("arctan2")
def _(F, g, need, out, x, y):
    squares = [v * v if type(v) in SCALARS else F.multiply(v, v) for v in (x, y)]
    part = F.divide(g, F.add(*squares))
    return (
        need[0] and fit(F, F.multiply(part, y), x),
        need[1] and F.negative(fit(F, F.multiply(part, x), y)),
    )


@rule("logaddexp")
def _(F, g, need, out, x, y):
    difference = F.difference(x, y)
    return (
        need[0] and fit(F, F.multiply(g, F.sigmoid(difference)), x),
        need[1] and fit(F, F.multiply(g, F.sigmoid(F.negative(difference))), y),
    )


@rule("difference")
def _(F, g, need, out, x, y):
    return need[0] and fit(F, g, x), need[1] and F.negative(fit(F, g, y))


@rule("where")
def _(F, g, need, out, condition, x, y):
    return (
        False,
        need[1] and fit(F, F.where(condition, g, 0), x),
        need[2] and fit(F, F.where(condition, 0, g), y),
    )


@rule("relu")
def _(F, g, need, out, x):
    return (F.relu_adjoint(g, strip(out)),)


@rule("relu_adjoint")
def _(F, g, need, out, h, y):
    return need[0] and F.relu_adjoint(g, y), False


# -- fused -----------------------------------------------------------------------------


@rule("softmax")
def _(F, g, need, out, x, axis):
    product = F.multiply(g, out)
    total = F.sum(product, (axis,), True)
    return (F.subtract(product, F.multiply(out, total)),)


@rule("log_softmax")
def _(F, g, need, out, x, axis):
    total = F.sum(g, (axis,), True)
    return (F.subtract(g, F.multiply(F.exp(out), total)),)


@rule("cross_entropy")
def _(F, g, need, out, logits, labels):
    """Outputs are the loss and the probabilities, which serve the second order."""
    loss, probabilities = g
    gx: Any = False
    if loss is not None:
        gx = F.cross_entropy_adjoint(loss, out[1], strip(labels))
    if probabilities is not None:
        product = F.multiply(probabilities, out[1])
        total = F.sum(product, (logits.ndim - 1,), True)
        rest = F.subtract(product, F.multiply(out[1], total))
        gx = rest if gx is False else F.add(gx, rest)
    return gx, False


@rule("cross_entropy_adjoint")
def _(F, g, need, out, loss, probabilities, labels):
    column = (*loss.shape, 1)
    picked = F.take_along_axis(g, F.reshape(labels, column), loss.ndim)
    total = F.sum(F.multiply(g, probabilities), (loss.ndim,), False)
    return (
        need[0] and F.subtract(total, F.reshape(picked, loss.shape)),
        need[1] and F.multiply(g, F.reshape(loss, column)),
        False,
    )


@rule("dense")
def _(F, g, need, out, x, kernel, bias):
    return (
        need[0] and F.matmul(g, F.swap(conj(F, kernel))),
        need[1] and F.matmul(F.swap(conj(F, x)), g),
        need[2] and F.sum(g, (0,), False),
    )
