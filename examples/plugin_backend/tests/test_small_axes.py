"""Second derivatives where axes have one element, which PyTensor takes for broadcast
ones, against those of the NumPy backend."""

import numpy as np
import pytest

from multinet import registry

ZERO, ZEROS = np.zeros((1, 1), np.int32), np.zeros((1, 2), np.int32)
CALLS = {
    "sort": lambda b, x: b.sort(x),
    "take": lambda b, x: b.take(x, b.from_numpy(ZEROS), 1),
    "take_along_axis": lambda b, x: b.take_along_axis(x, b.argsort(x), 1),
    "scatter": lambda b, x: b.scatter(
        x, b.from_numpy(ZEROS[:, :1]), first(b, x), "add"
    ),
    "cumprod": lambda b, x: b.cumprod(x, 0),
    "max": lambda b, x: b.max(x, (0,), False),
    "prod": lambda b, x: b.prod(x, (1,), True),
    "pad": lambda b, x: b.pad(x, ((1, 0), (0, 2)), 2),
    "add": lambda b, x: b.add(x, first(b, x)),
    "matmul": lambda b, x: b.matmul(x, b.transpose(x, (1, 0))),
    "einsum": lambda b, x: b.einsum("ij,kj,ll->ik", x, x, b.full((2, 2), 1, "float64")),
    "diagonal": lambda b, x: b.einsum("ijij->i", b.einsum("ij,kl->ijkl", x, x)),
    "svd": lambda b, x: b.svd(x, False)[1],
    "max_pool": lambda b, x: b.max_pool(image(b, x), (2,), (1,), ((1, 1),)),
    "conv": lambda b, x: b.conv(image(b, x), kernel(b, x), (1,), ((1, 1),), (1,), 1),
}


def first(b, x):
    return b.slice(x, (0, 0), (1, b.shape(x)[1]), (1, 1))


def image(b, x):
    return b.reshape(x, (1, *b.shape(x)))


def kernel(b, x):
    return b.reshape(x, (*b.shape(x), 1))


def curvature(b, call, array, weights, compiled):
    """Return the gradient, along weights, of the gradient of the sum of y**3."""

    def slope(x):
        def cubes(x):
            y = call(b, x)
            return (b.multiply(y, b.multiply(y, y)),)

        (y,), pull = b.vjp(cubes, (x,))
        return pull((b.full(b.shape(y), 1.0, "float64"),))

    def second(x, weights):
        return b.vjp(slope, (x,))[1]((weights,))

    run = b.jit(second, ()) if compiled else second
    return b.to_numpy(run(b.from_numpy(array), b.from_numpy(weights))[0])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 1), (2, 2)])
@pytest.mark.parametrize("name", CALLS)
def test_second_derivatives_hold_for_axes_of_one(name, shape, compiled):
    generator = np.random.default_rng(0)
    x, weights = generator.uniform(-2, 2, (2, *shape))
    setting = CALLS[name], x, weights, compiled
    got, wanted = (curvature(registry.get(b), *setting) for b in ("pytensor", "numpy"))
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)
