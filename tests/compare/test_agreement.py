"""Whether backends agree: each of the four words, and where it is so."""

import dataclasses

import numpy as np
import pytest
from agreeing import (
    at_zero,
    batches,
    exact,
    mirrored,
    normal,
    observed,
    smooth,
    tied,
    zero_sums,
)

import multinet
from multinet.compare import observing
from multinet.compare.agreement import judge
from multinet.compare.runs import Run, same_bits
from multinet.errors import ArgumentError
from multinet.registry import get

REAL = ("numpy", "jax", "torch", "tensorflow")


@pytest.fixture(scope="module")
def reference():
    return exact(smooth, batches(normal()))


@pytest.fixture(scope="module")
def plain():
    return observed(smooth, batches(normal()), "numpy")


def judged(run, reference):
    (found,) = judge({"it": run}, reference)
    return found


# -- float64 ---------------------------------------------------------------------------


def test_the_reference_is_what_float64_computes_by_hand():
    def linear():
        model = multinet.Sequential(
            [multinet.Input((6,)), multinet.layers.Dense(2, name="only")], name="linear"
        )
        model.compile(multinet.optimizers.SGD(0.125), "mse")
        return model

    data = batches(normal())
    found = exact(linear, data, steps=2)
    with multinet.use_backend("numpy"):
        multinet.set_random_seed(0)
        kernel, bias = (np.float64(w) for w in linear().get_weights())
    for step, (x, y) in enumerate(data[:2]):
        x, y = np.float64(x), np.float64(y)
        off = x @ kernel + bias - y
        slope = 2 * off / off.size
        if not step:
            np.testing.assert_allclose(found.outputs[0], off + y, rtol=1e-13)
            np.testing.assert_allclose(found.gradients[0], x.T @ slope, rtol=1e-12)
        np.testing.assert_allclose(found.losses[step][0], np.mean(off**2), rtol=1e-13)
        kernel, bias = kernel - 0.125 * (x.T @ slope), bias - 0.125 * slope.sum(0)
    np.testing.assert_allclose(found.weights[2][0], kernel, rtol=1e-12)
    np.testing.assert_allclose(found.weights[2][1], bias, rtol=1e-12)
    assert found.weights[2][0].dtype == np.float64


def test_rounding_explains_more_than_the_numbers_are_off_and_little_in_all(
    reference, plain
):
    found = judged(plain, reference)
    room = reference.room
    assert 0 < found.outputs < room.outputs < 1e-5
    assert set(found.gradients) == {"hidden", "norm", "head"}
    for layer, error in found.gradients.items():
        assert 0 < error < room.gradients[layer] < 5e-5
    assert list(found.weights) == [1, 2, 5, 10]
    for step, error in found.weights.items():
        assert 0 < error < room.weights[step] < 5e-5


# -- the four words --------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_a_smooth_model_is_equal_to_rounding_on_every_backend(name, reference):
    found = judged(observed(smooth, batches(normal()), name), reference)
    assert (found.verdict, found.at) == ("equal to rounding", None)
    assert list(found.divergence) == list(range(1, 11))
    assert max(found.divergence.values()) < 1e-5


def test_the_same_backend_again_is_bit_equal(reference, plain):
    again = observed(smooth, batches(normal()), "numpy")
    first, second = judge({"numpy": plain, "numpy again": again}, reference)
    assert first.verdict == "equal to rounding"
    assert second.verdict == "bit-equal" and "numpy" in second.reason
    again.weights[10][0] = np.nextafter(again.weights[10][0], np.float32(9))
    assert not same_bits(plain, again)


@pytest.mark.parametrize("seed", range(8))
def test_relu_at_zero_drifts_at_its_kink(seed):
    data = batches(zero_sums(seed), seed)
    run = observed(at_zero, data, "torch", steps=2, seed=seed)
    found = judged(run, exact(at_zero, data, 2, seed))
    assert (found.verdict, found.at) == ("drifting", "relu of sums, step 1")
    assert found.gradients["sums"] > 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_max_pooling_of_equal_sums_drifts_at_its_tie(seed):
    data = batches(mirrored(seed), seed)
    run = observed(tied, data, "torch", steps=2, seed=seed)
    found = judged(run, exact(tied, data, 2, seed))
    assert (found.verdict, found.at) == ("drifting", "max pool of pool, step 1")


def off(name, of, change):
    """A backend of the class of another, one method of which is changed."""
    backend = get(of)

    def method(self, *args, **kwargs):
        return change(backend, getattr(backend, name)(*args, **kwargs))

    return type("Off", (type(backend),), {name: method})()


@pytest.mark.parametrize("name", REAL)
def test_a_primitive_one_percent_off_is_wrong(name, reference):
    wrong = off("tanh", name, lambda backend, x: backend.multiply(x, 1.01))
    found = judged(observed(smooth, batches(normal()), wrong, steps=2), reference)
    assert found.verdict == "WRONG"
    assert found.reason
    assert found.outputs > 1e-3


def test_an_update_that_is_off_from_the_second_step_on_is_wrong(reference):
    """The losses go on as if nothing were; the step done again tells."""
    data, good = batches(normal()), {}
    run = observed(smooth, data, "numpy")
    good.update(run.weights)
    late = dataclasses.replace(run, checks=[*run.checks])
    late.checks[-1] = dataclasses.replace(
        late.checks[-1], ratio=50.0, weight="head/bias"
    )
    found = judged(late, reference)
    assert found.verdict == "WRONG" and found.at == "head/bias in step 10"


def test_other_initial_weights_are_wrong(reference):
    found = judged(observed(smooth, batches(normal()), "numpy", 1, seed=5), reference)
    assert (found.verdict, found.at) == ("WRONG", "initial weights or data")


def test_nan_is_wrong(reference, plain):
    outputs = [np.full_like(plain.outputs[0], np.nan)]
    found = judged(dataclasses.replace(plain, outputs=outputs), reference)
    assert (found.verdict, found.at) == ("WRONG", "outputs")


# -- reasons and files -----------------------------------------------------------------


def test_what_is_not_known_has_its_reason(reference, plain):
    missing, there = judge({"jax": "not installed", "numpy": plain}, reference)
    assert (missing.verdict, missing.reason) == (None, "not installed")
    assert there.verdict == "equal to rounding"
    (lost,) = judge({"numpy": plain}, "too deep")
    assert (lost.verdict, lost.reason) == (None, "too deep")


def test_a_run_is_read_as_it_was_written(tmp_path, reference, plain):
    for name, run in (("reference", reference), ("plain", plain)):
        run.save(tmp_path / name)
        again = Run.load(tmp_path / name)
        assert same_bits(run, again)
        assert (again.room, again.checks) == (run.room, run.checks)
        assert (again.sides, again.kinks) == (run.sides, run.kinks)
        assert judged(again, reference) == judged(run, reference)


def test_batches_are_of_one_size():
    (x, y), *_ = batches(normal())
    with pytest.raises(ArgumentError, match="batches of one size"):
        observed(smooth, [(x, y), (x[:3], y[:3])], "numpy")


def test_time_ends_a_run_and_what_both_did_is_compared(reference):
    with multinet.use_backend("numpy"):
        multinet.set_random_seed(0)
        run = observing.observe(smooth(), batches(normal()), seconds=0.0)
    assert len(run.losses) == 2
    assert list(judged(run, reference).weights) == [1, 2]
