"""LossScaleOptimizer against Keras's: what it skips, and how its scale moves."""

import copy
import functools
import pickle

import keras
import numpy as np
import pytest

import multinet
from multinet import ops
from multinet.errors import ArgumentError
from multinet.optimizers import SGD, Adam, LossScaleOptimizer, schedules

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4, 3)).astype("float32")  # a batch of 4 in each of 12 steps
Y = RNG.normal(size=(12, 4, 2)).astype("float32")
for broken in (2, 3, 8):
    X[broken, 1, 1] = np.inf
KERNEL = RNG.normal(size=(3, 2)).astype("float32")
OPTIONS = {"initial_scale": 8.0, "dynamic_growth_steps": 3}
INNER = {
    "sgd": lambda k: k.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda k: k.optimizers.Adam(0.01, global_clipnorm=1.0),
    "schedule": lambda k: k.optimizers.SGD(
        k.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    ),
    "averages": lambda k: k.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8),
}


def model_of(package, inner, own=False, **options):
    class Model(package.Sequential):
        pass

    if own:

        def train_step(self, data):
            return super(Model, self).train_step(data)

        Model.train_step = train_step
    dense = package.layers.Dense(2, use_bias=False)
    model = Model([package.Input((3,)), dense])
    model.set_weights([KERNEL])
    optimizer = package.optimizers.LossScaleOptimizer(INNER[inner](package), **OPTIONS)
    model.compile(optimizer, "mse", **options)
    return model


def state_of(optimizer):
    """Return the scale, its counter, and the number of updates."""
    parts = optimizer.dynamic_scale, optimizer.step_counter, optimizer.iterations
    return [float(np.asarray(part)) for part in parts]


@functools.cache
def history_of_keras(inner):
    """Return the states of Keras's optimizer after each step, and the last weights."""
    model, found = model_of(keras, inner, jit_compile=False), []
    for x, y in zip(X, Y):
        model.train_on_batch(x, y)
        found.append(state_of(model.optimizer))
    return found, np.asarray(model.weights[0])


def test_the_reference_skips_and_grows():
    found, _ = history_of_keras("sgd")
    scales = [scale for scale, _, _ in found]
    assert scales[1:5] == [8.0, 4.0, 2.0, 2.0] and max(scales) > min(scales)
    assert found[-1][2] == 9.0  # three of twelve updates were left out


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("way", ["compiled", "eager", "own step"])
def test_the_scale_moves_as_in_keras_step_by_step(backend, inner, way):
    expected, kernel = history_of_keras(inner)
    eagerly = way == "eager"
    model = model_of(multinet, inner, way == "own step", run_eagerly=eagerly)
    for x, y, state in zip(X, Y, expected):
        model.train_on_batch(x, y)
        assert state_of(model.optimizer) == state
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("own", [False, True])
def test_fit_gives_the_same_in_many_steps_a_dispatch(real_backend, inner, own):
    expected, kernel = history_of_keras(inner)
    model = model_of(multinet, inner, own)
    x, y = X.reshape(-1, 3), Y.reshape(-1, 2)
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    assert state_of(model.optimizer) == expected[-1]
    if inner == "averages":  # at the end of fit weights become their averages
        return
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_in_a_loop_of_ones_own(backend, compiled):
    expected, kernel = history_of_keras("adam")
    weight = multinet.Variable(KERNEL)
    optimizer = LossScaleOptimizer(INNER["adam"](multinet), **OPTIONS)
    assert ops.convert_to_numpy(optimizer.scale_loss(1.0)) == 8.0
    optimizer.build([weight])

    def step(x, y):
        def loss():
            error = ops.subtract(ops.matmul(x, weight), y)
            return optimizer.scale_loss(ops.mean(ops.square(error)))

        _, grads = multinet.value_and_grad(lambda _: loss())([weight])
        optimizer.apply(grads, [weight])

    run = multinet.jit(step) if compiled else step
    for x, y, state in zip(X, Y, expected):
        run(x, y)
        assert state_of(optimizer) == state
    np.testing.assert_allclose(weight.numpy(), kernel, rtol=2e-5, atol=1e-6)


def test_float16_gradients_are_unscaled_in_float32(backend):
    weight = multinet.Variable(np.zeros(2, "float16"))
    optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=2.0**17)  # inf in float16
    optimizer.apply([np.array([2.0**14, 0.0], "float16")], [weight])
    np.testing.assert_array_equal(weight.numpy(), np.array([-0.125, 0], "float16"))


def test_a_weight_without_a_gradient_stays(backend):
    first, second = (multinet.Variable(np.ones(2, "float32")) for _ in range(2))
    optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=2.0)
    optimizer.build([first, second])
    optimizer.apply([np.full(2, 2.0, "float32"), None], [first, second])
    np.testing.assert_array_equal(first.numpy(), [0, 0])
    np.testing.assert_array_equal(second.numpy(), [1, 1])
    with pytest.raises(ArgumentError, match="No weight"):
        optimizer.apply([None, None], [first, second])


