"""What a layer adds to the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet.calls import CallContext, active
from multinet.errors import MultinetError
from multinet.layers.tracking import Tracked
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import Tensor


class Penalized(Tracked):
    """The part of a layer that has losses: of its weights, its outputs, and its own."""

    activity_regularizer: Any

    @shortening
    def add_loss(self, loss: Tensor | Sequence[Tensor] | Callable[[], Tensor]) -> None:
        """Add a scalar to the loss, from inside `call`."""
        context = active.get()
        if context is None:
            raise MultinetError(f"{self.name}.add_loss must be called inside call().")
        context.losses.append(loss)

    @property
    def losses(self) -> list[Tensor]:
        """Penalties of the trainable weights, and losses of the last outer call.

        Those of a call inside of a compiled function or a transform end with that.
        """
        context = active.get()
        added = (
            getattr(self, "_added_losses", []) if context is None else context.losses
        )
        return [*self.regularization_losses(), *added]

    def _forget_losses(self) -> None:
        self.__dict__["_added_losses"] = []

    def regularization_losses(self) -> list[Tensor]:
        """Return a scalar for each trainable weight that has a regularizer."""
        return [v.regularizer(v) for v in self._penalized()]

    def _penalize(self, context: CallContext, outputs: Any) -> None:
        """Add what the activity regularizer makes of each output to the losses."""
        for output in optree.tree_leaves(outputs):
            penalty = as_tensor(self.activity_regularizer(output))
            batch = current().shape(output)[0]
            if isinstance(batch, int):  # no sample, no penalty
                batch = max(batch, 1)
            context.losses.append(current().divide(penalty, batch))
