"""The NumPy backend: every primitive, and fused methods that have faster kernels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from multinet_numpy import optimizers, sequence, transforms
from multinet_numpy.dtypes import LOW
from multinet_numpy.primitives import traced
from multinet_numpy.program import ProgramBackend


class NumpyBackend(ProgramBackend):
    """Tensors are NumPy arrays and scalars; `Traced` while being differentiated."""

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

    def lstm(self, x, h, c, kernel, recurrent, bias, mask, reverse):
        weights = (x, h, c, kernel, recurrent)
        if x.dtype.type in LOW or not sequence.is_single((*weights, bias)):
            return super().lstm(*weights, bias, mask, reverse)
        bias = np.zeros(kernel.shape[1], kernel.dtype) if bias is None else bias
        return traced.lstm(*weights, bias, mask, reverse)[:3]

    def gru(
        self, x, h, kernel, recurrent, bias, recurrent_bias, mask, reverse, reset_after
    ):
        rest = (mask, reverse, reset_after)
        tensors = (x, h, kernel, recurrent, bias, recurrent_bias)
        if x.dtype.type in LOW or not sequence.is_single(tensors):
            return super().gru(*tensors, *rest)
        none = np.zeros(kernel.shape[1], kernel.dtype)
        biases = [none if b is None else b for b in (bias, recurrent_bias)]
        return traced.gru(x, h, kernel, recurrent, *biases, *rest)[:2]

    def adam_update(
        self,
        params,
        grads,
        means,
        variances,
        step,
        learning_rate,
        beta_1,
        beta_2,
        epsilon,
    ):
        rate = self._adam_rate(step, learning_rate, beta_1, beta_2)
        arrays = (*params, *grads, *means, *variances)
        if not isinstance(rate, float) or any(map(_is_special, arrays)):
            same = (step, learning_rate, beta_1, beta_2, epsilon)
            return super().adam_update(params, grads, means, variances, *same)
        kernel = optimizers.adam(float(rate), beta_1, beta_2, epsilon)
        rows = [
            optimizers.blockwise(kernel, row, 3)
            for row in zip(params, grads, means, variances)
        ]
        return tuple(list(column) for column in zip(*rows)) or ([], [], [])


def _is_special(x):
    """Return whether `x` is traced or a low float, which the default body serves."""
    return not isinstance(x, np.ndarray) or x.dtype.type in LOW
