"""Elementwise ops and activations at their edges: values and slopes by formulas."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from multinet import activations, ops

#: What every op gets, in one array: NaN and infinities are among them.
POINTS = np.array(
    [
        *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e-30, 1e-3, -1e-3, 0.3, -0.3),
        *(0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 6.0, -6.0),
        *(17.0, -17.0, 60.0, -60.0, 95.0, -95.0, 300.0, -300.0, 1e4, -1e4),
        *(1e20, -1e20, 3e38, -3e38),
    ],
    np.float32,
)
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
_ROOT = np.sqrt(2 / np.pi)


@dataclass(frozen=True)
class Edge:
    """An op of one tensor, its value and its slope in float64.

    `where` says at which points the op is asked, `loose` multiplies the tolerance. A
    value of NaN may have any slope, the same at each position.
    """

    name: str
    call: Callable[[Any], Any]
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    where: Callable[[Any], Any] = lambda x: np.ones_like(x, bool)
    loose: float = 1.0

    def points(self, dtype: str) -> np.ndarray:
        """Return the points of a dtype at which the op is asked."""
        points = POINTS
        if dtype == "float16":
            points = points[~((np.abs(points) > 7e4) & np.isfinite(points))]
        return points[self.where(points.astype(np.float64))]


def zero(x: Any) -> Any:
    return np.zeros_like(x)


def one(x: Any) -> Any:
    return np.ones_like(x)


def near(limit: float) -> Callable[[Any], Any]:
    return lambda x: ~(np.abs(x) > limit)


def finite(x: Any) -> Any:
    return ~np.isinf(x)


def off_bounds(x: Any) -> Any:
    """Where x / 6 + 1/2, which is rounded, is not at a bound of the clip."""
    return finite(x) & (np.abs(x) != 3)


def pdf(x: Any) -> Any:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def sech2(x: Any) -> Any:
    return 1 / np.cosh(np.clip(x, -350, 350)) ** 2


def expit(x: Any) -> Any:
    return special.expit(x)


def bell(x: Any) -> Any:
    """Return the slope of the logistic function."""
    return expit(x) * expit(-x)


def softplus(x: Any) -> Any:
    return np.logaddexp(x, 0)


def gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(_ROOT * (x + 0.044715 * x**3)))


def gelu_tanh_slope(x: Any) -> Any:
    inner = _ROOT * (x + 0.044715 * x**3)
    steep = np.where(
        np.abs(inner) > 300, 0, sech2(inner) * _ROOT * (1 + 3 * 0.044715 * x * x)
    )
    return 0.5 * (1 + np.tanh(inner)) + 0.5 * x * steep


def mish_slope(x: Any) -> Any:
    return np.tanh(softplus(x)) + x * sech2(softplus(x)) * expit(x)


def arcsinh_slope(x: Any) -> Any:
    return 1 / np.hypot(x, 1)


def domain(low: float, high: float, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return f, NaN outside of [low, high]."""
    return lambda x: np.where((x >= low) & (x <= high), f(x), np.nan)


def sinc_slope(x: Any) -> Any:
    a = np.pi * x
    safe = np.where(np.abs(a) < 1e-2, 1, a)
    exact = np.pi * (np.cos(safe) / safe - np.sin(safe) / safe**2)
    return np.where(np.abs(a) < 1e-2, np.pi * (-a / 3 + a**3 / 30), exact)


def elu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x <= 0, alpha * np.expm1(x), x)


def elu_slope(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x <= 0, alpha * np.exp(x), 1.0)


def between(low: float, high: float, inner: float = 1.0) -> Callable[[Any], Any]:
    """Return the slope of a clip: half at its bounds."""

    def slope(x: Any) -> Any:
        inside = np.where((x > low) & (x < high), inner, 0.0)
        inside = np.where((x == low) | (x == high), inner / 2, inside)
        return np.where(np.isnan(x), np.nan, inside)

    return slope


