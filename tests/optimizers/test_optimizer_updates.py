"""Twenty updates of each optimizer give Keras's weights."""

import numpy as np
import pytest

from multinet import optimizers
from multinet.constraints import MaxNorm
from multinet.errors import ArgumentError, WrongType
from multinet.scope import Scope
from multinet.variables import Variable

RNG = np.random.default_rng(1)
SHAPES = [(3, 4), (4,), (2, 3, 2)]
START = [RNG.normal(size=s).astype("float32") for s in SHAPES]
STEPS = 20
GRADS = [
    [(RNG.normal(size=s) * (0.1 + k % 5)).astype("float32") for s in SHAPES]
    for k in range(STEPS)
]

CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.5, "weight_decay": 0.1, "clipnorm": 1.0}),
    ("SGD", {"global_clipnorm": 1.0}),
    ("SGD", {"clipvalue": 0.2, "loss_scale_factor": 4.0}),
    ("SGD", {"momentum": 0.9, "use_ema": True, "ema_momentum": 0.8}),
    ("SGD", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 6}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_2": 0.9}),
    ("Adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "weight_decay": 0.01}),
    ("Adam", {"use_ema": True, "global_clipnorm": 0.5}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.5, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Lion", {}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.5, "weight_decay": 0.1}),
    ("Lamb", {}),
    ("Lamb", {"learning_rate": 0.1, "epsilon": 1e-3, "clipnorm": 1.0}),
    ("Ftrl", {"learning_rate": 0.1}),
    (
        "Ftrl",
        {
            "learning_rate": 0.5,
            "learning_rate_power": -0.6,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.02,
            "l2_shrinkage_regularization_strength": 0.03,
            "beta": 0.1,
        },
    ),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.5, "clip_threshold": 0.5, "beta_2_decay": -0.5}),
    ("Muon", {}),
    ("Muon", {"adam_lr_ratio": 0.5, "rms_rate": None, "nesterov": False}),
    ("Muon", {"exclude_layers": ["w0"], "adam_weight_decay": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 5, "weight_decay": 0.1, "use_ema": True}),
]
NAMES = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


def named():
    """Return Variables at the start, with the names of Keras's."""
    return [Variable(x, name=f"w{i}") for i, x in enumerate(START)]


def keras_weights(name, options, steps=STEPS):
    import keras

    peer = getattr(keras.optimizers, name)(**options)
    variables = [keras.Variable(x, name=f"w{i}") for i, x in enumerate(START)]
    peer.build(variables)
    for grads in GRADS[:steps]:
        peer.apply_gradients(zip([keras.ops.array(g) for g in grads], variables))
    return variables, peer


@pytest.mark.parametrize("name,options", CASES, ids=NAMES)
def test_twenty_updates_give_the_weights_of_keras(backend, name, options):
    optimizer = getattr(optimizers, name)(**options)
    variables = named()
    for grads in GRADS:
        optimizer.apply_gradients(zip(map(backend.from_numpy, grads), variables))
    wanted, peer = keras_weights(name, options)
    for mine, theirs in zip(variables, wanted, strict=True):
        np.testing.assert_allclose(
            mine.numpy(), np.asarray(theirs), rtol=1e-5, atol=2e-6
        )
    assert int(optimizer.iterations.numpy()) == STEPS
    for mine, theirs in zip(optimizer.variables, peer.variables, strict=True):
        dtype = theirs.dtype.replace("int64", "int32")  # JAX has 64 bits here
        assert (mine.shape, mine.dtype) == (tuple(theirs.shape), dtype)
        np.testing.assert_allclose(
            mine.numpy(), np.asarray(theirs), rtol=1e-5, atol=2e-6
        )


