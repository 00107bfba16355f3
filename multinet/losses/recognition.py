"""CTC: the loss of a sequence of labels under one of longer predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.errors import ShapeError
from multinet.losses.base import FunctionLoss, on_symbols
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.typing import PolicyLike, Tensor


@on_symbols
def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return -log of the probability of each target over all its alignments, (b,).

    `y_true` (b, n) holds labels from 1, filled up with 0, which is the blank too;
    `y_pred` (b, t, classes) logits. Infinite where t is too short for a target.

    Source: Graves et al., "Connectionist temporal classification", 2006.
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    labels, logits = current().shape(y_true), current().shape(y_pred)
    if len(labels) != 2 or len(logits) != 3:
        raise ShapeError(
            "Expected labels (samples, length) and logits (samples, steps, classes), "
            f"got shapes {public_shape(labels)} and {public_shape(logits)}."
        )
    y_true = cast_tensor(y_true, "int32")
    used = cast_tensor(ops.not_equal(y_true, 0), "int32")
    steps = ops.full((logits[0],), logits[1], "int32")
    loss = ops.ctc_loss(y_true, y_pred, ops.sum(used, axis=-1), steps, mask_index=0)
    return cast_tensor(loss, current().dtype(y_pred))


class CTC(FunctionLoss):
    """-log of the probability of labels over all alignments; see `ctc`."""

    function = ctc

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _paired(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred

    def _places(self, shape: Any) -> tuple[Any, Sequence[int]]:
        return shape[:1], (1, 2)
