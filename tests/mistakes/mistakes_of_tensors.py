"""Weights that are set, Variables and tensors, and habits of other libraries."""

import numpy as np
from mistaken import accepted, classifier, refused

import multinet
from multinet import Input, Sequential, layers, ops, optimizers
from multinet.errors import DTypeError, ShapeError


@refused("26a", r"last/kernel.*\(4, 3\).*\(3, 4\)", ShapeError)
def a_kernel_the_other_way_round():
    model = classifier()
    model.set_weights([w.T for w in model.get_weights()])


@refused("26b", "expects 2 weights, got 1", ShapeError)
def too_few_weights():
    classifier().set_weights([np.ones((4, 3))])


@refused(
    "26c", r"last/kernel.* expects a value of shape \(4, 3\), got \(3, 3\)", ShapeError
)
def a_value_of_another_shape():
    classifier().weights[0].assign(np.ones((3, 3), "float32"))


@refused("26d", "Encode strings", DTypeError)
def texts_for_weights():
    classifier().set_weights([np.full((4, 3), "a"), np.full(3, "a")])


@refused("26e", r"expects 0 weights, got 2\. The layer is not built", ShapeError)
def weights_for_a_layer_that_is_not_built():
    layers.Dense(3).set_weights([np.ones((4, 3)), np.ones(3)])


@refused("x39", r"\(4, 3\).*\(4, 2\)", ShapeError)
def weights_of_another_model():
    other = Sequential([Input((4,)), layers.Dense(2)])
    classifier().set_weights(other.get_weights())


@accepted("y21")
def gradients_of_a_function():
    found = multinet.grad(lambda x: ops.sum(x * x))(ops.ones(3))
    np.testing.assert_allclose(ops.convert_to_numpy(found), 2)


@refused("y22", "has no attribute 'numpy'", AttributeError, on=("numpy", "jax"))
def the_value_of_a_tensor_as_elsewhere():
    ops.ones(3).numpy()


@accepted("y23")
def gradients_that_are_arrays():
    variable = multinet.Variable(np.ones(3, "float32"))
    optimizers.SGD(0.5).apply_gradients([(np.ones(3, "float32"), variable)])
    np.testing.assert_allclose(variable.numpy(), 0.5)


@accepted("y24")
def a_variable_as_a_number():
    rate = optimizers.SGD(0.25).learning_rate
    assert float(rate) == np.float32(rate) == 0.25 and f"{rate:.2f}" == "0.25"
