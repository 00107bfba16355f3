"""Operators and functions of TensorFlow on objects that stand for tensors.

And functions of NumPy on eager tensors: these would take the value, and so cut the
gradient, while a tape records.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.function.trace_type import default_types
from tensorflow.python import pywrap_tfe
from tensorflow.python.autograph.core import config, config_lib
from tensorflow.python.framework.ops import EagerTensor

from multinet.errors import TraceError
from multinet.interface import Native, Running, in_program
from multinet.interface.native import Home, Kind
from multinet.interface.operands import Valued, stand_in

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

        def run(*xs: Any) -> Sequence[Any]:
            with Running():
                return function(*xs)

        graph = tf.function(run, autograph=False).get_concrete_function(*given)
        found = graph.structured_outputs
        if any(y.shape.rank is None for y in found):
            return super().kinds(backend, function, kinds, make)
        return [(tuple(y.shape), backend.dtype(y)) for y in found]

    def outside(self) -> AbstractContextManager[Any]:
        """Return a block whose tensors have values, although a trace is in progress."""
        return tf.init_scope()

    def home(self, variable: Valued) -> Home:
        """Return where a new Variable's value is to live."""
        return TensorflowHome(variable)


class TensorflowHome(Home):
    """A tensor, which tapes are told of when it is read.

    In a `tf.function` of a user's, where a tensor would stay what it was when that was
    traced, a `tf.Variable` takes its place for good.
    """

    def __init__(self, variable: Valued) -> None:
        self._variable = weakref.ref(variable)
        self.value: Any = None  # the tensor, or the handle of `own`
        self.own: Any = None
        self.shared = False

    def take(self, value: Any) -> None:
        """Change to a value; in a graph of a user's that is an operation."""
        if _in_graph_of_user():
            self._share()
        if self.own is None:
            self.value = value
        else:
            self.own.assign(value)

    def read(self) -> Any:
        """Return the value, which gradient tapes around see."""
        if _in_graph_of_user():
            self._share()
        if self.own is not None:
            return self.own.read_value()
        return self.seen(self.value, False)

    def seen(self, value: Any, leaf: bool) -> Any:
        """Return a value, which gradient tapes around see."""
        if not pywrap_tfe.TFE_Py_TapeSetIsEmpty():
            variable: Any = self._variable()
            if variable.trainable:
                pywrap_tfe.TFE_Py_TapeVariableAccessed(variable)
        return value

    def share(self, value: Any) -> Any:
        """Return the `tf.Variable` that the value lives in from now on."""
        self._share()
        return self.own

    def _share(self) -> None:
        if self.own is None:
            with tf.init_scope():
                trainable: Any = getattr(self._variable(), "trainable", False)
                self.own = tf.Variable(self.value, trainable=trainable)
                self.value, self.shared = self.own.handle, True


def _as_it_is(x: Valued, _: Any) -> Any:
    return default_types.Weakref(weakref.ref(x))


def _in_graph_of_user() -> bool:
    return not (tf.executing_eagerly() or in_program())


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
    # By these a tape takes a Variable among its sources.
    setattr(Valued, "_should_act_as_resource_variable", True)  # noqa: B010
    setattr(Valued, "handle", property(lambda x: x.unseen()))  # noqa: B010
    # A `tf.function` takes it as it is, like a `tf.Variable`.
    setattr(Valued, "__tf_tracing_type__", _as_it_is)  # noqa: B010
    # Autograph would rewrite whatever a user's `tf.function` calls, to no end.
    own = ("multinet", "multinet_tensorflow", "optree")
    rules = [config_lib.DoNotConvert(name) for name in own]
    config.CONVERSION_RULES = (*rules, *config.CONVERSION_RULES)
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
