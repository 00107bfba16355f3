"""Operations of one's own, and functions made of graphs of operations."""

import copy

import numpy as np
import pytest

import multinet
from multinet import Function, Input, KerasTensor, Model, Operation, layers, ops
from multinet.errors import ArgumentError, ShapeError

ONES = np.ones((2, 3), "float32")


class Mixed(Operation):
    """x + 2 y + 3 z."""

    def call(self, x, y, z=None):
        return ops.add(ops.add(x, ops.multiply(y, 2.0)), ops.multiply(z, 3.0))


class Scaled(Operation):
    """x * factor, and its negative."""

    def __init__(self, factor, name=None):
        super().__init__(name)
        self.factor = factor

    def call(self, x):
        y = ops.multiply(x, self.factor)
        return y, ops.negative(y)


class Shaped(Operation):
    """An operation that says its shape itself."""

    def call(self, x):
        assert not multinet.backend.is_keras_tensor(x)
        return ops.multiply(x, 2.0)

    def compute_output_spec(self, x):
        return KerasTensor(x.shape, x.dtype)


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_an_operation_takes_tensors_and_arrays(real_backend):
    operation = Mixed(name="mixed")
    for args, kwargs in (((ONES, ONES, ONES), {}), ((ONES,), {"z": ONES, "y": ONES})):
        np.testing.assert_array_equal(host(operation(*args, **kwargs)), 6 * ONES)


def test_calls_on_symbolic_tensors_are_kept(backend):
    x, y, z = (KerasTensor((None, 3)) for _ in range(3))
    operation = Mixed()
    out = operation(x, y=y, z=z)
    again = operation(z, x, y)
    assert operation.input == [x, y, z] and operation.output is out
    assert again._keras_history == (operation, 1, 0) and out.shape == (None, 3)
    assert operation.compute_output_spec(x, y, z=z).shape == (None, 3)
    assert Shaped()(x).shape == (None, 3)


def test_layers_are_operations(backend):
    layer = layers.Dense(2)
    assert isinstance(layer, Operation) and layer.symbolic_call(Input((3,))).ndim == 2


@pytest.mark.parametrize("name", ["a/b", 3])
def test_a_bad_name_of_an_operation_is_refused(name):
    with pytest.raises(ArgumentError, match="string without '/'"):
        Mixed(name=name)


def test_an_operation_as_data():
    config = {"factor": 0.5, "name": "scaled"}
    scaled = Scaled(0.5, name="scaled")
    assert scaled.get_config() == config == Scaled.from_config(config).get_config()
    with pytest.raises(NotImplementedError, match="get_config"):
        Scaled(object()).get_config()


def test_a_model_holds_operations(real_backend):
    x = Input((3,))
    low, high = Scaled(2.0, name="scaled")(layers.Dense(2, name="dense")(x))
    model = Model(x, Shaped()(ops.subtract(low, high)))
    names = [operation.name for operation in model.operations]
    assert names[1:3] == ["dense", "scaled"] and len(names) == 5
    with multinet.saving.custom_object_scope({"Scaled": Scaled, "Shaped": Shaped}):
        copies = [copy.deepcopy(model), Model.from_config(model.get_config())]
    for other in copies:
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(host(other(ONES)), host(model(ONES)))


def test_a_function_of_a_graph(real_backend):
    x, y = KerasTensor((2, 3)), KerasTensor((2, 3))
    total = ops.add(x, y)
    function = Function({"x": x, "y": y}, [total * 3, total**2], name="f")
    found = function({"x": ONES, "y": ONES})
    np.testing.assert_array_equal(host(found[0]), 6 * ONES)
    np.testing.assert_array_equal(host(found[1]), 4 * ONES)
    other = Function([x, y], function({"y": x, "x": y}))
    np.testing.assert_array_equal(host(other([ONES, ONES])[1]), 4 * ONES)
    assert [part.name for part in other.operations] == ["f"]


def test_a_function_knows_its_shapes(backend):
    x = KerasTensor((None, 3))
    function = Function(x, layers.Dense(5)(x))
    assert function.compute_output_shape((4, 3)) == (4, 5)
    assert function.compute_output_spec(KerasTensor((7, 3))).shape == (7, 5)
    assert (function.input, function.inputs) == (x, [x]) and len(function.outputs) == 1


def test_a_function_begins_in_the_middle_of_a_graph(backend):
    x = Input((3,))
    middle = ops.add(ops.multiply(x, 2), 1)
    function = Function(middle, middle**2)
    assert [part.name.split("_")[0] for part in function.operations] == ["power"]
    np.testing.assert_array_equal(host(function(3 * ONES)), 9 * ONES)


def test_a_function_refuses_other_inputs(backend):
    x, y = KerasTensor((2, 3)), KerasTensor((None, 3))
    function = Function([x, y], ops.add(x, y))
    with pytest.raises(ArgumentError, match="in the structure"):
        function(ONES)
    for wrong in (np.ones((2, 3, 1)), np.ones((4, 3)), np.ones((2, 4))):
        with pytest.raises(ShapeError, match=r"expects shape \(2, 3\)"):
            function([wrong, ONES])
    for inputs, outputs in (([], y), (x, [])):
        with pytest.raises(ArgumentError):
            Function(inputs, outputs)
    with pytest.raises(NotImplementedError, match="Make a Model"):
        function.get_config()
