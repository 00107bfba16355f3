"""The complete backend, with fused methods where TensorFlow has a better kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from multinet.interface import in_program
from multinet_tensorflow.array import Axes
from multinet_tensorflow.fast import norms
from multinet_tensorflow.fast.gathers import gathered
from multinet_tensorflow.fast.pipelines import host_call
from multinet_tensorflow.fast.sequence import SequenceOps
from multinet_tensorflow.fast.softmax import softmax
from multinet_tensorflow.fast.step import TensorflowProgram, decayed, update_held
from multinet_tensorflow.fast.trace import Trace
from multinet_tensorflow.numerics import (
    LOW,
    constant,
    differentiable,
    native,
)
from multinet_tensorflow.program import Function, Tensors, _gradient
from multinet_tensorflow.sparse import Sparse

tf.config.experimental.enable_tensor_float_32_execution(False)


class TensorflowBackend(SequenceOps):
    """Multinet on TensorFlow: eager tensors, and `tf.function` for `jit`."""

    name: ClassVar[str] = "tensorflow"
    interface: ClassVar[tuple[int, int]] = (1, 1)
    sparse: ClassVar[Sparse] = Sparse()

    @property
    def trace(self) -> Any:
        """What tells by == whether a trace in progress is the same as before."""
        return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()

    @property
    def host_call(self) -> Any:
        """What puts a call of the host into the graph of a tf.data pipeline."""
        return None if tf.executing_eagerly() or in_program() else host_call

    # -- program arguments -------------------------------------------------------------

    def program(self, *arguments: Any) -> TensorflowProgram:
        return TensorflowProgram(self, *arguments)

    def value_and_grad(
        self, function: Function, primals: Sequence[Any]
    ) -> tuple[Any, Tensors, Tensors]:
        # Unlike that of `vjp`, this tape frees intermediates as it goes.
        primals = [tf.identity(x) for x in primals]
        sources = [x for x in primals if differentiable(x)]
        with self._taping(tf.GradientTape(watch_accessed_variables=False)) as tape:
            tape.watch(sources)
            value, *auxiliary = function(*primals)
        found = iter(_gradient(tape, [value], sources, [tf.ones_like(value)]))
        grads = [
            next(found) if differentiable(x) else tf.zeros_like(x) for x in primals
        ]
        return value, tuple(auxiliary), tuple(grads)

    # -- elementwise -------------------------------------------------------------------

    def copy(self, x: Any) -> Any:
        # Nothing writes to what a graph has, so a step's state stays known as that.
        return x if tf.is_symbolic_tensor(x) else super().copy(x)

    relu = native(tf.nn.relu)
    softplus = native(tf.nn.softplus)

    # -- reductions --------------------------------------------------------------------

    softmax = native(softmax)
    log_softmax = native(tf.nn.log_softmax)

    # -- shape and indexing ------------------------------------------------------------

    stack = native(tf.stack)

    def split(self, x: Any, sizes: Sequence[int], axis: int) -> Tensors:
        return tuple(tf.split(x, sizes, axis))

    # -- losses (over the last axis; the result drops it) ------------------------------

    def sparse_softmax_cross_entropy(self, logits: Any, labels: Any) -> Any:
        def losses(i: Any) -> Any:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(i, logits)

        return gathered(losses, labels, logits.shape[-1], self.dtype(logits))

    # -- normalization -----------------------------------------------------------------

    def moments(self, x: Any, axes: Axes, keepdims: bool) -> tuple[Any, Any]:
        if x.dtype in LOW:
            return super().moments(x, axes, keepdims)
        mean: Any
        channels = axes == tuple(range(len(x.shape) - 1)) and not keepdims
        if channels and (blocks := norms.blocks_of(x)):
            mean, variance = norms.block_moments(x, blocks)
        else:
            mean = self.mean(x, axes, True)
            spread = tf.math.squared_difference(x, mean)
            variance = self.mean(spread, axes, keepdims)
            mean = mean if keepdims else tf.reshape(mean, variance.shape)
        trace = Trace.current()
        if channels and trace is not None:
            trace.note_moments(mean, variance, x)  # for `batch_norm`
        return mean, variance

    def batch_norm(
        self,
        x: Any,
        mean: Any,
        variance: Any,
        scale: Any,
        offset: Any,
        epsilon: float,
    ) -> Any:
        trace = Trace.current()
        own = trace is not None and trace.are_moments(mean, variance, x)
        own = own and x.shape.num_elements() > 0
        vectors = all(v is None or v.shape == mean.shape for v in (scale, offset))
        if not (own and vectors and x.dtype == tf.float32 and norms.ON_CPU):
            return super().batch_norm(x, mean, variance, scale, offset, epsilon)
        scale = tf.ones_like(mean) if scale is None else scale
        offset = tf.zeros_like(mean) if offset is None else offset
        return norms.batch_norm(x, mean, variance, scale, offset, epsilon)

    def layer_norm(
        self, x: Any, scale: Any, offset: Any, axes: Axes, epsilon: float
    ) -> Any:
        if x.dtype in LOW:
            return super().layer_norm(x, scale, offset, axes, epsilon)
        y = norms.standardized(x, axes, epsilon)
        y = y if scale is None else self.multiply(y, scale)
        return y if offset is None else self.add(y, offset)

    # -- optimizers (lists in, lists out; params and slots are consumed) ---------------

    def sgd_update(
        self,
        params: Sequence[Any],
        grads: Sequence[Any],
        velocities: Sequence[Any],
        learning_rate: Any,
        momentum: float,
        nesterov: bool,
    ) -> Any:
        def apply(grad: Any, param: Any, *velocity: Any) -> Any:
            rate, raw = self._scalar_like(learning_rate, grad), tf.raw_ops
            if not velocity:
                return raw.ResourceApplyGradientDescent(
                    var=param, alpha=rate, delta=grad
                )
            return raw.ResourceApplyKerasMomentum(
                var=param,
                accum=velocity[0],
                lr=rate,
                grad=grad,
                momentum=constant(momentum, grad.dtype),
                use_nesterov=nesterov,
            )

        new = update_held([params, velocities][: 1 + bool(momentum)], grads, apply)
        if new is None:
            return super().sgd_update(
                params, grads, velocities, learning_rate, momentum, nesterov
            )
        return new[0], new[1] if momentum else []

    def decay_update(self, params: Sequence[Any], rate: Any) -> list[Any]:
        return decayed(params, super().decay_update(params, rate))

    def adam_update(
        self,
        params: Sequence[Any],
        grads: Sequence[Any],
        means: Sequence[Any],
        variances: Sequence[Any],
        step: Any,
        learning_rate: Any,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> Any:
        # The kernel takes 1 - beta from the rounded beta, off by 1e-5: so that the
        # corrected variance is right, the correction is that of the rounded beta too.
        wide = "float64" if params[0].dtype == tf.float64 else "float32"
        one, two = (float(np.dtype(wide).type(beta)) for beta in (beta_1, beta_2))
        rate = self._adam_rate(step, learning_rate, one, two, wide)

        def apply(grad: Any, param: Any, mean: Any, variance: Any) -> Any:
            # Powers of 0: the rate is corrected already, more accurately.
            zero, *numbers = (
                constant(number, grad.dtype) for number in (0, beta_1, beta_2, epsilon)
            )
            return tf.raw_ops.ResourceApplyAdam(
                var=param,
                m=mean,
                v=variance,
                beta1_power=zero,
                beta2_power=zero,
                lr=self._scalar_like(rate, grad),
                beta1=numbers[0],
                beta2=numbers[1],
                epsilon=numbers[2],
                grad=grad,
            )

        lists = params, means, variances
        return update_held(lists, grads, apply) or super().adam_update(
            params,
            grads,
            means,
            variances,
            step,
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
        )
