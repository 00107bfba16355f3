"""The NumPy backend: every primitive, and the fused methods that have faster kernels."""

from __future__ import annotations

from typing import ClassVar

from multinet_numpy import transforms
from multinet_numpy.primitives import traced
from multinet_numpy.program import ProgramBackend
from multinet_numpy.tape import Traced


class NumpyBackend(ProgramBackend):
    """Tensors are NumPy arrays and scalars, or `Traced` inside a differentiated function."""

    name: ClassVar[str] = "numpy"
    interface: ClassVar[tuple[int, int]] = (1, 0)

    def argument(self, value, dtype):
        return value

    def value_and_grad(self, function, primals):
        return transforms.value_and_grad(function, primals)

    not_equal = staticmethod(traced.not_equal)
    greater = staticmethod(traced.greater)
    greater_equal = staticmethod(traced.greater_equal)

    def relu(self, x):
        return traced.relu(x)

    def softmax(self, x, axis):
        return traced.softmax(x, axis)

    def log_softmax(self, x, axis):
        return traced.log_softmax(x, axis)

    def stack(self, xs, axis):
        if axis == 0:
            return traced.stack(*xs)
        return super().stack(xs, axis)

    def dense(self, x, kernel, bias):
        if bias is None or len(x.shape) != 2:
            return super().dense(x, kernel, bias)
        return traced.dense(x, kernel, bias)

    def sparse_softmax_cross_entropy(self, logits, labels):
        return traced.cross_entropy(logits, labels)[0]


__all__ = ["NumpyBackend", "Traced"]
