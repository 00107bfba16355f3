"""Slopes that torch's own kernels get wrong at the edges; first order only."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Elu(torch.autograd.Function):
    """elu, whose slope at NaN is 1 in torch's scalar loop and NaN in its vectors."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return F.elu(x, alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        x = torch.nan_to_num(x, 1.0, math.inf, -math.inf)
        return torch.ops.aten.elu_backward(g, ctx.alpha, 1, 1, False, x), None


class Gelu(torch.autograd.Function):
    """gelu, which torch's vectors overflow above half of the greatest float."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        return Gelu.value(x)

    @staticmethod
    def value(x: Tensor) -> Tensor:
        return torch.minimum(F.gelu(x), x.abs())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Any:  # type: ignore[override]
        return torch.ops.aten.gelu_backward(g, *ctx.saved_tensors)


class GeluByTanh(torch.autograd.Function):
    """gelu by tanh, whose slope in torch is NaN where x**2 overflows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        return GeluByTanh.value(x)

    @staticmethod
    def value(x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Any:  # type: ignore[override]
        x = ctx.saved_tensors[0].clamp(-100, 100)  # there it is 0 or 1 to the last bit
        return torch.ops.aten.gelu_backward(g, x, approximate="tanh")


class LogSumExp(torch.autograd.Function):
    """log(sum(e**x)) over axes, which both keep.

    torch's slope e**(x - result) is off where the result is rounded: 2e-4 at 1e4.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...]) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        ctx.axes = axes
        return torch.logsumexp(x, axes, True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        if len(ctx.axes) == 1:
            return torch.softmax(x, ctx.axes[0]) * g, None
        powers = torch.exp(x - torch.amax(x, ctx.axes, True))
        return powers * (g / powers.sum(ctx.axes, True)), None
