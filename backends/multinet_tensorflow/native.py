"""Operators and functions of TensorFlow on objects that stand for tensors.

And functions of NumPy on eager tensors: these would take the value, and so cut the
gradient, while a tape records.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python import pywrap_tfe
from tensorflow.python.framework.ops import EagerTensor

from multinet.errors import TraceError
from multinet.interface import Native
from multinet.interface.native import Kind
from multinet.interface.operands import stand_in

# What serves Python's operators: the method of the operand on the left, and of the one
# on the right. These promote as the library does; TensorFlow takes one dtype only.
_OPERATORS = {
    "_add_dispatch": ("__add__", "__radd__"),
    "subtract": ("__sub__", "__rsub__"),
    "multiply": ("__mul__", "__rmul__"),
    "truediv": ("__truediv__", "__rtruediv__"),
    "floordiv": ("__floordiv__", "__rfloordiv__"),
    "floor_div": ("__floordiv__", "__rfloordiv__"),
    "floor_mod": ("__mod__", "__rmod__"),
    "pow": ("__pow__", "__rpow__"),
    "less": ("__lt__", "__gt__"),
    "less_equal": ("__le__", "__ge__"),
    "greater": ("__gt__", "__lt__"),
    "greater_equal": ("__ge__", "__le__"),
    "tensor_equals": ("__eq__", "__eq__"),
    "tensor_not_equals": ("__ne__", "__ne__"),
    "logical_and": ("__and__", "__rand__"),
    "logical_or": ("__or__", "__ror__"),
    "logical_xor": ("__xor__", "__rxor__"),
}

# The ufuncs that serve `array + tensor` and the like, and the tensor's own methods.
_REFLECTED = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.divide: "__rtruediv__",
    np.floor_divide: "__rfloordiv__",
    np.remainder: "__rmod__",
    np.power: "__rpow__",
    np.matmul: "__rmatmul__",
    np.bitwise_and: "__rand__",
    np.bitwise_or: "__ror__",
    np.bitwise_xor: "__rxor__",
    np.less: "__gt__",
    np.less_equal: "__ge__",
    np.greater: "__lt__",
    np.greater_equal: "__le__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
}


class TensorflowNative(Native):
    """Shapes by a concrete function, which computes nothing."""

    by_values = False

    def kinds(
        self,
        backend: Any,
        function: Callable[..., Sequence[Any]],
        kinds: Sequence[Kind],
        make: Callable[..., Any],
    ) -> list[Kind]:
        """Return the kinds of function(*tensors) for tensors of the kinds given."""
        given = [tf.TensorSpec(shape, dtype) for shape, dtype in kinds]
        graph = tf.function(function, autograph=False).get_concrete_function(*given)
        found = graph.structured_outputs
        if any(y.shape.rank is None for y in found):
            return super().kinds(backend, function, kinds, make)
        return [(tuple(y.shape), backend.dtype(y)) for y in found]

    def outside(self) -> AbstractContextManager[Any]:
        """Return a block whose tensors have values, although a trace is in progress."""
        return tf.init_scope()


class Deferring(tf.__internal__.dispatch.GlobalOpDispatcher):
    """What TensorFlow asks when a function of its own refuses an argument."""

    def handle(self, op: Any, args: Any, kwargs: Any) -> Any:
        """Let the object serve operators and x[key]; elsewhere it is its value."""
        leaves = tf.nest.flatten((args, kwargs))
        other = stand_in(*leaves)
        if other is None:
            return self.NOT_SUPPORTED
        operands = (*args, *(v for k, v in kwargs.items() if k != "name"))
        if op.__name__ == "_slice_helper":
            return other.__rgetitem__(*operands[:2])
        if op.__name__ in _OPERATORS:
            x, y = operands[:2]
            forward, reflected = _OPERATORS[op.__name__]
            if stand_in(x) is None:
                return getattr(y, reflected)(x)
            return getattr(x, forward)(y)
        if not hasattr(other, "__multinet_tensor__"):
            return self.NOT_SUPPORTED
        args, kwargs = tf.nest.map_structure(_value, (args, kwargs))
        return op(*args, **kwargs)


@functools.cache
def install() -> None:
    """Let TensorFlow ask `Deferring`, and NumPy what follows; once."""
    Deferring().register()
    EagerTensor.__array_ufunc__ = _ufunc
    EagerTensor.__array_function__ = _function


def _value(x: Any) -> Any:
    return x.__multinet_tensor__() if hasattr(x, "__multinet_tensor__") else x


def _ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    reflected = _REFLECTED.get(ufunc) if method == "__call__" else None
    if reflected and not kwargs and inputs[1] is self:
        return getattr(self, reflected)(inputs[0])
    inputs, kwargs = _values((inputs, kwargs))
    return getattr(ufunc, method)(*inputs, **kwargs)


def _function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    args, kwargs = _values((args, kwargs))
    return function(*args, **kwargs)


def _values(tree: Any) -> Any:
    """Return arguments of a function of NumPy, with arrays for tensors."""
    return tf.nest.map_structure(_unrecorded, tree)


def _unrecorded(x: Any) -> Any:
    if not isinstance(x, EagerTensor):
        return x
    if pywrap_tfe.TFE_Py_TapeSetShouldRecordBackprop([x]):
        raise TraceError(
            "A function of NumPy got a tensor that is being differentiated, which "
            "would cut its gradient silently. Use the operations of the library, or "
            "stop_gradient(x) first."
        )
    return x.numpy()
