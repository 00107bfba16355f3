"""Operators and functions of TensorFlow on objects that stand for tensors."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

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
    """Let TensorFlow ask `Deferring`; once."""
    Deferring().register()


def _value(x: Any) -> Any:
    return x.__multinet_tensor__() if hasattr(x, "__multinet_tensor__") else x
