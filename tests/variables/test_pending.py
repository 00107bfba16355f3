"""Values that wait to be made until somebody reads them, or never are."""

import threading

import numpy as np
import pytest

import multinet
from multinet import initializers, layers, philox
from multinet.errors import DTypeError, ShapeError


class Counting(initializers.RandomNormal):
    """An initializer that counts how often it draws."""

    drawn = 0

    def _draw(self, key, shape):
        type(self).drawn += 1
        return super()._draw(key, shape)


@pytest.fixture(autouse=True)
def none_drawn():
    Counting.drawn = 0


def test_a_value_is_made_at_the_first_read_and_once(backend):
    v = multinet.Variable(Counting(seed=3), (4,))
    assert v.shape == (4,) and v.dtype == "float32" and Counting.drawn == 0
    wanted = multinet.ops.convert_to_numpy(initializers.RandomNormal(seed=3)((4,)))
    for _ in range(2):
        np.testing.assert_array_equal(v.numpy(), wanted)
    assert Counting.drawn == 1


def test_one_that_is_assigned_first_is_never_made(backend):
    v = multinet.Variable(Counting(), (2,))
    v.assign([1.0, 2.0])
    np.testing.assert_array_equal(v.numpy(), [1, 2])
    layer = layers.Dense(3, kernel_initializer=Counting())
    layer.build((None, 2))
    layer.set_weights([np.ones((2, 3)), np.zeros(3)])
    np.testing.assert_array_equal(layer.kernel.numpy(), np.ones((2, 3)))
    assert Counting.drawn == 0


def test_draws_count_when_a_variable_is_made_not_when_it_is_read(backend):
    multinet.set_random_seed(9)
    first, second = (multinet.Variable("random_normal", (3,)) for _ in range(2))
    after = multinet.random.normal((3,))
    second.numpy(), first.numpy()
    multinet.set_random_seed(9)
    for v in (first, second):
        np.testing.assert_array_equal(
            v.numpy(), multinet.Variable("random_normal", (3,)).numpy()
        )
    again = multinet.random.normal((3,))
    np.testing.assert_array_equal(*map(multinet.ops.convert_to_numpy, (after, again)))


def test_a_step_makes_what_it_loads(backend):
    model = multinet.Sequential(
        [multinet.Input((2,)), layers.Dense(2, kernel_initializer=Counting())]
    )
    model.compile("sgd", "mse")
    assert Counting.drawn == 0
    model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0)
    assert Counting.drawn == 1


def test_what_cannot_be_made_fails_where_it_is_asked_for(backend):
    with pytest.raises(ShapeError, match="Orthogonal"):
        multinet.Variable("orthogonal", (3,))
    with pytest.raises(DTypeError, match="floats"):
        multinet.Variable("random_normal", (3,), dtype="int32")


def test_a_value_read_inside_of_a_loop_or_a_transform_is_no_trace(backend):
    v = multinet.Variable(initializers.RandomUniform(1.0, 2.0), (3,))

    def step(carry, x):
        return multinet.ops.add(carry, multinet.ops.multiply(v, x)), carry

    xs = np.arange(4, dtype="float32")
    start = multinet.ops.zeros((3,))
    total, _ = multinet.ops.scan(step, start, xs)
    np.testing.assert_allclose(
        multinet.ops.convert_to_numpy(total), v.numpy() * xs.sum(), rtol=1e-6
    )
    w = multinet.Variable(initializers.RandomUniform(1.0, 2.0), (3,))
    double = multinet.jit(lambda x: multinet.ops.multiply(x, w))
    found = multinet.ops.convert_to_numpy(double(np.float32(2)))
    np.testing.assert_allclose(found, 2 * w.numpy(), rtol=1e-6)


def test_a_value_read_in_a_function_that_the_framework_traces(backends):
    jax = pytest.importorskip("jax")
    with multinet.use_backend("jax"):
        v = multinet.Variable("ones", (3,))
        jax.jit(lambda x: x + v.value)(1.0)
        np.testing.assert_array_equal(v.numpy(), np.ones(3))


def test_two_threads_that_read_get_one_value(backend):
    found = []
    v = multinet.Variable(Counting(), (1000,))
    threads = [threading.Thread(target=lambda: found.append(v.numpy())) for _ in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counting.drawn == 1
    assert all(np.array_equal(x, found[0]) for x in found)


def test_an_error_of_an_initializer_reaches_the_reader(backend):
    class Failing(initializers.RandomNormal):
        def _draw(self, key, shape):
            raise RuntimeError("no luck")

    v = multinet.Variable(Failing(), (2,))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no luck"):
            v.numpy()
    v.assign([1, 2])
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_the_value_is_that_of_its_draw_site(backend):
    multinet.set_random_seed(5)
    multinet.Variable("zeros", (2,))
    v = multinet.Variable(initializers.RandomUniform(0.0, 1.0), (2,))
    key = philox.fold_in(philox.make_key(5), 1)
    wanted = multinet.random.host.uniform(key, (2,))
    np.testing.assert_allclose(v.numpy(), wanted, atol=1e-6)
