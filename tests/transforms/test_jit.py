"""`jit` keeps its promises: it sees edits, leaves nothing behind, and counts traces."""

import gc

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, MultinetError

X = np.random.default_rng(0).normal(3.0, 2.0, size=(16, 4)).astype("float32")


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


def counted(fun, **options):
    """Return fun compiled, and the list that gets an entry at each trace on shapes."""
    traces = []

    def noted(*args):
        if multinet.registry.current().symbolic:
            traces.append(args)
        return fun(*args)

    noted.__name__ = "noted"
    return multinet.jit(noted, **options), traces


# -- edits -----------------------------------------------------------------------------


def test_a_layer_frozen_after_the_first_call_moves_no_statistics(backend):
    layer = layers.BatchNormalization(momentum=0.5)
    run = multinet.jit(lambda x: layer(x, training=True))
    run(X)
    moved = layer.moving_mean.numpy()
    np.testing.assert_allclose(moved, X.mean(0) * 0.5, rtol=1e-5)
    layer.trainable = False
    np.testing.assert_allclose(host(run(X)), host(layer(X)), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), moved)
    layer.trainable = True
    run(X)
    np.testing.assert_allclose(layer.moving_mean.numpy(), X.mean(0) * 0.75, rtol=1e-5)


def test_turning_trainable_back_and_forth_uses_the_programs_made_before(backend):
    layer = layers.BatchNormalization()
    run, traces = counted(lambda x: layer(x, training=True))
    for turn in range(6):
        layer.trainable = turn % 2 == 0
        run(X)
    assert len(traces) == 2


def test_a_rate_a_layer_added_and_one_replaced_are_seen(backend):
    model = multinet.Sequential([multinet.Input((4,)), layers.Dropout(0.5)])
    run = multinet.jit(lambda x: model(x, training=True))
    ones = np.ones((50, 4), "float32")
    assert set(np.unique(host(run(ones)))) == {0.0, 2.0}
    model.layers[0].rate = 0.75
    assert set(np.unique(host(run(ones)))) == {0.0, 4.0}
    model.layers[0].rate = 0.0
    model.add(layers.Rescaling(3.0))
    np.testing.assert_array_equal(host(run(ones)), 3 * ones)


class Blocks(multinet.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Rescaling(2.0)]
        self.weight = 1.0

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return ops.multiply(x, self.weight)

    def penalty(self, x):
        return ops.multiply(ops.sum(x), self.weight)


def test_lists_that_grow_and_numbers_of_a_plain_method_are_seen(backend):
    layer = Blocks()
    run = multinet.jit(lambda x: (layer(x), layer.penalty(x)))
    np.testing.assert_allclose(host(run(X)[0]), 2 * X, rtol=1e-6)
    layer.blocks.append(layers.Rescaling(5.0))
    np.testing.assert_allclose(host(run(X)[0]), 10 * X, rtol=1e-6)
    layer.weight = 3.0
    outputs, penalty = run(X)
    np.testing.assert_allclose(host(outputs), 30 * X, rtol=1e-6)
    np.testing.assert_allclose(host(penalty), 3 * X.sum(), rtol=1e-5)


class Runner:
    """No holder: what it has is found by its methods."""

    def __init__(self, layer):
        self.layer = layer
        self.step = multinet.jit(self.plain)

    def plain(self, x):
        return self.layer.penalty(x)


def test_edits_are_seen_through_arguments_methods_and_helpers(backend):
    layer = Blocks()

    def helper(x):
        return layer.penalty(x)

    given = multinet.jit(lambda part, x: part.penalty(x))
    ways = [
        Runner(layer).step,
        multinet.jit(layer.penalty),
        multinet.jit(lambda x: helper(x)),
        multinet.jit(multinet.value_and_grad(lambda x: layer.penalty(x))),
        lambda x: given(layer, x),
        multinet.jit(layer),
    ]
    for way in ways:
        layer.weight = 1.0
        way(X)
        layer.weight = 4.0
        found = way(X)
        found = found[0] if isinstance(found, tuple) else found
        want = 8 * X if host(found).ndim else 4 * X.sum()
        np.testing.assert_allclose(host(found), want, rtol=1e-5)


def test_edits_of_others_and_new_values_do_not_compile_anew(backend):
    dense, other = layers.Dense(2), layers.Dropout(0.5)
    run, traces = counted(dense)
    dense(X)
    run(X)
    other.rate = 0.25
    layers.Dense(3)(X)
    dense.kernel.assign(np.zeros((4, 2)))
    np.testing.assert_array_equal(host(run(2 * X)), np.zeros((16, 2)))
    assert len(traces) == 1


