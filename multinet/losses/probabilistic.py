"""Losses on probabilities and logits."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.config import epsilon
from multinet.errors import ArgumentError, ShapeError
from multinet.losses.base import FunctionLoss, on_symbols
from multinet.losses.shapes import alike, pair, predictions, real
from multinet.ops.axes import axis_of
from multinet.ops.checks import in_range
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import PolicyLike, Tensor


def _last(x: Any, axis: int) -> Any:
    """Return x with `axis` moved to the end."""
    rank = len(current().shape(x))
    axis = axis_of(axis, rank)
    if axis == rank - 1:
        return x
    order = [i for i in range(rank) if i != axis]
    return current().transpose(x, (*order, axis))


def _probabilities(x: Any) -> Any:
    """Return values along the last axis divided by their sum, away from 0 and 1."""
    backend = current()
    last = len(backend.shape(x)) - 1
    x = backend.divide(x, backend.sum(x, (last,), True))
    return backend.clip(x, epsilon(), 1.0 - epsilon())


def _one_hot_pair(y_true: Any, y_pred: Any, smoothing: float) -> tuple[Any, Any]:
    """Return float targets and predictions of one shape, the targets smoothed."""
    y_pred = predictions(y_pred)
    y_true = real(y_true, current().dtype(y_pred), "targets")
    shape, other = current().shape(y_true), current().shape(y_pred)
    if shape != other and not alike(shape, other):
        raise ShapeError(
            "Expected one-hot targets of the shape of the predictions, "
            f"{public_shape(other)}, got {public_shape(shape)}. For integer labels use "
            "sparse_categorical_crossentropy."
        )
    if smoothing:
        y_true = ops.multiply(y_true, 1.0 - smoothing)
        classes = shape[-1] if type(shape[-1]) is int else 1  # on shapes alone
        y_true = ops.add(y_true, smoothing / classes)
    return y_true, y_pred


@on_symbols
def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return -sum(y_true * log(y_pred)) over the classes, for one-hot or soft targets.

    Probabilities are normalised to sum 1 and kept 1e-7 away from 0 and 1.
    """
    y_true, y_pred = _one_hot_pair(y_true, y_pred, label_smoothing)
    y_true, y_pred = _last(y_true, axis), _last(y_pred, axis)
    backend = current()
    if from_logits:
        return backend.softmax_cross_entropy(y_pred, y_true)
    terms = backend.multiply(y_true, backend.log(_probabilities(y_pred)))
    last = len(backend.shape(terms)) - 1
    return backend.negative(backend.sum(terms, (last,), False))


@on_symbols
def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Return -log(y_pred[label]) for integer labels, of the shape without the classes.

    Labels lie in [0, classes); where one equals `ignore_class` the result is 0.
    """
    backend = current()
    y_pred = _last(predictions(y_pred), axis)
    labels = sparse_labels(y_true, y_pred, axis)
    last = len(backend.shape(y_pred)) - 1
    kept = None
    if ignore_class is not None:
        kept = backend.not_equal(labels, ignore_class)
        labels = backend.where(kept, labels, 0)
    check_labels(labels, y_pred)
    if kept is not None:
        y_pred = backend.where(backend.expand_dims(kept, last), y_pred, 0.0)
    if from_logits:
        values = backend.sparse_softmax_cross_entropy(y_pred, labels)
    else:
        index = backend.expand_dims(labels, last)
        picked = backend.take_along_axis(_probabilities(y_pred), index, last)
        values = backend.negative(backend.log(backend.squeeze(picked, (last,))))
    return values if kept is None else backend.where(kept, values, 0.0)


def sparse_labels(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return integer labels of the shape of `y_pred` (classes last) without classes."""
    backend = current()
    labels = as_tensor(y_true)
    if backend.dtype(labels) != "int64":
        labels = cast_tensor(labels, "int32")
    shape, expected = backend.shape(labels), backend.shape(y_pred)[:-1]
    if len(shape) == len(expected) + 1:
        axis = axis_of(axis, len(shape))
        if not differ(shape[axis], 1):
            labels = backend.squeeze(labels, (axis,))
            shape = backend.shape(labels)
    if shape != expected and not alike(shape, expected):
        remedy = (
            "For one label a sample the last layer needs one vector a sample: is a "
            "Flatten or a pooling layer missing?"
            if len(shape) < len(expected)
            else "For one-hot targets use categorical_crossentropy."
        )
        raise ShapeError(
            f"Expected integer labels of shape {public_shape(expected)} for "
            f"predictions of shape {public_shape(backend.shape(y_pred))}, got "
            f"{public_shape(shape)}. {remedy}"
        )
    return labels


