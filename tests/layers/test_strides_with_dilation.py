"""Strides and dilation together, where Keras refuses them: against torch."""

import numpy as np
import pytest
import torch

from multinet import layers
from multinet.layers import ConvLSTM1D, ConvLSTM2D

RNG = np.random.default_rng(17)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_transposed_convolution_is_that_of_torch(real_backend, rank):
    layer = getattr(layers, f"Conv{rank}DTranspose")(
        4, 3, strides=2, dilation_rate=2, use_bias=False
    )
    x = RNG.normal(size=(2, *[5] * rank, 3)).astype("float32")
    kernel = RNG.normal(size=(*[3] * rank, 4, 3)).astype("float32")
    layer.build(x.shape)
    layer.set_weights([kernel])
    found = real_backend.to_numpy(layer(x))
    first = torch.from_numpy(np.moveaxis(x, -1, 1).astype("float64"))
    # Torch has (channels, filters, *window), and the kernel is ours.
    weight = torch.from_numpy(np.moveaxis(kernel, (-1, -2), (0, 1)).astype("float64"))
    apply = getattr(torch.nn.functional, f"conv_transpose{rank}d")
    wanted = apply(first, weight, stride=2, dilation=2).numpy()
    assert found.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(found, np.moveaxis(wanted, 1, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind,rank", [(ConvLSTM1D, 1), (ConvLSTM2D, 2)])
def test_a_recurrence_is_that_of_a_kernel_with_holes(real_backend, kind, rank):
    x = RNG.normal(size=(2, 3, *[9] * rank, 2)).astype("float32")
    holes = kind(3, 2, strides=2, dilation_rate=3)
    plain = kind(3, 4, strides=2)
    for layer in (holes, plain):
        layer.build(x.shape)
    kernel, recurrent, bias = (
        RNG.normal(size=w.shape).astype("float32") for w in holes.weights
    )
    wide, states = (np.zeros(w.shape, "float32") for w in plain.weights[:2])
    wide[(slice(None, None, 3),) * rank] = kernel
    # A window of 4 with "same" begins one place before; one of 2 at its place.
    states[(slice(1, 3),) * rank] = recurrent
    holes.set_weights([kernel, recurrent, bias])
    plain.set_weights([wide, states, bias])
    found, wanted = (real_backend.to_numpy(layer(x)) for layer in (holes, plain))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
