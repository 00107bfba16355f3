"""Activation functions, and the names they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multinet import ops, surface
from multinet.configurable import as_argument
from multinet.objects.tables import Table
from multinet.tracebacks import shortening
from multinet.typing import ActivationLike, Data, Tensor

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

surface.show(__name__)


def linear(x: Tensor) -> Tensor:
    """Return x."""
    return x


def relu(
    x: Tensor,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Return x above `threshold`, else negative_slope * (x - threshold); at most
    max_value.

    Source: Nair and Hinton, "Rectified linear units", 2010.
    """
    if threshold == 0.0:
        y = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    else:
        below = ops.multiply(ops.subtract(x, threshold), negative_slope)
        y = ops.where(ops.greater(x, threshold), x, below)
    return y if max_value is None else ops.minimum(y, max_value)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Return x where positive, else negative_slope * x."""
    return ops.leaky_relu(x, negative_slope)


def relu6(x: Tensor) -> Tensor:
    """Return min(max(x, 0), 6)."""
    return ops.relu6(x)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where positive, else alpha * (e**x - 1). Source: Clevert, 2015."""
    return ops.elu(x, alpha)


def selu(x: Tensor) -> Tensor:
    """Return the scaled elu that keeps mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return ops.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where positive, else alpha * (e**(x / alpha) - 1).

    Source: Barron, "Continuously differentiable exponential linear units", 2017.
    """
    return ops.celu(x, alpha)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """Return x times the normal distribution function of x, exact or by tanh.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    return ops.gelu(x, approximate)


def silu(x: Tensor) -> Tensor:
    """Return x * sigmoid(x). Source: Ramachandran et al., 2017."""
    return ops.silu(x)


def mish(x: Tensor) -> Tensor:
    """Return x * tanh(softplus(x)). Source: Misra, 2019."""
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Return one half of x times the sigmoid of the other.

    Source: Dauphin et al., "Language modeling with gated convolutions", 2016.
    """
    return ops.glu(x, axis)


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e**-x)."""
    return ops.sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """Return log(sigmoid(x)), without overflow."""
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return x / 6 + 0.5, cut off at 0 and 1."""
    return ops.hard_sigmoid(x)


def hard_silu(x: Tensor) -> Tensor:
    """Return x * hard_sigmoid(x). Source: Howard et al., MobileNetV3, 2019."""
    return ops.hard_silu(x)


def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return ops.tanh(x)


def hard_tanh(x: Tensor) -> Tensor:
    """Return x, cut off at -1 and 1."""
    return ops.hard_tanh(x)


def tanh_shrink(x: Tensor) -> Tensor:
    """Return x - tanh(x)."""
    return ops.tanh_shrink(x)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Return x where |x| exceeds `threshold`, else 0."""
    return ops.hard_shrink(x, threshold)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Return x moved towards 0 by `threshold`, and 0 within it."""
    return ops.soft_shrink(x, threshold)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """Return x where it exceeds `threshold`, else `default_value`."""
    return ops.threshold(x, threshold, default_value)


def exponential(x: Tensor) -> Tensor:
    """Return e**x."""
    return ops.exp(x)


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + e**x)."""
    return ops.softplus(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """Return (x + sqrt(x**2 + b)) / 2. Source: Barron, 2021."""
    return ops.squareplus(x, b)


def sparse_plus(x: Tensor) -> Tensor:
    """Return 0 up to -1, x from 1 on, (x + 1)**2 / 4 between."""
    return ops.sparse_plus(x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """Return (x + 1) / 2, cut off at 0 and 1."""
    return ops.sparse_sigmoid(x)


def softsign(x: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    return ops.softsign(x)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return e**x / sum(e**x) along an axis."""
    return ops.softmax(x, axis)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return log(softmax(x)) along an axis."""
    return ops.log_softmax(x, axis)


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Return the nearest point of the probability simplex, along an axis.

    Source: Martins and Astudillo, "From softmax to sparsemax", 2016.
    """
    return ops.sparsemax(x, axis)


swish, hard_swish = silu, hard_silu

_table = Table(
    "activation",
    (
        linear,
        relu,
        leaky_relu,
        relu6,
        elu,
        selu,
        celu,
        gelu,
        silu,
        mish,
        glu,
        sigmoid,
        log_sigmoid,
        hard_sigmoid,
        hard_silu,
        tanh,
        hard_tanh,
        tanh_shrink,
        hard_shrink,
        soft_shrink,
        threshold,
        exponential,
        softplus,
        squareplus,
        sparse_plus,
        sparse_sigmoid,
        softsign,
        softmax,
        log_softmax,
        sparsemax,
    ),
    {"swish": silu, "hard_swish": hard_silu},
)


@shortening
def get(identifier: ActivationLike | None) -> Callable[..., Tensor]:
    """Return the activation of a name, or the function itself; None is linear."""
    return linear if identifier is None else _table.get(identifier)


@shortening
def serialize(activation: object) -> Data:
    """Return the name of an activation (the configuration of a layer used as one)."""
    return as_argument(activation)


@shortening
def deserialize(
    config: Data, custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Tensor]:
    """Return the activation of a name."""
    return linear if config is None else _table.deserialize(config, custom_objects)
