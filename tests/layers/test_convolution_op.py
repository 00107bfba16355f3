"""`convolution_op`, which a subclass may override, as in Keras's example."""

import keras as peer
import numpy as np
import pytest
from scipy.signal import correlate

import multinet
from multinet import layers, ops

X = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")


def standardized(keras):
    """Return a class whose kernels have mean 0 and variance 1."""

    class Standardized(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            kernel = keras.ops.convert_to_tensor(kernel)
            mean, variance = keras.ops.moments(kernel, axes=(0, 1, 2), keepdims=True)
            spread = keras.ops.sqrt(keras.ops.add(variance, 1e-10))
            kernel = keras.ops.divide(keras.ops.subtract(kernel, mean), spread)
            return super().convolution_op(inputs, kernel)

    return Standardized


def test_an_override_is_what_the_layer_computes(backend):
    options = {"padding": "same", "strides": 2, "activation": "relu"}
    mine, theirs = (
        standardized(k)(4, 3, **options, bias_initializer="ones")
        for k in (multinet, peer)
    )
    mine.build(X.shape), theirs.build(X.shape)
    theirs.set_weights(mine.get_weights())
    np.testing.assert_allclose(
        ops.convert_to_numpy(mine(X)), theirs(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("padding", ["valid", "causal"])
def test_it_convolves_with_any_kernel_of_the_shape(backend, padding):
    layer = layers.Conv1D(2, 3, padding=padding)
    x = X[:, :, 0]
    kernel = np.random.default_rng(1).normal(size=(3, 3, 2)).astype("float32")
    before = ((0, 0), (2, 0), (0, 0)) if padding == "causal" else ((0, 0),) * 3
    padded = np.pad(x.astype("float64"), before)
    wanted = np.stack(
        [
            [correlate(row, kernel[..., k], "valid")[:, 0] for k in range(2)]
            for row in padded
        ]
    ).swapaxes(1, 2)
    found = ops.convert_to_numpy(layer.convolution_op(x, kernel))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("steps, spread", [(2, 2), ((2, 1), (1, 3)), ((1, 3), (2, 2))])
def test_strides_and_dilation_go_together(real_backend, padding, steps, spread):
    x = np.random.default_rng(1).normal(size=(2, 9, 8, 4)).astype("float32")
    kernel = np.random.default_rng(2).normal(size=(3, 2, 4, 1)).astype("float32")
    for name in ("conv", "depthwise_conv"):
        options = {"strides": steps, "padding": padding, "dilation_rate": spread}
        wanted = ops.convert_to_numpy(getattr(ops, name)(x, kernel, **options))
        theirs = np.asarray(getattr(peer.ops, name)(x, kernel, **options))
        np.testing.assert_allclose(wanted, theirs, rtol=1e-4, atol=1e-5)
