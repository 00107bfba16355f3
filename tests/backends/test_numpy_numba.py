"""The kernels that numba compiles for planned steps, and steps without numba."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from multinet_numpy.fast import accelerated

import multinet as mn
from multinet import layers
from multinet.registry import get, use_backend

SWITCHES = ["numba", "off"]


@pytest.fixture(autouse=True)
def numpy_backend():
    """NumPy, in use for each test of this file; numba serves calls of any size."""
    with pytest.MonkeyPatch.context() as patch, use_backend("numpy") as chosen:
        patch.setattr(accelerated, "LEAST", 0)
        yield chosen


@pytest.fixture(params=SWITCHES)
def switch(request, monkeypatch):
    """Run a test with numba, and again as if it were not installed."""
    if request.param == "off":
        monkeypatch.setattr(accelerated, "missing", lambda: "not installed")
    return request.param


def run(step, *arrays, scalars=(), consumed=(), state=()):
    """Run one step on a batch; return its program and its outputs."""
    program = get("numpy").program(
        step, consumed, [s.dtype.name for s in scalars], "auto"
    )
    program.load(state)
    outputs = program.run([a[None] for a in arrays], [s[None] for s in scalars], 1)
    assert program.explain()["path"].startswith("planned")
    return program, outputs


def kernels(program):
    """Return what `explain` tells of numba."""
    return program.explain()["kernels"].partition("numba: ")[2]


def expected(switch, names):
    """Return what `explain` should tell."""
    return names if switch == "numba" else "not installed"


# -- values ----------------------------------------------------------------------------


def test_erf_equals_scipy(switch, numpy_backend):
    x = np.linspace(-6, 6, 4001, dtype="f")
    x = np.concatenate([x, np.array([0, -0.0, 1e-30, np.inf, -np.inf, np.nan], "f")])
    program, (y,) = run(lambda v: (numpy_backend.erf(v),), x)
    np.testing.assert_allclose(y, scipy.special.erf(x.astype("d")), 1e-6, 1e-6)
    assert kernels(program) == expected(switch, "erf")


def test_erf_of_a_transposed_tensor_equals_scipy(switch, numpy_backend):
    f, x = numpy_backend, np.random.default_rng(0).normal(size=(7, 30)).astype("f")
    _, (y,) = run(lambda v: (f.erf(f.transpose(v, (1, 0))),), x)
    np.testing.assert_allclose(y, scipy.special.erf(x.T.astype("d")), 1e-6, 1e-6)


def adam64(p, g, m, v, t, rate, beta_1, beta_2, epsilon):
    """Return Adam's update in float64, as the paper writes it but for epsilon."""
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    factor = math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return p - rate * factor * m / (np.sqrt(v) + epsilon), m, v


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam_equals_its_formula_in_float64(switch, numpy_backend, dtype):
    rng, shapes = np.random.default_rng(1), [(33, 5), (7,), (), (1000,)]
    columns = [[rng.normal(size=s).astype(dtype) for s in shapes] for _ in "pgmv"]
    columns[3] = [np.square(x) for x in columns[3]]
    params, grads, means, variances = columns
    settings = 0.9, 0.999, 1e-7

    def step(*args):
        p, m, v, g = (list(args[i : i + 4]) for i in range(0, 16, 4))
        updated = numpy_backend.adam_update(p, g, m, v, *args[16:], *settings)
        return [x for column in updated for x in column]

    scalars = np.array(7, "int32"), np.array(0.01, "float32")
    state = [*params, *means, *variances]
    program, _ = run(step, *grads, scalars=scalars, consumed=range(12), state=state)
    found = program.values()
    rate = float(scalars[1])
    for i, inputs in enumerate(zip(*columns)):
        p, g, m, v = (x.astype("d") for x in inputs)
        for x, y in zip(found[i::4], adam64(p, g, m, v, 7, rate, *settings)):
            np.testing.assert_allclose(x, y, 1e-6, 1e-6)
    assert kernels(program) == expected(switch, "adam")


