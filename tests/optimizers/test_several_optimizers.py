"""MultiOptimizer: each weight is updated by the optimizer that it is mapped to."""

import numpy as np
import pytest

import multinet
from multinet import optimizers
from multinet.errors import ArgumentError

RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.normal(size=(24, 2))
START = [RNG.normal(size=(3, 4)), np.zeros(4), RNG.normal(size=(4, 2)), np.zeros(2)]


def mapped(library):
    kinds = library.optimizers
    rate = kinds.schedules.ExponentialDecay(0.1, 2, 0.5)
    other = kinds.SGD(0.2, momentum=0.9, clipnorm=0.5, gradient_accumulation_steps=2)
    by_path = kinds.OptimizerMap(kinds.Adam(rate), {".*first/.*": other})
    return kinds.MultiOptimizer(by_path)


def built(library, optimizer):
    dense = library.layers.Dense
    parts = [dense(4, name="first"), dense(2, name="last")]
    model = library.Sequential([library.Input((3,)), *parts], name="model")
    model.set_weights([x.astype("float32") for x in START])
    model.compile(optimizer, "mse")
    return model


def test_a_fit_is_that_of_keras(backend):
    import keras

    pair = [built(library, mapped(library)) for library in (multinet, keras)]
    for model in pair:
        model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    ours, theirs = pair
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    own, peer = ours.optimizer.variables, theirs.optimizer.variables
    ends = [[v.name.split("_")[2:] for v in each] for each in (own, peer)]
    assert ends[0] == ends[1]
    for found, wanted in zip(own, peer, strict=True):
        wanted = np.asarray(wanted.value)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=2e-5)


def test_a_rate_may_be_set_between_fits(backend):
    sgd = optimizers.SGD()
    by_path = optimizers.OptimizerMap(optimizers.Adam(), {".*first/.*": sgd})
    model = built(multinet, optimizers.MultiOptimizer(by_path))
    model.fit(X, Y, batch_size=12, verbose=0)
    sgd.learning_rate = 0.0
    first, last = (model.get_layer(name).get_weights() for name in ("first", "last"))
    model.fit(X, Y, batch_size=12, verbose=0)
    np.testing.assert_array_equal(model.get_layer("first").get_weights()[0], first[0])
    assert (model.get_layer("last").get_weights()[0] != last[0]).all()


def test_a_saved_model_goes_on_as_before(backend, tmp_path):
    model = built(multinet, mapped(multinet))
    model.fit(X, Y, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    again = multinet.models.load_model(tmp_path / "model.keras")
    for each in (model, again):
        each.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for found, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_function_chooses_too_and_a_loss_scale_holds_all(backend):
    sgd = optimizers.SGD(0.5)
    chosen = optimizers.MultiOptimizer(
        lambda v: sgd if v.name == "bias" else optimizers.Adam(), loss_scale_factor=8.0
    )
    optimizer = optimizers.LossScaleOptimizer(chosen)
    model = built(multinet, optimizer)
    before = model.get_weights()
    model.fit(X, Y, batch_size=8, verbose=0)
    assert len(chosen.optimizers) == 3  # one Adam for each kernel
    assert chosen.loss_scale_factor is None and sgd.loss_scale_factor is None
    assert int(optimizer.iterations) == int(sgd.iterations) == 3
    assert all((x != y).any() for x, y in zip(before, model.get_weights()))


def test_a_path_comes_before_expressions_of_which_one_may_match():
    adam, sgd, lion = optimizers.Adam(), optimizers.SGD(), optimizers.Lion()
    known = optimizers.OptimizerMap(lion, {"encoder/.*": sgd})
    known["encoder/first"] = adam
    assert known["encoder/first"] is adam and known["encoder/last"] is sgd
    assert known["decoder"] is lion and len(known) == 2
    known["enc.*"] = adam
    with pytest.raises(ArgumentError, match="all match"):
        known["encoder/last"]
    with pytest.raises(ArgumentError, match="already"):
        known["enc.*"] = sgd
    with pytest.raises(ArgumentError, match="LossScaleOptimizer"):
        known["other"] = optimizers.LossScaleOptimizer(sgd)


def test_there_is_no_rate_of_all():
    optimizer = mapped(multinet)
    with pytest.raises(AttributeError, match="optimizers"):
        print(optimizer.learning_rate)
    with pytest.raises(AttributeError, match="optimizers"):
        optimizer.learning_rate = 0.1