@pytest.mark.parametrize("name,options", CASES, ids=NAMES)
def test_pure_update_with_tensor_step_and_rate_agrees(backend, name, options):
    optimizer = getattr(optimizers, name)(**options)
    variables = named()
    optimizer.build(variables)
    params = [v.value for v in variables]
    slots = [v.value for v in optimizer.slot_variables]
    for k, grads in enumerate(GRADS):
        step = backend.from_numpy(np.asarray(k + 1, "int32"))
        rate = backend.from_numpy(np.asarray(optimizer.rate_at(k), "float32"))
        grads = [backend.from_numpy(g) for g in grads]
        params, slots = optimizer.update(params, grads, slots, step, rate)
    wanted, _ = keras_weights(name, options)
    for mine, theirs in zip(params, wanted, strict=True):
        np.testing.assert_allclose(
            backend.to_numpy(mine), np.asarray(theirs), rtol=1e-5, atol=2e-6
        )
    assert len(slots) == len(optimizer.slot_variables)


@pytest.mark.parametrize("name,options", CASES, ids=NAMES)
def test_compiled_update_agrees(backend, name, options):
    optimizer = getattr(optimizers, name)(**options)
    variables = named()
    optimizer.build(variables)
    count, total = len(START), len(START) + len(optimizer.slot_variables)

    def step(*flat):
        state, grads, (number, rate) = flat[:total], flat[total:-2], flat[-2:]
        done = optimizer.update(state[:count], grads, state[count:], number, rate)
        return (*done[0], *done[1])

    compiled = backend.jit(step, tuple(range(total)))
    state = [v.value for v in (*variables, *optimizer.slot_variables)]
    for k in range(STEPS):
        grads = [backend.from_numpy(g) for g in GRADS[k]]
        rate = backend.argument(optimizer.rate_at(k), "float32")
        state = compiled(*state, *grads, backend.argument(k + 1, "int32"), rate)
    wanted, _ = keras_weights(name, options)
    for mine, theirs in zip(state[:count], wanted, strict=True):
        np.testing.assert_allclose(
            backend.to_numpy(mine), np.asarray(theirs), rtol=1e-5, atol=2e-6
        )


def test_arrays_taken_before_an_update_do_not_change(backend):
    variable = Variable(START[0])
    optimizer = optimizers.SGD(0.5, momentum=0.9)
    before, host = variable.value, variable.numpy()
    optimizer.apply([backend.from_numpy(GRADS[0][0])], [variable])
    np.testing.assert_array_equal(backend.to_numpy(before), START[0])
    np.testing.assert_array_equal(host, START[0])
    assert np.abs(variable.numpy() - START[0]).max() > 0


def test_missing_gradient_leaves_weight_and_slots(backend):
    variables = [Variable(x) for x in START]
    optimizer = optimizers.Adam(0.1, weight_decay=0.1)
    optimizer.apply([None, backend.from_numpy(GRADS[0][1]), None], variables)
    np.testing.assert_array_equal(variables[0].numpy(), START[0])
    assert np.abs(variables[1].numpy() - START[1]).min() > 0.05
    np.testing.assert_array_equal(optimizer.slot_variables[4].numpy(), 0 * START[2])


def test_no_gradient_at_all_is_an_error(backend):
    with pytest.raises(ArgumentError, match="No weight has a gradient"):
        optimizers.SGD().apply([None], [Variable(START[0])])


def test_foreign_variable_is_refused(backend):
    optimizer = optimizers.SGD()
    optimizer.build([Variable(START[0])])
    other = Variable(START[1])
    with pytest.raises(ArgumentError, match="is not among the 1 variables"):
        optimizer.apply([backend.from_numpy(GRADS[0][1])], [other])


def test_constraint_holds_after_the_update(backend):
    variable = Variable(START[0], constraint=MaxNorm(0.5))
    optimizers.SGD(0.1).apply([backend.from_numpy(GRADS[0][0])], [variable])
    assert np.linalg.norm(variable.numpy(), axis=0).max() <= 0.5 + 1e-6


