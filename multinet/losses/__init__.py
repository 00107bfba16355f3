"""Losses: functions of (y_true, y_pred), and classes with reduction and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multinet import surface
from multinet.losses.base import (
    FunctionLoss,
    Loss,
    LossFunctionWrapper,
    reduce_values,
)
from multinet.losses.overlap import Circle, Dice, Tversky, circle, dice, tversky
from multinet.losses.pointwise import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    squared_hinge,
)
from multinet.losses.probabilistic import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from multinet.losses.recognition import CTC, ctc
from multinet.objects.tables import Table
from multinet.tracebacks import shortening
from multinet.typing import Config, Data, Made

_CLASSES: tuple[type[FunctionLoss], ...] = (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    CTC,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)

ALIASES = {
    "bce": binary_crossentropy,
    "BCE": binary_crossentropy,
    "kld": kl_divergence,
    "KLD": kl_divergence,
    "mae": mean_absolute_error,
    "MAE": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "MAPE": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "MSE": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
    "MSLE": mean_squared_logarithmic_error,
}
_class_of = {cls.function: cls for cls in _CLASSES}
_table = Table("loss", (*_class_of, *_CLASSES, LossFunctionWrapper), ALIASES)


@shortening
def get(
    identifier: str | Callable[..., Any] | Config | None,
) -> Made:
    """Return the loss of a name, a configuration, or the object itself.

    As in Keras a snake_case name is the function, a CamelCase one a Loss.
    """
    return _table.get(identifier)


def resolve(identifier: str | Callable[..., Any] | Config | None) -> Loss:
    """Return the Loss that a name, a configuration, a function or a Loss stands for."""
    loss = get(identifier)
    if isinstance(loss, Loss):
        return loss
    cls = _class_of.get(loss)
    return cls() if cls is not None else LossFunctionWrapper(loss)


@shortening
def serialize(loss: object) -> Data:
    """Return the configuration of a loss, the name of a function."""
    return _table.serialize(loss)


@shortening
def deserialize(name: Data, custom_objects: Mapping[str, Any] | None = None) -> Made:
    """Return the loss of a name or a configuration."""
    return _table.deserialize(name, custom_objects)


__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "reduce_values",
    "resolve",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

surface.show(__name__)
