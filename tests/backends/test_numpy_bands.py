"""Convolution by bands, and contractions in plans, on the NumPy backend."""

import numpy as np
import pytest
from multinet_numpy import windows

from multinet.registry import get

ONES = (1, 1)
GEOMETRIES = [
    # images, their size, channels, features, kernel, padding
    (3, (24, 21), 16, 16, (3, 3), ((1, 1), (1, 1))),
    (2, (31, 28), 4, 12, (5, 4), ((0, 2), (3, 1))),
    (1, (40, 40), 3, 16, (2, 7), ((0, 0), (0, 0))),
]


@pytest.fixture(params=GEOMETRIES)
def case(request):
    """Return images, a kernel, a cotangent and the padding of a case with bands."""
    n, size, c, features, kernel, padding = request.param
    rng = np.random.default_rng(0)
    out = [s + sum(p) - k + 1 for s, p, k in zip(size, padding, kernel)]
    shapes = (n, *size, c), (*kernel, c, features), (n, *out, features)
    x, w, g = (rng.normal(size=s).astype("f") for s in shapes)
    assert windows._has_bands(w.shape, (ONES, padding, ONES, 1), g)
    return x, w, g, padding


def patches(x, window, padding):
    """Return all windows (n, h, w, c, *window) of padded images, in float64."""
    x = np.pad(x.astype("d"), ((0, 0), *padding, (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(x, window, (1, 2))


def planned(step, *arrays):
    """Return the outputs of a planned step, twice on the same batch."""
    program = get("numpy").program(step, (), (), "auto")
    program.load([])
    outputs = program.run([np.stack([a, a]) for a in arrays], [], 2)
    assert program.explain()["path"].startswith("planned")
    return outputs


def close(x, y, tolerance=3e-6):
    """Compare with float64, relative to the largest."""
    np.testing.assert_allclose(x, y, 0, tolerance * np.abs(y).max())


def test_convolution_equals_float64(case):
    x, w, _, padding = case
    y = get("numpy").conv(x, w, ONES, padding, ONES, 1)
    close(y, np.einsum("nhwcij,ijco->nhwo", patches(x, w.shape[:2], padding), w))


@pytest.mark.parametrize("run", [planned, lambda step, *arrays: step(*arrays)])
def test_gradients_of_a_convolution_equal_float64(case, run):
    (x, w, g, padding), f = case, get("numpy")

    def step(x, w, g):
        geometry = ONES, padding, ONES, 1
        return f.vjp(lambda x, w: (f.conv(x, w, *geometry),), (x, w))[1]((g,))

    gx, gw = run(step, x, w, g)
    windows_of_x = patches(x, w.shape[:2], padding)
    close(gw, np.einsum("nhwcij,nhwo->ijco", windows_of_x, g.astype("d")))
    sizes = [n + sum(p) for n, p in zip(x.shape[1:], padding)]
    spread = np.zeros((len(x), *sizes, x.shape[3]))
    h, v = g.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        spread[:, i : i + h, j : j + v] += g.astype("d") @ w[i, j].T
    inside = [np.s_[p[0] : p[0] + n] for n, p in zip(x.shape[1:], padding)]
    close(gx, spread[:, *inside])


def test_a_planned_convolution_adds_the_bias_and_takes_the_relu(case):
    (x, w, _, padding), f = case, get("numpy")
    bias = np.random.default_rng(1).normal(size=w.shape[-1]).astype("f")

    def step(x, w, bias):
        return (f.relu(f.add(f.conv(x, w, ONES, padding, ONES, 1), bias)),)

    (y,) = planned(step, x, w, bias)
    plain = np.einsum("nhwcij,ijco->nhwo", patches(x, w.shape[:2], padding), w)
    close(y, np.maximum(plain + bias, 0))


def test_no_images_have_no_windows():
    x, w = np.empty((0, 24, 24, 16), "f"), np.empty((3, 3, 16, 16), "f")
    y = get("numpy").conv(x, w, ONES, ((0, 0), (0, 0)), ONES, 1)
    assert y.shape == (0, 22, 22, 16)


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("bthd,bshd->bhts", [(2, 5, 3, 4), (2, 6, 3, 4)]),
        ("bhts,bshd->bthd", [(2, 3, 5, 6), (2, 6, 3, 4)]),
        ("abc,cd->abd", [(2, 3, 4), (4, 5)]),
        ("ab,ab->", [(3, 4), (3, 4)]),
        ("a,b->ba", [(3,), (4,)]),
        ("abc,ad->d", [(2, 3, 4), (2, 5)]),
        ("aab,b->a", [(3, 3, 2), (2,)]),
        ("abc->ca", [(2, 3, 4)]),
        ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
    ],
)
def test_planned_contractions_equal_float64(equation, shapes):
    rng = np.random.default_rng(2)
    xs = [rng.normal(size=s).astype("f") for s in shapes]
    (y,) = planned(lambda *xs: (get("numpy").einsum(equation, *xs),), *xs)
    np.testing.assert_allclose(
        y, np.einsum(equation, *[x.astype("d") for x in xs]), 1e-5, 1e-6
    )


def test_a_broadcast_low_float_has_a_planned_gradient():
    f = get("numpy")

    def step(x, bias):
        low = f.cast(x, "bfloat16"), f.cast(bias, "bfloat16")
        total = lambda x, b: (f.sum(f.cast(f.add(x, b), "float32"), (0, 1), False),)  # noqa: E731
        return [f.cast(g, "float32") for g in f.value_and_grad(total, low)[2]]

    gx, gb = planned(step, np.ones((4, 3), "f"), np.ones(3, "f"))
    np.testing.assert_array_equal(gx, np.ones((4, 3)))
    np.testing.assert_array_equal(gb, [4, 4, 4])
