"""How kernels are planned: as ufuncs with `out`, as views, or filling their results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from multinet_numpy import arrays, elementwise, linalg, special, windows
from multinet_numpy.dtypes import LOW, NUMPY, SCALARS
from multinet_numpy.fast import fused_kernels
from multinet_numpy.fast.plan import RECIPES, Operation, Plan, Planned, planned_in

Call = Callable[..., Any]


def recipe(name: str, low: bool = True) -> Callable[[Call], Call]:
    """Enter a function (plan, *args) that records a kernel.

    Where it returns NotImplemented the kernel runs as it is; also on low floats, unless
    `low`.
    """

    def enter(function: Call) -> Call:
        def record(plan: Plan, *args: Any) -> Any:
            refused = not low and any(map(_is_low, args))
            return NotImplemented if refused else function(plan, *args)

        RECIPES[name] = record
        return record

    return enter


def _empty(x: Any, shape: Any = None, dtype: Any = None) -> Any:
    return np.empty(x.shape if shape is None else shape, dtype or x.dtype)


def _is_low(x: Any) -> bool:
    return type(x) in (Planned, np.ndarray) and x.dtype.type in LOW


def assigned(kernel: Call) -> Call:
    """Return the kernel as one that fills its last argument."""

    def fill(*args: Any) -> None:
        args[-1][...] = kernel(*args[:-1])

    return fill


# -- conversion and shape --------------------------------------------------------------


@recipe("cast")
def _(plan: Plan, x: Any, dtype: str) -> Any:
    return x.astype(NUMPY[dtype], False)


@recipe("broadcast_to")
def _(plan: Plan, x: Any, shape: Any) -> Any:
    return plan.view(x, lambda value: np.broadcast_to(value, shape))


@recipe("flip")
def _(plan: Plan, x: Any, axes: Any) -> Any:
    return plan.view(x, lambda value: arrays.flip(value, axes))


@recipe("unbroadcast")
def _(plan: Plan, x: Any, shape: Any) -> Any:
    extra = x.ndim - len(shape)
    sizes = zip(shape, x.shape[extra:])
    axes = [i + extra for i, (n, m) in enumerate(sizes) if n == 1 and m != 1]
    args = x, (*range(extra), *axes), False
    return plan.kernel("sum", arrays.sum, args).reshape(shape)


@recipe("concatenate")
def _(plan: Plan, *args: Any) -> Any:
    *xs, axis = args
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)

    def join(*arrays: Any) -> None:
        np.concatenate(arrays[:-1], axis, out=arrays[-1])

    return plan.emit(join, xs, np.empty(shape, xs[0].dtype))


# -- reductions ------------------------------------------------------------------------


def _total(x: Any, out: Any) -> None:
    np.add.reduce(x, 0, None, out)


_blocked = assigned(arrays.sum)


@recipe("sum", low=False)
def _(plan: Plan, x: Any, axes: Any, keepdims: bool) -> Any:
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    final = kept if keepdims else shape
    if all(x.shape[i] == 1 for i in axes):
        return x.reshape(final)
    if x.dtype.kind not in "fc" or not x.size:
        return NotImplemented
    if len(axes) == x.ndim:
        out = plan.emit(_total, (x.reshape(x.size),), _empty(x, ()))
    elif axes == (0,) and x.ndim == 2 and x.shape[0] <= 64 and x.dtype.kind == "f":
        ones = arrays.ones(x.shape[0], x.dtype)
        out = plan.emit(np.matmul, (ones, x), _empty(x, shape))
    else:
        out = plan.emit(_blocked, (x, axes, False), _empty(x, shape))
    return out.reshape(final)


# -- contraction -----------------------------------------------------------------------


@recipe("matmul")
def _matmul(plan: Plan, x: Any, y: Any) -> Any:
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    shape = (*batch, x.shape[-2], y.shape[-1])
    if x.shape[-1] == 1 and math.prod(shape) <= 64:
        return np.multiply(x, y)
    return plan.emit(np.matmul, (x, y), np.empty(shape, x.dtype))


@recipe("einsum", low=False)
def _(plan: Plan, *args: Any) -> Any:
    terms, result = args[-1].split("->")
    names = terms.split(",")
    summed_alone = 1 in Counter("".join((*names, result))).values()
    if len(names) != 2 or summed_alone or any(len({*n}) < len(n) for n in names):
        return NotImplemented
    return linalg.pairwise(args[0], args[1], names, result)


@recipe("dense", low=False)
def _(plan: Plan, x: Any, kernel: Any, bias: Any) -> Any:
    return np.add(np.matmul(x, kernel), bias)


# -- fused -----------------------------------------------------------------------------


def _softmax(x: Any, axis: int, out: Any) -> None:
    np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out)
    np.exp(out, out)
    np.divide(out, arrays.sum(out, (axis,), True), out)


@recipe("softmax", low=False)
def _(plan: Plan, x: Any, axis: int) -> Any:
    if not x.ndim:
        return NotImplemented
    return plan.emit(_softmax, (x, axis), _empty(x))


@recipe("cross_entropy", low=False)
def _(plan: Plan, logits: Any, labels: Any) -> Any:
    examples = _empty(logits, logits.shape[:-1]), _empty(logits)
    return plan.emit_all(fused_kernels.cross_entropy_into, (logits, labels), examples)


@recipe("cross_entropy_adjoint", low=False)
def _(plan: Plan, g: Any, powers: Any, labels: Any) -> Any:
    fill = fused_kernels.cross_entropy_adjoint_into
    return plan.emit(fill, (g, powers, labels), _empty(powers))


@recipe("relu_adjoint")
def _(plan: Plan, g: Any, y: Any) -> Any:
    maker = plan.maker(g)
    if maker is not None and maker.call is windows.max_pool_adjoint_into:
        below, x, best, *window = maker.args
        if x is y:  # the gradient is at maxima only, and 0 where they are
            below = np.multiply(below, np.not_equal(best, 0))
            return _max_pool_adjoint(plan, below, x, best, *window)
    return np.multiply(g, np.not_equal(y, 0))


def _masked(mask: Any, x: Any, keep: bool, out: Any) -> None:
    """Fill `out` with x where the mask is `keep`, else 0, faster than np.where."""
    bits = mask.view(np.int8)
    bits = np.negative(bits) if keep else np.subtract(bits, np.int8(1))
    integer = np.dtype(f"i{out.itemsize}")
    np.bitwise_and(x.view(integer), bits, out.view(integer))


_where = assigned(np.where)


@recipe("where", low=False)
def _(plan: Plan, condition: Any, x: Any, y: Any) -> Any:
    tensor, other = (y, x) if type(x) in SCALARS else (x, y)
    if tensor.dtype.kind not in "fi":
        return NotImplemented
    shape = np.broadcast_shapes(*[getattr(v, "shape", ()) for v in (condition, x, y)])
    example = np.empty(shape, tensor.dtype)
    if type(other) in SCALARS and other == 0 and tensor.dtype.itemsize in (4, 8):
        return plan.emit(_masked, (condition, tensor, tensor is x), example)
    if type(other) in SCALARS:
        fill = elementwise.fill_like(other, tensor)
        x, y = (fill, y) if tensor is y else (x, fill)
    return plan.emit(_where, (condition, x, y), example)


@recipe("erf")
def _(plan: Plan, x: Any) -> Any:
    if x.dtype != np.float32:
        return NotImplemented
    return plan.emit(special.erf_into, (x,), _empty(x))


# -- windows ---------------------------------------------------------------------------


@recipe("conv", low=False)
def _(plan: Plan, x: Any, kernel: Any, *geometry: Any) -> Any:
    sizes = [n + b + a for n, (b, a) in zip(x.shape[1:], geometry[1])]
    out = windows.out_spatial(sizes, kernel.shape[:-2], geometry[0], geometry[2])
    example = np.empty((len(x), *out, kernel.shape[-1]), x.dtype)
    return plan.emit(windows.conv_into, (x, kernel, geometry, None, False), example)


def fuse_convolutions(plan: Plan, results: Any) -> None:
    """Let convolutions add the bias and do the relu that follow, chunk by chunk."""
    reads = Counter(id(x.root) for x in planned_in(results))
    reads.update(id(x.root) for op in plan.code for x in planned_in(op.args))
    code: list[Operation] = []
    for op in plan.code:
        last = code[-1] if code else op
        others = [x for x in op.args if not any(x is y for y in last.outs)]
        if (
            last.call is windows.conv_into
            and len(others) < len(op.args)
            and reads[id(last.outs[0].root)] == 1
        ):
            *first, bias, relu = last.args
            if op.call is np.add and bias is None and others[0].ndim == 1:
                code[-1] = Operation(
                    last.call, (*first, *others, relu), op.outs, "into"
                )
                continue
            if op.call is np.maximum and _is_zero(others[0]):
                code[-1] = Operation(last.call, (*first, bias, True), op.outs, "into")
                continue
        code.append(op)
    plan.code = code


def _is_zero(x: Any) -> bool:
    return type(x) is np.ndarray and x.ndim == 0 and x.item() == 0


@recipe("conv_transpose", low=False)
def _(plan: Plan, x: Any, kernel: Any, shape: Any, *geometry: Any) -> Any:
    example = np.empty((len(x), *shape, kernel.shape[-2] * geometry[-1]), x.dtype)
    return plan.emit(windows.conv_transpose_into, (x, kernel, geometry), example)


@recipe("conv_kernel", low=False)
def _(plan: Plan, x: Any, g: Any, window: Any, *geometry: Any) -> Any:
    shape = (*window, x.shape[-1] // geometry[-1], g.shape[-1])
    return plan.emit(windows.conv_kernel_into, (x, g, geometry), _empty(x, shape))


@recipe("max_pool")
def _(plan: Plan, x: Any, *window: Any) -> Any:
    blank = np.broadcast_to(np.zeros((), x.dtype), x.shape)
    example = np.empty(windows.max_pool(blank, *window).shape, x.dtype)
    return plan.emit(windows.max_pool_into, (x, *window), example)


@recipe("max_pool_adjoint")
def _max_pool_adjoint(plan: Plan, g: Any, x: Any, y: Any, *window: Any) -> Any:
    fill = windows.max_pool_adjoint_into
    return plan.emit(fill, (g, x, y, *window), _empty(x, dtype=g.dtype))


# -- optimizers ------------------------------------------------------------------------


def plan_update(
    plan: Plan, make: Call, columns: list[list[Any]], settings: Any, now: Any
) -> list[list[Any]]:
    """Record make(columns, *settings)(*now), which writes all columns but the second.

    Each column lies in memory as one run, if the arena and the state allow it.
    """
    columns = [[plan.copy(x) for x in column] for column in columns]
    plan.groups += [[x.root for x in column] for column in columns]
    plan.kernels.add(f"{make.__name__}_update")
    plan.code.append(Operation(make, (columns, settings, now), (), "made"))
    return [column for i, column in enumerate(columns) if i != 1]
