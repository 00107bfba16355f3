"""Variables as Python numbers, what they show, and how they are made."""

import numpy as np
import pytest

import multinet
from multinet import initializers, layers, ops, optimizers
from multinet.errors import ArgumentError, DTypeError, ShapeError


def test_a_variable_of_one_number_is_a_number(backend):
    v, i = multinet.Variable(0.25), multinet.Variable(3, trainable=False)
    assert (float(v), int(v), float(i), int(i)) == (0.25, 0, 3.0, 3)
    assert (f"{v:.3f}", f"{i:03d}", f"{v:e}") == ("0.250", "003", "2.500000e-01")
    assert (round(v, 1), round(multinet.Variable(2.75))) == (0.2, 3)
    assert bool(v) and not bool(multinet.Variable(0.0))
    assert ["a", "b", "c", "d"][i] == "d" and list(range(i)) == [0, 1, 2]
    assert f"{v}" == str(v) == repr(v)


def test_other_variables_are_no_numbers(backend):
    v = multinet.Variable(np.ones((2, 3), "float32"))
    for convert in (float, int, bool, "{:.2f}".format):
        with pytest.raises(ShapeError, match=r"shape \(\), got <Variable .*\(2, 3\)"):
            convert(v)
        with pytest.raises(TypeError):
            convert(v)
    assert ops.convert_to_numpy(round(v)).tolist() == [[1.0] * 3] * 2
    with pytest.raises(DTypeError, match="integer Variable.*float32"):
        [1, 2, 3][multinet.Variable(1.0)]


def test_repr_shows_the_value(backend):
    rate = multinet.Variable(0.001, trainable=False, name="rate")
    assert repr(rate) == (
        "<Variable path=rate, shape=(), dtype=float32, trainable=False, value=0.001>"
    )
    v = multinet.Variable(np.eye(2, dtype="float32"))
    assert repr(v).endswith("dtype=float32, value=[[1. 0.] [0. 1.]]>")
    v.assign(np.array([[2, 0], [0, 2]]))
    assert repr(v).endswith("value=[[2. 0.] [0. 2.]]>")
    large = repr(multinet.Variable("zeros", shape=(200, 300)))
    assert "..." in large and len(large) < 200


def test_repr_has_no_value_where_there_is_none(real_backend):
    v, seen = multinet.Variable(1.0), []

    @multinet.jit
    def step(x):
        v.assign(ops.add(x, v))
        seen.append(repr(v))
        return v.value

    assert float(ops.convert_to_numpy(step(ops.ones(())))) == 2.0
    assert seen[0].startswith("<Variable path=variable, shape=()")
    assert float(v) == 2.0


def test_a_variable_trained_by_fit_shows_its_newest_value(backend):
    model = multinet.Sequential([multinet.Input((1,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.5), "mse")
    bias = model.layers[0].bias
    model.layers[0].kernel.assign([[0.0]])
    model.fit(np.zeros((2, 1)), np.ones((2, 1)), epochs=1, verbose=0)
    assert repr(bias).endswith("value=[1.]>")  # 0 - 0.5 * 2 * (0 - 1)


@pytest.mark.parametrize(
    "name", ["ones", "Zeros", initializers.Ones, {"class_name": "Ones", "config": {}}]
)
def test_an_initializer_by_name(backend, name):
    v = multinet.Variable(initializer=name, shape=(2, 3))
    wanted = np.zeros((2, 3)) if name == "Zeros" else np.ones((2, 3))
    np.testing.assert_array_equal(v.numpy(), wanted)
    assert v.dtype == "float32" and v.shape == (2, 3)
    assert multinet.Variable(name, (2,), "int32").dtype == "int32"


def test_an_initializer_needs_a_shape_and_a_known_name(backend):
    with pytest.raises(ShapeError, match="needs shape="):
        multinet.Variable("ones")
    with pytest.raises(ArgumentError, match="Did you mean"):
        multinet.Variable("onse", shape=(2,))


def test_the_learning_rate_and_the_count_are_numbers(backend):
    optimizer = optimizers.Adam(0.25)
    assert float(optimizer.learning_rate) == 0.25
    v = multinet.Variable(np.ones(2, "float32"))
    optimizer.build([v])
    optimizer.apply([ops.ones(2)])
    assert int(optimizer.iterations) == 1
    assert f"{optimizer.learning_rate:.2f}" == "0.25"
    optimizer.learning_rate = multinet.Variable(0.5)
    assert float(optimizer.learning_rate) == 0.5
    assert float(optimizers.SGD(multinet.Variable(0.125)).learning_rate) == 0.125


def test_a_rate_set_from_a_variable_is_the_one_used(backend):
    optimizer, v = optimizers.SGD(1.0), multinet.Variable(np.ones(2, "float32"))
    optimizer.build([v])
    optimizer.learning_rate = multinet.Variable(0.25)
    optimizer.apply([ops.ones(2)])
    np.testing.assert_allclose(v.numpy(), 0.75)


def test_equality_is_of_elements_and_hash_of_identity(backend):
    v, w = multinet.Variable([1.0, 2.0]), multinet.Variable([1.0, 3.0])
    np.testing.assert_array_equal(ops.convert_to_numpy(v == w), [True, False])
    assert {v: "v", w: "w"}[w] == "w" and len({v, w, v}) == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_an_array_that_was_given_may_be_written_to_later(backend, dtype):
    first, second, third = (np.full(4096, n, dtype) for n in (1, 2, 3))
    made = multinet.Variable(first)
    assigned = multinet.Variable(np.zeros(4096, "float32"))
    assigned.assign(second)
    layer = layers.Dense(1, use_bias=False)
    layer.build((None, 4096))
    layer.set_weights([third[:, None]])
    for array in (first, second, third):
        array[:] = 9
    found = [x.numpy().max() for x in (made, assigned, layer.kernel)]
    assert found == [1, 2, 3]


def test_options_are_functions_and_flags(backend):
    v = multinet.Variable("ones", (2,), regularizer=ops.sum, constraint=ops.abs)
    assert (v.regularizer, v.constraint) == (ops.sum, ops.abs)
    v.regularizer = v.constraint = None
    for name in ("regularizer", "constraint"):
        with pytest.raises(ArgumentError, match=f"{name} of a Variable as a function"):
            setattr(v, name, "l2")
    assert v.overwrite_with_gradient is False
    with pytest.raises(TypeError, match="True or False"):
        v.overwrite_with_gradient = "yes"
