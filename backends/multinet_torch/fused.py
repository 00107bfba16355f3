"""The PyTorch backend: the fused methods for which torch has something faster."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from multinet.interface import Key, filling
from multinet.interface.kernels import used
from multinet_torch import random, transforms
from multinet_torch.array import LOW, NAMES, Axes, Shape, Tensor, direct
from multinet_torch.fast import optimizers
from multinet_torch.fast.gathers import EMBED, gathered
from multinet_torch.fast.moments import BatchNorm, Moments
from multinet_torch.fast.sequence import SequenceOps
from multinet_torch.fast.slopes import Elu, Gelu, GeluByTanh, LogSumExp
from multinet_torch.fast.step import TorchProgram
from multinet_torch.fast.tape import is_known
from multinet_torch.program import Function, Tensors
from multinet_torch.widening import binary, ordered


class TorchBackend(SequenceOps):
    """The interface on PyTorch, eager."""

    name: ClassVar[str] = "torch"
    interface: ClassVar[tuple[int, int]] = (1, 1)

    # -- program arguments -------------------------------------------------------------

    def argument(self, value: Any, dtype: str) -> Any:
        return value

    def program(self, *arguments: Any) -> TorchProgram:
        return TorchProgram(self, *arguments)

    def value_and_grad(
        self, function: Function, primals: Sequence[Tensor]
    ) -> tuple[Tensor, Tensors, Tensors]:
        if not transforms.is_plain():
            return super().value_and_grad(function, primals)
        return transforms.value_and_grad(function, primals)

    # -- comparison --------------------------------------------------------------------

    not_equal = binary(operator.ne, ordered)

    # -- elementwise -------------------------------------------------------------------

    rsqrt = direct(torch.rsqrt)

    def relu(self, x: Tensor) -> Tensor:
        return torch.relu(x) if x.dtype.is_signed else x

    leaky_relu = direct(F.leaky_relu)

    def elu(self, x: Tensor, alpha: float) -> Tensor:
        if transforms.is_plain():
            return F.elu(x, alpha)
        once = transforms.is_first_order()
        return Elu.apply(x, alpha) if once else super().elu(x, alpha)

    def softplus(self, x: Tensor) -> Tensor:
        return F.softplus(x, threshold=40.0)  # torch's 20 is 2e-9 off, seen in float64

    silu = direct(F.silu)

    def gelu(self, x: Tensor, approximate: bool) -> Tensor:
        rule = GeluByTanh if approximate else Gelu
        if transforms.is_plain():
            return rule.value(x)
        once = transforms.is_first_order()
        return rule.apply(x) if once else super().gelu(x, approximate)

    # -- reductions --------------------------------------------------------------------

    def mean(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return torch.mean(x, axes, keepdims) if axes else x

    def moments(self, x: Tensor, axes: Axes, keepdims: bool) -> tuple[Tensor, Tensor]:
        if not axes or x.dtype in LOW or not transforms.is_first_order():
            return super().moments(x, axes, keepdims)
        used("moments")
        mean, variance = Moments.apply(x, axes)
        return (
            (mean, variance)
            if keepdims
            else (mean.squeeze(axes), variance.squeeze(axes))
        )

    def logsumexp(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        if not axes or not transforms.is_first_order():
            return super().logsumexp(x, axes, keepdims)
        y = LogSumExp.apply(x, axes)
        return y if keepdims else y.squeeze(axes)

    softmax = direct(torch.softmax)
    log_softmax = direct(torch.log_softmax)

    # -- shape and indexing ------------------------------------------------------------

    def expand_dims(self, x: Tensor, axis: int) -> Tensor:
        return x.unsqueeze(axis)

    def squeeze(self, x: Tensor, axes: Axes) -> Tensor:
        return x.squeeze(axes)

    def stack(self, xs: Sequence[Tensor], axis: int) -> Tensor:
        return torch.stack(tuple(xs), axis)

    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> Tensors:
        return x.split(tuple(sizes), axis)

    def tile(self, x: Tensor, repeats: Shape) -> Tensor:
        return x.repeat(repeats)

    def embedding(self, table: Tensor, indices: Tensor) -> Tensor:
        if table.is_complex():  # it has no gradient there
            return super().embedding(table, indices)
        return gathered(EMBED, table, 0, indices, filling(NAMES[table.dtype]))

    def top_k(self, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        values, order = torch.sort(x, dim=-1, descending=True, stable=True)
        return values[..., :k], order[..., :k].to(torch.int32)

    # -- contraction and linear algebra ------------------------------------------------

    def dense(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        flat = x if x.dim() == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        y = flat @ kernel if bias is None else torch.addmm(bias, flat, kernel)
        return y if x.dim() == 2 else y.reshape((*x.shape[:-1], kernel.shape[1]))

    # -- random ------------------------------------------------------------------------

    def random_uniform(self, key: Key, shape: Shape) -> Tensor:
        words = random.words(key, math.prod(shape), 8).to(torch.float32)
        return words.mul_(2.0**-24).reshape(shape)

    def random_normal(self, key: Key, shape: Shape) -> Tensor:
        words = random.words(key, math.prod(shape), 9).to(torch.float32)
        v = words.add_(0.5).mul_(2.0**-22).sub_(1.0)
        return torch.erfinv(v).mul_(math.sqrt(2.0)).reshape(shape)

    def dropout_mask(self, key: Key, shape: Shape, rate: float) -> Tensor:
        threshold = min(round(rate * 65536), 65535)
        return random.halves_at_least(key, math.prod(shape), threshold).reshape(shape)

    # -- normalization and attention ---------------------------------------------------

    def batch_norm(
        self,
        x: Tensor,
        mean: Tensor,
        variance: Tensor,
        scale: Tensor | None,
        offset: Tensor | None,
        epsilon: float,
    ) -> Tensor:
        given = [mean, variance, scale, offset]
        alike = len({p.shape if p is not None else p for p in given}) == 1
        same = alike and len({x.dtype, *(p.dtype for p in given)}) == 1
        if x.dtype in LOW or not (same and transforms.is_first_order()):
            return super().batch_norm(x, mean, variance, scale, offset, epsilon)
        used("batch_norm")
        return BatchNorm.apply(x, *given, epsilon)

    def layer_norm(
        self,
        x: Tensor,
        scale: Tensor | None,
        offset: Tensor | None,
        axes: Axes,
        epsilon: float,
    ) -> Tensor:
        inner = x.shape[x.dim() - len(axes) :]
        trailing = axes == tuple(range(x.dim() - len(axes), x.dim()))
        sizes = {p.numel() for p in (scale, offset) if p is not None}
        # Without a scale torch fails in the second derivative.
        if scale is None or not trailing or sizes != {inner.numel()}:
            return super().layer_norm(x, scale, offset, axes, epsilon)
        bias = None if offset is None else offset.reshape(inner)
        return F.layer_norm(x, inner, scale.reshape(inner), bias, epsilon)

    def attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        bias: Tensor | None,
        scale: float,
    ) -> Tensor:
        # The kernel has one derivative, and in float16 a masked row is not even.
        if not transforms.is_first_order() or query.dtype == torch.float16:
            return super().attention(query, key, value, mask, bias, scale)
        if mask is not None:
            shown = query.new_zeros(()) if bias is None else bias
            bias = torch.where(mask, shown, -1e38)
        heads = [x.transpose(1, 2) for x in (query, key, value)]
        y = F.scaled_dot_product_attention(*heads, attn_mask=bias, scale=scale)
        return y.transpose(1, 2)

    # -- optimizers (lists in, lists out; params and slots are consumed) ---------------

    def sgd_update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        velocities: Sequence[Tensor],
        learning_rate: Any,
        momentum: float,
        nesterov: bool,
    ) -> tuple[list[Tensor], list[Tensor]]:
        rest = (learning_rate, momentum, nesterov)
        if not (is_known(learning_rate) and _in_place(params)):
            return super().sgd_update(params, grads, velocities, *rest)
        used("sgd_update")
        params, velocities = list(params), list(velocities)
        optimizers.sgd(params, list(grads), velocities, *rest)
        return params, velocities

    def adam_update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        means: Sequence[Tensor],
        variances: Sequence[Tensor],
        step: Any,
        learning_rate: Any,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        rest = (step, learning_rate, beta_1, beta_2, epsilon)
        known = is_known(step) and is_known(learning_rate)
        if not (known and _in_place(params) and len({p.dtype for p in params}) == 1):
            return super().adam_update(params, grads, means, variances, *rest)
        used("adam_update")
        # The kernel reads memory as it lies: all four lists must lie alike.
        params = [_like(p, torch.empty_like(p)) for p in params]
        grads, means, variances = (
            [_like(x, p) for x, p in zip(xs, params, strict=True)]
            for xs in (grads, means, variances)
        )
        optimizers.adam(params, grads, means, variances, *rest)
        return params, means, variances


def _like(x: Tensor, model: Tensor) -> Tensor:
    """Return x in the order of memory of `model`."""
    strides = zip(x.shape, x.stride(), model.stride(), strict=True)
    if all(size == 1 or one == other for size, one, other in strides):
        return x
    return torch.empty_like(model).copy_(x)


def _in_place(params: Sequence[Tensor]) -> bool:
    """Return whether params may be overwritten: nothing is being recorded."""
    return bool(params) and params[0].is_floating_point() and transforms.is_plain()
