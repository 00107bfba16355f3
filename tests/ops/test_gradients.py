"""The gradient of every op: pullbacks against finite differences of the reference.

The loss is a weighted sum of all float results. Its slope along a random direction is
taken of the reference (Keras, NumPy or SciPy) in float64, by a five-point stencil.
"""

import functools
import zlib

import numpy as np
import pytest
from cases import ARRAYS, EXPRESSIONS, REFERENCES, evaluate, names_in
from references import one_program
from test_cases import by_keras, leaves, needs_values

from multinet import KerasTensor, ops

# Long for what Keras computes in float32 whatever comes, short beside kinks.
STEPS = (1e-3, 1e-4, 1e-5)

# What has no gradient, or one that is not the slope, and why.
WITHOUT = {
    "constant by definition": ("stop_gradient(", "nextafter("),
    "bits": ("view(",),
    "LAPACK's packed form, no gradient": ("lu_factor(",),
    "at a jump": ("nan_to_num(infs)", "divide_no_nan(a, zero)", "heaviside(zero"),
    "the interface asks for gradients of set and add": (
        "scatter_update(a, [[0, 1], [2, 3]], v[:2], 'max'",
        "scatter_update(a, [[0, 0]], v[:1], 'mul'",
        "segment_prod(",
    ),
    "more columns than rows": ("qr_r(a)",),
    "steps": ("histogram(v", "matrix_rank("),
    "draws": ("image.elastic_transform(",),
}
# Held still: Keras on JAX takes the last two numbers for something else.
FIXED = {"turn"}
SKIPPED = tuple(start for starts in WITHOUT.values() for start in starts)


def inputs_of(expression):
    """Return the names of the float arrays that an expression uses."""
    names = [n for n in names_in(expression) if n not in FIXED]
    return [n for n in names if ARRAYS[n].dtype == np.float32]


def generator(expression):
    return np.random.default_rng(zlib.crc32(expression.encode()))


def weights_for(expression, shapes):
    """Return a pair of weights for the real and imaginary parts of each result."""
    rng = generator(expression)
    return [(rng.normal(size=shape), rng.normal(size=shape)) for shape in shapes]


def loss(results, weights):
    """Return the weighted sum of NumPy results; infinite and NaN ones do not count."""
    total = 0.0
    for y, (w, v) in zip(results, weights):
        for part, by in ((y.real, w), (y.imag, v)):
            total += np.sum(np.where(np.isfinite(part), part, 0) * by)
    return total


def floats(results):
    return [r for r in results if r.dtype.kind in "fc"]


def reference(expression, arrays):
    """Return the float results of the reference, in float64."""
    if expression in REFERENCES:
        return floats([np.asarray(REFERENCES[expression](arrays))])
    return floats(by_keras(expression, arrays))


@functools.cache
def slopes(expression):
    """Return directions of the inputs, and slopes of the loss along them by step."""
    rng = generator(expression + "direction")
    names = inputs_of(expression)
    directions = {n: rng.normal(size=ARRAYS[n].shape) for n in names}
    if "spd" in directions:  # backends read one half, or the mean of both
        directions["spd"] += directions["spd"].T
    wide = {
        n: x.astype("float64") if x.dtype == np.float32 else x
        for n, x in ARRAYS.items()
    }

    def at(distance):
        moved = {n: wide[n] + distance * directions[n] for n in names}
        results = reference(expression, wide | moved)
        return loss(results, weights_for(expression, [r.shape for r in results]))

    def estimate(h):
        return (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h)

    return directions, [estimate(step) for step in STEPS]


def cotangent(y, weights):
    """Return the gradient of the loss for one result; a complex one is w + iv."""
    w, v = (
        np.where(np.isfinite(part), by, 0)
        for part, by in zip((y.real, y.imag), weights)
    )
    return (w + 1j * v if np.iscomplexobj(y) else w).astype(y.dtype)


def is_smooth(x):
    """Return whether a tensor holds floats or complex numbers."""
    return "float" in ops.dtype(x) or "complex" in ops.dtype(x)


DIFFERENTIABLE = [
    e
    for e in EXPRESSIONS
    if inputs_of(e) and not needs_values(e) and not e.startswith(SKIPPED)
]


@pytest.mark.parametrize("expression", DIFFERENTIABLE)
def test_gradient_is_the_slope_of_the_reference(expression, real_backend):
    names = inputs_of(expression)
    # What the results are is asked of symbols: backends that compile do it per op.
    symbols = {n: KerasTensor(ARRAYS[n].shape, ARRAYS[n].dtype.name) for n in names}
    known = leaves(evaluate(expression, ops, ARRAYS | symbols))
    kept = [i for i, result in enumerate(known) if is_smooth(result)]
    if not kept:
        return  # results of integers and bools

    def function(*values):
        results = leaves(evaluate(expression, ops, ARRAYS | dict(zip(names, values))))
        return tuple(results[i] for i in kept)

    primals = [ops.convert_to_tensor(ARRAYS[name]) for name in names]
    outputs, pullback = real_backend.vjp(one_program(real_backend, function), primals)
    values = [ops.convert_to_numpy(y) for y in outputs]
    weights = weights_for(expression, [y.shape for y in values])
    cotangents = [cotangent(y, pair) for y, pair in zip(values, weights)]
    found = pullback([real_backend.from_numpy(c) for c in cotangents])
    gradients = [ops.convert_to_numpy(g) for g in found]
    directions, estimates = slopes(expression)
    terms = [g * directions[n] for n, g in zip(names, gradients)]
    assert all(np.isfinite(g).all() for g in gradients)
    have, size = (sum(f(t).sum() for t in terms) for f in (np.asarray, np.abs))
    want = min(estimates, key=lambda value: abs(value - have))
    np.testing.assert_allclose(have, want, rtol=1e-3, atol=1e-3 + 2e-4 * size)
