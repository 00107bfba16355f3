"""The state of an optimizer in a `.h5` file: a list of arrays, in an order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which stands above
    from multinet.optimizers.base import Optimizer


def read_new_optimizer(optimizer: Optimizer, arrays: Sequence[Any], place: str) -> None:
    """Give an optimizer all its variables, in the order of Keras 3."""
    _assign(optimizer, optimizer.variables, arrays, place)


def read_optimizer(
    optimizer: Optimizer, arrays: Sequence[Any], place: str, by_slot: bool = False
) -> None:
    """Give an optimizer its counter and slots, if the file's are those that it has.

    Keras 2 has the rate in the configuration alone, and a counter of 64 bits. Its
    legacy optimizers wrote one slot of all weights after the other (`by_slot`), the
    later ones in the order of Keras 3.
    """
    rate = optimizer._rate.variable
    variables = [v for v in optimizer.variables if v is not rate]
    if by_slot:
        slots = optimizer.slot_variables
        order = [i for places in optimizer._places for i in places if i is not None]
        variables = [optimizer._batches, *(slots[i] for i in order)]
    if len(variables) == 1:  # momentum of 0 had slots, too
        arrays = arrays[:1]
    _assign(optimizer, variables, arrays, place)


def _assign(
    optimizer: Optimizer, variables: Sequence[Any], arrays: Sequence[Any], place: str
) -> None:
    if [x.shape for x in arrays] == [v.shape for v in variables]:
        values = [array.read() for array in arrays]  # packed data may be damaged
        for variable, value in zip(variables, values):
            variable.assign(value.astype(variable.dtype))
        return
    warnings.warn(
        f"The state of the optimizer in {place} has another form than that of "
        f"{optimizer.name} here, so it starts anew.",
        stacklevel=5,
    )