def pooled_gradient(x, g):
    """Return g at the first maximum, or NaN, of each 2 x 2 window, by loops."""
    out = np.zeros_like(x)
    for n, i, j, c in np.ndindex(g.shape):
        window = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].ravel()
        out[n, 2 * i :, 2 * j :, c][divmod(np.argmax(window), 2)] = g[n, i, j, c]
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (3, 5, 7, 1), (1, 3, 2, 9)])
def test_the_gradient_of_max_pooling_goes_to_the_first_maximum(switch, shape, dtype):
    f, rng = get("numpy"), np.random.default_rng(2)
    x = rng.integers(0, 3, shape).astype(dtype)  # with ties
    x[rng.random(shape) < 0.1] = np.nan
    n, h, w, c = shape
    g = rng.normal(size=(n, h // 2, w // 2, c)).astype(dtype)

    def step(x, g):
        window = ((2, 2), (2, 2), ((0, 0), (0, 0)))
        _, pullback = f.vjp(lambda v: (f.max_pool(v, *window),), (x,))
        return pullback((g,))

    program, (found,) = run(step, x, g)
    np.testing.assert_array_equal(found, pooled_gradient(x, g))
    served = switch == "off" or dtype != "float16"
    names = "max_pool_adjoint" if served else "no call is large enough"
    assert kernels(program) == expected(switch, names)


def test_other_windows_are_left_to_numpy(numpy_backend):
    f = numpy_backend
    window = ((3, 3), (2, 2), ((0, 0), (0, 0)))
    x = np.random.default_rng(3).normal(size=(2, 7, 7, 3)).astype("f")
    loss = lambda v: (f.sum(f.max_pool(v, *window), (0, 1, 2, 3), False),)  # noqa: E731
    program, _ = run(lambda v: f.value_and_grad(loss, (v,))[2], x)
    assert "max_pool" not in kernels(program)


# -- whole models ----------------------------------------------------------------------


def train(planned):
    """Return losses, weights and the program of a small network with all kernels."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(24, 8, 8, 2)).astype("f")
    mn.set_random_seed(5)
    model = mn.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(8, activation="gelu"),
            layers.Dense(3),
        ]
    )
    model.compile("adam", "mse", jit_compile=planned)
    history = model.fit(x, x[:, 0, :3, 0], 6, 3, verbose=0).history["loss"]
    (state,) = model._trainer.programs.latest.values()
    return history, model.get_weights(), state.program


def test_training_equals_the_tape(switch):
    a, b = train("auto"), train(False)
    np.testing.assert_allclose(a[0], b[0], 2e-6, 2e-6)
    for x, y in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(x, y, 2e-6, 2e-6)
    assert kernels(a[2]) == expected(switch, "adam, erf, max_pool_adjoint")


# -- when numba is loaded --------------------------------------------------------------

SMALL = """
import sys, multinet as mn, numpy as np
assert "numba" not in sys.modules
model = mn.Sequential([mn.layers.Dense(64, activation="gelu"), mn.layers.Dense(64)])
model.compile("adam", "mse")
x = np.ones((32, 64), "f")
model.fit(x, x, verbose=0)
(state,) = model._trainer.programs.latest.values()
print(state.program.explain()["kernels"])
assert "numba" not in sys.modules
"""


def test_neither_the_import_nor_small_steps_load_numba(monkeypatch):
    monkeypatch.setenv("MULTINET_BACKEND", "numpy")
    command = [sys.executable, "-c", SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, _, numba = done.stdout.strip().partition("; numba: ")
    assert told == "NumPy, adam_update, dense" and numba == "no call is large enough"


@pytest.fixture
def fresh():
    """Forget the compiled kernels before and after a test."""
    accelerated._compiled.cache_clear()
    yield
    accelerated._compiled.cache_clear()


def test_a_cache_that_cannot_be_written_is_done_without(fresh, monkeypatch):
    import numba

    real, asked = numba.njit, []

    def njit(cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    x = np.linspace(-3, 3, 50, dtype="f")
    program, (y,) = run(lambda v: (get("numpy").erf(v),), x)
    np.testing.assert_allclose(y, scipy.special.erf(x.astype("d")), 1e-6, 1e-6)
    assert asked == [True, False] and kernels(program) == "erf"


def test_a_numba_that_cannot_be_imported_is_told_and_done_without(fresh, monkeypatch):
    monkeypatch.setattr(accelerated, "missing", lambda: "")
    monkeypatch.setitem(sys.modules, "numba", None)
    x = np.linspace(-3, 3, 50, dtype="f")
    program, (y,) = run(lambda v: (get("numpy").erf(v),), x)
    np.testing.assert_allclose(y, scipy.special.erf(x.astype("d")), 1e-6, 1e-6)
    assert kernels(program).startswith("cannot be imported: ")
