"""Each element has its own value and slope, wherever it stands, whatever is beside."""

import numpy as np
import pytest
from elementwise_edges import EDGES

from multinet import dtypes
from multinet.registry import use_backend

# What is compiled has few shapes: each takes seconds.
LENGTHS = {
    "numpy": (1, 7, 40, 1000),
    "torch": (1, 7, 40, 1000),
    "jax": (40,),
    "tensorflow": (40,),
    "strict": (7,),
}
RUNS = [(name, n) for name, lengths in LENGTHS.items() for n in lengths]
TOLERANCE = {"float32": (4e-6, 2e-6), "float16": (2e-3, 2e-3), "bfloat16": (2e-2, 2e-2)}


def arrays(points, length):
    """Return arrays of a length in which each point occurs."""
    if length < len(points):
        starts = range(0, len(points), length)
        return [np.resize(np.roll(points, -start), length) for start in starts]
    return [np.resize(points, length)]


def slopes(backend, edge, x, once):
    """Return the slopes of an op by the pullback, or by that of one backward pass."""
    if once:
        over = tuple(range(len(backend.shape(x))))
        total = lambda x: (backend.sum(edge.call(x), over, False),)  # noqa: E731
        return backend.value_and_grad(total, (x,))[2][0]
    (y,), pull = backend.vjp(lambda x: (edge.call(x),), (x,))
    return pull((backend.full(backend.shape(y), 1.0, backend.dtype(y)),))[0]


def compiled(backend, edges, once):
    """Return the function of one tensor an edge that gives all values and slopes."""

    def function(*xs):
        values = [edge.call(x) for edge, x in zip(edges, xs)]
        found = [slopes(backend, edge, x, once) for edge, x in zip(edges, xs)]
        return (*values, *found)

    return backend.jit(function, ())


def found(backend, edges, length, dtype, once):
    """Yield op, x, values and slopes for all points, in arrays of a length."""
    rows = [
        arrays(edge.points(dtype).astype(dtypes.to_numpy(dtype)), length)
        for edge in edges
    ]
    run = compiled(backend, edges, once)
    for i in range(max(map(len, rows))):
        xs = [row[i % len(row)] for row in rows]
        got = [backend.to_numpy(y) for y in run(*map(backend.from_numpy, xs))]
        yield from zip(edges, xs, got[: len(xs)], got[len(xs) :])


def differs(got, wanted, dtype, loose):
    relative, absolute = TOLERANCE[dtype]
    with np.errstate(all="ignore"):
        wanted = np.asarray(wanted).astype(got.dtype).astype(np.float64)
        got = got.astype(np.float64)
        near = np.abs(got - wanted) <= loose * (relative * np.abs(wanted) + absolute)
    return ~(near | (got == wanted) | (np.isnan(got) & np.isnan(wanted)))


def faults(backend, length, dtype="float32", once=False, edges=EDGES):
    """Return a line for each value and slope that is not that of the formula."""
    wrong, at_nan = [], {}
    for edge, x, values, steep in found(backend, edges, length, dtype, once):
        exact = x.astype(np.float64)
        with np.errstate(all="ignore"):
            value, slope = edge.value(exact), edge.slope(exact)
        slope = np.where(np.isnan(value), steep.astype(np.float64), slope)
        for what, got, want in (("value", values, value), ("slope", steep, slope)):
            for i in np.flatnonzero(differs(got, want, dtype, edge.loose)):
                wrong.append(f"{edge.name}: {what} {got[i]} at {exact[i]} [{i}]")
        for g in steep[np.isnan(exact)]:
            at_nan.setdefault(edge.name, set()).add(str(float(g)))
    wrong += [f"{k}: slopes {v} at NaN" for k, v in at_nan.items() if len(v) > 1]
    return wrong


@pytest.mark.parametrize(("name", "length"), RUNS)
def test_values_and_slopes_do_not_depend_on_their_neighbours(name, length):
    with use_backend(name) as backend:
        assert faults(backend, length) == []


@pytest.mark.parametrize("length", (7, 40, 1000))
def test_so_they_do_in_one_backward_pass(length):
    with use_backend("torch") as backend:
        assert faults(backend, length, once=True) == []


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
@pytest.mark.parametrize("name", ("numpy", "torch", "tensorflow"))
def test_low_floats_are_right_to_their_own_precision(name, dtype):
    with use_backend(name) as backend:
        assert faults(backend, 40, dtype) == []
