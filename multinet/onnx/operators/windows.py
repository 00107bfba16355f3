"""Convolutions and pools, which have channels first in files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from multinet import ops
from multinet.onnx.values import sizes_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, larger
from multinet.typing import Tensor

Pairs = list[tuple[Any, Any]]


def _last(x: Tensor) -> Tensor:
    rank = len(sizes_of(x))
    return ops.transpose(x, (0, *range(2, rank), 1))


def _first(x: Tensor) -> Tensor:
    rank = len(sizes_of(x))
    return ops.transpose(x, (0, rank - 1, *range(1, rank - 1)))


def _pairs(call: Any, sizes: Sequence[Any], reach: list[int], strides: Any) -> Pairs:
    """Return the padding before and after each axis; `reach` is of dilated windows."""
    kind, half = call.get("auto_pad", "NOTSET"), len(reach)
    if kind == "VALID":
        return [(0, 0)] * half
    if kind == "NOTSET":
        pads = call.get("pads") or [0] * (2 * half)
        return list(zip(pads[:half], pads[half:]))
    pairs = []
    for n, k, s in zip(sizes, reach, strides):
        total = larger((-(-n // s) - 1) * s + k - n, 0)
        less = total // 2
        upper = kind == "SAME_UPPER"
        pairs.append((less, total - less) if upper else (total - less, less))
    return pairs


def _known(pairs: Pairs) -> bool:
    return not any(isinstance(n, Dim) for pair in pairs for n in pair)


def _padded(x: Tensor, pairs: Pairs, value: float) -> Tensor:
    return current().pad(x, [(0, 0), *pairs, (0, 0)], value)


def _reach(window: Sequence[int], dilation: Sequence[int]) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(window, dilation)]


def _conv(call: Any, x: Tensor, kernel: Tensor, bias: Any = None) -> Tensor:
    window = sizes_of(kernel)[2:]
    ones = [1] * len(window)
    strides, dilation = call.get("strides", ones), call.get("dilations", ones)
    rows = _last(x)
    reach = _reach(window, dilation)
    pairs = _pairs(call, sizes_of(rows)[1:-1], reach, strides)
    if not _known(pairs):
        rows, pairs = _padded(rows, pairs, 0.0), [(0, 0)] * len(window)
    y = current().conv(
        rows,
        _kernel(kernel),
        tuple(strides),
        pairs,
        tuple(dilation),
        call.get("group", 1),
    )
    return _first(y if bias is None else ops.add(y, bias))


def _kernel(kernel: Tensor) -> Tensor:
    """Return a kernel (out, in, *window) as (*window, in, out)."""
    rank = len(sizes_of(kernel))
    return ops.transpose(kernel, (*range(2, rank), 1, 0))


def _conv_transpose(call: Any, x: Tensor, kernel: Tensor, bias: Any = None) -> Tensor:
    window = sizes_of(kernel)[2:]
    ones = [1] * len(window)
    strides, dilation = call.get("strides", ones), call.get("dilations", ones)
    extra = call.get("output_padding", [0] * len(window))
    rows, reach = _last(x), _reach(window, dilation)
    whole = [
        (n - 1) * s + k + e
        for n, s, k, e in zip(sizes_of(rows)[1:-1], strides, reach, extra)
    ]
    wanted, kind = call.get("output_shape"), call.get("auto_pad", "NOTSET")
    if wanted is None and kind.startswith("SAME"):
        wanted = [n * s for n, s in zip(sizes_of(rows)[1:-1], strides)]
    if wanted is None:
        pairs = _pairs(call, (), reach, strides)
        shape = [n - a - b for n, (a, b) in zip(whole, pairs)]
    else:
        shape, pairs = list(wanted)[-len(window) :], []
        for n, m in zip(whole, shape):
            total = larger(n - m, 0)
            less = total // 2
            upper = kind != "SAME_LOWER"
            pairs.append((less, total - less) if upper else (total - less, less))
    y = current().conv_transpose(
        rows,
        _kernel(kernel),
        tuple(shape),
        tuple(strides),
        pairs,
        tuple(dilation),
        call.get("group", 1),
    )
    return _first(y if bias is None else ops.add(y, bias))


def _pool(call: Any, x: Tensor) -> tuple[Any, ...]:
    """Return the input with channels last, its padding, and what the end lacks."""
    call.alone(1)
    window = call.get("kernel_shape")
    ones = [1] * len(window)
    strides, dilation = call.get("strides", ones), call.get("dilations", ones)
    if list(dilation) != ones:
        raise call.refused("dilations of a pool")
    rows = _last(x)
    sizes = sizes_of(rows)[1:-1]
    pairs = _pairs(call, sizes, window, strides)
    more: list[Any] = [0] * len(window)
    if call.get("ceil_mode", 0):
        for i, (n, k, s, (a, b)) in enumerate(zip(sizes, window, strides, pairs)):
            count = -(-(n + a + b - k) // s)  # windows after the first
            # The last one begins within the input or the padding before it.
            count = count - larger(count * s - (n + a) + 1, 0) // larger(
                count * s - (n + a) + 1, 1
            )
            more[i] = larger(count * s + k - (n + a + b), 0)
    return rows, window, strides, pairs, more


def _max_pool(call: Any, x: Tensor) -> Tensor:
    rows, window, strides, pairs, more = _pool(call, x)
    pairs = [(a, b + m) for (a, b), m in zip(pairs, more)]
    if not _known(pairs):
        rows, pairs = _padded(rows, pairs, -math.inf), [(0, 0)] * len(pairs)
    return _first(current().max_pool(rows, tuple(window), tuple(strides), pairs))


def _average_pool(call: Any, x: Tensor) -> Tensor:
    rows, window, strides, pairs, more = _pool(call, x)
    if call.get("count_include_pad", 0):
        rows, pairs = _padded(rows, pairs, 0.0), [(0, 0)] * len(pairs)
    pairs = [(a, b + m) for (a, b), m in zip(pairs, more)]
    window, strides = tuple(window), tuple(strides)
    if _known(pairs):
        return _first(current().mean_pool(rows, window, strides, pairs))
    nothing = [(0, 0)] * len(pairs)
    ones = ops.ones_like(rows)
    total, count = (
        current().sum_pool(_padded(y, pairs, 0.0), window, strides, nothing)
        for y in (rows, ones)
    )
    return _first(ops.divide(total, count))


def _over_all(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(call: Any, x: Tensor) -> Tensor:
        return function(x, tuple(range(2, len(sizes_of(x)))), keepdims=True)

    return apply


TENSORS: dict[str, Callable[..., Any]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _over_all(ops.mean),
    "GlobalMaxPool": _over_all(ops.max),
}
