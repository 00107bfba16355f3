"""Gamma, beta and binomial draws: proposals are drawn until all elements have one.

A loop ends once every element has been accepted, so no gradient flows into the
parameters. Uniform and normal numbers of 24 bits serve all dtypes. Values agree to
rounding on every backend, but for the rare proposal that rounding accepts on one and
not on another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.core import (
    as_tensor,
    broadcast_shapes,
    cast_tensor,
    is_scalar,
    op,
    shape_of,
)
from multinet.random.distributions import sizes_of
from multinet.registry import current
from multinet.seeds import key_of
from multinet.streams import fold_in
from multinet.symbolic.dims import differ
from multinet.typing import DType, Numbers, Seed, ShapeLike, Tensor

_ROUNDS = 1000  # only NaN parameters need more: a round accepts at least 3 in 4


def _begin(
    what: str, shape: Any, dtype: Any, seed: Any, parameters: tuple[Any, ...]
) -> tuple[str, Any, list[Any]]:
    """Return the dtype of the result, the key as a tensor, and wide parameters."""
    name, backend = dtypes.standardize(dtype), current()
    if not dtypes.is_float(name):
        raise DTypeError(f"random.{what} makes floats, got dtype={name!r}.")
    size, wide = sizes_of(shape), dtypes.promote(name, "float32")
    values = []
    for value in parameters:
        x = backend.stop_gradient(as_tensor(value, wide))
        form = broadcast_shapes(shape_of(x), size, what=f"random.{what}")
        if len(form) != len(size) or any(map(differ, form, size)):
            raise ShapeError(
                f"random.{what} expects parameters that broadcast to the shape {size}, "
                f"got {shape_of(x)}."
            )
        values.append(backend.broadcast_to(x, size))
    return name, key_of(seed), values


def _unit(key: Any, shape: Any, dtype: str) -> Any:
    """Return uniform floats in the open interval (0, 1)."""
    backend = current()
    words = backend.right_shift(backend.random_bits(key, shape, 32), 9)
    return backend.multiply(backend.add(backend.cast(words, dtype), 0.5), 2.0**-23)


def _until_accepted(key: Any, like: Any, propose: Callable[[Any], Any]) -> Any:
    """Return for each element the first proposal that was accepted.

    `propose(key)` returns values and whether each is accepted.
    """
    backend, shape = current(), shape_of(like)

    def running(count: Any, value: Any, done: Any) -> Any:
        axes = tuple(range(len(shape)))
        open_ = backend.logical_not(backend.all(done, axes, False))
        return backend.logical_and(open_, backend.less(count, _ROUNDS))

    def turn(count: Any, value: Any, done: Any) -> Any:
        new, accepted = propose(backend.fold_in(key, count))
        value = backend.where(done, value, new)
        return backend.add(count, 1), value, backend.logical_or(done, accepted)

    start = (
        backend.full((), 0, "int32"),
        backend.full(shape, 0.0, backend.dtype(like)),
        backend.full(shape, False, "bool"),
    )
    return backend.while_loop(running, turn, start)[1]


# -- gamma and beta --------------------------------------------------------------------


def _gamma_parts(key: Any, alpha: Any) -> tuple[Any, Any]:
    """Return g of alpha or alpha + 1 >= 1, and log(u) / alpha, to add to log(g) for
    the latter.

    Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
    """
    backend, dtype, shape = current(), current().dtype(alpha), shape_of(alpha)
    small = backend.less(alpha, 1.0)
    d = backend.subtract(backend.where(small, backend.add(alpha, 1.0), alpha), 1 / 3)
    c = backend.multiply(backend.rsqrt(d), 1 / 3)

    def propose(key: Any) -> Any:
        z = backend.random_normal(backend.fold_in(key, 0), shape)
        u = _unit(backend.fold_in(key, 1), shape, dtype)
        z = cast_tensor(z, dtype)
        root = backend.add(backend.multiply(c, z), 1.0)
        positive = backend.less(0.0, root)
        root = backend.where(positive, root, 1.0)
        v = backend.multiply(backend.square(root), root)
        slack = backend.add(backend.subtract(1.0, v), backend.log(v))
        bound = backend.multiply(backend.square(z), 0.5)
        bound = backend.add(bound, backend.multiply(d, slack))
        accepted = backend.less(backend.log(u), bound)
        return backend.multiply(d, v), backend.logical_and(positive, accepted)

    drawn = _until_accepted(_tensor(fold_in(key, 0)), alpha, propose)
    u = _unit(fold_in(key, 1), shape, dtype)
    power = backend.divide(backend.log(u), backend.where(small, alpha, 1.0))
    return drawn, backend.where(small, power, 0.0)


def _tensor(key: Any) -> Any:
    """Return a key as a tensor, which a loop can derive others from."""
    return as_tensor(key, "uint32") if isinstance(key, tuple) else key


def _check_positive(value: Any, what: str) -> None:
    """Refuse a number of the host that is not positive; tensors are taken as given."""
    if is_scalar(value) and not value > 0:
        raise ArgumentError(f"Expected a positive {what}, got {value}.")


@op
def gamma(
    shape: ShapeLike, alpha: Numbers, dtype: DType | None = None, seed: Seed = None
) -> Tensor:
    """Return floats of the gamma distribution of shape `alpha` > 0 and scale 1.

    `alpha` broadcasts to `shape`. No gradient.
    """
    _check_positive(alpha, "alpha")
    name, key, (a,) = _begin("gamma", shape, dtype, seed, (alpha,))
    backend = current()
    drawn, power = _gamma_parts(key, a)
    return cast_tensor(backend.multiply(drawn, backend.exp(power)), name)


@op
def beta(
    shape: ShapeLike,
    alpha: Numbers,
    beta: Numbers,
    dtype: DType | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return floats of the beta distribution of `alpha` > 0 and `beta` > 0.

    Both broadcast to `shape`. No gradient.
    """
    _check_positive(alpha, "alpha")
    _check_positive(beta, "beta")
    name, key, (a, b) = _begin("beta", shape, dtype, seed, (alpha, beta))
    backend = current()
    # x / (x + y) by logarithms: for tiny parameters both may underflow.
    x, y = (
        backend.add(backend.log(drawn), power)
        for drawn, power in (
            _gamma_parts(fold_in(key, i), v) for i, v in ((0, a), (1, b))
        )
    )
    return cast_tensor(backend.sigmoid(backend.subtract(x, y)), name)


