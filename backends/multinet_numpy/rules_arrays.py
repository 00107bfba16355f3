"""Gradient rules of reductions, shape, indexing, sorting, windows and contraction."""

from __future__ import annotations

import math
import string
from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet_numpy.rules_elementwise import fit
from multinet_numpy.tape import rule, strip

# -- reductions ------------------------------------------------------------------------


def _kept(shape: Any, axes: Any) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _spread(F: Any, g: Any, x: Any, axes: Any) -> Any:
    return F.broadcast_to(F.reshape(g, _kept(x.shape, axes)), x.shape)


@rule("sum")
def _(F, g, need, out, x, axes, keepdims):
    return (_spread(F, g, x, axes),)


@rule("unbroadcast")
def _(F, g, need, out, x, shape):
    return (F.broadcast_to(g, x.shape),)


@rule("max", "min")
def _(F, g, need, out, x, axes, keepdims):
    shares = F.tie_shares(strip(x), strip(out), axes)
    return (F.multiply(F.reshape(g, _kept(x.shape, axes)), shares),)


@rule("prod")
def _(F, g, need, out, x, axes, keepdims):
    g = F.reshape(g, _kept(x.shape, axes))
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    order = (*rest, *axes)
    moved = F.transpose(x, order)
    flat = F.reshape(moved, (*_sizes(x, rest), math.prod(_sizes(x, axes))))
    others = F.multiply(_before(F, flat), _flip(F, _before(F, _flip(F, flat))))
    others = F.transpose(F.reshape(others, moved.shape), _inverse(order))
    return (F.multiply(g, others),)


def _sizes(x: Any, axes: Any) -> list[int]:
    return [x.shape[i] for i in axes]


def _inverse(order: Any) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _flip(F: Any, x: Any) -> Any:
    return F.flip(x, (x.ndim - 1,))


def _before(F: Any, x: Any) -> Any:
    """Return the products of the elements before each one, along the last axis."""
    one, last = np.ones((*x.shape[:-1], 1), x.dtype), x.ndim - 1
    return F.concatenate(one, F.cumprod(F.getitem(x, np.s_[..., :-1]), last), last)


@rule("cumsum")
def _(F, g, need, out, x, axis):
    return (F.flip(F.cumsum(F.flip(g, (axis,)), axis), (axis,)),)


@rule("cumprod")
def _(F, g, need, out, x, axis):
    if not np.equal(strip(out), 0).any():
        total = F.flip(F.cumsum(F.flip(F.multiply(g, out), (axis,)), axis), (axis,))
        return (F.divide(total, x),)
    # Exact at zeros: for each i the products up to j with factor i replaced by 1.
    order = (*[i for i in range(x.ndim) if i != axis], axis)
    x, g = F.transpose(x, order), F.transpose(g, order)
    n = x.shape[-1]
    rows = F.reshape(x, (*x.shape[:-1], 1, n))
    factors = F.where(np.eye(n, dtype=bool), 1.0, rows)
    products = F.multiply(F.cumprod(factors, x.ndim), np.triu(np.ones((n, n), x.dtype)))
    terms = F.multiply(products, F.reshape(g, rows.shape))
    return (F.transpose(F.sum(terms, (x.ndim,), False), _inverse(order)),)


# -- shape -----------------------------------------------------------------------------


@rule("reshape")
def _(F, g, need, out, x, shape):
    return (F.reshape(g, x.shape),)


@rule("transpose")
def _(F, g, need, out, x, permutation):
    return (F.transpose(g, _inverse(permutation)),)


@rule("swap")
def _(F, g, need, out, x):
    return (F.swap(g),)


@rule("broadcast_to")
def _(F, g, need, out, x, shape):
    return (fit(F, g, x),)


@rule("concatenate")
def _(F, g, need, out, *args):
    *xs, axis = args
    parts, start = [], 0
    for x, needed in zip(xs, need):
        stop = start + x.shape[axis]
        key = (*[np.s_[:]] * axis, np.s_[start:stop])
        parts.append(needed and F.getitem(g, key))
        start = stop
    return [*parts, False]


@rule("stack")
def _(F, g, need, out, *xs):
    return [needed and F.getitem(g, i) for i, needed in enumerate(need)]


@rule("pad")
def _(F, g, need, out, x, widths, value):
    key = tuple(np.s_[b : b + n] for n, (b, _) in zip(x.shape, widths))
    return (F.getitem(g, key),)


@rule("flip")
def _(F, g, need, out, x, axes):
    return (F.flip(g, axes),)


# -- indexing and sorting --------------------------------------------------------------


@rule("getitem")
def _(F, g, need, out, x, key):
    return (F.getitem_adjoint(g, key, x.shape),)


@rule("getitem_adjoint")
def _(F, g, need, out, x, key, shape):
    return (F.getitem(g, key),)


# What is linear in g has 0 where an index is out of range, in each order.
@rule("take")
def _(F, g, need, out, x, indices, axis, fill=None):
    return (F.take_adjoint(g, indices, axis, x.shape),)


