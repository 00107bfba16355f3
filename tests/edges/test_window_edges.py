"""Pooling with windows wider than what they are over, with NaN and infinities."""

import itertools

import numpy as np
import pytest

from multinet import layers, ops

ALL = [*itertools.product((1, 2, 3), (1, 2, 4, 5, 7), (1, 2))]
FEW = [(1, 4, 1), (2, 5, 1), (3, 2, 2)]  # sizes, windows, strides; each is compiled


def same(n, window, stride):
    total = max((-(-n // stride) - 1) * stride + window - n, 0)
    return total // 2, total - total // 2


def pooled(x, window, stride, padding, reduce, empty):
    """Return the pool of x (n, *spatial, c) by loops over windows, padding left out."""
    spatial = x.shape[1:-1]
    pads = [same(n, window, stride) if padding == "same" else (0, 0) for n in spatial]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=empty)
    counts = [(n - window) // stride + 1 for n in x.shape[1:-1]]
    y = np.empty((x.shape[0], *counts, x.shape[-1]))
    for place in itertools.product(*map(range, counts)):
        cut = tuple(slice(i * stride, i * stride + window) for i in place)
        part = x[(slice(None), *cut)]
        y[(slice(None), *place)] = reduce(part, tuple(range(1, x.ndim - 1)))
    return y


def mean(part, axes):
    """Return the mean of what is not padding, which is +0j."""
    return np.sum(part.real, axes) / np.sum(part.imag, axes)


def average(x, window, stride, padding):
    return pooled(x + 1j, window, stride, padding, mean, 0)


@pytest.mark.parametrize("rank", (1, 2, 3))
def test_windows_wider_than_the_input(real_backend, rank):
    wrong = []
    for n, window, stride in ALL if real_backend.name in ("numpy", "torch") else FEW:
        shape = (2, *[n] * rank, 2)
        x = np.random.default_rng(n).normal(size=shape).astype(np.float32)
        t = real_backend.from_numpy(x)
        mean = ops.average_pool(t, window, stride, "same")
        largest = ops.max_pool(t, window, stride, "same")
        got = real_backend.to_numpy(mean), real_backend.to_numpy(largest)
        want = (
            average(x.astype(np.float64), window, stride, "same"),
            pooled(x, window, stride, "same", np.max, -np.inf),
        )
        for name, g, w in zip(("average", "max"), got, want):
            if g.shape != w.shape or not np.allclose(g, w, atol=1e-6):
                wrong.append((name, n, window, stride))
    assert wrong == []


@pytest.mark.parametrize("rank", (1, 2, 3))
def test_slopes_of_wide_windows(real_backend, rank):
    make = (layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
    x = np.random.default_rng(0).normal(size=(1, *[2] * rank, 1)).astype(np.float32)
    layer = make[rank - 1](5, strides=1, padding="same")
    (y,), pull = real_backend.vjp(lambda x: (layer(x),), (real_backend.from_numpy(x),))
    got = pull((real_backend.full(real_backend.shape(y), 1.0, "float32"),))[0]
    # Each window sees the whole input.
    np.testing.assert_allclose(
        real_backend.to_numpy(y), np.full(x.shape, x.mean()), 1e-5
    )
    np.testing.assert_allclose(real_backend.to_numpy(got), np.ones(x.shape), 1e-5)


@pytest.mark.parametrize("value", (np.nan, np.inf, -np.inf))
def test_windows_do_not_see_what_is_beside_them(real_backend, value):
    x = np.random.default_rng(1).normal(size=(1, 6, 6, 3)).astype(np.float32)
    x[0, 4, 1, 1] = value
    for stride, window in ((1, 3), (2, 2)):
        for padding in ("valid", "same"):
            t = real_backend.from_numpy(x)
            mean = ops.average_pool(t, window, stride, padding)
            want = average(x.astype(np.float64), window, stride, padding)
            np.testing.assert_allclose(real_backend.to_numpy(mean), want, atol=1e-6)
            largest = ops.max_pool(t, window, stride, padding)
            want = pooled(x, window, stride, padding, np.max, -np.inf)
            np.testing.assert_array_equal(real_backend.to_numpy(largest), want)
