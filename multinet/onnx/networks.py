"""Recurrences, normalization and attention as the operators that the opset has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.graph.values import Value
from multinet.onnx.writer import Named, Writer
from multinet.symbolic.dims import Size

_WIDE = ("float32", "float64")


def _gates(w: Writer, x: Named, size: int, order: tuple[int, ...]) -> str:
    """Return the last axis, of gates of `size`, in another order."""
    if order == tuple(range(len(order))):
        return w.name(x)
    places = [part * size + i for part in order for i in range(size)]
    return w.add("Gather", x, w.ints(*places), axis=-1)


def _matrix(w: Writer, x: Value, size: int, order: tuple[int, ...]) -> str:
    """Return a kernel (n, gates) as (1, gates, n)."""
    rows, columns = x.shape
    turned = w.transpose(_gates(w, x, size, order), (1, 0))
    return w.add("Reshape", turned, w.ints(1, columns, rows))


def _biases(
    w: Writer, given: list[Any], size: int, order: tuple[int, ...], dtype: str
) -> str:
    """Return the biases of input and state, of which there may be none, as (1, n)."""
    if all(b is None for b in given):
        return ""
    zeros = np.zeros(len(order) * size, dtype)
    parts = [
        w.constant(zeros, "zeros") if b is None else _gates(w, b, size, order)
        for b in given
    ]
    return w.add(
        "Reshape",
        w.add("Concat", *parts, axis=0),
        w.ints(1, 2 * len(order) * size),
    )


def _recurrence(
    w: Writer, kind: str, x: Value, weights: list[str], states: list[Any], **more: Any
) -> list[str]:
    """Return the states at every step, and the last ones."""
    size = states[0].shape[1]
    firsts = [w.add("Unsqueeze", h, w.ints(0)) for h in states]
    rows = w.transpose(x, (1, 0, 2))
    ys, *lasts = w.several(
        kind, 1 + len(states), rows, *weights, "", *firsts, hidden_size=size, **more
    )
    ys = w.transpose(w.add("Squeeze", ys, w.ints(1)), (1, 0, 2))
    return [ys, *(w.add("Squeeze", h, w.ints(0)) for h in lasts)]


def _lstm(
    w: Writer,
    out: Any,
    x: Value,
    h: Value,
    c: Value,
    kernel: Value,
    recurrent: Value,
    bias: Any,
    mask: None,
    reverse: bool,
) -> list[str]:
    size, order = h.shape[1], (0, 3, 1, 2)  # i f g o to i o f g
    matrices = [_matrix(w, k, size, order) for k in (kernel, recurrent)]
    biases = _biases(w, [bias, None], size, order, x.dtype)
    direction = "reverse" if reverse else "forward"
    given = [*matrices, biases]
    return _recurrence(w, "LSTM", x, given, [h, c], direction=direction)


def _gru(
    w: Writer,
    out: Any,
    x: Value,
    h: Value,
    kernel: Value,
    recurrent: Value,
    bias: Any,
    recurrent_bias: Any,
    mask: None,
    reverse: bool,
    reset_after: bool,
) -> list[str]:
    size, order = h.shape[1], (0, 1, 2)
    matrices = [_matrix(w, k, size, order) for k in (kernel, recurrent)]
    biases = _biases(w, [bias, recurrent_bias], size, order, x.dtype)
    return _recurrence(
        w,
        "GRU",
        x,
        [*matrices, biases],
        [h],
        direction="reverse" if reverse else "forward",
        linear_before_reset=int(reset_after),
    )


def _batch_norm(
    w: Writer,
    out: Any,
    x: Value,
    mean: Value,
    variance: Value,
    scale: Any,
    offset: Any,
    epsilon: float,
) -> str:
    rank, count = len(x.shape), mean.shape[0]
    axis = rank - len(mean.shape)
    first = [0, axis, *(i for i in range(1, rank) if i != axis)]
    ones, zeros = (np.full(count, n, x.dtype) for n in (1, 0))

    def vector(value: Value) -> str:
        alone = len(value.shape) == 1
        return w.name(value) if alone else w.reshape(value, (count,))

    given = [
        w.constant(ones, "ones") if scale is None else vector(scale),
        w.constant(zeros, "zeros") if offset is None else vector(offset),
        vector(mean),
        vector(variance),
    ]
    rows = w.transpose(x, first)
    y = w.add("BatchNormalization", rows, *given, epsilon=float(epsilon))
    return w.transpose(y, [first.index(i) for i in range(rank)])


def _layer_norm(
    w: Writer,
    out: Any,
    x: Value,
    scale: Any,
    offset: Any,
    axes: Any,
    epsilon: float,
) -> str:
    shape = x.shape[axes[0] :]

    def fitted(value: Value) -> str:  # without leading ones
        return w.name(value) if value.shape == shape else w.reshape(value, shape)

    ones = np.ones(shape, x.dtype)
    given = [w.constant(ones, "ones") if scale is None else fitted(scale)]
    given += [] if offset is None else [fitted(offset)]
    return w.add("LayerNormalization", x, *given, axis=axes[0], epsilon=float(epsilon))


def _attention(
    w: Writer,
    out: Any,
    query: Value,
    key: Value,
    value: Value,
    mask: Any,
    bias: Any,
    scale: float,
) -> str:
    dtype = query.dtype
    added = "" if bias is None else w.name(bias)
    if mask is not None:
        # Not -inf, so that a row that is masked throughout attends evenly.
        lowest = w.scalar(-3e4 if dtype == "float16" else -1e38, dtype)
        added = w.add("Where", mask, added or w.scalar(0, dtype), lowest)
    heads = [w.transpose(x, (0, 2, 1, 3)) for x in (query, key, value)]
    given = [*heads, added] if added else heads
    y = w.add("Attention", *given, scale=float(scale))
    return w.transpose(y, (0, 2, 1, 3))


def _plain(opset: int, x: Value, h: Value, mask: Any, **_: Any) -> bool:
    return mask is None and x.dtype in _WIDE and type(h.shape[1]) is int


def _channels(
    opset: int,
    x: Value,
    mean: Value,
    variance: Value,
    scale: Any,
    offset: Any,
    **_: Any,
) -> bool:
    """Return whether all is one number for each channel, along one axis of x."""
    given = [v for v in (mean, variance, scale, offset) if v is not None]
    rank, shape = len(x.shape), mean.shape
    one = 1 <= len(shape) < rank and all(type(n) is int for n in shape)
    same = all(v.shape == shape for v in given)
    return one and same and _leads(shape[1:]) and x.dtype in _WIDE


def _trailing(
    opset: int, x: Value, scale: Any, offset: Any, axes: Any, epsilon: float
) -> bool:
    rank = len(x.shape)
    sizes = x.shape[rank - len(axes) :]
    last = tuple(axes) == tuple(range(rank - len(axes), rank)) and bool(axes)
    known = last and all(type(n) is int for n in sizes) and x.dtype in _WIDE
    whole = all(
        v is None
        or (v.shape[-len(sizes) :] == sizes and _leads(v.shape[: -len(sizes)]))
        for v in (scale, offset)
    )
    return known and whole


def _leads(shape: Sequence[Size]) -> bool:
    return all(n == 1 for n in shape)


def _operator(opset: int, query: Value, bias: Any, mask: Any, **_: Any) -> bool:
    return opset >= 23 and query.dtype in ("float32", "float16")


RULES = {
    "lstm": _lstm,
    "gru": _gru,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "attention": _attention,
}
SUITS = {
    "lstm": _plain,
    "gru": _plain,
    "batch_norm": _channels,
    "layer_norm": _trailing,
    "attention": _operator,
}