EDGES = [
    Edge("negative", ops.negative, np.negative, lambda x: -one(x)),
    Edge("abs", ops.abs, np.abs, np.sign),
    Edge("sign", ops.sign, np.sign, zero),
    Edge("sqrt", ops.sqrt, np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    Edge(
        "rsqrt",
        ops.rsqrt,
        lambda x: 1 / np.sqrt(x),
        lambda x: -0.5 / np.sqrt(x) / x,
        lambda x: ~(np.abs(x) < 1e-20),
    ),
    Edge("exp", ops.exp, np.exp, np.exp),
    Edge("expm1", ops.expm1, np.expm1, np.exp),
    Edge("exp2", ops.exp2, np.exp2, lambda x: np.exp2(x) * np.log(2)),
    Edge("log", ops.log, np.log, lambda x: np.where(x < 0, np.nan, 1 / x)),
    Edge("log1p", ops.log1p, np.log1p, lambda x: np.where(x < -1, np.nan, 1 / (1 + x))),
    Edge(
        "log2", ops.log2, np.log2, lambda x: np.where(x < 0, np.nan, 1 / x / np.log(2))
    ),
    Edge(
        "log10",
        ops.log10,
        np.log10,
        lambda x: np.where(x < 0, np.nan, 1 / x / np.log(10)),
    ),
    Edge("sin", ops.sin, np.sin, np.cos, near(400)),
    Edge("cos", ops.cos, np.cos, lambda x: -np.sin(x), near(400)),
    Edge("tan", ops.tan, np.tan, lambda x: 1 + np.tan(x) ** 2, near(100), 20),
    Edge("arcsin", ops.arcsin, np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)),
    Edge("arccos", ops.arccos, np.arccos, lambda x: -1 / np.sqrt(1 - x * x)),
    Edge("arctan", ops.arctan, np.arctan, lambda x: 1 / (1 + x * x)),
    Edge("sinh", ops.sinh, np.sinh, np.cosh),
    Edge("cosh", ops.cosh, np.cosh, np.sinh),
    Edge("tanh", ops.tanh, np.tanh, sech2),
    Edge("arcsinh", ops.arcsinh, np.arcsinh, arcsinh_slope),
    Edge(
        "arccosh",
        ops.arccosh,
        np.arccosh,
        lambda x: np.where(x < 1, np.nan, 1 / np.sqrt(x - 1) / np.sqrt(x + 1)),
    ),
    Edge("arctanh", ops.arctanh, np.arctanh, domain(-1, 1, lambda x: 1 / (1 - x * x))),
    Edge("sigmoid", ops.sigmoid, expit, bell),
    Edge("erf", ops.erf, special.erf, lambda x: np.exp(-x * x) * 2 / np.sqrt(np.pi)),
    Edge(
        "erfc", ops.erfc, special.erfc, lambda x: -np.exp(-x * x) * 2 / np.sqrt(np.pi)
    ),
    Edge(
        "erfinv",
        ops.erfinv,
        special.erfinv,
        lambda x: np.exp(special.erfinv(x) ** 2) * np.sqrt(np.pi) / 2,
        loose=4,
    ),
    Edge("floor", ops.floor, np.floor, zero),
    Edge("ceil", ops.ceil, np.ceil, zero),
    Edge("round", ops.round, np.round, zero),
    Edge("trunc", ops.trunc, np.trunc, zero),
    Edge("square", ops.square, np.square, lambda x: 2 * x),
    Edge(
        "reciprocal",
        ops.reciprocal,
        lambda x: 1 / x,
        lambda x: -1 / x / x,
        lambda x: ~(np.abs(x) < 1e-20),
    ),
    Edge(
        "cbrt",
        ops.cbrt,
        np.cbrt,
        lambda x: np.where(x == 0, 1, np.cbrt(x) / 3 / x),
        finite,
    ),
    Edge("sinc", ops.sinc, np.sinc, sinc_slope, near(100)),
    Edge("deg2rad", ops.deg2rad, np.deg2rad, lambda x: one(x) * np.pi / 180),
    Edge("rad2deg", ops.rad2deg, np.rad2deg, lambda x: one(x) * 180 / np.pi),
    Edge("angle", ops.angle, np.angle, zero),
    Edge(
        "nan_to_num",
        ops.nan_to_num,
        lambda x: np.nan_to_num(x.astype(np.float32)),
        lambda x: 1.0 * np.isfinite(x),
    ),
    Edge("i0", ops.i0, special.i0, special.i1, finite, 4),
    Edge(
        "clip",
        lambda x: ops.clip(x, -2.5, 3.0),
        lambda x: np.clip(x, -2.5, 3),
        between(-2.5, 3),
    ),
    Edge(
        "relu",
        ops.relu,
        lambda x: np.maximum(x, 0),
        lambda x: np.where(x <= 0, 0.0, 1.0),
    ),
    Edge(
        "relu6",
        ops.relu6,
        lambda x: np.clip(x, 0, 6),
        lambda x: np.where(x == 6, 0.5, np.where(x <= 0, 0, np.where(x > 6, 0, 1.0))),
    ),
    Edge(
        "leaky_relu",
        ops.leaky_relu,
        lambda x: np.where(x <= 0, 0.2 * x, x),
        lambda x: np.where(x <= 0, 0.2, 1.0),
    ),
    Edge("elu", ops.elu, elu, elu_slope),
    Edge(
        "elu of 1.5",
        lambda x: ops.elu(x, 1.5),
        lambda x: elu(x, 1.5),
        lambda x: elu_slope(x, 1.5),
    ),
    Edge("celu", ops.celu, elu, elu_slope),
    Edge(
        "celu of 0.5",
        lambda x: ops.celu(x, 0.5),
        lambda x: 0.5 * elu(2 * x),
        lambda x: elu_slope(2 * x),
    ),
    Edge(
        "selu",
        ops.selu,
        lambda x: SCALE * elu(x, ALPHA),
        lambda x: SCALE * elu_slope(x, ALPHA),
    ),
    Edge("softplus", ops.softplus, softplus, expit),
    Edge("log_sigmoid", ops.log_sigmoid, lambda x: -softplus(-x), lambda x: expit(-x)),
    Edge(
        "silu",
        ops.silu,
        lambda x: x * expit(x),
        lambda x: expit(x) + x * bell(x),
        finite,
    ),
    Edge(
        "gelu",
        lambda x: ops.gelu(x, False),
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * pdf(x),
        finite,
    ),
    Edge("gelu by tanh", ops.gelu, gelu_tanh, gelu_tanh_slope, finite),
    Edge(
        "mish", activations.mish, lambda x: x * np.tanh(softplus(x)), mish_slope, finite
    ),
    Edge(
        "softsign",
        ops.softsign,
        lambda x: x / (1 + np.abs(x)),
        lambda x: 1 / (1 + np.abs(x)) ** 2,
        finite,
    ),
    Edge(
        "hard_sigmoid",
        ops.hard_sigmoid,
        lambda x: np.clip(x / 6 + 0.5, 0, 1),
        between(-3, 3, 1 / 6),
        off_bounds,
    ),
    Edge(
        "hard_silu",
        ops.hard_silu,
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x: np.clip(x / 6 + 0.5, 0, 1) + x * between(-3, 3, 1 / 6)(x),
        off_bounds,
    ),
    Edge("hard_tanh", ops.hard_tanh, lambda x: np.clip(x, -1, 1), between(-1, 1)),
    Edge(
        "tanh_shrink",
        ops.tanh_shrink,
        lambda x: np.where(np.abs(x) < 0.01, x**3 / 3, x - np.tanh(x)),
        lambda x: np.tanh(x) ** 2,
    ),
    Edge(
        "hard_shrink",
        ops.hard_shrink,
        lambda x: np.where(np.abs(x) <= 0.5, 0, x),
        lambda x: np.where(np.abs(x) <= 0.5, 0, 1.0),
    ),
    Edge(
        "soft_shrink",
        ops.soft_shrink,
        lambda x: np.where(np.abs(x) <= 0.5, 0, x - 0.5 * np.sign(x)),
        lambda x: np.where(np.abs(x) <= 0.5, 0, 1.0),
    ),
    Edge(
        "threshold",
        lambda x: ops.threshold(x, 1.0, -7.0),
        lambda x: np.where(x <= 1, -7, x),
        lambda x: np.where(x <= 1, 0, 1.0),
    ),
    Edge(
        "squareplus",
        ops.squareplus,
        lambda x: np.where(x < -1e4, -1 / x, (x + np.hypot(x, 2)) / 2),
        lambda x: 0.5 + 0.5 * x / np.hypot(x, 2),
        finite,
    ),
    Edge(
        "sparse_plus",
        ops.sparse_plus,
        lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
        lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) / 2, 1)),
    ),
    Edge(
        "sparse_sigmoid",
        ops.sparse_sigmoid,
        lambda x: np.clip((x + 1) / 2, 0, 1),
        between(-1, 1, 0.5),
    ),
    Edge("exponential", activations.exponential, np.exp, np.exp),
    Edge(
        "relu with options",
        lambda x: activations.relu(x, 0.1, 6.0, 0.5),
        lambda x: np.where(x <= 0.5, 0.1 * (x - 0.5), np.minimum(x, 6)),
        lambda x: np.where(
            x <= 0.5, 0.1, np.where(x > 6, 0, np.where(x == 6, 0.5, 1.0))
        ),
    ),
    Edge("linear", activations.linear, lambda x: x, one),
]
