"""What happens to gradients before an update, and to weights around it.

Functions of lists of native tensors; numbers that vary with the step may be host
numbers or scalar tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multinet import dtypes
from multinet.checks import number
from multinet.registry import current
from multinet.typing import Numbers, Tensor


def like(value: Numbers, x: Numbers) -> Tensor:
    """Return a scalar tensor in the dtype of `x`; a host number as it is."""
    backend = current()
    return backend.cast(value, backend.dtype(x)) if backend.is_tensor(value) else value


def moved(old: Tensor, new: Tensor, keep: float) -> Tensor:
    """Return a moving average: old + (new - old) * (1 - keep)."""
    f = current()
    return f.add(old, f.multiply(f.subtract(new, old), 1 - keep))


def by_weight(
    one: Callable[..., Sequence[Tensor]],
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    slots: Sequence[Sequence[Tensor]],
) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Return params and slots after a step: `one(param, grad, *slots)` of each."""
    rows = [one(*row) for row in zip(params, grads, *slots, strict=True)]
    columns = [list(column) for column in zip(*rows)]
    return columns[0], columns[1:]


def scale(tensors: Sequence[Tensor], factor: float) -> list[Tensor]:
    """Return the tensors times a number."""
    return [current().multiply(x, factor) for x in tensors]


def _square_sum(x: Any) -> Any:
    backend = current()
    if backend.dtype(x) in ("float16", "bfloat16"):
        x = backend.cast(x, "float32")
    return backend.sum(backend.square(x), tuple(range(len(backend.shape(x)))), False)


def clip_by_value(grads: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return gradients with each element within [-limit, limit]."""
    return [current().clip(g, -float(limit), float(limit)) for g in grads]


def clip_by_norm(grads: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return gradients, each shrunk to at most the Euclidean norm `limit`."""
    return [_shrink(g, current().sqrt(_square_sum(g)), limit) for g in grads]


def clip_by_global_norm(grads: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Return gradients shrunk by one factor to at most the joint norm `limit`.

    Source: Pascanu et al., "On the difficulty of training recurrent networks", 2012.
    """
    backend = current()
    total = _square_sum(grads[0])
    for grad in grads[1:]:
        total = backend.add(
            total, backend.cast(_square_sum(grad), backend.dtype(total))
        )
    norm = backend.sqrt(total)
    return [_shrink(g, norm, limit) for g in grads]


def clipped(
    grads: list[Tensor],
    norm: float | None,
    global_norm: float | None,
    value: float | None,
) -> list[Tensor]:
    """Return gradients clipped by the one limit that is not None, if any."""
    if norm is not None:
        return clip_by_norm(grads, norm)
    if global_norm is not None:
        return clip_by_global_norm(grads, global_norm)
    return grads if value is None else clip_by_value(grads, value)


def _shrink(grad: Any, norm: Any, limit: float) -> Any:
    backend = current()
    factor = backend.divide(float(limit), backend.maximum(norm, float(limit)))
    return backend.multiply(grad, like(factor, grad))


def decay(
    params: Sequence[Tensor], decays: Sequence[bool], rate: Numbers, weight_decay: float
) -> list[Tensor]:
    """Return params - params * weight_decay * rate, where `decays` says so.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017.
    """
    backend = current()
    tensor = backend.is_tensor(rate)
    amount = backend.multiply(rate, weight_decay) if tensor else rate * weight_decay
    chosen = [p for p, yes in zip(params, decays, strict=True) if yes]
    decayed = iter(backend.decay_update(chosen, amount))
    return [next(decayed) if yes else p for p, yes in zip(params, decays, strict=True)]


def average(
    averages: Sequence[Tensor], params: Sequence[Tensor], step: Numbers, momentum: float
) -> list[Tensor]:
    """Return moving averages of params; the params themselves after the first step."""
    backend = current()
    keep: Any = momentum
    if backend.is_tensor(step):
        first = backend.less_equal(step, 1)
        wide = dtypes.promote("float32", *map(backend.dtype, params))
        keep = backend.where(first, 0.0, backend.full((), momentum, wide))
        take = backend.subtract(1.0, keep)
    else:
        keep = 0.0 if step <= 1 else momentum
        take = 1.0 - keep
    return [
        backend.add(
            backend.multiply(a, like(keep, a)), backend.multiply(p, like(take, p))
        )
        for a, p in zip(averages, params, strict=True)
    ]


def overwrite(
    params: Sequence[Tensor], averages: Sequence[Tensor], step: Numbers, every: int
) -> list[Tensor]:
    """Return the averages at each multiple of `every` steps, the params otherwise."""
    backend = current()
    if not backend.is_tensor(step):
        return (
            [backend.copy(a) for a in averages] if step % every == 0 else list(params)
        )
    due = backend.equal(backend.mod(step, every), 0)
    return [backend.where(due, a, p) for p, a in zip(params, averages, strict=True)]


def fraction(value: float, name: str) -> float:
    """Return a number in [0, 1); `ArgumentError` that says which for others."""
    return float(number(value, name, least=0, below=1))
