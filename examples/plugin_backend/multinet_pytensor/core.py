"""What a tensor is: a graph, which becomes a value as soon as nothing in it is open.

PyTensor has no eager values. Here a value is a `TensorConstant`, and whatever a
primitive builds on constants alone is computed at once, node by node, and stored as a
constant. So a tensor is either a constant or open, that is, hanging on an input of a
function being traced.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor
from pytensor.compile.builders import infer_shape
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.traversal import ancestors, toposort
from pytensor.tensor.type import TensorType
from pytensor.tensor.variable import TensorConstant, TensorVariable

from multinet import dtypes
from multinet.errors import DTypeError
from multinet_pytensor.fast.kernels import kernel

pt: Any = pytensor.tensor  # its annotations do not tell what functions return
Tensor = TensorVariable
Tensors = Sequence[Tensor]
Array = np.ndarray[Any, Any]

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


def operands(*pair: Any) -> list[Any]:
    """Return operands, of which one may be a Python scalar, as tensors of one dtype."""
    dtype = next(x.type.dtype for x in pair if isinstance(x, Variable))
    arrays = (x if isinstance(x, Variable) else np.array(x).astype(dtype) for x in pair)
    return [x if isinstance(x, Variable) else constant(x) for x in arrays]


_births = itertools.count()


def now() -> int:
    """Return a number that is above that of every tensor opened before."""
    return next(_births)


def opened(x: Any) -> Tensor:
    """Note that a tensor is open, and when user code could first have seen it."""
    x.tag.born = now()
    return x


def is_open(x: Variable) -> bool:
    """Return whether a variable hangs on an input of a function being traced."""
    return any(hasattr(v.tag, "born") for v in ancestors([x]))


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
    """Return the result of a primitive, each tensor in it a constant if it can be one,
    else open and of known shape."""
    if not isinstance(result, tuple | list):
        return settle([result])[0] if isinstance(result, Tensor) else result
    graphs = [x for x in result if isinstance(x, Tensor) and x.owner is not None]
    ready = [x for x in graphs if not is_open(x)]
    new = dict(zip(ready, map(constant, evaluate(ready)), strict=True))
    young = [x for x in graphs if x not in new and not hasattr(x.tag, "born")]
    new.update((x, opened(shaped(x))) for x in young)
    return tuple(new.get(x, x) if isinstance(x, Tensor) else settle(x) for x in result)


def shaped(x: Tensor) -> Tensor:
    """Return a tensor whose static shape is complete, where PyTensor forgot it."""
    if None not in x.type.shape:
        return x
    node = x.owner
    known = [tuple(map(constant, shaped(v).type.shape)) for v in node.inputs]
    found = infer_shape(node.outputs, node.inputs, known)[node.outputs.index(x)]
    sizes = evaluate([pt.as_tensor(n) for n in found])
    return pt.specify_shape(x, tuple(map(int, sizes)))


def settled(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a primitive that settles what it returns."""

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        return settle(method(*args, **kwargs))

    return run