def test_a_new_draw_after_an_edit_goes_on_with_its_stream(backend):
    results = []
    for jit in (lambda f: f, multinet.jit):
        multinet.set_random_seed(3)
        layer = layers.Dropout(0.5, seed=1)
        layer.rate = 0.0
        run = jit(lambda x, layer=layer: layer(x, training=True))
        found = [host(run(X))]
        layer.rate = 0.5
        found += [host(run(X)), host(run(X)), host(layer(X, training=True))]
        results.append(found)
    np.testing.assert_allclose(*results, rtol=1e-6)


def test_numbers_that_compare_equal_are_told_apart(backend):
    kinds = multinet.jit(lambda x, n: ops.multiply(x, n))
    x = np.int32([1, 2])
    assert ops.dtype(kinds(x, 2)) == "int32"
    assert ops.dtype(kinds(x, 2.0)) == "float32"


# -- nothing stays behind --------------------------------------------------------------


class Adding(multinet.Layer):
    def call(self, x):
        self.add_loss(ops.mean(x))
        return x


@pytest.mark.parametrize("inside", [lambda f: f, multinet.checkpoint])
def test_losses_of_layers_end_with_the_compiled_call(backend, inside):
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l2")
    adding = Adding()
    layer(X)
    assert len(layer.losses) == 2

    def fun(x):
        adding(x)
        layer(x)
        return [*adding.losses, *layer.losses]

    run = multinet.jit(inside(fun))
    for _ in range(2):
        found = run(X)
        assert len(found) == 3
        np.testing.assert_allclose(host(found[0]), X.mean(), rtol=1e-5)
        assert adding.losses == [] and len(layer.losses) == 1
        penalty = 0.01 * np.square(layer.kernel.numpy()).sum()
        np.testing.assert_allclose(host(layer.losses[0]), penalty, rtol=1e-5)
    adding(X)
    np.testing.assert_allclose(host(adding.losses[0]), X.mean(), rtol=1e-5)


def test_losses_end_where_a_derivative_or_a_trace_that_failed_ends(backend):
    adding = Adding()

    def fun(x):
        return ops.sum(ops.multiply(adding(x), adding.losses[0]))

    multinet.grad(fun)(X)
    assert adding.losses == []

    def failing(x):
        adding(x)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        multinet.jit(failing)(X)
    assert adding.losses == []


# -- max_traces ------------------------------------------------------------------------


def test_max_traces_tells_which_argument_changed(backend):
    run, traces = counted(lambda x, n: ops.multiply(x, n), max_traces=2)
    run(X, 2)
    run(X + 1, 2)
    run(X[:8], 2)
    with pytest.raises(MultinetError) as raised:
        run(X[:4], 3)
    text = str(raised.value)
    assert "noted may be traced 2 times (max_traces=2)" in text
    assert "float32 of shape (4, 4), it was float32 of shape (8, 4)" in text
    assert "3, it was 2" in text
    np.testing.assert_allclose(host(run(X, 2)), 2 * X, rtol=1e-6)
    assert len(traces) == 2


def test_max_traces_names_arguments_edits_and_structures(backend):
    drop = layers.Dropout(0.5, name="drop")

    @multinet.jit(max_traces=1)
    def step(batch, scale=1.0):
        return ops.multiply(drop(batch["x"], training=True), scale)

    step({"x": X})
    for args, kwargs, want in (
        (({"x": X[:2]},), {}, r"batch\['x'\] is float32 of shape \(2, 4\), it was"),
        (({"x": X.astype("int32")},), {}, r"batch\['x'\] is int32 of shape"),
        (({"x": X},), {"scale": 2.0}, "the arguments have the structure"),
    ):
        with pytest.raises(MultinetError, match=want):
            step(*args, **kwargs)
    step({"x": X})
    drop.rate = 0.25
    with pytest.raises(
        MultinetError, match="step may be traced once.*drop.rate was set"
    ):
        step({"x": X})


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "2"])
def test_max_traces_is_a_positive_int(most):
    with pytest.raises(ArgumentError, match="max_traces"):
        multinet.jit(lambda x: x, max_traces=most)


def test_programs_hold_no_data_of_their_arguments(backend):
    run = multinet.jit(lambda x: ops.add(x, 1.0))

    class Array(np.ndarray):
        """An array that can be followed."""

    import weakref

    x = np.ones(5, "float32").view(Array)
    gone = weakref.ref(x)
    run(x)
    del x
    gc.collect()
    if backend.name not in ("numpy", "strict"):  # there the result may share it
        assert gone() is None
