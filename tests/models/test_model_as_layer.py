"""A class that is a Model and a layer of another kind."""

import numpy as np

from multinet import Model, layers


class Mixed(Model, layers.Dense):
    def __init__(self, units):
        layers.Dense.__init__(self, units=units, kernel_initializer="ones")
        Model.__init__(self)

    call = layers.Dense.call
    build = layers.Dense.build


def test_a_layer_in_the_shape_of_a_model_trains(backend):
    model = Mixed(3)
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.full((8, 3), 2.0))
    model.fit(x, np.zeros((8, 3)), verbose=0)
    assert (model.kernel.numpy() < 1.0).all() and model.units == 3


def test_a_call_that_a_class_gets_later_is_the_one_that_counts(backend):
    class Scaled(layers.Layer):
        def call(self, x, training=False):
            return x

    Scaled.call = lambda self, x: backend.multiply(x, 2.0)
    found = Scaled()(backend.from_numpy(np.ones((2, 2), "float32")), training=True)
    np.testing.assert_array_equal(backend.to_numpy(found), 2.0)