def test_excluded_variables_do_not_decay(backend):
    variables = [Variable(START[0], name="kernel"), Variable(START[1], name="bias")]
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    zeros = [backend.from_numpy(0 * x) for x in START[:2]]
    optimizer.apply(zeros, variables)
    np.testing.assert_allclose(variables[0].numpy(), START[0] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(variables[1].numpy(), START[1])


def test_learning_rate_set_between_updates_takes_effect(backend):
    variable = Variable(np.zeros(2, "float32"))
    optimizer = optimizers.SGD(1.0)
    one = backend.full((2,), 1.0, "float32")
    optimizer.apply([one], [variable])
    optimizer.learning_rate = 0.25
    optimizer.apply([one], [variable])
    optimizer.learning_rate.assign(0.5)
    optimizer.apply([one], [variable])
    np.testing.assert_allclose(variable.numpy(), -1.75, rtol=1e-6)
    assert optimizer.get_config()["learning_rate"] == 0.5


def test_schedule_is_followed_and_cannot_be_overwritten(backend):
    schedule = optimizers.schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25])
    variable, optimizer = Variable(np.zeros(2, "float32")), optimizers.SGD(schedule)
    for _ in range(3):
        optimizer.apply([backend.full((2,), 1.0, "float32")], [variable])
    np.testing.assert_allclose(variable.numpy(), -1.75, rtol=1e-6)
    assert optimizer.learning_rate == 0.25
    with pytest.raises(WrongType, match="cannot be set"):
        optimizer.learning_rate = 0.1


def test_function_gives_the_rate_of_each_update(backend):
    rates = iter([1.0, 0.5])
    variable = Variable(np.zeros(2, "float32"))
    optimizer = optimizers.SGD(lambda: next(rates))
    for _ in range(2):
        optimizer.apply([backend.full((2,), 1.0, "float32")], [variable])
    np.testing.assert_allclose(variable.numpy(), -1.5, rtol=1e-6)


def test_apply_inside_a_scope_writes_only_the_scope(backend):
    variable, optimizer = Variable(START[0]), optimizers.Adam(0.1)
    optimizer.build([variable])
    carried = [variable, *optimizer.variables]
    grad = backend.from_numpy(GRADS[0][0])
    with Scope(carried, [v.value for v in carried], step=0) as scope:
        optimizer.apply([grad], [variable])
        new = scope.values_of(carried)
    np.testing.assert_array_equal(variable.numpy(), START[0])
    wanted = START[0] - 0.1 * np.sign(GRADS[0][0])
    np.testing.assert_allclose(backend.to_numpy(new[0]), wanted, atol=1e-3)
    assert int(backend.to_numpy(new[1])) == 1


def test_given_step_and_rate_replace_those_of_the_optimizer(backend):
    variable, optimizer = Variable(np.zeros(2, "float32")), optimizers.SGD(1.0)
    with optimizer.given(7, 0.125):
        optimizer.apply([backend.full((2,), 1.0, "float32")], [variable])
    np.testing.assert_allclose(variable.numpy(), -0.125, rtol=1e-6)


def test_averages_replace_the_weights_when_training_ends(backend):
    variable = Variable(np.zeros(2, "float32"))
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(3):
        optimizer.apply([backend.full((2,), 1.0, "float32")], [variable])
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(variable.numpy(), -2.25, rtol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor", "Ftrl", "Muon", "Lamb"])
def test_gradients_may_be_arrays_of_the_host(name, backend):
    found = []
    for host in (False, True):
        weight = Variable(np.ones((3, 4), "float32"))
        optimizer = getattr(optimizers, name)(0.1)
        gradient = np.arange(12.0).reshape(3, 4)  # float64, of which none is meant
        given = gradient if host else backend.from_numpy(gradient.astype("float32"))
        optimizer.apply([given], [weight])
        assert weight.dtype == "float32"
        found.append(weight.numpy())
    np.testing.assert_array_equal(*found)