# -- binomial --------------------------------------------------------------------------


@op
def binomial(
    shape: ShapeLike,
    counts: Numbers,
    probabilities: Numbers,
    dtype: DType | None = None,
    seed: Seed = None,
) -> Tensor:
    """Return as floats how many of `counts` trials succeed with `probabilities`.

    Both broadcast to `shape`. NaN for negative counts and probabilities outside of
    [0, 1]. No gradient.

    Source: Hörmann, "The generation of binomial random variates", 1993.
    """
    parameters = (counts, probabilities)
    name, key, (n, p) = _begin("binomial", shape, dtype, seed, parameters)
    backend = current()
    valid = backend.logical_and(backend.less_equal(0.0, p), backend.less_equal(p, 1.0))
    valid = backend.logical_and(valid, backend.less_equal(0.0, n))
    n = backend.where(valid, backend.floor(n), 0.0)
    likely = backend.less(0.5, p)
    q = backend.where(likely, backend.subtract(1.0, p), p)  # at most a half
    q = backend.where(valid, q, 0.0)
    few = backend.less(backend.multiply(n, q), 10.0)
    low = _by_waiting(_tensor(fold_in(key, 0)), n, backend.where(few, q, 0.0))
    high = _by_rejection(
        _tensor(fold_in(key, 1)),
        backend.where(few, 100.0, n),
        backend.where(few, 0.5, q),
    )
    k = backend.where(few, low, high)
    k = backend.where(likely, backend.subtract(n, k), k)
    return cast_tensor(backend.where(valid, k, math.nan), name)


