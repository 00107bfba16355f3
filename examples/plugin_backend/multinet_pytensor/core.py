"""What a tensor is: a graph, which becomes a value as soon as nothing in it is open.

PyTensor has no eager values. Here a value is a `TensorConstant`, and whatever a
primitive builds on constants alone is computed at once, node by node, and stored as a
constant. So a tensor is either a constant or open, that is, hanging on an input of a
function being traced.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Collection, Sequence
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
from multinet_pytensor.kernels import kernel

Tensor = TensorVariable
Array = np.ndarray[Any, Any]
C = TypeVar("C")

HELD = tuple(name for name in dtypes.ALL if name != "bfloat16")


def held(dtype: str) -> str:
    """Return the name of a dtype that PyTensor has."""
    if dtype not in HELD:
        raise DTypeError(
            f"PyTensor has no {dtype} tensors. Convert to one of {', '.join(HELD)}."
        )
    return dtype


def constant(array: Any) -> Tensor:
    """Return a tensor that holds this array itself; copy it first if it may change."""
    array = np.asarray(array)
    return TensorConstant(TensorType(held(array.dtype.name), array.shape), array)


def placeholder(like: Tensor) -> Tensor:
    """Return a fresh input with the dtype and shape of a tensor."""
    return opened(TensorType(like.type.dtype, like.type.shape)())


def operand(x: Tensor | Scalar, other: Any) -> Tensor:
    """Return x, which may be a Python scalar, as a tensor of the dtype of `other`."""
    if isinstance(x, Variable):
        return x
    return constant(np.array(x).astype(other.type.dtype))


def operands(x: Tensor | Scalar, y: Tensor | Scalar) -> tuple[Tensor, Tensor]:
    """Return two operands, at most one of which is a Python scalar, as tensors."""
    return operand(x, y), operand(y, x)


# -- open tensors ----------------------------------------------------------------------

_births = itertools.count()


def now() -> int:
    """Return a number that is above that of every tensor opened before."""
    return next(_births)


def opened(x: Tensor) -> Tensor:
    """Note that a tensor is open, and when user code could first have seen it."""
    x.tag.open, x.tag.born = True, now()
    return x


def is_open(x: Variable) -> bool:
    """Return whether a variable hangs on an input of a function being traced."""
    return reaches_open([x], lambda v: getattr(v.tag, "open", None))


def reaches_open(
    outputs: Collection[Variable], known: Callable[[Variable], bool | None]
) -> bool:
    """Return whether an open variable is found upwards of `outputs`.

    `known` says of a variable whether it is open, or None to look at its inputs.
    """
    seen, stack = set(outputs), list(outputs)
    while stack:
        x = stack.pop()
        answer = known(x)
        if answer is None and x.owner is None:
            answer = not isinstance(x, Constant)
        if answer:
            return True
        if answer is None:
            new = [v for v in x.owner.inputs if v not in seen]
            seen.update(new)
            stack.extend(new)
    return False


# -- values ----------------------------------------------------------------------------


def evaluate(
    outputs: Sequence[Variable], values: dict[Variable, Any] | None = None
) -> list[Array]:
    """Return the values of variables, computed node by node without a compiler.

    `values` holds those that are known, and gets those that are computed.
    """
    values = {} if values is None else values

    def value(x: Variable) -> Any:
        return x.data if isinstance(x, Constant) else values[x]

    with np.errstate(all="ignore"):
        for node in toposort(outputs, blockers=list(values)):
            results = kernel(node)(*map(value, node.inputs))
            values.update(zip(node.outputs, results, strict=True))
    return list(map(value, outputs))


def settle(result: Any) -> Any:
    """Return a result of a primitive with each of its tensors a constant if it can be
    one, else open and of known shape."""
    if isinstance(result, tuple | list):
        return tuple(map(settle, result))
    if not isinstance(result, Variable) or isinstance(result, Constant):
        return result
    if not is_open(result):
        return constant(evaluate([result])[0])
    return result if hasattr(result.tag, "born") else opened(shaped(result))


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
    return tuple(int(n) for n in evaluate([pt.as_tensor(n) for n in found]))


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
