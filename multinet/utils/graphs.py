"""Where a tensor of the functional API comes from."""

from __future__ import annotations

from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Tensors


def get_source_inputs(tensor: Tensors) -> Tensors:
    """Return the inputs that a `KerasTensor` is computed from, each once, in a list.

    Anything else comes back as it is.
    """
    if not isinstance(tensor, KerasTensor):
        return tensor
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        inputs = [] if here.node is None else here.node.inputs
        if not inputs:
            found[id(here)] = here
        waiting += reversed(inputs)
    return list(found.values())
