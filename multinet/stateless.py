"""What has Variables as a pure function: values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from multinet.errors import ArgumentError, ShapeError
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.scope import Scope
from multinet.typing import AnyVariable, Tensor

R = TypeVar("R")


def pure(
    owner: str,
    variables: Sequence[AnyVariable],
    values: Sequence[Tensor],
    function: Callable[[], R],
) -> tuple[R, list[Tensor]]:
    """Return what a function returns where Variables have other values, and the new
    ones.

    The Variables themselves stay as they are. `ArgumentError` for another number of
    values, `ShapeError` for one of another shape.
    """
    if len(values) != len(variables):
        raise ArgumentError(
            f"{owner} expects {len(variables)} values, for "
            f"{[v.path for v in variables]}, got {len(values)}."
        )
    tensors = [_fitting(v, value) for v, value in zip(variables, values)]
    with Scope(variables, tensors) as scope:
        result = function()
        return result, scope.values_of(variables)


def _fitting(variable: Any, value: Any) -> Any:
    tensor = cast_tensor(as_tensor(value), variable.dtype)
    shape = tuple(current().shape(tensor))
    if shape != variable.shape:
        raise ShapeError(
            f"{variable.path} expects a value of shape {variable.shape}, got {shape}."
        )
    return tensor
