"""Gradient accumulation: the mean of several batches' gradients makes one update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from multinet.registry import current
from multinet.typing import Numbers, Tensor

if TYPE_CHECKING:  # which imports this module
    from multinet.optimizers.base import Optimizer


def updates_before(batches: Numbers, every: int) -> Numbers:
    """Return how many updates a number of batches have made."""
    if current().is_tensor(batches):
        return current().floor_divide(batches, every)
    return batches // every


def accumulate(
    optimizer: Optimizer,
    params: Sequence[Tensor],
    grads: Sequence[Tensor | None],
    slots: Sequence[Tensor],
    batch: Numbers,
    learning_rate: Numbers,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return params and slots after a batch: its gradients are added, and every so many
    batches their mean is the gradient of an update.

    `batch` counts from 1. What is between updates, averages of weights too, stays as it
    is, so that training goes as with batches as large as those of an update together.
    """
    f, every = current(), optimizer.gradient_accumulation_steps
    assert every is not None
    first, count = optimizer._first_sum, len(params)
    sums = [
        total if grad is None else f.add(total, f.cast(grad, f.dtype(total)))
        for total, grad in zip(slots[first : first + count], grads, strict=True)
    ]
    head, tail = slots[:first], slots[first + count :]
    if not f.is_tensor(batch) and batch % every:  # known on the host: nothing is due
        return list(params), [*head, *sums, *tail]
    due = None
    if f.is_tensor(batch):
        due = f.equal(f.mod(batch, every), 0)

    def kept(values: Sequence[Any]) -> list[Any]:
        return list(values) if due is None else [f.copy(x) for x in values]

    means = [
        None if grad is None else f.divide(total, every)
        for total, grad in zip(sums, grads, strict=True)
    ]
    old = [*head, *sums, *tail]
    zeros = [f.full(f.shape(x), 0, f.dtype(x)) for x in sums]
    number = updates_before(f.add(batch, -1) if due is not None else batch - 1, every)
    number = f.add(number, 1) if due is not None else number + 1
    moved, new = optimizer.update(
        kept(params), means, [*kept(head), *zeros, *kept(tail)], number, learning_rate
    )
    if due is None:
        return moved, new
    pick = f.where
    return (
        [pick(due, x, y) for x, y in zip(moved, params, strict=True)],
        [pick(due, x, y) for x, y in zip(new, old, strict=True)],
    )