# -- what compile does -----------------------------------------------------------------


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_compile_wraps_the_optimizer_where_keras_does(policy):
    for automatic in (True, False):
        made = []
        for package in (multinet, keras):
            model = package.Sequential([package.layers.Dense(2)], name="m")
            model.dtype_policy = policy
            model.compile("adam", "mse", auto_scale_loss=automatic)
            made.append(model.optimizer)
        ours, theirs = made
        assert type(ours).__name__ == type(theirs).__name__
        if isinstance(ours, LossScaleOptimizer):
            assert ours.name == theirs.name == "loss_scale_optimizer"
            assert ours.initial_scale == theirs.initial_scale
            assert ours.dynamic_growth_steps == theirs.dynamic_growth_steps


def test_compile_leaves_one_that_scales_already():
    model = multinet.Sequential([multinet.layers.Dense(2)])
    model.dtype_policy = "mixed_float16"
    optimizer = LossScaleOptimizer(Adam(), initial_scale=2.0)
    model.compile(optimizer, "mse")
    assert model.optimizer is optimizer


# -- state and configuration -----------------------------------------------------------


def test_the_variables_are_those_of_keras_in_their_order(backend):
    def variables(package):
        weight = package.Variable(KERNEL, name="kernel")
        inner = package.optimizers.Adam(0.01, name="inner")
        optimizer = package.optimizers.LossScaleOptimizer(inner, name="outer")
        optimizer.build([weight])
        found = optimizer.variables
        return [v.path for v in found], [v.dtype for v in found], optimizer

    ours, theirs = variables(multinet), variables(keras)
    assert ours[:2] == theirs[:2]
    assert ours[2].iterations is ours[2].inner_optimizer.iterations


def test_the_learning_rate_is_that_of_the_inner_optimizer(backend):
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=1.0)
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25
    weight = multinet.Variable(np.zeros(1, "float32"))
    optimizer.apply([np.ones(1, "float32")], [weight])
    assert float(weight.numpy()[0]) == -0.25


def test_a_rate_set_between_steps_counts_from_the_next_one_on(real_backend):
    model = model_of(multinet, "sgd")
    model.train_on_batch(X[0], Y[0])
    model.optimizer.learning_rate = 0.0
    model.optimizer.inner_optimizer.slot_variables[0].assign(np.zeros((3, 2)))
    before = model.get_weights()[0]
    model.train_on_batch(X[1], Y[1])
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_the_configuration_is_read_back_and_that_of_keras_too():
    inner = SGD(schedules.ExponentialDecay(0.5, 2, 0.5), momentum=0.25)
    optimizer = LossScaleOptimizer(inner, 4.0, 7, name="mine")
    data = multinet.optimizers.serialize(optimizer)
    again = multinet.optimizers.deserialize(data)
    assert again.get_config() == optimizer.get_config()
    assert again.inner_optimizer.momentum == 0.25
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.5), 4.0, 7)
    read = multinet.optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert (read.initial_scale, read.dynamic_growth_steps) == (4.0, 7)
    assert type(read.inner_optimizer) is Adam


@pytest.mark.parametrize(
    "options", [{"dynamic": False}, {"clipnorm": 1.0}, {"use_ema": True}, {"rate": 1}]
)
def test_what_belongs_to_the_inner_optimizer_is_refused(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        LossScaleOptimizer(SGD(), **options)
    LossScaleOptimizer(SGD(), dynamic=True, clipnorm=None)
    with pytest.raises(ArgumentError, match="Optimizer"):
        LossScaleOptimizer("sgd")


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_goes_on_as_the_original(real_backend, how):
    expected, kernel = history_of_keras("adam")
    model = model_of_module("adam")
    for x, y in zip(X[:5], Y[:5]):
        model.train_on_batch(x, y)
    copied = copy.deepcopy(model) if how == "deepcopy" else reopened(model)
    for one in (model, copied):
        for x, y in zip(X[5:], Y[5:]):
            one.train_on_batch(x, y)
        assert state_of(one.optimizer) == expected[-1]
        np.testing.assert_allclose(one.get_weights()[0], kernel, rtol=2e-5, atol=1e-6)


def test_training_goes_on_after_a_move_to_another_backend():
    expected, kernel = history_of_keras("adam")
    with multinet.use_backend("numpy"):
        model = model_of(multinet, "adam")
        for x, y in zip(X[:5], Y[:5]):
            model.train_on_batch(x, y)
        model.to_backend("torch")
    with multinet.use_backend("torch"):
        for x, y, state in zip(X[5:], Y[5:], expected[5:]):
            model.train_on_batch(x, y)
            assert state_of(model.optimizer) == state
        np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=2e-5, atol=1e-6)


def model_of_module(inner):
    """Return a model of a class that a pickle finds by name."""
    dense = multinet.layers.Dense(2, use_bias=False)
    model = multinet.Sequential([multinet.Input((3,)), dense])
    model.set_weights([KERNEL])
    model.compile(LossScaleOptimizer(INNER[inner](multinet), **OPTIONS), "mse")
    return model


def reopened(model):
    return pickle.loads(pickle.dumps(model))
