"""Variables in functions of JAX: as arguments, in trees, under its transforms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import multinet
from multinet.errors import BackendError

X = np.arange(6, dtype="float32").reshape(2, 3) - 2.0
W = np.linspace(-1.0, 1.0, 9, dtype="float32").reshape(3, 3)

FUNCTIONS = {
    "dot": lambda x, w: jnp.dot(x, w),
    "operator on the right": lambda x, w: x @ w,
    "operator on the left": lambda x, w: w * x[:1] + w,
    "jitted function": lambda x, w: jax.nn.relu(w),
    "two operands": lambda x, w: jnp.add(x[:1], w),
    "where": lambda x, w: jnp.where(w > 0, w, 0.0),
    "list": lambda x, w: jnp.concatenate([x, w]),
    "stack": lambda x, w: jnp.stack([w, w]),
    "einsum": lambda x, w: jnp.einsum("ij,jk->ik", x, w),
    "primitive": lambda x, w: lax.dot(x, w),
    "array": lambda x, w: jnp.array([w, w]),
    "asarray": lambda x, w: jnp.asarray(w) + 1.0,
    "scan": lambda x, w: lax.scan(lambda c, _: (c @ w, None), x, None, length=2)[0],
    "argument of jit": lambda x, w: jax.jit(jnp.dot)(x, w),
    "closed over by jit": lambda x, w: jax.jit(lambda x: x @ w)(x),
    "vmap": lambda x, w: jax.vmap(lambda row: row * 2.0)(w),
    "grad": lambda x, w: jax.grad(lambda w: jnp.sum(jnp.tanh(x @ w)))(w),
    "grad of a list": lambda x, w: jax.grad(lambda ws: jnp.sum(ws[0] ** 3))([w])[0],
    "checkpoint": lambda x, w: jax.checkpoint(jnp.dot)(x, w),
}


@pytest.fixture(autouse=True)
def on_jax():
    with multinet.use_backend("jax"):
        yield


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_variable_is_its_value(name):
    function, variable = FUNCTIONS[name], multinet.Variable(W, name="w")
    expected = np.asarray(function(jnp.asarray(X), jnp.asarray(W)))
    np.testing.assert_array_equal(np.asarray(function(X, variable)), expected)


def test_under_gradients_of_the_library_it_is_what_is_differentiated():
    variable = multinet.Variable(W, name="w")

    def loss(variables):
        return jnp.sum(jax.nn.softplus(jnp.dot(X, variables[0])))

    (found,) = multinet.grad(loss)([variable])
    expected = jax.grad(lambda w: jnp.sum(jax.nn.softplus(X @ w)))(W)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6)


def test_a_jitted_function_sees_new_values_without_compiling_anew():
    variable, traces = multinet.Variable(W, name="w"), []

    @jax.jit
    def double(w):
        traces.append(w)
        return w * 2.0

    for factor in (1.0, 3.0):
        variable.assign(W * factor)
        np.testing.assert_array_equal(np.asarray(double(variable)), W * factor * 2.0)
    assert len(traces) == 1


def test_it_stays_a_leaf_of_trees():
    layer = multinet.layers.Dense(2)
    layer.build((None, 3))
    shapes = jax.tree.map(lambda v: v.value.shape, layer.trainable_variables)
    assert shapes == [(3, 2), (2,)]


def test_one_of_another_backend_is_refused_by_name():
    with multinet.use_backend("numpy"):
        other = multinet.Variable(W, name="elsewhere")
    with pytest.raises(BackendError, match="elsewhere.*lives on backend 'numpy'"):
        jnp.dot(X, other)


def test_draws_of_a_step_that_is_an_argument():
    layer, traces = multinet.layers.Dropout(0.5, seed=1), []

    @jax.jit
    def dropped(x, step):
        traces.append(step)
        with multinet.StatelessScope(step=step):
            return layer(x, training=True)

    x = np.ones((8, 8), "float32")
    first, second, again = (np.asarray(dropped(x, step)) for step in (1, 2, 1))
    assert len(traces) == 1 and 0 < (first == 0).sum() < 64
    assert (first != second).any()
    np.testing.assert_array_equal(first, again)
