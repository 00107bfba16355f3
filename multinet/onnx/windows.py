"""Convolutions and pools as operators, which have channels first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from multinet.graph.values import Value
from multinet.onnx.shaping import cut
from multinet.onnx.writer import Named, Writer
from multinet.symbolic.dims import larger


def _first(w: Writer, x: Named, rank: int) -> str:
    return w.transpose(x, (0, rank - 1, *range(1, rank - 1)))


def _last(w: Writer, x: str, rank: int) -> str:
    return w.transpose(x, (0, *range(2, rank), 1))


def _kernel(w: Writer, kernel: Named, rank: int) -> str:
    """Return a kernel (*window, in, out) as (out, in, *window)."""
    return w.transpose(kernel, (rank - 1, rank - 2, *range(rank - 2)))


def _pads(padding: Any) -> list[int]:
    return [pair[i] for i in (0, 1) for pair in padding]


def _known(padding: Any) -> bool:
    return all(type(n) is int for n in _pads(padding))


def _padded(w: Writer, x: Value, padding: Any, value: float) -> tuple[str, list[int]]:
    """Return an input with channels first, and the padding that it still needs.

    An operator takes numbers only; what depends on unknown sizes is padded before.
    """
    rank, pads = len(x.shape), _pads(padding)
    if _known(padding):
        return _first(w, x, rank), pads
    half = len(padding)
    widths = w.vector([0, *pads[:half], 0, 0, *pads[half:], 0])
    y = w.add("Pad", x, widths, w.scalar(value, x.dtype))
    return _first(w, y, rank), [0] * len(pads)


def _conv(
    w: Writer,
    out: Any,
    x: Value,
    kernel: Value,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> str:
    rank = len(x.shape)
    padded, pads = _padded(w, x, padding, 0)
    y = w.add(
        "Conv",
        padded,
        _kernel(w, kernel, rank),
        kernel_shape=list(kernel.shape[:-2]),
        strides=list(strides),
        pads=pads,
        dilations=list(dilation),
        group=groups,
    )
    return _last(w, y, rank)


def _conv_transpose(
    w: Writer,
    out: Any,
    x: Value,
    kernel: Value,
    shape: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> str:
    rank = len(x.shape)
    options = {
        "kernel_shape": list(kernel.shape[:-2]),
        "strides": list(strides),
        "dilations": list(dilation),
        "group": groups,
    }
    given = _first(w, x, rank), _kernel(w, kernel, rank)
    windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation)]
    whole = [(n - 1) * s + k for n, s, k in zip(x.shape[1:], strides, windows)]
    rest: Any = [n - (f - a - b) for n, f, (a, b) in zip(shape, whole, padding)]
    fits = [
        type(r) is int and 0 <= r < max(s, d)
        for r, s, d in zip(rest, strides, dilation)
    ]
    if all(fits) and _known(padding):
        options |= {"pads": _pads(padding), "output_padding": rest}
        return _last(w, w.add("ConvTranspose", *given, **options), rank)
    y = w.add("ConvTranspose", *given, **options)
    after = [larger(s, b) for s, (_, b) in zip(strides, padding)]
    y = w.add("Pad", y, w.vector([0] * (rank + 2) + after), w.scalar(0, x.dtype))
    starts = [a for a, _ in padding]
    stops = [n + a for n, a in zip(shape, starts)]
    axes = list(range(2, rank))
    return _last(w, cut(w, y, starts, stops, axes, [1] * len(axes)), rank)


def _pool(
    w: Writer, kind: str, x: Value, window: Any, strides: Any, padding: Any, **more: Any
) -> str:
    rank = len(x.shape)
    padded, pads = _padded(w, x, padding, -math.inf if kind == "MaxPool" else 0)
    y = w.add(
        kind,
        padded,
        kernel_shape=list(window),
        strides=list(strides),
        pads=pads,
        **more,
    )
    return _last(w, y, rank)


def _max_pool(
    w: Writer, out: Any, x: Value, window: Any, strides: Any, padding: Any
) -> str:
    return _pool(w, "MaxPool", x, window, strides, padding)


def _sum_pool(
    w: Writer, out: Any, x: Value, window: Any, strides: Any, padding: Any
) -> str:
    mean = _pool(w, "AveragePool", x, window, strides, padding, count_include_pad=1)
    return w.add("Mul", mean, w.scalar(math.prod(window), x.dtype))


def _mean_pool(
    w: Writer, out: Sequence[Value], x: Value, window: Any, strides: Any, padding: Any
) -> str:
    return _pool(w, "AveragePool", x, window, strides, padding)


RULES: dict[str, Callable[..., str]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "sum_pool": _sum_pool,
    "mean_pool": _mean_pool,
}
SUITS: dict[str, Callable[..., bool]] = {
    "mean_pool": lambda opset, padding, **_: _known(padding)
}
