"""The NumPy backend: every primitive, and fused methods that have faster kernels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from multinet_numpy import transforms
from multinet_numpy.dtypes import LOW
from multinet_numpy.fast import optimizers, sequence
from multinet_numpy.fast.plan import Planned
from multinet_numpy.fast.planner import NumpyProgram
from multinet_numpy.fast.recipes import plan_update
from multinet_numpy.native import Wide, tensors_only
from multinet_numpy.primitives import traced
from multinet_numpy.program import ProgramBackend


@tensors_only
class NumpyBackend(ProgramBackend):
    """Tensors are NumPy arrays and scalars; `Traced` while being differentiated."""

    name: ClassVar[str] = "numpy"
    interface: ClassVar[tuple[int, int]] = (1, 1)

    def argument(self, value, dtype):
        return value

    def program(self, function, consumed, scalars, jit_compile, placement=None):
        return NumpyProgram(self, function, consumed, scalars, jit_compile, placement)

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
        tangents = _tangents(super().lstm)
        return traced.lstm(*weights, bias, mask, reverse, tangents)[:3]

    def gru(
        self, x, h, kernel, recurrent, bias, recurrent_bias, mask, reverse, reset_after
    ):
        rest = (mask, reverse, reset_after)
        tensors = (x, h, kernel, recurrent, bias, recurrent_bias)
        if x.dtype.type in LOW or not sequence.is_single(tensors):
            return super().gru(*tensors, *rest)
        none = np.zeros(kernel.shape[1], kernel.dtype)
        biases = [none if b is None else b for b in (bias, recurrent_bias)]
        tangents = _tangents(super().gru)
        return traced.gru(x, h, kernel, recurrent, *biases, *rest, tangents)[:2]

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
        columns = [params, grads, means, variances]
        settings, now = (beta_1, beta_2, epsilon), (step, learning_rate)
        found = _update(optimizers.adam, columns, settings, now)
        if found is None:
            body = super().adam_update
            return body(params, grads, means, variances, *now, *settings)
        return found[0], found[1], found[2]

    def sgd_update(self, params, grads, velocities, learning_rate, momentum, nesterov):
        columns = [params, grads, velocities] if momentum else [params, grads]
        settings, now = (momentum, nesterov), (learning_rate,)
        found = _update(optimizers.sgd, columns, settings, now)
        if found is None:
            same = (learning_rate, *settings)
            return super().sgd_update(params, grads, velocities, *same)
        return found[0], found[1] if momentum else []


def _tangents(body):
    """Return the function of inputs, tangents and the rest that gives `body`'s."""
    return lambda inputs, tangents, rest: transforms.jvp(
        lambda *xs: body(*xs, *rest), inputs, tangents
    )[1]


def _update(make, columns, settings, now):
    """Update columns of tensors but the second, the gradients; None if they are of
    kinds that the default body serves.
    """
    columns = [list(column) for column in columns]
    tensors = [x for column in columns for x in column]
    if not tensors or any(map(_is_special, [*tensors, *now])):
        return None
    plans = [x.plan for x in (*tensors, *now) if type(x) is Planned]
    if plans:
        return plan_update(plans[0], make, columns, settings, now)
    written = [[x.copy() for x in c] for i, c in enumerate(columns) if i != 1]
    make([written[0], columns[1], *written[1:]], *settings)(*now)
    return written


def _is_special(x):
    """Return whether `x` is traced or a low float."""
    if type(x) in (int, float):
        return False
    return type(x) not in (np.ndarray, Wide, Planned) or x.dtype.type in LOW
