"""Convolutions by windows of one element with strides, where a library was wrong."""

import numpy as np
import pytest

import multinet
from multinet import ops


@pytest.mark.parametrize("strides", [(2, 2), (1, 2), (2, 1), (3, 3)])
@pytest.mark.parametrize("channels", [(4, 6), (3, 5)])
def test_the_gradient_of_a_kernel_of_one_element(real_backend, channels, strides):
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(24, 8, 8, channels[0])).astype("float32")
    kernel = numbers.normal(size=(1, 1, *channels)).astype("float32")
    seen = x[:, :: strides[0], :: strides[1]].astype("float64")
    weight = numbers.normal(size=(*seen.shape[:3], channels[1])).astype("float32")

    def total(x, kernel):
        y = ops.conv(x, kernel, strides=strides, padding="valid")
        return ops.sum(ops.multiply(y, weight))

    given = [ops.convert_to_tensor(array) for array in (x, kernel)]
    got = multinet.grad(total, argnums=(0, 1))(*given)
    by_x, by_kernel = map(ops.convert_to_numpy, got)
    wanted = np.einsum("nhwi,nhwo->io", seen, weight.astype("float64"))
    np.testing.assert_allclose(by_kernel[0, 0], wanted, rtol=1e-4, atol=1e-3)
    spread = np.zeros(x.shape)
    spread[:, :: strides[0], :: strides[1]] = weight @ kernel[0, 0].T.astype("float64")
    np.testing.assert_allclose(by_x, spread, rtol=1e-4, atol=1e-4)