def check_labels(labels: Tensor, y_pred: Tensor) -> None:
    """Refuse labels that the host knows to be none of the classes of `y_pred`."""
    classes = current().shape(y_pred)[-1]
    in_range(labels, classes, f"labels of {classes} classes")


def _binary_pair(y_true: Any, y_pred: Any, smoothing: float) -> tuple[Any, Any]:
    y_true, y_pred = pair(y_true, y_pred)
    if smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - smoothing), 0.5 * smoothing)
    return y_true, y_pred


def _binary_terms(y_true: Any, y_pred: Any) -> Any:
    p = ops.clip(y_pred, epsilon(), 1.0 - epsilon())
    positive = ops.multiply(y_true, ops.log(p))
    negative = ops.multiply(ops.subtract(1.0, y_true), ops.log(ops.subtract(1.0, p)))
    return ops.negative(ops.add(positive, negative))


@on_symbols
def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return the mean over an axis of -(y log(p) + (1 - y) log(1 - p)).

    Probabilities are kept 1e-7 away from 0 and 1.
    """
    y_true, y_pred = _binary_pair(y_true, y_pred, label_smoothing)
    if from_logits:
        values = current().sigmoid_cross_entropy(y_pred, y_true)
    else:
        values = _binary_terms(y_true, y_pred)
    return ops.mean(values, axis=axis)


@on_symbols
def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return binary cross-entropy times (1 - probability of the truth)**gamma.

    With `apply_class_balancing` also times alpha (class 1) or 1 - alpha (class 0).

    Source: Lin et al., "Focal loss for dense object detection", 2018.
    """
    y_true, y_pred = _binary_pair(y_true, y_pred, label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    values = _binary_terms(y_true, y_pred)
    other = ops.subtract(1.0, y_true)
    truth = ops.add(
        ops.multiply(y_true, y_pred), ops.multiply(other, ops.subtract(1.0, y_pred))
    )
    values = ops.multiply(_power(ops.subtract(1.0, truth), float(gamma)), values)
    if apply_class_balancing:
        balance = ops.add(ops.multiply(y_true, alpha), ops.multiply(other, 1.0 - alpha))
        values = ops.multiply(balance, values)
    return ops.mean(values, axis=axis)


def _power(x: Any, exponent: float) -> Any:
    """Return x**exponent, with gradient 0 at 0: below 1 the slope there is infinite."""
    if not 0 < exponent < 1:
        return ops.power(x, exponent)
    zero = ops.equal(x, 0.0)
    return ops.where(zero, 0.0, ops.power(ops.where(zero, 1.0, x), exponent))


@on_symbols
def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Return -sum(alpha * (1 - p)**gamma * y log(p)) over the classes.

    Source: Lin et al., "Focal loss for dense object detection", 2018.
    """
    y_true, y_pred = _one_hot_pair(y_true, y_pred, label_smoothing)
    y_true, y_pred = _last(y_true, axis), _last(y_pred, axis)
    p = _probabilities(ops.softmax(y_pred, axis=-1) if from_logits else y_pred)
    terms = ops.multiply(ops.negative(y_true), ops.log(p))
    factor = ops.multiply(_power(ops.subtract(1.0, p), float(gamma)), alpha)
    return ops.sum(ops.multiply(factor, terms), axis=-1)


@on_symbols
def categorical_generalized_cross_entropy(
    y_true: Tensor, y_pred: Tensor, q: float
) -> Tensor:
    """Return (1 - p**q) / q for the probability p of the integer label.

    Source: Zhang and Sabuncu, "Generalized cross entropy loss", 2018.
    """
    y_pred = predictions(y_pred)
    labels = sparse_labels(y_true, y_pred)
    check_labels(labels, y_pred)
    backend = current()
    last = len(backend.shape(y_pred)) - 1
    index = backend.expand_dims(labels, last)
    p = backend.squeeze(backend.take_along_axis(y_pred, index, last), (last,))
    return ops.divide(ops.subtract(1.0, _power(p, float(q))), float(q))


@on_symbols
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return sum(y_true * log(y_true / y_pred)) over the last axis."""
    y_true, y_pred = pair(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


class BinaryCrossentropy(FunctionLoss):
    """Cross-entropy of independent binary targets, from probabilities or logits.

    `from_logits` says that predictions are logits, before the sigmoid: the exact and
    stable way. `label_smoothing` draws targets towards 0.5 by that share. The mean is
    over `axis`; `reduction` is that of every loss (see `Loss`).

    >>> float(losses.BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]))
    0.6931...
    """

    function = binary_crossentropy

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.axis = axis


class BinaryFocalCrossentropy(FunctionLoss):
    """Binary cross-entropy that well-predicted targets count less in.

    Source: Lin et al., "Focal loss for dense object detection", 2018.
    """

    function = binary_focal_crossentropy

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing, self.alpha = apply_class_balancing, alpha
        self.gamma, self.from_logits = gamma, from_logits
        self.label_smoothing, self.axis = label_smoothing, axis


class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of one-hot or soft targets, from probabilities or logits.

    (b, ..., n) of both; classes lie along `axis`. `from_logits` says that predictions
    are logits, before the softmax. `label_smoothing` gives that share of each target to
    all classes alike. `reduction` is that of every loss (see `Loss`).

    >>> float(losses.CategoricalCrossentropy()([[0, 1, 0]], [[0.25, 0.5, 0.25]]))
    0.6931...
    """

    function = categorical_crossentropy

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.axis = axis


class CategoricalFocalCrossentropy(FunctionLoss):
    """Categorical cross-entropy that well-predicted targets count less in.

    Source: Lin et al., "Focal loss for dense object detection", 2018.
    """

    function = categorical_focal_crossentropy

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.gamma, self.from_logits = alpha, gamma, from_logits
        self.label_smoothing, self.axis = label_smoothing, axis


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of integer labels, from probabilities or logits.

    Labels (b, ...) or (b, ..., 1) of predictions (b, ..., n), with the classes along
    `axis`. `from_logits` says that these are logits, before the softmax. Labels equal
    to `ignore_class` do not count, in the mean neither. `reduction` is that of every
    loss (see `Loss`).

    >>> float(losses.SparseCategoricalCrossentropy()([1], [[0.25, 0.5, 0.25]]))
    0.6931...
    """

    function = sparse_categorical_crossentropy

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def valid(self, y_true: Tensor, y_pred: Tensor, values: Tensor) -> Tensor:
        """Return where the label is not `ignore_class`."""
        if self.ignore_class is None:
            return None
        labels = sparse_labels(y_true, _last(y_pred, self.axis), self.axis)
        return current().not_equal(labels, self.ignore_class)


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """(1 - p**q) / q: between absolute error (q = 1) and cross-entropy (q near 0).

    Source: Zhang and Sabuncu, "Generalized cross entropy loss", 2018.
    """

    function = categorical_generalized_cross_entropy

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not 0 < q < 1:
            raise ArgumentError(f"Expected q in (0, 1), got {q!r}.")
        self.q = q


class KLDivergence(FunctionLoss):
    """sum(y_true * log(y_true / y_pred)) over the last axis."""

    function = kl_divergence

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
