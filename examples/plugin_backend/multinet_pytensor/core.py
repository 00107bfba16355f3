"""What a tensor is: a graph, which becomes a value as soon as nothing in it is open.

PyTensor has no eager values. Here a value is a `TensorConstant`, and whatever a
primitive builds on constants alone is computed at once, node by node, and stored as a
constant. So a tensor is either a constant or open, that is, hanging on an input of a
function being traced.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.builders import infer_shape
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.traversal import toposort
from pytensor.tensor.type import TensorType
from pytensor.tensor.variable import TensorConstant, TensorVariable

from multinet import dtypes
from multinet.errors import DTypeError
from multinet.interface import Scalar

Tensor = TensorVariable
Tensors = tuple[Tensor, ...]
Array = np.ndarray[Any, Any]
C = TypeVar("C")

HELD = tuple(name for name in dtypes.ALL if name != "bfloat16")


def constant(array: Any) -> Tensor:
    """Return a tensor that holds this array itself; copy it first if it may change."""
    array = np.asarray(array)
    name = array.dtype.name
    if name not in HELD:
        raise DTypeError(
            f"PyTensor holds no {name} arrays. Convert to one of {', '.join(HELD)}."
        )
    return TensorConstant(TensorType(name, array.shape), array)


def placeholder(like: Tensor) -> Tensor:
    """Return a fresh input with the dtype and shape of a tensor."""
    return TensorType(like.type.dtype, like.type.shape)()


def operand(x: Tensor | Scalar, other: Any) -> Tensor:
    """Return x, which may be a Python scalar, as a tensor of the dtype of `other`."""
    if isinstance(x, Variable):
        return x
    return constant(np.array(x).astype(other.type.dtype))


def operands(x: Tensor | Scalar, y: Tensor | Scalar) -> tuple[Tensor, Tensor]:
    """Return two operands, at most one of which is a Python scalar, as tensors."""
    return operand(x, y), operand(y, x)


# -- values ----------------------------------------------------------------------------


def is_open(x: Variable) -> bool:
    """Return whether a variable hangs on an input of a function being traced."""
    known = getattr(x.tag, "open", None)
    if known is None:
        if x.owner is None:
            known = not isinstance(x, Constant)
        else:
            known = any(map(is_open, x.owner.inputs))
        x.tag.open = known
    return known


def evaluate(
    outputs: Sequence[Variable], given: Mapping[Variable, Array] | None = None
) -> list[Array]:
    """Return the values of variables, computed node by node without a compiler."""
    values: dict[Variable, Any] = dict(given or {})

    def value(x: Variable) -> Any:
        return x.data if isinstance(x, Constant) else values[x]

    for node in toposort(outputs, blockers=list(values)):
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        node.op.perform(node, [value(x) for x in node.inputs], storage)
        values.update(zip(node.outputs, (cell[0] for cell in storage), strict=True))
    return [value(x) for x in outputs]


def settle(result: Any) -> Any:
    """Return a result of a primitive with every tensor in it that can be a value made
    one, and every open one told its shape."""
    if isinstance(result, tuple | list):
        return tuple(map(settle, result))
    if not isinstance(result, Variable) or isinstance(result, Constant):
        return result
    return shaped(result) if is_open(result) else constant(evaluate([result])[0])


def shaped(x: Tensor) -> Tensor:
    """Return an open tensor whose static shape is complete."""
    shape = static_shape(x)
    return x if x.type.shape == shape else pt.specify_shape(x, shape)


def static_shape(x: Tensor) -> tuple[int, ...]:
    """Return the shape of an open tensor, inferred where PyTensor forgot it."""
    if None not in x.type.shape:
        return x.type.shape
    node = x.owner
    known = [tuple(map(constant, static_shape(v))) for v in node.inputs]
    found = infer_shape(node.outputs, node.inputs, known)[node.outputs.index(x)]
    return tuple(map(int, evaluate([pt.as_tensor(n) for n in found])))


def settled(cls: type[C]) -> type[C]:
    """Make each public method of a class settle what it returns."""
    for name, method in list(vars(cls).items()):
        if not name.startswith("_") and inspect.isfunction(method):
            setattr(cls, name, _settling(method))
    return cls


def _settling(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        return settle(method(*args, **kwargs))

    return run
