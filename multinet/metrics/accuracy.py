"""Accuracies: how often predictions are right."""

from __future__ import annotations

from typing import Any

from multinet import dtypes, ops
from multinet.losses.probabilistic import check_labels, sparse_labels
from multinet.losses.shapes import match_ranks, pair, same_shape
from multinet.metrics.base import FunctionMetric
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import PolicyLike, Tensor


def _hits(condition: Any) -> Any:
    return cast_tensor(condition, dtypes.floatx())


def _is_number(x: Any) -> Any:
    """Return where x is not NaN, which is never right."""
    return ops.logical_not(ops.isnan(x))


@shortening
def accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return 1 where prediction and target are equal, else 0."""
    y_true, y_pred = match_ranks(as_tensor(y_true), as_tensor(y_pred))
    same_shape(y_true, y_pred)
    return _hits(ops.equal(y_true, y_pred))


@shortening
def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Tensor:
    """Return 1 where (y_pred > threshold) is the target, else 0."""
    y_true, y_pred = pair(y_true, y_pred)
    chosen = cast_tensor(ops.greater(y_pred, float(threshold)), current().dtype(y_true))
    right = ops.equal(y_true, chosen)
    return _hits(ops.logical_and(right, _is_number(y_pred)))


@shortening
def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return 1 where the largest prediction is at the largest one-hot target."""
    backend = current()
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    same_shape(y_true, y_pred)
    last = len(backend.shape(y_pred)) - 1
    return _best_at(y_pred, backend.argmax(y_true, last))


@shortening
def sparse_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, ignore_class: int | None = None
) -> Tensor:
    """Return 1 where the largest prediction is at the integer label.

    Labels lie in [0, classes), or are `ignore_class`, which no prediction is.
    """
    y_pred = as_tensor(y_pred)
    labels = cast_tensor(sparse_labels(y_true, y_pred), "int32")
    return _of_labels(_best_at(y_pred, labels), labels, y_pred, ignore_class)


def _of_labels(hits: Any, labels: Any, y_pred: Any, ignored: Any = None) -> Any:
    """Return the hits; NaN where a label is none of the classes."""
    backend = current()
    if ignored is not None:
        labels = backend.where(backend.equal(labels, ignored), 0, labels)
    check_labels(labels, y_pred)
    if backend.known(labels) is not None:
        return hits
    # To pick a zero is cheaper than to compare with both bounds.
    zeros = backend.full(backend.shape(y_pred)[-1:], 0, backend.dtype(hits))
    return backend.add(hits, backend.take(zeros, labels, 0))


def _best_at(y_pred: Any, labels: Any) -> Any:
    """Return 1 where the largest prediction is at the label, and not NaN."""
    backend = current()
    last = len(backend.shape(y_pred)) - 1
    found = backend.argmax(y_pred, last)  # the first NaN, if there is one
    right = backend.equal(labels, found)
    best = backend.take_along_axis(y_pred, backend.expand_dims(found, last), last)
    known = backend.squeeze(_is_number(best), (last,))
    return _hits(backend.logical_and(right, known))


@shortening
def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """Return 1 where the one-hot target is among the k best predictions."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    same_shape(y_true, y_pred)
    labels = current().argmax(y_true, len(current().shape(y_true)) - 1)
    return sparse_top_k_categorical_accuracy(labels, y_pred, k)


@shortening
def sparse_top_k_categorical_accuracy(
    y_true: Tensor,
    y_pred: Tensor,
    k: int = 5,
    from_sorted_ids: bool = False,
    ignore_class: int | None = None,
) -> Tensor:
    """Return 1 where the integer label is among the k best predictions.

    Labels are those of `sparse_categorical_accuracy`. Ties with the k-th best count;
    NaN at the label does not, and elsewhere it is better than any number. With
    `from_sorted_ids` predictions are class numbers, the best first.
    """
    backend = current()
    y_pred = as_tensor(y_pred)
    last = len(backend.shape(y_pred)) - 1
    labels = backend.expand_dims(
        cast_tensor(sparse_labels(y_true, y_pred), "int32"), last
    )
    if from_sorted_ids:
        size = min(k, backend.shape(y_pred)[last])
        best = cast_tensor(
            backend.split(y_pred, _sizes(y_pred, size), last)[0], "int32"
        )
        return _hits(backend.any(backend.equal(best, labels), (last,), False))
    safe, flat = labels, backend.squeeze(labels, (last,))
    if ignore_class is not None:
        safe = backend.where(backend.equal(labels, ignore_class), 0, labels)
    check_labels(safe, y_pred)
    score = backend.take_along_axis(y_pred, safe, last)
    better = backend.logical_not(backend.less_equal(y_pred, score))
    better = backend.sum(cast_tensor(better, "int32"), (last,), False)
    known = backend.squeeze(_is_number(score), (last,))
    few = backend.logical_and(known, backend.less(better, k))
    if ignore_class is not None:
        few = backend.logical_and(few, backend.not_equal(flat, ignore_class))
    return _of_labels(_hits(few), flat, y_pred, ignore_class)


def _sizes(x: Any, first: int) -> tuple[int, int]:
    return first, current().shape(x)[-1] - first


class Accuracy(FunctionMetric):
    """How often predictions equal targets."""

    function = accuracy
    _direction = "up"

    def __init__(
        self, name: str | None = "accuracy", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(name, dtype)


class BinaryAccuracy(FunctionMetric):
    """How often (y_pred > `threshold`) is the binary target.

    >>> accuracy = metrics.BinaryAccuracy()
    >>> accuracy.update_state([1, 0, 1], [0.9, 0.6, 0.7])
    >>> float(accuracy.result())
    0.6666...
    """

    function = binary_accuracy
    _direction = "up"

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: PolicyLike | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold


class CategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is the one-hot target."""

    function = categorical_accuracy
    _direction = "up"

    def __init__(
        self, name: str | None = "categorical_accuracy", dtype: PolicyLike | None = None
    ) -> None:
        super().__init__(name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is the integer label.

    >>> accuracy = metrics.SparseCategoricalAccuracy()
    >>> accuracy.update_state([1, 0], [[0.1, 0.9], [0.4, 0.6]])
    >>> float(accuracy.result())
    0.5
    """

    function = sparse_categorical_accuracy
    _direction = "up"

    def __init__(
        self,
        name: str | None = "sparse_categorical_accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the one-hot target is among the k best predictions."""

    function = top_k_categorical_accuracy
    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.k = k


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the integer label is among the k best predictions."""

    function = sparse_top_k_categorical_accuracy
    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: PolicyLike | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.k, self.from_sorted_ids = k, from_sorted_ids
