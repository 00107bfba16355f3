"""Reductions and products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet import dtypes, ops
from multinet.onnx.values import numbers, sizes_of, tensor
from multinet.typing import Tensor


def _log_sum(x: Tensor, axes: Any, keepdims: bool) -> Tensor:
    return ops.log(ops.sum(x, axes, keepdims=keepdims))


def _length(x: Tensor, axes: Any, keepdims: bool) -> Tensor:
    return ops.sqrt(_squares(x, axes, keepdims))


def _distance(x: Tensor, axes: Any, keepdims: bool) -> Tensor:
    return ops.sum(ops.absolute(x), axes, keepdims=keepdims)


def _squares(x: Tensor, axes: Any, keepdims: bool) -> Tensor:
    return ops.sum(ops.square(x), axes, keepdims=keepdims)


_OVER: dict[str, Callable[..., Any]] = {
    "Sum": ops.sum,
    "Mean": ops.mean,
    "Prod": ops.prod,
    "Max": ops.max,
    "Min": ops.min,
    "L1": _distance,
    "L2": _length,
    "LogSum": _log_sum,
    "LogSumExp": ops.logsumexp,
    "SumSquare": _squares,
}


def _reduced(over: Callable[..., Any]) -> Callable[..., Any]:
    def apply(call: Any, x: Tensor, axes: Any = None) -> Tensor:
        x = tensor(x)
        given = call.get("axes")
        if axes is not None:
            given = numbers(axes, call.name, "axes")
        if not given:
            if call.get("noop_with_empty_axes", 0):
                return x
            given = range(len(sizes_of(x)))
        if not len(given):
            return x
        keep = bool(call.get("keepdims", 1))
        found = over(x, tuple(given), keepdims=keep)
        return ops.cast(found, ops.dtype(x))  # sums of small integers stay so

    return apply


def _gemm(call: Any, a: Tensor, b: Tensor, c: Any = None) -> Tensor:
    a = ops.transpose(a) if call.get("transA", 0) else a
    b = ops.transpose(b) if call.get("transB", 0) else b
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    y = ops.matmul(a, b)
    y = y if alpha == 1 else ops.multiply(y, alpha)
    if c is None:
        return y
    return ops.add(y, c if beta == 1 else ops.multiply(c, beta))


def _matmul(call: Any, a: Tensor, b: Tensor) -> Tensor:
    y = ops.matmul(a, b)
    whole = dtypes.is_integer(ops.dtype(a))
    return ops.cast(y, ops.dtype(a)) if whole else y


def _einsum(call: Any, *operands: Tensor) -> Tensor:
    return ops.einsum(call.get("equation"), *operands)


def _softmax(call: Any, x: Tensor) -> Tensor:
    return ops.softmax(x, axis=call.get("axis", -1))


def _log_softmax(call: Any, x: Tensor) -> Tensor:
    return ops.log_softmax(x, axis=call.get("axis", -1))


TENSORS: dict[str, Callable[..., Any]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
    "Det": lambda call, x: ops.det(x),
}
MIXED = {f"Reduce{kind}": _reduced(over) for kind, over in _OVER.items()}
