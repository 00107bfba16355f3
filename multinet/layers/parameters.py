"""Weights as loops written in a framework's own way have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multinet.layers.tracking import Tracked
from multinet.registry import current
from multinet.scope import active_scope
from multinet.tracebacks import shortening
from multinet.typing import Tensor


class Parameters(Tracked):
    """The part of a layer that loops of a framework's own train, such as PyTorch's."""

    def _record(self) -> None:
        """Let the framework's own code have gradients of the weights that train."""
        if active_scope() is None and not current().symbolic:
            self._derived("recorded", self._recorded)

    def _recorded(self) -> list[Any]:
        trained = set(map(id, self.trainable_weights))
        for variable in self.weights:
            variable.record(id(variable) in trained)
        return []

    @shortening
    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the framework's own variables of the weights, by their addresses.

        On backend torch these are an `nn.Parameter` each, for any optimizer of
        PyTorch's; those of frozen layers ask for no gradient.
        """
        self._record()
        for path, variable in self.paths().items():
            if variable._made_trainable:
                yield path, variable.native

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the values of `named_parameters`."""
        return (parameter for _, parameter in self.named_parameters())

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients that `backward` of PyTorch's has put beside weights."""
        self._record()
        native = current().concrete.native
        for variable in self.weights:
            native.forget_gradient(variable.unseen())
