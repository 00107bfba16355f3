"""Optimizer kernels: lists of tensors, updated in place by a call or two."""

from __future__ import annotations

import math
from typing import Any

import torch

from multinet_torch.fast.tape import on_host

Tensors = list[torch.Tensor]


@on_host
def sgd(
    params: Tensors,
    grads: Tensors,
    velocities: Tensors,
    rate: float,
    momentum: float,
    nesterov: bool,
) -> None:
    """Do what `Backend.sgd_update` says, in place."""
    if momentum:
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, grads, alpha=-rate)
    if momentum and nesterov:
        torch._foreach_add_(params, velocities, alpha=momentum)
    if momentum and not nesterov:
        torch._foreach_add_(params, velocities)
    else:
        torch._foreach_add_(params, grads, alpha=-rate)


@on_host
def adam(
    params: Tensors,
    grads: Tensors,
    means: Tensors,
    variances: Tensors,
    step: int,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Do what `Backend.adam_update` says, in place; one dtype, contiguous."""
    counts = [torch.full((), float(step), device=params[0].device)] * len(params)
    options: dict[str, Any] = {"weight_decay": 0.0, "amsgrad": False, "maximize": False}
    options |= {"lr": rate, "beta1": beta_1, "beta2": beta_2}
    # The kernel adds epsilon after it corrects the root.
    options["eps"] = epsilon / math.sqrt(1 - beta_2**step)
    torch._fused_adam_(params, grads, means, variances, [], counts, **options)
