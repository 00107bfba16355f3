"""Metrics: values that accumulate over batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from multinet import losses, surface
from multinet.errors import ArgumentError, ShapeError
from multinet.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from multinet.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from multinet.metrics.auc import AUC
from multinet.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from multinet.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from multinet.metrics.constrained import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from multinet.metrics.means import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from multinet.metrics.overlap import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from multinet.metrics.scores import (
    ConcordanceCorrelation,
    F1Score,
    FBetaScore,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from multinet.objects.tables import Table
from multinet.symbolic.dims import Dim, public_shape
from multinet.tracebacks import shortening
from multinet.typing import Config, Data, Made, Size

_CLASSES: tuple[type[Metric], ...] = (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    BinaryIoU,
    ConcordanceCorrelation,
    F1Score,
    FBetaScore,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    R2Score,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanMetricWrapper,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
)
_ALIASES = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_ALIASES.update({name.upper(): cls for name, cls in list(_ALIASES.items())})
_table = Table("metric", _CLASSES, _ALIASES)

_BY_TARGET = {
    "accuracy": (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
    "crossentropy": (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    ),
}
_SHORT = {"acc": "accuracy", "ce": "crossentropy"}


@shortening
def get(
    identifier: str | Callable[..., Any] | Config | None,
) -> Made:
    """Return the metric of a name, a configuration, or the object itself."""
    return _table.get(identifier)


def resolve(
    name: str | Callable[..., Any] | Config,
    loss: str | Callable[..., Any] | Config | None = None,
    y_true_shape: Sequence[Size] | None = None,
    y_pred_shape: Sequence[Size] | None = None,
) -> Metric:
    """Return the Metric that a name, a configuration, a function or a metric means.

    "accuracy" ("acc") and "crossentropy" ("ce") are binary, categorical or sparse by
    shapes: one output is binary, targets like outputs are one-hot, others labels.
    The cross-entropy takes `from_logits` from `loss`.
    """
    if isinstance(name, Metric):
        return name
    kind = _SHORT.get(name, name) if isinstance(name, str) else None
    if kind not in _BY_TARGET:
        return _as_metric(name)
    if y_true_shape is None or y_pred_shape is None:
        raise ArgumentError(
            f"The metric {name!r} needs the shapes of targets and outputs."
        )
    chosen = _BY_TARGET[kind][_target_kind(y_true_shape, y_pred_shape)]
    if kind == "accuracy":
        return chosen(name=name)
    loss = losses.resolve(loss) if loss is not None else None
    return chosen(name=name, from_logits=bool(getattr(loss, "from_logits", False)))


def _target_kind(y_true_shape: Sequence[Any], y_pred_shape: Sequence[Any]) -> int:
    """Return 0 for binary, 1 for one-hot and 2 for integer targets."""
    if len(y_pred_shape) > 1 and isinstance(y_pred_shape[-1], Dim | None):
        raise ShapeError(
            "Which accuracy or crossentropy is meant depends on the size of the last "
            f"axis of the outputs, which is unknown: {public_shape(y_pred_shape)}. "
            "Name one, such as sparse_categorical_accuracy."
        )
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return 0
    same_rank = len(y_true_shape) == len(y_pred_shape)
    return 1 if same_rank and y_true_shape[-1] == y_pred_shape[-1] else 2


def _as_metric(identifier: Any) -> Metric:
    metric = get(identifier)
    if not isinstance(metric, Metric):
        name = getattr(metric, "__name__", None) or getattr(metric, "name", None)
        metric = MeanMetricWrapper(metric, name=name)
    if isinstance(identifier, str):
        metric.name = identifier  # logs show the name that was asked for
    return metric


@shortening
def serialize(metric: object) -> Data:
    """Return the configuration of a metric, the name of a function."""
    return _table.serialize(metric)


@shortening
def deserialize(config: Data, custom_objects: Mapping[str, Any] | None = None) -> Made:
    """Return the metric of a name or a configuration."""
    return _table.deserialize(config, custom_objects)


__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

surface.show(__name__)
