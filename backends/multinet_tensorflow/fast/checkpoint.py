"""Checkpoints: intermediates are computed again, where that is known to be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import record

from multinet_tensorflow.numerics import differentiable, recording

Tensors = tuple[Any, ...]


def checkpoint(
    function: Callable[..., Tensors], gradients: Callable[..., Tensors]
) -> Callable[..., Tensors]:
    """Return the function that keeps its inputs alone for the backward pass.

    `gradients(xs, gs)` runs it again and pulls back. What it closes over would get no
    gradient that way: a function that does is recorded whole.
    """

    def run(*xs: Any) -> Tensors:
        if not recording():
            return tuple(function(*xs))
        before = _made_so_far()
        with record.stop_recording():
            still = [tf.identity(x) for x in xs]
        ys = tuple(function(*still))
        if record.should_record_backprop(list(ys)) or _reaches_out(ys, still, before):
            return tuple(function(*xs))

        @tf.custom_gradient
        def rule(*xs: Any) -> Any:
            def gradient(*gs: Any) -> list[Any]:
                with tf.control_dependencies(gs):  # compiled, keeps the passes apart
                    again = [tf.identity(x) for x in xs]
                found = gradients(again, gs)
                return [g if differentiable(g) else None for g in found]

            return ys, gradient

        return tuple(rule(*xs))

    return run


def _made_so_far() -> set[str]:
    if tf.executing_eagerly():
        return set()
    return {op.name for op in tf.compat.v1.get_default_graph().get_operations()}


def _reaches_out(ys: Tensors, still: Sequence[Any], before: set[str]) -> bool:
    """Return whether a graph leads from ys to floats older than they, but `still`."""
    if tf.executing_eagerly():
        return False
    seen = {x.name for x in still}
    left = list(ys)
    while left:
        x = left.pop()
        if x.name in seen:
            continue
        seen.add(x.name)
        if x.op.name in before or x.op.type == "Placeholder":
            if differentiable(x) and x.op.type != "Const":
                return True
        else:
            left.extend(x.op.inputs)
    return False
