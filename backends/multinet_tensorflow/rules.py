"""Functions whose values or gradients TensorFlow gets wrong somewhere."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from multinet_tensorflow.numerics import (
    as_float32,
    differentiable,
    dims,
    recording,
    sum_to,
    widen,
)


def erf(x: Any) -> Any:
    """Return the error function."""
    if x.dtype != tf.float64:
        return tf.math.erf(x)
    # The float64 kernel is NaN where x * x overflows.
    return tf.where(tf.abs(x) > 100, tf.sign(x), tf.math.erf(x))


@tf.custom_gradient
def erfinv(x: Any) -> Any:
    """Return the inverse error function."""
    # The kernel goes through ndtri((x + 1) / 2), which is coarse near 0: float64 hides
    # it from float32, and a Newton step on erf repairs float64 itself.
    wide = tf.cast(x, tf.float64)
    y = tf.math.erfinv(wide)
    inner = tf.abs(wide) < 0.5
    slope = tf.exp(-tf.square(y)) * (2 / math.sqrt(math.pi))
    y = tf.where(inner, y - (tf.math.erf(y) - wide) / slope, y)
    y = tf.cast(y, x.dtype)

    def gradient(g: Any) -> Any:
        return g * tf.exp(tf.square(erfinv(x))) * (math.sqrt(math.pi) / 2)

    return y, gradient


@tf.custom_gradient
def power(x: Any, y: Any) -> Any:
    """Return x**y of floats, its gradients finite at x = 0 where they exist."""
    out = tf.pow(x, y)

    def gradient(g: Any) -> tuple[Any, Any]:
        one = tf.ones((), x.dtype)
        for_x = g * tf.math.conj(y * power(x, tf.where(y == 0, one, y - one)))
        inside = x != 0 if x.dtype.is_complex else x > 0
        for_y = g * tf.math.conj(power(x, y) * tf.math.log(tf.where(inside, x, one)))
        return sum_to(for_x, dims(x)), sum_to(for_y, dims(y))

    return out, gradient


def choice(op: Any, better: Any, x: Any, y: Any) -> Any:
    """Return the maximum or the minimum; ties split the gradient in half."""
    if not differentiable(x) or not recording():
        return op(x, y)

    @tf.custom_gradient
    def rule(x: Any, y: Any) -> Any:
        def gradient(g: Any) -> tuple[Any, Any]:
            zero, half = tf.zeros_like(g), g * 0.5
            tied = tf.where(tf.equal(x, y), half, zero)
            for_x, for_y = (
                tf.where(better(x, y), g, tied),
                tf.where(better(y, x), g, tied),
            )
            return sum_to(for_x, dims(x)), sum_to(for_y, dims(y))

        return op(x, y), gradient

    return rule(x, y)


def logaddexp(x: Any, y: Any) -> Any:
    """Return log(e**x + e**y), smooth at ties to all orders."""
    return as_float32(_logaddexp, x, y)


@tf.custom_gradient
def _logaddexp(x: Any, y: Any) -> Any:
    same_infinity = tf.logical_and(tf.equal(x, y), tf.math.is_inf(x))
    # The difference stays x - y at finite ties: its slope makes all orders right there.
    difference = tf.where(same_infinity, tf.zeros((), x.dtype), x - y)
    out = tf.maximum(x, y) + tf.math.log1p(tf.exp(-tf.abs(difference)))

    def gradient(g: Any) -> tuple[Any, Any]:
        difference = tf.where(same_infinity, tf.zeros((), x.dtype), x - y)
        for_x, for_y = g * tf.sigmoid(difference), g * tf.sigmoid(-difference)
        return sum_to(for_x, dims(x)), sum_to(for_y, dims(y))

    return out, gradient


@tf.custom_gradient
def slogdet(x: Any) -> Any:
    """Return the sign and the log of the modulus of the determinant."""
    sign, log_modulus = tf.linalg.slogdet(x)
    sign = tf.where(tf.equal(sign, 0), tf.zeros_like(sign), sign)  # a kernel's -0

    def gradient(for_sign: Any, g: Any) -> Any:
        # TensorFlow raises at singular matrices; the interface asks for NaN.
        singular = tf.reshape(tf.equal(sign, 0), (*sign.shape, 1, 1))
        eye = tf.eye(x.shape[-1], dtype=x.dtype)
        inverse = tf.linalg.inv(tf.where(singular, eye, x), adjoint=True)
        inverse = tf.where(singular, tf.constant(math.nan, x.dtype), inverse)
        if x.dtype.is_complex:  # the phase of the sign turns with x
            turn = tf.math.imag(for_sign * tf.math.conj(slogdet(x)[0]))
            g = tf.complex(g, turn)
        return tf.reshape(g, (*g.shape, 1, 1)) * inverse

    return (sign, tf.math.real(log_modulus)), gradient


@tf.custom_gradient
def complex_svd(x: Any) -> Any:
    """Return U, S, V^H reduced; TensorFlow's own second gradient is wrong.

    Source: Wan and Zhang, "Automatic differentiation for complex valued SVD", 2019.
    """
    s, u, v = tf.linalg.svd(x)

    def gradient(for_u: Any, for_s: Any, for_vh: Any) -> Any:
        u, s, vh = complex_svd(x)
        s = widen(s, x.dtype)
        row, column = s[..., None, :], s[..., :, None]
        inner_u = tf.matmul(u, for_u, adjoint_a=True)
        inner_v = tf.matmul(vh, for_vh, adjoint_b=True)
        gaps = tf.square(row) - tf.square(column)
        gaps = tf.linalg.set_diag(gaps, tf.ones_like(s))
        core = (_skew(inner_u) * row + column * _skew(inner_v)) / gaps
        phase = tf.linalg.diag_part(_skew(inner_u)) / (2 * s)
        core = tf.linalg.set_diag(core, widen(for_s, x.dtype) + phase)
        left = tf.matmul(u, core) + (for_u - tf.matmul(u, inner_u)) / row
        right = for_vh - tf.matmul(inner_v, vh, adjoint_a=True)
        return tf.matmul(left, vh) + tf.matmul(u, right / column)

    return (u, s, tf.linalg.adjoint(v)), gradient


def _skew(x: Any) -> Any:
    return x - tf.linalg.adjoint(x)
