"""Optimizers and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import surface
from multinet.objects.tables import Table
from multinet.optimizers import schedules
from multinet.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from multinet.optimizers.base import Optimizer
from multinet.optimizers.kernels import SGD, Adam, Adamax, AdamW, Lion
from multinet.optimizers.loss_scale import LossScaleOptimizer
from multinet.optimizers.matrices import Adafactor, Muon
from multinet.optimizers.moments import Lamb, Nadam, ScheduleFreeAdamW
from multinet.optimizers.several import MultiOptimizer, OptimizerMap
from multinet.tracebacks import shortening
from multinet.typing import Config, Data

_CLASSES = (
    SGD,
    Adam,
    AdamW,
    Adamax,
    RMSprop,
    Adagrad,
    Adadelta,
    Lion,
    Nadam,
    Lamb,
    Ftrl,
    Adafactor,
    Muon,
    ScheduleFreeAdamW,
    LossScaleOptimizer,
    MultiOptimizer,
)
_table = Table("optimizer", _CLASSES, {cls.__name__.lower(): cls for cls in _CLASSES})


@shortening
def get(identifier: str | Optimizer | Config | None) -> Optimizer | None:
    """Return the optimizer of a name, a configuration, or the object itself."""
    return _table.get(identifier)


@shortening
def serialize(optimizer: Optimizer) -> Data:
    """Return the configuration of an optimizer."""
    return _table.serialize(optimizer)


@shortening
def deserialize(
    config: Data, custom_objects: Mapping[str, Any] | None = None
) -> Optimizer | None:
    """Return the optimizer of a configuration."""
    return _table.deserialize(config, custom_objects)


__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

surface.show(__name__)
