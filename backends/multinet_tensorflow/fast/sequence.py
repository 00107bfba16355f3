"""LSTM as two loops: forward, and a hand-written one back, its products after it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from multinet.interface.kernels import used
from multinet_tensorflow.numerics import dims
from multinet_tensorflow.program import ProgramOps


class SequenceOps(ProgramOps):
    """The fused methods on sequences."""

    def lstm(
        self,
        x: Any,
        h: Any,
        c: Any,
        kernel: Any,
        recurrent: Any,
        bias: Any,
        mask: Any,
        reverse: bool,
    ) -> tuple[Any, Any, Any]:
        body: Any = super().lstm
        if bias is None:
            bias = tf.zeros(kernel.shape[1:], kernel.dtype)
        inputs: Any = (x, h, c, kernel, recurrent, bias)
        if x.dtype.size == 2 or not x.shape[1]:
            return body(*inputs, mask, reverse)
        used("lstm")
        if reverse:
            x, mask = (v if v is None else tf.reverse(v, [1]) for v in (x, mask))

        @tf.custom_gradient
        def run(*inputs: Any) -> Any:
            outputs, gradient = _run(mask, *inputs)

            def pull(*gs: Any) -> Any:
                if not self._tapes.open:
                    return gradient(*gs)
                # It is differentiated in its turn: by TensorFlow, through the body.
                return self.vjp(lambda *xs: body(*xs, mask, False), inputs)[1](gs)

            return outputs, pull

        ys, h, c = run(x, *inputs[1:])
        return tf.reverse(ys, [1]) if reverse else ys, h, c


def _run(
    mask: Any, x: Any, h0: Any, c0: Any, kernel: Any, recurrent: Any, bias: Any
) -> Any:
    """Return the outputs of all steps, the last state, and the gradient function."""
    (b, t, n), m = dims(x), h0.shape[1]
    ks, rs, bs = (_packed(v, m) for v in (kernel, recurrent, bias))
    flat = tf.reshape(tf.transpose(x, (1, 0, 2)), (t * b, n))
    xs = [tf.reshape(flat @ ks + bs, (t, b, 4 * m))]
    if mask is not None:
        mask = tf.expand_dims(tf.transpose(mask), 2)  # t b 1
        xs.append(mask)

    def step(state: Any, z: Any, kept: Any = None) -> Any:
        h, c = state
        z = z + tf.matmul(h, rs)
        gates, g = tf.sigmoid(z[:, : 3 * m]), tf.tanh(z[:, 3 * m :])
        new_c = gates[:, m : 2 * m] * c + gates[:, :m] * g
        new_h = gates[:, 2 * m :] * tf.tanh(new_c)
        if kept is not None:
            new_h, new_c = tf.where(kept, new_h, h), tf.where(kept, new_c, c)
        return (new_h, new_c), (new_h, new_c, gates, g)

    (h, c), (hs, cs, gates, g) = _loop(step, (h0, c0), xs, ((m, m, 3 * m, m), b), False)

    def gradient(gy: Any, gh: Any, gc: Any) -> Any:
        before = tf.concat([c0[None], cs[:-1]], 0)
        i, f, o = tf.split(gates, 3, 2)
        if mask is None:
            tc = tf.tanh(cs)
        else:  # where a step was masked its own c was not kept
            tc = tf.tanh(f * before + i * g)
        slopes = tf.concat([g, before, tc], 2) * (gates * (1 - gates))
        slopes = tf.concat([slopes, i * (1 - g * g)], 2)  # of i, f, o, g
        xs = [tf.transpose(gy, (1, 0, 2)), slopes, o * (1 - tc * tc), f]
        if mask is not None:
            zero = tf.zeros((), x.dtype)
            xs[1], xs[2] = tf.where(mask, xs[1], zero), tf.where(mask, xs[2], zero)
            xs[3] = tf.where(mask, f, 1 + zero)
            xs.append(tf.where(mask, zero, 1 + zero))

        def back(state: Any, gy: Any, slope: Any, rise: Any, f: Any, *idle: Any) -> Any:
            dh, dc = state[0] + gy, state[1]
            dc = dc + dh * rise
            dz = tf.concat([dc, dc, dh, dc], 1) * slope
            new = tf.matmul(dz, rs, transpose_b=True)
            return (new + dh * idle[0] if idle else new, dc * f), (dz,)

        (dh, dc), (dz,) = _loop(back, (gh, gc), xs, ((4 * m,), b), True)
        dz = tf.reshape(dz, (t * b, 4 * m))
        past = tf.reshape(tf.concat([h0[None], hs[:-1]], 0), (t * b, m))
        dx = tf.reshape(tf.matmul(dz, ks, transpose_b=True), (t, b, n))
        weights = (
            tf.matmul(flat, dz, transpose_a=True),
            tf.matmul(past, dz, transpose_a=True),
            tf.reduce_sum(dz, 0),
        )
        return tf.transpose(dx, (1, 0, 2)), dh, dc, *(_packed(v, m) for v in weights)

    return (tf.transpose(hs, (1, 0, 2)), h, c), gradient


def _packed(weight: Any, m: int) -> Any:
    """Swap the last two of four gates: i, f, g, o and i, f, o, g."""
    parts = (weight[..., : 2 * m], weight[..., 3 * m :], weight[..., 2 * m : 3 * m])
    return tf.concat(parts, -1)


def _loop(step: Any, state: Any, xs: Any, sizes: Any, backwards: bool) -> Any:
    """Scan, several steps a turn: with 8 a training step takes 0.85 of the time."""
    t, (widths, b) = xs[0].shape[0], sizes
    turn = next(k for k in range(min(t, 8), 0, -1) if t % k == 0)
    columns = [tf.TensorArray(x.dtype, t).unstack(x) for x in xs]
    arrays = [
        tf.TensorArray(state[0].dtype, t, element_shape=(b, width)) for width in widths
    ]

    def body(i: Any, state: Any, arrays: Any) -> Any:
        for k in range(turn):
            row = t - 1 - i - k if backwards else i + k
            state, ys = step(state, *(column.read(row) for column in columns))
            arrays = [a.write(row, y) for a, y in zip(arrays, ys, strict=True)]
        return i + turn, state, arrays

    _, state, arrays = tf.while_loop(
        lambda i, *_: i < t,
        body,
        (0, tuple(state), arrays),
        maximum_iterations=t // turn,
    )
    return state, [a.stack() for a in arrays]
