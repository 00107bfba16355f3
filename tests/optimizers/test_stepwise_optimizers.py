"""Optimizers that are written weight by weight, as for Keras."""

import re

import numpy as np
import pytest

import multinet
from multinet import optimizers

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.normal(size=(24, 2))
START = [RNG.normal(size=(3, 4)), np.zeros(4), RNG.normal(size=(4, 2)), np.zeros(2)]


def own(library):
    """Return an optimizer with a slot and a step that depends on the count."""

    class Own(library.optimizers.Optimizer):
        def __init__(self, learning_rate=0.05, momentum=0.8, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.momentum = momentum

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum")

        def update_step(self, gradient, variable, learning_rate):
            ops = library.ops
            rate = ops.cast(learning_rate, variable.dtype)
            count = ops.cast(self.iterations, variable.dtype)
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, ops.add(ops.multiply(m, self.momentum), gradient))
            share = ops.divide(rate, ops.sqrt(ops.add(count, 1)))
            self.assign_sub(variable, ops.multiply(m, share))

    return Own


@pytest.mark.parametrize(
    "options",
    [{}, {"weight_decay": 0.1, "clipvalue": 0.5}, {"gradient_accumulation_steps": 2}],
    ids=["plain", "decayed", "accumulated"],
)
def test_it_trains_as_in_keras(backend, options):
    import keras

    models = []
    for library in (multinet, keras):
        dense = library.layers.Dense
        model = library.Sequential([library.Input((3,)), dense(4, "tanh"), dense(2)])
        model.set_weights([x.astype("float32") for x in START])
        model.compile(own(library)(**options), "mse")
        model.fit(X, Y, batch_size=6, epochs=2, shuffle=False, verbose=0)
        models.append(model)
    ours, theirs = models
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    names = [[v.name for v in model.optimizer.variables] for model in models]
    ends = [[re.sub(r"_\d+", "", name) for name in each] for each in names]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "Adafactor", "Muon"])
def test_the_step_of_one_weight_is_that_of_an_update(backend, name):
    start, grad = (RNG.normal(size=(3, 2)).astype("float32") for _ in range(2))
    moved = []
    for alone in (True, False):
        variable = multinet.Variable(start)
        optimizer = getattr(optimizers, name)(0.1, weight_decay=None)
        optimizer.build([variable])
        given = backend.from_numpy(grad)
        if alone:
            optimizer.update_step(given, variable, 0.1)
        else:
            optimizer.apply([given], [variable])
        moved.append([v.numpy() for v in (variable, *optimizer.slot_variables)])
    for found, wanted in zip(*moved, strict=True):
        if name != "Nadam" or found.shape:  # its product belongs to all weights
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_set_weights_gives_the_state_of_another(backend):
    variable = multinet.Variable(np.ones(3, "float32"))
    first, second = optimizers.Adam(), optimizers.Adam()
    first.apply([backend.from_numpy(np.ones(3, "float32"))], [variable])
    with pytest.raises(ValueError, match="build"):
        second.set_weights(first.variables)
    second.build([variable])
    second.set_weights([v.numpy() for v in first.variables])
    for found, wanted in zip(second.variables, first.variables, strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    with pytest.raises(ValueError, match="one for each"):
        second.set_weights([1.0])


def test_weights_without_a_gradient_are_told(backend):
    used, unused = (multinet.Variable(np.ones(2, "float32")) for _ in range(2))
    with pytest.warns(UserWarning, match="1 of 2 weights have no gradient"):
        optimizers.SGD(1.0).apply(
            [backend.from_numpy(np.ones(2, "float32")), None], [used, unused]
        )
    np.testing.assert_array_equal(used.numpy(), 0.0)
    np.testing.assert_array_equal(unused.numpy(), 1.0)
