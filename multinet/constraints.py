"""Projections that weights go through after each update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multinet import ops, surface
from multinet.configurable import Configurable
from multinet.objects.tables import Table
from multinet.tracebacks import shortening
from multinet.typing import ConstraintLike, Data, Made, Tensor

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

surface.show(__name__)

_TINY = 1e-7  # keeps a zero weight zero instead of 0 / 0


class Constraint(Configurable):
    """The base of constraints: subclass it, `__call__` returns the weight allowed.

    By itself it allows every weight.
    """

    _doors = Configurable._doors | {"__call__"}

    def __call__(self, w: Tensor) -> Tensor:
        return w


def _norms(w: Any, axis: int | Sequence[int]) -> Any:
    return ops.norm(w, axis=axis, keepdims=True)


class MaxNorm(Constraint):
    """Shrink vectors along `axis` whose norm exceeds `max_value`.

    Source: Srivastava et al., "Dropout", 2014, section 5.1.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        wanted = ops.clip(norms, 0.0, float(self.max_value))
        return ops.multiply(w, ops.divide(wanted, ops.add(norms, _TINY)))


class MinMaxNorm(Constraint):
    """Move norms along `axis` towards [min_value, max_value], by the part `rate`."""

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value, self.max_value = min_value, max_value
        self.rate, self.axis = rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        inside = ops.clip(norms, float(self.min_value), float(self.max_value))
        wanted = ops.add(
            ops.multiply(inside, float(self.rate)),
            ops.multiply(norms, float(1 - self.rate)),
        )
        return ops.multiply(w, ops.divide(wanted, ops.add(norms, _TINY)))


class NonNeg(Constraint):
    """Replace negative weights by zero."""

    def __call__(self, w: Tensor) -> Tensor:
        return ops.relu(w)


class UnitNorm(Constraint):
    """Divide vectors along `axis` by their norms."""

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return ops.divide(w, ops.add(_norms(w, self.axis), _TINY))


_table = Table("constraint", (MaxNorm, MinMaxNorm, NonNeg, UnitNorm))
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm


@shortening
def get(identifier: ConstraintLike | None) -> Made:
    """Return the constraint of a name, a configuration, or the object itself."""
    return _table.get(identifier)


@shortening
def serialize(constraint: object) -> Data:
    """Return the configuration of a constraint."""
    return _table.serialize(constraint)


@shortening
def deserialize(config: Data, custom_objects: Mapping[str, Any] | None = None) -> Made:
    """Return the constraint of a configuration."""
    return _table.deserialize(config, custom_objects)
