"""Losses on the overlap of regions, and on similarities of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.config import epsilon
from multinet.losses.base import FunctionLoss, on_symbols
from multinet.losses.kept import fill, over, places_beside, positions, without
from multinet.losses.shapes import pair, predictions
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor

Axis = int | Sequence[int] | None


@on_symbols
def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Tensor:
    """Return 1 - 2 |A and B| / (|A| + |B|) of soft regions, over `axis` or all axes.

    Source: Milletari et al., "V-Net", 2016.
    """
    y_true, y_pred = pair(y_true, y_pred)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    sizes = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    ratio = ops.divide(ops.multiply(common, 2.0), ops.add(sizes, epsilon()))
    return ops.subtract(1.0, ratio)


@on_symbols
def tversky(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: Axis = None,
) -> Tensor:
    """Return 1 - common / (common + alpha * only true + beta * only predicted).

    Source: Salehi et al., "Tversky loss function for image segmentation", 2017.
    """
    y_true, y_pred = pair(y_true, y_pred)
    common = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(ops.subtract(1.0, y_pred), y_true), axis=axis)
    false = ops.sum(ops.multiply(y_pred, ops.subtract(1.0, y_true)), axis=axis)
    extra = ops.add(ops.multiply(missed, alpha), ops.multiply(false, beta))
    total = ops.add(ops.add(common, extra), epsilon())
    return ops.subtract(1.0, ops.divide(common, total))


@on_symbols
def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Tensor | None = None,
    ref_embeddings: Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Return how far embeddings are from near within labels, distant across them.

    Labels are integers (batch,), embeddings (batch, size) of norm 1; references default
    to the batch itself, each compared to the others only, with `remove_diagonal`.

    Source: Sun et al., "Circle loss", 2020.
    """
    return _circle(
        y_true, y_pred, ref_labels, ref_embeddings, remove_diagonal, gamma, margin
    )


def _circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any,
    ref_embeddings: Any,
    remove_diagonal: bool,
    gamma: float,
    margin: float,
    kept: Any = None,
) -> Any:
    """Return `circle`, no sample compared to those that are not `kept`."""
    y_pred = predictions(y_pred)
    labels = _labels(y_true)
    references = y_pred if ref_embeddings is None else as_tensor(ref_embeddings)
    others = labels if ref_labels is None else _labels(ref_labels)
    cosines = ops.matmul(y_pred, ops.transpose(references))
    distance = ops.maximum(ops.subtract(1.0, cosines), 0.0)
    same = ops.equal(ops.expand_dims(labels, 1), ops.expand_dims(others, 0))
    different = ops.logical_not(same)
    if kept is not None:
        kept = ops.expand_dims(kept, 0)
        same, different = ops.logical_and(same, kept), ops.logical_and(different, kept)
    if remove_diagonal:
        rows, columns = current().shape(same)
        same = ops.logical_and(
            same, ops.logical_not(ops.eye(rows, columns, dtype="bool"))
        )
    near_weight = ops.add(distance, margin)
    far_weight = ops.maximum(ops.subtract(1.0 + margin, distance), 0.0)
    near = ops.multiply(near_weight, ops.subtract(distance, margin))
    far = ops.multiply(far_weight, ops.subtract(1.0 - margin, distance))
    positive = _masked_logsumexp(ops.multiply(near, float(gamma)), same)
    negative = _masked_logsumexp(ops.multiply(far, float(gamma)), different)
    return ops.softplus(ops.add(positive, negative))


def _masked_logsumexp(x: Any, mask: Any) -> Any:
    # Not -inf: a row without a pair would have gradient NaN instead of zero.
    return ops.logsumexp(ops.where(mask, x, -1e9), axis=1)


def _labels(y: Any) -> Any:
    labels = as_tensor(y, "int32")
    shape = current().shape(labels)
    return current().squeeze(labels, (1,)) if len(shape) == 2 else labels


def _of_regions(
    loss: Dice | Tversky, y_true: Any, y_pred: Any, weight: Any, mask: Any
) -> Any:
    """Return the losses of regions from which what is left out is missing."""
    y_true, y_pred = pair(y_true, y_pred)
    shape = current().shape(y_pred)
    places, covered = places_beside(loss.axis, shape)
    if not places:
        places, covered = shape, ()
    kept = positions(weight, mask, places)
    if kept is not None:
        kept = over(kept, len(shape), covered)
        y_true, y_pred = fill(kept, y_true, 0.0), fill(kept, y_pred, 0.0)
    return loss.call(y_true, y_pred)


class Dice(FunctionLoss):
    """1 - 2 |A and B| / (|A| + |B|) of soft regions. Source: Milletari et al., 2016."""

    function = dice

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def _of_kept(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
        return _of_regions(self, y_true, y_pred, weight, mask)


class Tversky(FunctionLoss):
    """Dice with weights for missed and false points. Source: Salehi et al., 2017."""

    function = tversky

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.beta, self.axis = alpha, beta, axis

    def _of_kept(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
        return _of_regions(self, y_true, y_pred, weight, mask)


class Circle(FunctionLoss):
    """Embeddings near within labels, distant across. Source: Sun et al., 2020."""

    function = circle

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one loss a sample."""
        return circle(
            y_true,
            y_pred,
            remove_diagonal=self.remove_diagonal,
            gamma=self.gamma,
            margin=self.margin,
        )

    def _of_kept(self, y_true: Any, y_pred: Any, weight: Any, mask: Any) -> Any:
        places, covered = self._places(current().shape(y_pred))
        kept = positions(weight, mask, places)
        if kept is None:
            return self.call(y_true, y_pred)
        y_true, y_pred = without(kept, y_true, y_pred, covered)
        options = self.remove_diagonal, self.gamma, self.margin
        return _circle(y_true, y_pred, None, None, *options, kept)

    def valid(self, y_true: Tensor, y_pred: Tensor, values: Tensor) -> Tensor:
        """Return where the loss is positive: samples without a pair do not count."""
        return ops.greater(values, 0.0)
