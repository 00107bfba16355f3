"""Gathers by indices that may be out of range; see `multinet.interface.indices`.

On a CPU torch looks at each index by itself, so what fills the others costs nothing
where there are none. On a GPU its kernels would end the process: there indices are
moved into the range first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from multinet.interface import in_program, refused
from multinet_torch import transforms
from multinet_torch.fast.tape import active, line

Fill = bool | int | float
_aten: Any = torch.ops.aten
_plainly: Any = torch._C._DisableFuncTorch  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Gather:
    """A function of (x, axis, indices), and its adjoint of (g, axis, indices, shape).

    `whole`: whether an index stands for all of the axes after `axis`.
    """

    pick: Callable[..., Tensor]
    adjoint: Callable[..., Tensor]
    whole: bool = True


def _added(g: Tensor, axis: int, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    return g.new_zeros(shape).index_add_(axis, indices, g)


def _spread(g: Tensor, axis: int, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    return g.new_zeros(shape).scatter_add_(axis, indices, g)


def _rows(g: Tensor, axis: int, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    # On a CPU it passes over rows that there are not.
    return _aten.embedding_dense_backward(g, indices, shape[0], -1, False)


SELECT = Gather(torch.index_select, _added)
ALONG = Gather(torch.gather, _spread, whole=False)
EMBED = Gather(lambda x, axis, indices: F.embedding(indices, x), _rows)


def known(x: Tensor) -> Any:
    """Return the values of a tensor that the host has, None of others."""
    if x.device.type != "cpu" or transforms.is_batched(x):
        return None
    if not transforms.functional():
        return x.numpy()
    with _plainly():  # a transform under way would wrap what `numpy` looks at
        return transforms.unwrap(x).numpy()


def gathered(kind: Gather, x: Tensor, axis: int, indices: Tensor, fill: Fill) -> Tensor:
    """Return what a gather picks, and `fill` for indices out of range."""
    tape = active()
    if x.device.type != "cpu" or tape is not None and tape.compiled:
        return _filled(kind, x, axis, indices, fill)
    if transforms.functional():
        values = known(indices)
        if values is None:
            return _filled(kind, x, axis, indices, fill)
        return _tried(kind, x, axis, indices, fill, refused(values, x.shape[axis]))
    if tape is None:
        try:
            return kind.pick(x, axis, indices)
        except (IndexError, RuntimeError):
            error = refused(known(indices), x.shape[axis])
            return _tried(kind, x, axis, indices, fill, error)
    if not x.requires_grad:
        return line(_picked, kind, x, axis, indices, fill)
    if transforms.is_first_order():
        return _Line.apply(x, indices, kind, axis, fill)  # type: ignore[no-any-return]
    return _filled(kind, x, axis, indices, fill)


def _tried(
    kind: Gather, x: Tensor, axis: int, indices: Tensor, fill: Fill, error: Any
) -> Tensor:
    if error is None:
        return kind.pick(x, axis, indices)
    if not in_program():
        raise error
    return _filled(kind, x, axis, indices, fill)


def _filled(kind: Gather, x: Tensor, axis: int, indices: Tensor, fill: Fill) -> Tensor:
    inside = _inside(indices, x.shape[axis])
    picked = kind.pick(x, axis, torch.where(inside, indices, 0))
    rest = x.dim() - axis - 1 if kind.whole else 0
    return torch.where(inside.reshape(*inside.shape, *[1] * rest), picked, fill)


def _inside(indices: Tensor, size: int) -> Tensor:
    return (indices >= 0) & (indices < size)


# -- lines of a tape -------------------------------------------------------------------


class _Line(torch.autograd.Function):
    """A gather that a tape calls by one line, and its adjoint by another."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, x: Tensor, indices: Tensor, kind: Gather, axis: int, fill: Fill
    ) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.rest = kind, axis, tuple(x.shape)
        return line(_picked, kind, x, axis, indices, fill)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        (indices,), (kind, axis, shape) = ctx.saved_tensors, ctx.rest
        return line(_returned, kind, g, axis, indices, shape), None, None, None, None


def _picked(kind: Gather, x: Tensor, axis: int, indices: Tensor, fill: Fill) -> Tensor:
    try:
        return kind.pick(x, axis, indices)
    except (IndexError, RuntimeError):
        return _filled(kind, x, axis, indices, fill)


def _returned(
    kind: Gather, g: Tensor, axis: int, indices: Tensor, shape: tuple[int, ...]
) -> Tensor:
    try:
        return kind.adjoint(g, axis, indices, shape)
    except (IndexError, RuntimeError):
        inside = _inside(indices, shape[axis])
        rest = len(shape) - axis - 1 if kind.whole else 0
        g = torch.where(inside.reshape(*inside.shape, *[1] * rest), g, 0)
        return kind.adjoint(g, axis, torch.where(inside, indices, 0), shape)
