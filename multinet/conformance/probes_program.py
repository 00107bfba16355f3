"""Probes of control flow and transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.row import Array, Probe
from multinet.interface import Backend

Anything = Backend[Any]
X = np.array([1.0, -2.0, 0.5], np.float32)
Y = np.array([3.0, 0.25, -1.5], np.float32)


def tensor(backend: Anything, x: Any, dtype: str = "float32") -> Any:
    """Return a tensor of a small host value."""
    return backend.from_numpy(np.asarray(x, dtype))


def single(values: Any) -> Array:
    """Return a host array of float32."""
    return np.asarray(values, np.float32)


def exact(
    backend: Anything, function: Any, inputs: Any, wanted: Any, what: str
) -> None:
    """Check the gradients of a function, eager and compiled, element by element."""

    def gradients(*primals: Any) -> tuple[Any, ...]:
        ones = lambda y: backend.full(backend.shape(y), 1.0, "float32")  # noqa: E731
        outputs, pullback = backend.vjp(lambda *p: (function(*p),), primals)
        return tuple(pullback((ones(outputs[0]),)))

    primals = tuple(tensor(backend, x) for x in inputs)
    for how, run in (("", gradients), (", compiled", backend.jit(gradients, ()))):
        for got, value in zip(run(*primals), wanted, strict=True):
            near(
                backend, got, np.asarray(value, np.float64), f"gradient of {what}{how}"
            )


def near(backend: Anything, got: Any, wanted: Any, what: str) -> None:
    """Compare a tensor with a host value, in the dtype of the tensor."""
    array = fetch(backend, got, what)
    compare(array, np.asarray(wanted), str(array.dtype), what=what, floor=1.0, slack=4)


def pulled(backend: Anything, function: Any, primals: Any, cotangents: Any) -> Any:
    """Return the results of the pullback."""
    return backend.vjp(function, primals)[1](cotangents)


def _cond(backend: Anything) -> None:
    x, y = tensor(backend, X), tensor(backend, Y)

    def choose(p: Any, x: Any, y: Any) -> Any:
        return backend.cond(
            p,
            lambda x, y: (backend.multiply(x, y), x),
            lambda x, y: (backend.add(x, y), y),
            (x, y),
        )

    wanted = {True: (X * Y, X), False: (X + Y, Y)}
    for run in (choose, backend.jit(choose, ())):
        for truth, values in wanted.items():
            outputs = run(tensor(backend, truth, "bool"), x, y)
            expect(isinstance(outputs, tuple), "outputs of cond", tuple, type(outputs))
            for got, value in zip(outputs, values, strict=True):
                near(backend, got, value, f"cond {truth}")
    one, zero = tensor(backend, np.ones(3)), tensor(backend, np.zeros(3))
    for truth, slopes in ((True, (Y, X)), (False, (np.ones(3), np.ones(3)))):
        p = tensor(backend, truth, "bool")
        gradients = pulled(
            backend, lambda x, y, p=p: choose(p, x, y), (x, y), (one, zero)
        )
        for got, slope in zip(gradients, slopes, strict=True):
            near(backend, got, slope, f"gradient through cond {truth}")


def _cond_safe(backend: Anything) -> None:
    def safe(x: Any) -> Any:
        positive = backend.less(0.0, x)
        return backend.cond(
            positive,
            lambda x: (backend.log(x),),
            lambda x: (backend.negative(x),),
            (x,),
        )

    one = tensor(backend, 1.0)
    gradient = pulled(backend, safe, (tensor(backend, 0.0),), (one,))[0]
    near(backend, gradient, -1.0, "gradient of the branch taken, the other being inf")


def _while_loop(backend: Anything) -> None:
    def halve(x: Any, n: Any) -> Any:
        return backend.while_loop(
            lambda x, n: backend.less(1.0, x),
            lambda x, n: (backend.multiply(x, 0.5), backend.add(n, 1)),
            (x, n),
        )

    zero = tensor(backend, 0, "int32")
    for run in (halve, backend.jit(halve, ())):
        for start, end, count in ((100.0, 0.78125, 7), (0.5, 0.5, 0)):
            outputs = run(tensor(backend, start), zero)
            expect(isinstance(outputs, tuple), "outputs of while", tuple, type(outputs))
            near(backend, outputs[0], end, f"while from {start}")
            near(backend, outputs[1], count, f"rounds of while from {start}")


_W = np.array([0.5, -1.0, 2.0], np.float32)


def _recurrence(backend: Anything, reverse: bool) -> Any:
    def run(carry: Any, xs: Any, w: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            h = backend.tanh(backend.add(backend.multiply(carry[0], w), x[0]))
            return (h,), (backend.multiply(h, 2.0),)

        final, ys = backend.scan(step, (carry,), (xs,), 4, reverse)
        return (*final, *ys)

    return run


def _recurrence_oracle(carry: Array, xs: Array, w: Array, reverse: bool) -> Any:
    ys = np.zeros(xs.shape)
    for i in reversed(range(4)) if reverse else range(4):
        carry = np.tanh(carry * w + xs[i])
        ys[i] = 2 * carry
    return carry, ys


def _scan(backend: Anything) -> None:
    generator = np.random.default_rng(3)
    xs = generator.uniform(-1, 1, (4, 3)).astype(np.float32)
    values = (Y, xs, _W)
    inputs = tuple(tensor(backend, v) for v in values)
    seeds = generator.uniform(-1, 1, (3,)), generator.uniform(-1, 1, (4, 3))
    cotangents = tuple(tensor(backend, c) for c in seeds)
    for reverse in (False, True):
        run = _recurrence(backend, reverse)
        what = f"scan reverse={reverse}"
        for function in (run, backend.jit(run, ())):
            outputs = function(*inputs)
            wide = [v.astype(np.float64) for v in values]
            wanted = _recurrence_oracle(*wide, reverse)  # type: ignore[call-arg]
            for got, value in zip(outputs, wanted, strict=True):
                near(backend, got, value, what)

        def gradients(*values: Any, run: Any = run) -> Any:
            return tuple(pulled(backend, run, values[:3], values[3:]))

        slopes = _scan_slopes(values, seeds, reverse)
        for function in (gradients, backend.jit(gradients, ())):
            for got, slope in zip(function(*inputs, *cotangents), slopes, strict=True):
                near(backend, got, slope, f"gradient of {what}")


def _scan_slopes(values: Any, seeds: Any, reverse: bool) -> list[Array]:
    slopes = []
    for i, value in enumerate(values):
        slope = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            ends = []
            for h in (1e-5, -1e-5):
                moved = [np.array(v, np.float64) for v in values]
                moved[i][place] += h
                outputs = _recurrence_oracle(*moved, reverse)  # type: ignore[call-arg]
                ends.append(sum(float(np.sum(c * y)) for c, y in zip(seeds, outputs)))
            slope[place] = (ends[0] - ends[1]) / 2e-5
        slopes.append(slope)
    return slopes


def _scan_shapes(backend: Anything) -> None:
    count = tensor(backend, 0, "int32")

    def step(carry: Any, x: Any) -> Any:
        n = backend.add(carry[0], 1)
        return (n,), (n, backend.multiply(n, n))

    final, ys = backend.scan(step, (count,), (), 3, False)
    near(backend, final[0], 3, "carry of scan without xs")
    near(backend, ys[0], [1, 2, 3], "ys of scan without xs")
    near(backend, ys[1], [1, 4, 9], "second ys of scan without xs")
    final, ys = backend.scan(step, (count,), (), 3, True)
    near(backend, ys[0], [3, 2, 1], "ys of a reversed scan keep their rows")
    xs = tensor(backend, [[1.0, 2.0]])
    final, ys = backend.scan(
        lambda c, x: ((backend.add(c[0], x[0]),), ()),
        (tensor(backend, [0.0, 1.0]),),
        (xs,),
        1,
        False,
    )
    near(backend, final[0], [1.0, 3.0], "scan of length 1")
    expect(tuple(ys) == (), "ys of a scan that gives none", (), ys)


def _vjp(backend: Anything) -> None:
    index = tensor(backend, [0, 2, 1], "int32")
    x, y, unused = tensor(backend, X), tensor(backend, Y), tensor(backend, [5.0])

    def function(x: Any, y: Any, i: Any, unused: Any) -> Any:
        product = backend.multiply(x, y)
        return backend.take(product, i, 0), backend.add(i, 1), backend.add(x, y)

    outputs, pullback = backend.vjp(function, (x, y, index, unused))
    near(backend, outputs[0], (X * Y)[[0, 2, 1]], "value of vjp")
    near(backend, outputs[1], [1, 3, 2], "integer output of vjp")
    c = np.array([1.0, 10.0, 100.0], np.float32)
    zeros = tensor(backend, [0, 0, 0], "int32")
    turned, d = c[[0, 2, 1]], np.full(3, 0.5, np.float32)
    for factor in (1, 2):  # the pullback may be called more than once
        seeds = (tensor(backend, c * factor), zeros, tensor(backend, d))
        results = pullback(seeds)
        expect(len(results) == 4, "number of cotangents", 4, len(results))
        near(backend, results[0], factor * turned * Y + d, "gradient of x")
        near(backend, results[1], factor * turned * X + d, "gradient of y")
        near(backend, results[2], [0, 0, 0], "gradient of an integer input")
        expect(backend.dtype(results[2]) == "int32", "its dtype", "int32", results[2])
        near(backend, results[3], [0.0], "gradient of an unused input")


def _vjp_composition(backend: Anything) -> None:
    # d3/dx3 of x**4 is 24 x; and vjp through jvp, vmap and jit.
    def derivative(function: Any) -> Any:
        def slope(x: Any) -> Any:
            one = backend.full(backend.shape(x), 1.0, "float32")
            return tuple(pulled(backend, function, (x,), (one,)))

        return slope

    def fourth(x: Any) -> Any:
        square = backend.multiply(x, x)
        return (backend.multiply(square, square),)

    third = derivative(derivative(derivative(fourth)))
    near(backend, third(tensor(backend, 1.5))[0], 36.0, "third derivative of x**4")
    x = tensor(backend, X)
    rows = backend.vmap(derivative(derivative(fourth)), (0,))
    near(backend, rows(x)[0], 12 * X**2, "vmap of a second derivative")
    outer = derivative(lambda x: backend.vmap(derivative(fourth), (0,))(x))
    near(backend, outer(x)[0], 12 * X**2, "gradient of vmap of gradient")
    inner = backend.jit(derivative(fourth), ())
    near(backend, derivative(inner)(x)[0], 12 * X**2, "gradient of jit of gradient")

    def closed(x: Any) -> Any:
        return derivative(lambda y: (backend.multiply(backend.multiply(x, x), y),))(x)

    near(backend, derivative(closed)(x)[0], 2 * X, "gradient of a closed-over value")


def _vjp_of_numpy(backend: Anything) -> None:
    """Refuse a gradient that a function of NumPy has cut; an error is as good."""
    x, ones = tensor(backend, X), np.ones(3)
    cases = (
        ("np.sum", lambda x: np.sum(x), ones),
        ("np.square", lambda x: np.square(x), 2 * X),
        ("np.concatenate", lambda x: np.concatenate([x]), ones),
    )
    for name, function, slope in cases:
        shapes: list[Any] = []

        def run(x: Any, function: Any = function, shapes: Any = shapes) -> Any:
            y = function(x)
            if not backend.is_tensor(y):
                y = tensor(backend, y)
            shapes.append(backend.shape(y))
            return (y,)

        try:
            _, pull = backend.vjp(run, (x,))
        except Exception:  # each framework has its own error
            continue
        got = pull((tensor(backend, np.ones(tuple(shapes[-1]))),))[0]
        near(backend, got, slope, f"{name} of a tensor that is differentiated")


def _jvp(backend: Anything) -> None:
    x, y = tensor(backend, X), tensor(backend, Y)
    a, b = single([1, 2, 3]), single([0.5, 0, -1])

    def function(x: Any, y: Any) -> Any:
        z = backend.multiply(backend.multiply(x, x), y)
        return z, backend.cast(x, "int32"), backend.negative(y)

    outputs, tangents = backend.jvp(
        function, (x, y), (tensor(backend, a), tensor(backend, b))
    )
    near(backend, outputs[0], X * X * Y, "value of jvp")
    near(backend, tangents[0], 2 * X * Y * a + X * X * b, "tangent")
    near(backend, tangents[2], -b, "second tangent")
    near(backend, tangents[1], [0, 0, 0], "tangent of an integer output")
    unrelated = backend.jvp(lambda x, y: (y,), (x, y), (tensor(backend, a), x))
    near(backend, unrelated[1][0], X, "tangent without influence of x")

    def hessian_vector(x: Any, v: Any) -> Any:
        def slope(x: Any) -> Any:
            cube = lambda x: (backend.multiply(x, backend.multiply(x, x)),)  # noqa: E731
            one = backend.full((3,), 1.0, "float32")
            return tuple(pulled(backend, cube, (x,), (one,)))

        return backend.jvp(slope, (x,), (v,))[1]

    got = hessian_vector(x, tensor(backend, a))[0]
    near(backend, got, 6 * X * a, "forward over reverse")


def _vmap(backend: Anything) -> None:
    batch = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows, shared = tensor(backend, batch), tensor(backend, Y)
    mapped = backend.vmap(
        lambda x, y: (backend.multiply(x, y), backend.sum(x, (0,), False)), (0, None)
    )
    for run in (mapped, backend.jit(lambda *v: tuple(mapped(*v)), ())):
        outputs = run(rows, shared)
        expect(isinstance(outputs, tuple), "outputs of vmap", tuple, type(outputs))
        near(backend, outputs[0], batch * Y, "vmap over one of two arguments")
        near(backend, outputs[1], batch.sum(1), "vmap of a sum")
    constant = backend.vmap(lambda x: (backend.full((2,), 1.0, "float32"),), (0,))
    near(backend, constant(rows)[0], np.ones((2, 2)), "a constant output is repeated")
    nested = backend.vmap(backend.vmap(lambda x: (backend.exp(x),), (0,)), (0,))
    near(backend, nested(rows)[0], np.exp(batch.astype(float)), "nested vmap")
    pair = backend.vmap(
        lambda x: tuple(
            backend.vmap(lambda y: (backend.multiply(x, y),), (0,))(shared)
        ),
        (0,),
    )
    got = pair(tensor(backend, X))[0]
    near(backend, got, np.outer(X, Y), "vmap that closes over a mapped value")


def _checkpoint(backend: Anything) -> None:
    def function(x: Any, y: Any) -> Any:
        h = backend.tanh(backend.multiply(x, y))
        return backend.sum(backend.multiply(h, h), (0,), False), h

    x, y = tensor(backend, X), tensor(backend, Y)
    seeds = tensor(backend, 1.0), tensor(backend, [0.5, 1.0, 2.0])
    h = np.tanh(X.astype(float) * Y)
    wanted = (2 * h + np.array([0.5, 1.0, 2.0])) * (1 - h * h)

    def gradients(x: Any, y: Any) -> Any:
        outputs, pullback = backend.vjp(backend.checkpoint(function), (x, y))
        return (*outputs, *pullback(seeds))

    for run in (gradients, backend.jit(gradients, ())):
        total, values, slope_x, slope_y = run(x, y)
        near(backend, total, np.sum(h * h), "value of checkpoint")
        near(backend, values, h, "second value of checkpoint")
        near(backend, slope_x, wanted * Y, "gradient through checkpoint")
        near(backend, slope_y, wanted * X, "gradient through checkpoint")
    plain = backend.checkpoint(function)(x, y)
    near(backend, plain[1], h, "checkpoint outside of vjp")


def _checkpoint_closes_over(backend: Anything) -> None:
    one = tensor(backend, 1.0)

    def outer(x: Any, y: Any) -> Any:
        scale = backend.exp(x)
        inner = backend.checkpoint(lambda y: (backend.sin(backend.multiply(y, scale)),))
        return (backend.sum(backend.multiply(inner(y)[0], x), (0,), False),)

    def gradients(x: Any, y: Any) -> Any:
        return tuple(backend.vjp(outer, (x, y))[1]((one,)))

    scale, x, y = np.exp(X.astype(float)), X.astype(float), Y.astype(float)
    slope = np.cos(y * scale) * x * scale
    wanted = np.sin(y * scale) + slope * y, slope
    for run in (gradients, backend.jit(gradients, ())):
        for got, want in zip(run(tensor(backend, X), tensor(backend, Y)), wanted):
            near(backend, got, want, "gradient of what checkpoint closes over")


def _stop_gradient(backend: Anything) -> None:
    x = tensor(backend, X)

    def function(x: Any) -> Any:
        return (backend.multiply(backend.stop_gradient(x), x),)

    outputs, pullback = backend.vjp(function, (x,))
    near(backend, outputs[0], X * X, "value")
    near(backend, pullback((tensor(backend, np.ones(3)),))[0], X, "gradient")
    alone = pulled(
        backend,
        lambda x: (backend.stop_gradient(x),),
        (x,),
        (tensor(backend, np.ones(3)),),
    )
    near(backend, alone[0], np.zeros(3), "gradient of stop_gradient alone")
    tangent = backend.jvp(function, (x,), (tensor(backend, np.ones(3)),))[1][0]
    near(backend, tangent, X, "tangent")
    near(backend, backend.stop_gradient(x), X, "outside of vjp")


def _custom_gradient(backend: Anything) -> None:
    def rule(x: Any, y: Any) -> Any:
        def pullback(c: Any) -> Any:  # on purpose not the derivative of x * y
            return backend.multiply(c, 10.0), backend.multiply(c, backend.add(x, y))

        return (backend.multiply(x, y),), pullback

    x, y, c = tensor(backend, X), tensor(backend, Y), single([1, 2, 3])
    function = backend.custom_gradient(rule)
    near(backend, function(x, y)[0], X * Y, "outside of vjp")

    def gradients(x: Any, y: Any) -> Any:
        outputs, pullback = backend.vjp(lambda x, y: tuple(function(x, y)), (x, y))
        return (*outputs, *pullback((tensor(backend, c),)))

    for run in (gradients, backend.jit(gradients, ())):
        value, slope_x, slope_y = run(x, y)
        near(backend, value, X * Y, "value")
        near(backend, slope_x, 10 * c, "the caller's rule for x")
        near(backend, slope_y, c * (X + Y), "the caller's rule for y")
    one = tensor(backend, np.ones(3))

    def slope(x: Any) -> Any:
        return (pulled(backend, lambda y: tuple(function(x, y)), (y,), (one,))[0],)

    got = pulled(backend, slope, (x,), (one,))[0]
    near(backend, got, np.ones(3), "the caller's rule, differentiated")


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    "cond": (("values and gradients", _cond), ("branch not taken", _cond_safe)),
    "while_loop": (("eager and compiled", _while_loop),),
    "scan": (("recurrence", _scan), ("shapes", _scan_shapes)),
    "vjp": (
        ("pullback", _vjp),
        ("composition", _vjp_composition),
        ("functions of NumPy", _vjp_of_numpy),
    ),
    "jvp": (("tangents", _jvp),),
    "vmap": (("axes", _vmap),),
    "checkpoint": (
        ("values and gradients", _checkpoint),
        ("what it closes over", _checkpoint_closes_over),
    ),
    "stop_gradient": (("values and gradients", _stop_gradient),),
    "custom_gradient": (("the caller's rule", _custom_gradient),),
}
