"""Normalization and attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from multinet import ops
from multinet.onnx.values import sizes_of, tensor
from multinet.typing import Tensor
from multinet.variables import Variable


def _batch_norm(
    call: Any, x: Any, scale: Any, offset: Any, mean: Any, variance: Any
) -> Tensor:
    """Normalize by the batch in training, where the moments are the node's own."""
    call.alone(1)
    x, epsilon = tensor(x), call.get("epsilon", 1e-5)
    own = isinstance(mean, Variable) and isinstance(variance, Variable)
    if call.training and own and call.trainable:
        axes = tuple(i for i in range(len(sizes_of(x))) if i != 1)
        found = ops.moments(x, axes)
        kept = call.get("momentum", 0.9)
        for moving, batch in zip((mean, variance), found):
            new = ops.multiply(ops.stop_gradient(batch), 1.0 - kept)
            moving.assign(ops.add(ops.multiply(moving, kept), new))
        mean, variance = found
    return ops.batch_normalization(
        x, tensor(mean), tensor(variance), 1, tensor(offset), tensor(scale), epsilon
    )


def _spread(x: Tensor, rank: int) -> Tensor:
    """Return one number a channel so that it meets the second axis."""
    return ops.reshape(x, (-1, *[1] * (rank - 2)))


def _normal(x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    mean = ops.mean(x, axes, keepdims=True)
    apart = ops.subtract(x, mean)
    variance = ops.mean(ops.square(apart), axes, keepdims=True)
    return ops.multiply(apart, ops.rsqrt(ops.add(variance, epsilon)))


def _instance_norm(call: Any, x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    rank = len(sizes_of(x))
    y = _normal(x, tuple(range(2, rank)), call.get("epsilon", 1e-5))
    return ops.add(ops.multiply(y, _spread(scale, rank)), _spread(offset, rank))


def _group_norm(call: Any, x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    groups, shape = call.get("num_groups"), sizes_of(x)
    rank, each = len(shape), shape[1] // groups
    rows = ops.reshape(x, (shape[0], groups, each, *shape[2:]))
    y = _normal(rows, tuple(range(2, rank + 1)), call.get("epsilon", 1e-5))
    if call.version < 21:  # one number a group
        y = ops.multiply(y, ops.reshape(scale, (-1, *[1] * (rank - 1))))
        y = ops.add(y, ops.reshape(offset, (-1, *[1] * (rank - 1))))
        return ops.reshape(y, shape)
    y = ops.reshape(y, shape)
    return ops.add(ops.multiply(y, _spread(scale, rank)), _spread(offset, rank))


def _trailing(call: Any, x: Tensor) -> tuple[int, ...]:
    rank = len(sizes_of(x))
    return tuple(range(call.get("axis", -1) % rank, rank))


def _layer_norm(call: Any, x: Tensor, scale: Tensor, offset: Any = None) -> Tensor:
    call.alone(1)
    y = ops.layer_normalization(
        x, scale, offset, axis=_trailing(call, x), epsilon=call.get("epsilon", 1e-5)
    )
    return y


def _rms_norm(call: Any, x: Tensor, scale: Tensor) -> Tensor:
    axes = _trailing(call, x)
    power = ops.mean(ops.square(x), axes, keepdims=True)
    y = ops.multiply(x, ops.rsqrt(ops.add(power, call.get("epsilon", 1e-5))))
    return ops.multiply(y, scale)


# -- attention -------------------------------------------------------------------------


def _heads(x: Tensor, count: int) -> Tensor:
    """Return rows (b, t, h * d) as heads (b, h, t, d); those of four axes are."""
    if len(sizes_of(x)) == 4:
        return x
    b, t, n = sizes_of(x)
    return ops.transpose(ops.reshape(x, (b, t, count, n // count)), (0, 2, 1, 3))


def _attention(
    call: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any = None,
    *past: Any,
) -> Tensor:
    call.alone(1)
    if any(x is not None for x in past):
        raise call.refused("keys and values of the past")
    flat = len(sizes_of(query)) == 3
    counts = [call.get("q_num_heads", 0), *[call.get("kv_num_heads", 0)] * 2]
    q, k, v = (_heads(x, n) for x, n in zip((query, key, value), counts))
    shared = sizes_of(q)[1] // sizes_of(k)[1]
    if shared != 1:
        k, v = ops.repeat(k, shared, 1), ops.repeat(v, shared, 1)
    width = sizes_of(q)[3]
    scale = call.get("scale") or 1 / math.sqrt(width)
    scores = ops.multiply(ops.matmul(q, ops.swapaxes(k, -1, -2)), scale)
    cap = call.get("softcap", 0.0)
    if cap:
        scores = ops.multiply(ops.tanh(ops.divide(scores, cap)), cap)
    lowest = -3e4 if ops.dtype(scores) == "float16" else -1e38
    if call.get("is_causal", 0):
        rows, columns = (ops.arange(n, dtype="int32") for n in sizes_of(scores)[2:])
        seen = ops.less_equal(columns, ops.expand_dims(rows, -1))
        scores = ops.where(seen, scores, lowest)
    if mask is not None:
        shown = ops.dtype(mask) == "bool"
        scores = ops.where(mask, scores, lowest) if shown else ops.add(scores, mask)
    y = ops.matmul(ops.softmax(scores), v)
    if not flat:
        return y
    b, h, t, d = sizes_of(y)
    return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (b, t, h * d))


TENSORS: dict[str, Callable[..., Any]] = {
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "Attention": _attention,
}
MIXED: dict[str, Callable[..., Any]] = {"BatchNormalization": _batch_norm}
