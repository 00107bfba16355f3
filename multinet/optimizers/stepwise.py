"""Optimizers that say what happens to one weight, as those written for Keras do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from multinet.errors import ArgumentError
from multinet.ops.core import as_tensor
from multinet.ops.sparse_forms import is_sparse_tensor
from multinet.registry import current
from multinet.scope import Scope, active_scope
from multinet.typing import Numbers, Tensor
from multinet.variables import Variable

if TYPE_CHECKING:  # which imports this module
    from multinet.optimizers.base import Optimizer
    from multinet.optimizers.state import OptimizerState


def stepped(
    optimizer: Optimizer,
    active: list[int],
    params: list[Tensor],
    grads: list[Tensor],
    slots: list[Tensor],
    step: Numbers,
    learning_rate: Numbers,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return params and slots after `update_step` of each weight that has a gradient.

    The Variables have these values meanwhile, as in any pure step.
    """
    variables = [optimizer.optimized[i] for i in active]
    known = [*variables, *optimizer.slot_variables, optimizer._batches]
    f, every = current(), optimizer.gradient_accumulation_steps or 1
    done = f.add(step, -1) if f.is_tensor(step) else f.full((), step - 1, "int32")
    with Scope(known, [*params, *slots, f.multiply(done, every)]) as scope:
        for grad, variable in zip(grads, variables, strict=True):
            optimizer.update_step(grad, variable, learning_rate)
        return scope.values_of(variables), scope.values_of(optimizer.slot_variables)


def step_of_one(
    optimizer: Optimizer, grad: Tensor, variable: Variable, learning_rate: Numbers
) -> None:
    """Move one weight by the kernel of an optimizer, as its next update would."""
    index = index_of(optimizer, variable)
    places = [column[index] for column in optimizer._kernel_places()]
    known = [None if k is None else optimizer.slot_variables[k] for k in places]
    copy, scope = current().copy, active_scope()
    value = copy(variable.__multinet_tensor__())
    slots = [None if v is None else copy(v.__multinet_tensor__()) for v in known]
    step = optimizer._now()[0]
    if scope is None and not current().is_tensor(learning_rate):
        learning_rate = float(learning_rate)
    moved, table = optimizer.kernel(
        [value], [grad], [[x] for x in slots], step, learning_rate
    )
    variable.assign(moved[0])
    for slot, column in zip(known, table, strict=True):
        if slot is not None:
            slot.assign(column[0])


def index_of(optimizer: OptimizerState, variable: Variable) -> int:
    """Return which of an optimizer's weights a Variable is."""
    for i, each in enumerate(optimizer.optimized):
        if each is variable:
            return i
    raise ArgumentError(
        f"{variable.label()} is not among the {len(optimizer.optimized)} variables "
        f"that {optimizer.name!r} was built with. Build a new one for others."
    )


def in_order(
    optimizer: Optimizer, grads: Sequence[Any], variables: Sequence[Variable]
) -> list[Tensor]:
    """Return the gradients in the order of an optimizer's weights, None for others."""
    if len(grads) != len(variables):
        raise ArgumentError(
            f"Expected a gradient for each of {len(variables)} variables, got "
            f"{len(grads)}."
        )
    ordered: list[Tensor] = [None] * len(optimizer.optimized)
    places = {id(v): i for i, v in enumerate(optimizer.optimized)}
    for grad, variable in zip(grads, variables):
        place = places.get(id(variable))
        if isinstance(grad, np.ndarray | list) or is_sparse_tensor(grad):
            grad = as_tensor(grad)  # from the host, or with all its rows
        ordered[index_of(optimizer, variable) if place is None else place] = grad
    without = [v.path for grad, v in zip(grads, variables) if grad is None]
    if without and len(without) < len(variables):
        warnings.warn(
            f"{len(without)} of {len(variables)} weights have no gradient and stay as "
            f"they are, as the loss does not depend on them: {without[:3]}.",
            stacklevel=3,
        )
    return ordered
