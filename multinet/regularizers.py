"""Penalties on weights that join the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import ops, surface
from multinet.configurable import Configurable
from multinet.errors import ArgumentError, ShapeError
from multinet.objects.tables import Table
from multinet.ops.widening import in_float32
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import Data, Made, RegularizerLike, Tensor

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

surface.show(__name__)


class Regularizer(Configurable):
    """The base of regularizers: subclass it, `__call__` returns a scalar penalty."""

    _doors = Configurable._doors | {"__call__"}

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, x)."
        )


def _factor(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ArgumentError(f"Expected {name} to be a number >= 0, got {value!r}.")
    return float(value)


@in_float32
def _penalty(x: Any, l1: float, l2: float) -> Any:
    total: Any = None
    if l1:
        total = ops.multiply(ops.sum(ops.abs(x)), l1)
    if l2:
        squares = ops.multiply(ops.sum(ops.square(x)), l2)
        total = squares if total is None else ops.add(total, squares)
    return ops.multiply(ops.sum(x), 0.0) if total is None else total


class L1(Regularizer):
    """l1 * sum(|x|)."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: Tensor) -> Tensor:
        return _penalty(x, self.l1, 0.0)


class L2(Regularizer):
    """`l2` * sum(x**2), added to the loss.

    >>> layer = layers.Dense(4, kernel_regularizer=multinet.regularizers.L2(1e-4))
    >>> float(multinet.regularizers.L2(0.5)(np.array([2.0, 1.0])))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        return _penalty(x, 0.0, self.l2)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x**2)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor(0.0 if l1 is None else l1, "l1")
        self.l2 = _factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        return _penalty(x, self.l1, self.l2)


class OrthogonalRegularizer(Regularizer):
    """factor * the mean |cosine| between the rows (or columns) of a matrix."""

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"Expected mode 'rows' or 'columns', got {mode!r}.")
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        shape = ops.shape(x)
        if len(shape) != 2:
            raise ShapeError(
                f"OrthogonalRegularizer expects a matrix, got a shape {shape}."
            )
        axis = 1 if self.mode == "rows" else 0
        size = shape[1 - axis]
        norms = ops.norm(x, axis=axis, keepdims=True)
        unit = ops.divide(x, ops.maximum(norms, 1e-6))
        if axis == 0:
            unit = ops.transpose(unit)
        cosines = ops.matmul(unit, ops.transpose(unit))
        distinct = ops.subtract(1.0, ops.eye(size, dtype=current().dtype(cosines)))
        total = ops.sum(ops.abs(ops.multiply(cosines, distinct)))
        pairs = size * (size - 1) / 2
        return ops.divide(ops.multiply(total, 0.5 * self.factor), max(pairs, 1.0))


_table = Table(
    "regularizer",
    (L1, L2, L1L2, OrthogonalRegularizer),
    {"l1l2": L1L2, "l1_l2": L1L2},
)
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


@shortening
def get(identifier: RegularizerLike | None) -> Made:
    """Return the regularizer of a name, a configuration, or the object itself."""
    return _table.get(identifier)


@shortening
def serialize(regularizer: object) -> Data:
    """Return the configuration of a regularizer."""
    return _table.serialize(regularizer)


@shortening
def deserialize(config: Data, custom_objects: Mapping[str, Any] | None = None) -> Made:
    """Return the regularizer of a configuration."""
    return _table.deserialize(config, custom_objects)
