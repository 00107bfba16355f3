"""Overlap of segments: intersection over union."""

from __future__ import annotations

from collections.abc import Sequence

from multinet import ops
from multinet.errors import ArgumentError
from multinet.losses.kept import fill
from multinet.losses.shapes import beside, match_ranks, real, same_shape
from multinet.metrics.base import Metric, divide_no_nan, masked
from multinet.ops.checks import in_range
from multinet.ops.core import as_tensor, boolean, cast_tensor
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor


class IoU(Metric):
    """The intersection over union of segments, the mean over `target_class_ids`.

    Targets and predictions are class numbers, or with `sparse_y_true=False` and
    `sparse_y_pred=False` scores along `axis`. Targets of `ignore_class` do not count.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype, name)
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        if self.target_class_ids and max(self.target_class_ids) >= num_classes:
            raise ArgumentError(
                f"Expected target_class_ids below num_classes={num_classes}, got "
                f"{self.target_class_ids}."
            )
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable(
            (num_classes, num_classes), name="total_confusion_matrix"
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the confusion matrix of a batch, where the mask holds."""
        given = masked(sample_weight, y_pred)
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        y_true, y_pred = match_ranks(y_true, y_pred)
        same_shape(y_true, y_pred)
        weight = ops.ones(current().shape(y_true), self.dtype)
        if given is not None:
            given = real(given, self.dtype, "sample_weight")
            given = beside(y_true, given, "sample_weight")
            kept = boolean(given)
            y_true, y_pred = fill(kept, y_true, 0), fill(kept, y_pred, 0)
            weight = ops.multiply(weight, given)
        weight = ops.reshape(weight, (-1,))
        labels = ops.reshape(cast_tensor(y_true, "int32"), (-1,))
        guesses = ops.reshape(cast_tensor(y_pred, "int32"), (-1,))
        if self.ignore_class is not None:
            kept = ops.not_equal(labels, self.ignore_class)
            weight = ops.where(kept, weight, 0.0)
            labels = ops.where(kept, labels, 0)
        in_range(labels, self.num_classes, f"labels of {self.num_classes} classes")
        what = f"predictions among {self.num_classes} classes"
        in_range(guesses, self.num_classes, what)
        rows = current().one_hot(labels, self.num_classes, self.dtype)
        columns = current().one_hot(guesses, self.num_classes, self.dtype)
        rows = ops.multiply(rows, ops.expand_dims(weight, 1))
        matrix = ops.matmul(ops.transpose(rows), columns)
        self.total_cm.assign(ops.add(as_tensor(self.total_cm), matrix))

    def result(self) -> Tensor:
        """Return the mean over the classes that occurred in targets or predictions."""
        matrix = as_tensor(self.total_cm)
        diagonal = ops.take(ops.diagonal(matrix), self.target_class_ids, axis=0)
        sums = ops.add(ops.sum(matrix, axis=0), ops.sum(matrix, axis=1))
        union = ops.subtract(ops.take(sums, self.target_class_ids, axis=0), diagonal)
        unseen = ops.less_equal(union, 0.0)  # NaN is seen, and stays
        seen = cast_tensor(ops.logical_not(unseen), self.dtype)
        return divide_no_nan(ops.sum(divide_no_nan(diagonal, union)), ops.sum(seen))


class BinaryIoU(IoU):
    """IoU of two classes, predictions cut at `threshold`."""

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate the confusion matrix of a batch, where the mask holds."""
        weight = masked(sample_weight, y_pred)
        y_pred = real(y_pred, self.dtype, "predictions")
        guess = ops.greater_equal(y_pred, float(self.threshold))
        super().update_state(y_true, guess, weight)


class MeanIoU(IoU):
    """IoU, the mean over all classes."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class OneHotIoU(IoU):
    """IoU of one-hot targets, and of scores unless `sparse_y_pred`."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            target_class_ids,
            name,
            dtype,
            ignore_class,
            False,
            sparse_y_pred,
            axis,
        )


class OneHotMeanIoU(MeanIoU):
    """IoU of one-hot targets, the mean over all classes."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis
        )