@rule("take_adjoint")
def _(F, g, need, out, x, indices, axis, shape):
    return (F.take(g, indices, axis, 0),)


@rule("take_along_axis")
def _(F, g, need, out, x, indices, axis, fill=None):
    return (F.take_along_axis_adjoint(g, indices, axis, x.shape),)


@rule("take_along_axis_adjoint")
def _(F, g, need, out, x, indices, axis, shape):
    return (F.take_along_axis(g, indices, axis, 0),)


@rule("scatter")
def _(F, g, need, out, x, indices, updates, mode):
    if mode not in ("set", "add"):
        raise ArgumentError(
            f"scatter has gradients for the modes set and add, not for {mode!r}."
        )
    key = tuple(indices[:, i] for i in range(indices.shape[1]))
    gx = g
    if mode == "set" and need[0]:
        gx = F.scatter(g, indices, np.zeros(updates.shape, g.dtype), "set")
    return gx, False, need[2] and F.getitem(g, key), False


@rule("sort")
def _(F, g, need, out, x):
    order = F.argsort(F.argsort(x))
    return (F.take_along_axis(g, order, x.ndim - 1),)


# -- windows ---------------------------------------------------------------------------


@rule("conv")
def _(F, g, need, out, x, kernel, strides, padding, dilation, groups):
    spatial, window = x.shape[1:-1], kernel.shape[:-2]
    same = (strides, padding, dilation, groups)
    return (
        need[0] and F.conv_transpose(g, kernel, spatial, *same),
        need[1] and F.conv_kernel(x, g, window, *same),
    )


@rule("conv_transpose")
def _(F, g, need, out, x, kernel, shape, strides, padding, dilation, groups):
    same = (strides, padding, dilation, groups)
    return (
        need[0] and F.conv(g, kernel, *same),
        need[1] and F.conv_kernel(g, x, kernel.shape[:-2], *same),
    )


@rule("conv_kernel")
def _(F, g, need, out, x, y, window, strides, padding, dilation, groups):
    same = (strides, padding, dilation, groups)
    return (
        need[0] and F.conv_transpose(y, g, x.shape[1:-1], *same),
        need[1] and F.conv(x, g, *same),
    )


@rule("max_pool")
def _(F, g, need, out, x, window, strides, padding):
    return (F.max_pool_adjoint(g, strip(x), strip(out), window, strides, padding),)


@rule("max_pool_adjoint")
def _(F, g, need, out, v, x, y, *window):
    return F.max_pool_select(g, x, y, *window), False, False


@rule("max_pool_select")
def _(F, g, need, out, v, x, y, *window):
    return F.max_pool_adjoint(g, x, y, *window), False, False


@rule("sum_pool")
def _(F, g, need, out, x, *window):
    return (F.sum_pool_adjoint(g, x.shape[1:-1], *window),)


@rule("sum_pool_adjoint")
def _(F, g, need, out, x, spatial, *window):
    return (F.sum_pool(g, *window),)


# -- contraction -----------------------------------------------------------------------


@rule("matmul")
def _(F, g, need, out, x, y):
    return (
        need[0] and fit(F, F.matmul(g, F.swap(y)), x),
        need[1] and fit(F, F.matmul(F.swap(x), g), y),
    )


@rule("einsum")
def _(F, g, need, out, *args):
    *operands, equation = args
    terms, result = equation.split("->")
    names = terms.split(",")
    cotangents: list[Any] = [False] * len(args)
    for i, x in enumerate(operands):
        if need[i]:
            others = [(n, o) for j, (n, o) in enumerate(zip(names, operands)) if j != i]
            cotangents[i] = _einsum_operand(F, g, result, others, names[i], x)
    return cotangents


def _einsum_operand(F, g, result, others, names, x):
    """Return the cotangent of one operand, whose letters are `names`."""
    unique = "".join(dict.fromkeys(names))
    known = result + "".join(n for n, _ in others)
    found = "".join(n for n in unique if n in known)
    terms = [result, *[n for n, _ in others]]
    g = F.einsum(g, *[o for _, o in others], f"{','.join(terms)}->{found}")
    sizes = dict(zip(names, x.shape))
    if found != unique:  # letters that were summed out alone
        g = F.reshape(g, tuple(sizes[n] if n in found else 1 for n in unique))
        g = F.broadcast_to(g, tuple(sizes[n] for n in unique))
    if unique == names:
        return g
    eyes, terms, seen = [], [unique], ""
    fresh = iter(n for n in string.ascii_letters if n not in names)
    for n in names:  # a repeated letter is a diagonal: spread it back by an identity
        seen += next(fresh) if n in seen else n
        if seen[-1] != n:
            eyes.append(np.eye(sizes[n]).astype(x.dtype))
            terms.append(n + seen[-1])
    return F.einsum(g, *eyes, f"{','.join(terms)}->{seen}")