def _by_waiting(key: Any, n: Any, p: Any) -> Any:
    """Return counts by the waiting times between successes, for n p < 10."""
    backend, shape, dtype = current(), shape_of(n), current().dtype(n)
    never = backend.equal(p, 0.0)
    scale = backend.log1p(backend.negative(backend.where(never, 0.5, p)))

    def running(count: Any, total: Any, k: Any) -> Any:
        going = backend.less_equal(total, n)
        return backend.any(going, tuple(range(len(shape))), False)

    def turn(count: Any, total: Any, k: Any) -> Any:
        u = _unit(backend.fold_in(key, count), shape, dtype)
        wait = backend.ceil(backend.divide(backend.log(u), scale))
        total = backend.add(total, backend.maximum(wait, 1.0))
        hit = backend.cast(backend.less_equal(total, n), dtype)
        return backend.add(count, 1), total, backend.add(k, hit)

    zero = backend.full(shape, 0.0, dtype)
    total = backend.where(never, math.inf, zero)
    start = (backend.full((), 0, "int32"), total, zero)
    return backend.while_loop(running, turn, start)[2]


def _by_rejection(key: Any, n: Any, p: Any) -> Any:
    """Return counts by transformed rejection with a squeeze (BTRS), for n p >= 10."""
    backend, shape, dtype = current(), shape_of(n), current().dtype(n)
    add, multiply, subtract = backend.add, backend.multiply, backend.subtract
    q = subtract(1.0, p)
    odds, spread = backend.divide(p, q), backend.sqrt(multiply(multiply(n, p), q))
    b = add(multiply(spread, 2.53), 1.15)
    a = add(add(multiply(b, 0.0248), multiply(p, 0.01)), -0.0873)
    c = add(multiply(n, p), 0.5)
    inside = subtract(0.92, backend.divide(4.2, b))
    scale = multiply(add(backend.divide(5.1, b), 2.83), spread)
    mode = backend.floor(multiply(add(n, 1.0), p))

    def propose(key: Any) -> Any:
        u = subtract(_unit(backend.fold_in(key, 0), shape, dtype), 0.5)
        v = _unit(backend.fold_in(key, 1), shape, dtype)
        edge = subtract(0.5, backend.abs(u))
        k = add(multiply(add(backend.divide(multiply(a, 2.0), edge), b), u), c)
        k = backend.floor(k)
        surely = backend.logical_and(
            backend.less_equal(0.07, edge), backend.less_equal(v, inside)
        )
        possible = backend.logical_and(
            backend.less_equal(0.0, k), backend.less_equal(k, n)
        )
        k = backend.where(possible, k, mode)
        spike = add(backend.divide(a, backend.square(edge)), b)
        drawn = backend.log(backend.divide(multiply(v, scale), spike))
        accepted = backend.less_equal(drawn, _log_ratio(k, mode, n, odds))
        accepted = backend.logical_or(surely, accepted)
        return k, backend.logical_and(possible, accepted)

    return _until_accepted(key, n, propose)


def _log_ratio(k: Any, mode: Any, n: Any, odds: Any) -> Any:
    """Return the log of the probability of k, relative to that of the mode.

    By Stirling's formula, whose factorials cancel: the large terms are logarithms of
    ratios near 1.
    """
    backend = current()
    add, multiply, subtract = backend.add, backend.multiply, backend.subtract

    def scaled(count: Any, ratio: Any) -> Any:
        return multiply(count, backend.log(ratio))

    rest, others = add(subtract(n, k), 1.0), add(subtract(n, mode), 1.0)
    first = scaled(
        add(mode, 0.5), backend.divide(add(mode, 1.0), multiply(odds, others))
    )
    second = scaled(add(n, 1.0), backend.divide(others, rest))
    third = scaled(add(k, 0.5), backend.divide(multiply(odds, rest), add(k, 1.0)))
    total = add(add(first, second), third)
    before = add(_stirling(mode), _stirling(subtract(n, mode)))
    after = add(_stirling(k), _stirling(subtract(n, k)))
    return add(total, subtract(before, after))


def _stirling(k: Any) -> Any:
    """Return log(k!) - (log(2 pi) / 2 + (k + 1/2) log(k + 1) - (k + 1))."""
    backend = current()
    inverse = backend.divide(1.0, backend.add(k, 1.0))
    square = backend.square(inverse)
    series = backend.subtract(1 / 360, backend.divide(square, 1260.0))
    series = backend.subtract(1 / 12, backend.multiply(square, series))
    value = backend.multiply(series, inverse)
    for small in range(10):
        exact = math.lgamma(small + 1) - 0.5 * math.log(2 * math.pi)
        exact += (small + 1) - (small + 0.5) * math.log(small + 1)
        value = backend.where(backend.equal(k, float(small)), exact, value)
    return value
