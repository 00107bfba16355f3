"""Gradient accumulation: some batches make one update, by the mean of gradients."""

import numpy as np
import pytest

import multinet
from multinet import optimizers
from multinet.errors import ArgumentError

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.normal(size=(24, 2))
KINDS = [
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("Adam", {"learning_rate": 0.05, "clipnorm": 0.5}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("Nadam", {"learning_rate": 0.05}),
    ("RMSprop", {"learning_rate": 0.02, "use_ema": True, "ema_momentum": 0.5}),
]
START = [RNG.normal(size=(3, 4)), np.zeros(4), RNG.normal(size=(4, 2)), np.zeros(2)]


def trained(library, name, options, batch_size, epochs=2, start=START):
    model = library.Sequential(
        [library.Input((3,)), library.layers.Dense(4, "tanh"), library.layers.Dense(2)]
    )
    model.set_weights([x.astype("float32") for x in start])
    model.compile(getattr(library.optimizers, name)(**options), "mse")
    model.fit(X, Y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return model


def updates(optimizer):
    return int(multinet.ops.convert_to_numpy(optimizer.iterations))


@pytest.mark.parametrize("name,options", KINDS, ids=[name for name, _ in KINDS])
def test_three_batches_are_as_one_of_three_times_the_size(backend, name, options):
    whole = trained(multinet, name, options, 12)
    options = options | {"gradient_accumulation_steps": 3}
    parts = trained(multinet, name, options, 4)
    for found, wanted in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5)
    assert updates(parts.optimizer) == updates(whole.optimizer) == 4


@pytest.mark.parametrize("name,options", KINDS[:4], ids=[name for name, _ in KINDS[:4]])
def test_state_and_weights_are_those_of_keras(backend, name, options):
    import keras

    rate = options["learning_rate"]

    def peer(library):
        decay = library.optimizers.schedules.ExponentialDecay(rate, 1, 0.5)
        given = {"learning_rate": decay, "gradient_accumulation_steps": 2}
        return trained(library, name, options | given, 8, epochs=1)  # three batches

    ours, theirs = peer(multinet), peer(keras)
    pairs = zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True)
    for found, wanted in pairs:
        assert found.name.split("_")[-1][:4] in wanted.name or name == "Nadam"
        np.testing.assert_allclose(
            found.numpy(), np.asarray(wanted.value), rtol=1e-4, atol=1e-5
        )
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_nothing_moves_between_updates(backend):
    variable = multinet.Variable(np.ones((2, 2), "float32"))
    optimizer = optimizers.SGD(1.0, gradient_accumulation_steps=3)
    grad = backend.from_numpy(np.ones((2, 2), "float32"))
    seen = []
    for _ in range(4):
        optimizer.apply([grad], [variable])
        total = optimizer.slot_variables[0].numpy()[0, 0]
        seen.append((variable.numpy()[0, 0], total, updates(optimizer)))
    assert seen == [(1, 1, 0), (1, 2, 0), (0, 0, 1), (0, 1, 1)]


def test_a_loss_scale_leaves_batches_out(backend):
    variable = multinet.Variable(np.ones(2, "float32"))
    inner = optimizers.SGD(1.0, gradient_accumulation_steps=2)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    for value in (4.0, np.inf, 12.0):
        grad = backend.from_numpy(np.full(2, value, "float32"))
        optimizer.apply([grad], [variable])
    # 4 at a scale of 4, 12 at a scale of 2
    np.testing.assert_allclose(variable.numpy(), 1.0 - (1.0 + 6.0) / 2)


@pytest.mark.parametrize("steps", [1, 0, -2, 2.5, True])
def test_fewer_than_two_batches_are_refused(steps):
    with pytest.raises(ArgumentError, match="gradient_accumulation_steps"):
        optimizers.SGD(gradient_accumulation_steps=steps)
