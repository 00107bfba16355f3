"""Parameters and buffers of a module as the places where Variables live."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from multinet.interface.native import Home


class Place(NamedTuple):
    """A tensor of a module: the module that owns it, in which table, under a name."""

    owner: nn.Module
    trained: bool  # whether it is a parameter, and no buffer
    key: str
    name: str  # as in `state_dict`

    @property
    def table(self) -> dict[str, Tensor | None]:
        """What the owner looks it up in."""
        return self.owner._parameters if self.trained else self.owner._buffers  # type: ignore[return-value]

    @property
    def tensor(self) -> Tensor:
        """The tensor that is there."""
        found = self.table[self.key]
        assert found is not None
        return found


def places(module: nn.Module) -> list[Place]:
    """Return where the tensors of `state_dict` are, each name that one has."""
    found = []
    for prefix, owner in module.named_modules(remove_duplicate=False):
        left_out = owner._non_persistent_buffers_set
        for trained, table in ((True, owner._parameters), (False, owner._buffers)):
            found += [
                Place(owner, trained, key, f"{prefix}.{key}" if prefix else key)
                for key, tensor in table.items()
                if tensor is not None and (trained or key not in left_out)
            ]
    return found


class TensorHome(Home):
    """A parameter or buffer in which the value of a Variable lives."""

    shared = True
    recording = False

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def take(self, value: Tensor) -> Tensor:
        """Change to a value; return a tensor of the same memory, without a gradient.

        Or the parameter itself, where its gradient is wanted.
        """
        own = self.tensor.detach()
        with torch.no_grad():
            own.copy_(value)
        return self.tensor if self.recording else own

    def record(self, value: Tensor, trained: bool) -> Tensor:
        """Let the Variable hold the parameter, or a tensor of the same memory."""
        self.recording = trained
        return self.tensor if trained else self.tensor.detach()

    def share(self, value: Tensor) -> Tensor:
        """Return the parameter or buffer."""
        return self.tensor

    def shown(self, value: Tensor) -> Tensor:
        """Return the copy of a value, with the gradient of the parameter."""
        value = value.detach()
        value.grad = self.tensor.grad
        return value


# A module is changed while it computes with other tensors than its own.
_lock = threading.RLock()


@contextmanager
def swapped(where: Sequence[Place], tensors: Sequence[Tensor]) -> Iterator[None]:
    """Let modules compute with tensors in the places of their own."""
    with _lock:
        before = [place.tensor for place in where]
        try:
            _put(where, tensors)
            yield
        finally:
            _put(where, before)


def _put(where: Sequence[Place], tensors: Sequence[Tensor]) -> None:
    for place, tensor in zip(where, tensors, strict=True):
        place.table[place.key] = tensor
    for owner in {id(place.owner): place.owner for place in where}.values():
        if isinstance(owner, nn.RNNBase):  # it keeps them in a list, too
            names = owner._flat_weights_names
            owner._flat_weights = [getattr(owner, name, None) for name in names]
