"""The public transforms: values by calculus, state and randomness inside them."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError

RNG = np.random.default_rng(5)
A = RNG.normal(size=(4, 3)).astype("float32")
B = RNG.normal(size=(3,)).astype("float32")


def host(tree):
    """Return a tree of tensors as NumPy arrays."""
    return multinet.tree.map_structure(ops.convert_to_numpy, tree)


def cubic(x):
    return ops.sum(ops.power(x, 3))


# -- derivatives -----------------------------------------------------------------------


def test_grad_and_its_compositions(backend):
    np.testing.assert_allclose(host(multinet.grad(cubic)(B)), 3 * B**2, rtol=1e-5)

    def slope(x):
        return ops.sum(multinet.grad(cubic)(x))

    for second in (
        multinet.grad(slope),
        multinet.jit(multinet.grad(slope)),
        multinet.grad(multinet.jit(slope)),
    ):
        np.testing.assert_allclose(host(second(B)), 6 * B, rtol=1e-5)
    rows = multinet.vmap(multinet.grad(cubic))(A)
    np.testing.assert_allclose(host(rows), 3 * A**2, rtol=1e-5)


def test_trees_argnums_and_auxiliaries(backend):
    def fun(parts, scale, power):
        value = ops.multiply(ops.sum(ops.power(parts["x"], power)), scale)
        return ops.add(value, ops.sum(parts["y"])), {"seen": parts["y"]}

    parts = {"x": B, "y": A}
    both = multinet.value_and_grad(fun, argnums=(0, 1), has_aux=True)
    (value, aux), (tree, scale) = both(parts, 2.0, power=2)
    np.testing.assert_allclose(host(value), 2 * np.sum(B**2) + A.sum(), rtol=1e-5)
    np.testing.assert_array_equal(host(aux["seen"]), A)
    np.testing.assert_allclose(host(tree["x"]), 4 * B, rtol=1e-5)
    np.testing.assert_array_equal(host(tree["y"]), np.ones_like(A))
    np.testing.assert_allclose(host(scale), np.sum(B**2), rtol=1e-5)
    grads, aux = multinet.grad(fun, has_aux=True)(parts, 2.0, power=2)
    np.testing.assert_allclose(host(grads["x"]), 4 * B, rtol=1e-5)


def test_vjp_and_jvp_are_the_jacobian_from_both_sides(backend):
    def fun(x):
        return {"y": ops.matmul(A, ops.reshape(ops.sin(x), (3, 1)))}

    jacobian = A * np.cos(B)
    out, pullback = multinet.vjp(fun, B)
    np.testing.assert_allclose(host(out["y"])[:, 0], A @ np.sin(B), rtol=1e-5)
    g = RNG.normal(size=(4, 1)).astype("float32")
    (pulled,) = pullback({"y": g})
    np.testing.assert_allclose(host(pulled), g[:, 0] @ jacobian, rtol=1e-4)
    t = RNG.normal(size=3).astype("float32")
    _, pushed = multinet.jvp(fun, (B,), (t,))
    np.testing.assert_allclose(host(pushed["y"])[:, 0], jacobian @ t, rtol=1e-4)
    with pytest.raises(ShapeError, match="cotangent"):
        pullback({"y": g[:2]})


def test_wrong_uses_say_what_was_expected(backend):
    with pytest.raises(ShapeError, match="one float scalar"):
        multinet.grad(lambda x: ops.sin(x))(B)
    with pytest.raises(DTypeError, match="floats"):
        multinet.grad(lambda x: ops.sum(x))(np.arange(3))
    with pytest.raises(ArgumentError, match="argument 2"):
        multinet.grad(cubic, argnums=2)(B)
    with pytest.raises(ArgumentError, match="auxiliary"):
        multinet.grad(cubic, has_aux=True)(B)
    with pytest.raises(ArgumentError, match="in_axes"):
        multinet.vmap(cubic, in_axes=(0, 0))(A)
    with pytest.raises(ArgumentError, match="axis of at least one"):
        multinet.vmap(cubic, in_axes=None)(A)


# -- Variables -------------------------------------------------------------------------


def network():
    """Return a network with weights, statistics and random draws."""
    multinet.set_random_seed(2)
    return multinet.Sequential(
        [
            multinet.Input((3,)),
            layers.Dense(5, activation="tanh"),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


def test_variables_among_the_arguments_are_differentiated(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])

    def loss(variables, x):
        return ops.mean(ops.square(model(x)))

    value, grads = multinet.value_and_grad(loss)(model.trainable_variables, A)
    kernel, bias = model.get_weights()
    y = A @ kernel + bias
    np.testing.assert_allclose(host(value), np.mean(y**2), rtol=1e-5)
    np.testing.assert_allclose(host(grads[0]), A.T @ y / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(host(grads[1]), y.sum(0) / 2, rtol=1e-4)


def test_statistics_written_inside_a_derivative_are_kept(backend):
    model = network()

    def loss(variables, x):
        return ops.mean(ops.square(model(x, training=True)))

    hidden = np.tanh(A @ model.get_weights()[0])
    multinet.value_and_grad(loss)(model.trainable_variables, A)
    norm = model.layers[1]
    np.testing.assert_allclose(
        norm.moving_mean.numpy(), hidden.mean(0) / 2, rtol=1e-4, atol=1e-6
    )


def curve(compiled):
    """Return the losses of 50 steps of a custom loop."""
    model, optimizer = network(), multinet.optimizers.Adam(0.05)
    optimizer.build(model.trainable_variables)

    def loss(variables, x, y):
        return ops.mean(ops.square(ops.subtract(model(x, training=False), y)))

    def step(x, y):
        both = multinet.value_and_grad(loss)
        value, grads = both(model.trainable_variables, x, y)
        optimizer.apply(grads, model.trainable_variables)
        return value

    run, y = multinet.jit(step) if compiled else step, A.sum(1, keepdims=True)
    losses = [float(host(run(A, y))) for _ in range(50)]
    assert int(optimizer.iterations.numpy()) == 50
    return losses


def test_a_custom_loop_gives_the_same_curve_compiled_and_on_numpy(backend):
    losses = curve(False)
    np.testing.assert_allclose(curve(True), losses, rtol=1e-4)
    with multinet.use_backend("numpy"):
        np.testing.assert_allclose(curve(True), losses, rtol=1e-4)
    assert losses[-1] < losses[0] / 2


def test_compiled_functions_see_new_values_and_new_signatures(backend):
    factor, traces = multinet.Variable(2.0), []

    @multinet.jit
    def scaled(x, shift=0):
        traces.append(1)
        return ops.add(ops.multiply(x, factor), shift)

    np.testing.assert_allclose(host(scaled(B)), 2 * B)
    count = len(traces)
    factor.assign(3.0)
    np.testing.assert_allclose(host(scaled(2 * B)), 6 * B, rtol=1e-6)
    if backend.name in ("jax", "tensorflow"):
        assert len(traces) == count, "a value changed, not the signature"
    np.testing.assert_allclose(host(scaled(A, shift=1)), 3 * A + 1, rtol=1e-6)


def test_compiled_draws_are_fresh_at_each_call_and_equal_everywhere(backend):
    def draws():
        generator = multinet.SeedGenerator(4)

        @multinet.jit
        def draw():
            return multinet.random.uniform((3,), seed=generator)

        return [host(draw()) for _ in range(2)]

    first, second = draws()
    assert not np.array_equal(first, second)


def test_a_value_cannot_be_asked_for_while_compiling(backend):
    @multinet.jit
    def branch(x):
        return x if float(ops.convert_to_numpy(ops.sum(x))) > 0 else ops.negative(x)

    with pytest.raises(TraceError):
        branch(B)


def test_vmap_axes_and_its_refusal_to_write(backend):
    def fun(x, w):
        return ops.multiply(x, w), ops.sum(x)

    mapped = multinet.vmap(fun, in_axes=(1, None), out_axes=(1, 0))
    products, sums = mapped(A, np.float32(2.0))
    np.testing.assert_allclose(host(products), 2 * A)
    np.testing.assert_allclose(host(sums), A.sum(0), rtol=1e-5)
    total = multinet.Variable(0.0)
    with pytest.raises(TraceError, match="vmap"):
        multinet.vmap(lambda x: total.assign(ops.sum(x)))(A)
    generator = multinet.SeedGenerator(1)
    rows = host(
        multinet.vmap(lambda x: multinet.random.uniform((2,), seed=generator))(A)
    )
    assert np.array_equal(rows[0], rows[-1]), "one draw, shared by all rows"


def test_checkpoint_draws_the_same_mask_when_it_computes_again(backend):
    drop, count = layers.Dropout(0.5), multinet.Variable(0.0)
    x = np.linspace(1, 2, 64).astype("float32")

    def inner(x):
        count.assign(ops.add(count, 1.0))
        return ops.square(drop(x, training=True))

    def fun(x):
        y = multinet.checkpoint(inner)(x)
        return ops.sum(y), y

    for function in (fun, multinet.jit(fun)):
        slope, y = multinet.grad(function, has_aux=True)(x)
        # y = (m x)**2 with m 0 or 2, so dy/dx = 2 y / x
        np.testing.assert_allclose(host(slope), 2 * host(y) / x, rtol=1e-5)
        assert 0 < np.count_nonzero(host(y)) < 64
    assert float(count.numpy()) == 2, "once for each call, not again"


def test_checkpoint_is_differentiable_in_the_variables_it_reads(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2, "tanh")])
    results = []
    for wrap in (lambda f: f, multinet.checkpoint):
        layer = wrap(model)

        def loss(variables, x, layer=layer):
            return ops.sum(ops.square(layer(x)))

        results.append(host(multinet.grad(loss)(model.trainable_variables, A)))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


# -- control flow that writes and draws ------------------------------------------------


def test_scan_carries_what_it_writes_and_draws_anew_for_each_row(backend):
    total, generator = multinet.Variable(0.0), multinet.SeedGenerator(3)

    def body(carry, x):
        total.assign(ops.add(total, x))
        return ops.add(carry, ops.multiply(x, total)), multinet.random.uniform(
            (), seed=generator
        )

    def run(xs):
        return multinet.scan(body, np.float32(0.0), xs)

    xs = np.arange(1, 5, dtype="float32")
    for function, start in ((run, 0.0), (multinet.jit(run), 10.0)):
        carry, drawn = function(xs)
        sums = start + np.cumsum(xs)
        np.testing.assert_allclose(host(carry), np.sum(xs * sums))
        assert float(total.numpy()) == start + 10.0
        assert len(set(host(drawn).tolist())) == 4
    slope = multinet.grad(lambda xs: run(xs)[0])(xs)
    # d/dx_i of sum_j x_j (s + sum_{k<=j} x_k) is s + 2 x_i + the others
    np.testing.assert_allclose(host(slope), 20 + xs + xs.sum(), rtol=1e-5)


def test_loops_and_branches_carry_what_they_write(backend):
    count = multinet.Variable(0, dtype="int32")

    def body(i):
        count.assign(ops.add(count, 2))
        return ops.add(i, 1)

    def loop(n):
        return multinet.while_loop(lambda i: ops.less(i, n), body, np.int32(0))

    assert int(host(multinet.jit(loop)(np.int32(5)))) == 5
    assert int(count.numpy()) == 10

    def branch(flag):
        return multinet.cond(
            flag,
            lambda: count.assign(ops.multiply(count, 3)),
            lambda: ops.add(count, 0),
        )

    for function in (branch, multinet.jit(branch)):
        function(np.array(True))
    assert int(count.numpy()) == 90
    function(np.array(False))
    assert int(count.numpy()) == 90


def test_custom_gradient_replaces_the_rule(backend):
    @multinet.custom_gradient
    def clipped(x):
        return ops.square(x), lambda upstream: ops.clip(
            ops.multiply(upstream, x), -1, 1
        )

    slope = multinet.grad(lambda x: ops.sum(clipped(x)))(np.float32([0.5, 9.0]))
    np.testing.assert_allclose(host(slope), [0.5, 1.0])
