"""The complete backend, with fused methods where TensorFlow has a better kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import tensorflow as tf

from multinet_tensorflow.numerics import differentiable
from multinet_tensorflow.program import Function, Tensors, _gradient
from multinet_tensorflow.sequence import SequenceOps

tf.config.experimental.enable_tensor_float_32_execution(False)


class TensorflowBackend(SequenceOps):
    """Multinet on TensorFlow: eager tensors, and `tf.function` for `jit`."""

    name: ClassVar[str] = "tensorflow"
    interface: ClassVar[tuple[int, int]] = (1, 0)

    # -- program arguments -------------------------------------------------------------

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

    def relu(self, x: Any) -> Any:
        return tf.nn.relu(x)

    def softplus(self, x: Any) -> Any:
        return tf.nn.softplus(x)

    # -- reductions --------------------------------------------------------------------

    def softmax(self, x: Any, axis: int) -> Any:
        return tf.nn.softmax(x, axis)

    def log_softmax(self, x: Any, axis: int) -> Any:
        return tf.nn.log_softmax(x, axis)

    # -- shape and indexing ------------------------------------------------------------

    def stack(self, xs: Sequence[Any], axis: int) -> Any:
        return tf.stack(xs, axis)

    def split(self, x: Any, sizes: Sequence[int], axis: int) -> Tensors:
        return tuple(tf.split(x, sizes, axis))

    # -- losses (over the last axis; the result drops it) ------------------------------

    def sparse_softmax_cross_entropy(self, logits: Any, labels: Any) -> Any:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
