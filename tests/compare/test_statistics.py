"""What recorded rounds say: against SciPy, and where the answer is known."""

import dataclasses
import math

import numpy as np
import pytest
from compare_rounds import CASE, calm, case, comparison, contender, steps
from scipy import stats

from multinet.compare import regressions, statistics, words
from multinet.compare.record import Agreed, Point, Start
from multinet.errors import ArgumentError


def first(found):
    """Return the verdict on a case, on two cores."""
    return statistics.verdict(found, 2)


# -- intervals -------------------------------------------------------------------------


def test_the_interval_is_that_of_another_bootstrap():
    values = steps("jax")
    found = statistics.estimate(values)
    assert found.median == np.median(values)
    other = stats.bootstrap(
        (values,), np.median, method="percentile", n_resamples=20000, rng=1
    ).confidence_interval
    assert found.low == pytest.approx(other.low, rel=0.03)
    assert found.high == pytest.approx(other.high, rel=0.03)


def test_a_ratio_of_rounds_that_took_turns_does_not_see_what_slowed_both():
    drift = np.linspace(1, 2, 12)
    paired = statistics.ratio(drift, 1.05 * drift, paired=True)
    assert paired.low == pytest.approx(1.05) and paired.high == pytest.approx(1.05)
    fewer = statistics.ratio(drift, 1.05 * drift[:7], paired=True)
    assert fewer.median == pytest.approx(1.05) and fewer.high == pytest.approx(1.05)
    apart = statistics.ratio(drift, 1.05 * drift)
    assert apart.low < 1 < apart.high


def test_a_constant_has_no_spread_and_no_interval():
    assert statistics.estimate([2.0] * 5) == statistics.Estimate(2.0, 2.0, 2.0)
    assert statistics.spread([2.0] * 5) == 0
    assert statistics.spread([1, 2, 3, 4, 5]) == pytest.approx(2 / 3)


# -- who is first ----------------------------------------------------------------------


def test_five_percent_are_found():
    found = calm(1.05)
    assert statistics.noise_floor(found) < 0.03
    assert first(found).winner == "numpy"
    assert "numpy trains mlp fastest" in words.sentence(found, comparison(found))


def test_a_slower_first_row_does_not_win():
    assert first(calm(1 / 1.05)).winner == "torch"


def test_none_is_a_tie():
    found = first(calm(1.0))
    assert found.winner is None and set(found.tie) == {"numpy", "torch"}
    assert not found.reasons
    assert "tie" in words.sentence(calm(1.0), comparison(calm(1.0)))


def test_noise_as_it_was_recorded_refuses_the_crown():
    assert statistics.noise_floor(CASE) > 0.1
    found = first(CASE)
    assert found.winner is None and not found.tie
    assert any("the rounds of numpy spread by" in each for each in found.reasons)
    told = words.sentence(CASE, comparison(CASE))
    assert told.startswith("Nobody is called the fastest on mlp:")


def test_a_difference_within_the_noise_of_one_backend_is_a_tie():
    quiet = calm(1.05)
    again = contender("numpy", [1.08 * x for x in quiet.contender("numpy").steps])
    noisy = dataclasses.replace(quiet, again=again)
    assert statistics.noise_floor(noisy) > 0.05
    assert set(first(noisy).tie) == {"numpy", "torch"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda c: dataclasses.replace(c, busy=1.2), "others kept 1.2 of 2 cores busy"),
        (lambda c: dataclasses.replace(c, busy=None), "how busy"),
        (lambda c: dataclasses.replace(c, again=None), "no A/A run"),
        (lambda c: dataclasses.replace(c, agreement=()), "numpy, torch agree is not"),
        (
            lambda c: dataclasses.replace(c, agreement=(Agreed("torch", "WRONG"),)),
            "outputs disagree: torch WRONG",
        ),
        (
            lambda c: dataclasses.replace(
                c,
                contenders=tuple(
                    dataclasses.replace(x, rounds=x.rounds[:3]) for x in c.contenders
                ),
            ),
            "numpy had 3 rounds, 5 are needed",
        ),
        (
            lambda c: dataclasses.replace(c, contenders=c.contenders[:1]),
            "only numpy trained",
        ),
    ],
)
def test_a_crown_is_refused_for_a_reason(changed, reason):
    fair = calm(1.5)
    assert first(fair).winner == "numpy"
    found = first(changed(fair))
    assert found.winner is None and found.leader == "numpy"
    assert any(reason in each for each in found.reasons)


def test_the_noise_of_who_is_far_behind_does_not_matter():
    slow = contender("jax", steps("jax", 3.0, 100.0))
    fair = calm(1.5)
    agreement = (*fair.agreement, Agreed("jax", "drifting", "relu"))
    found = dataclasses.replace(
        fair, contenders=(*fair.contenders, slow), agreement=agreement
    )
    assert first(found).winner == "numpy"


def test_who_failed_is_not_ranked():
    failed = contender("jax", steps("numpy", 0.05, 0.1), reason="killed by signal 9")
    fair = calm(1.5)
    found = dataclasses.replace(fair, contenders=(failed, *fair.contenders))
    assert first(found).winner == "numpy"
    nobody = case(dataclasses.replace(failed, rounds=()))
    assert first(nobody).reasons == ("nobody trained",)


# -- whole runs ------------------------------------------------------------------------


def run_of(imported, built, first_step, settled, settled_steps, step):
    """Return a contender whose steps take `step` seconds."""
    start = Start(imported, built, first_step, settled, settled_steps)
    return dataclasses.replace(contender("x", [step] * 5), start=start)


def test_a_whole_run_is_what_comes_before_and_its_steps():
    found = run_of(1.0, 0.5, 2.0, 1.3, 30, 0.01)
    # 1.99 s of the first step and 1 s of the 30 after it went into compiling.
    assert statistics.overhead(found) == pytest.approx(1.0 + 0.5 + 1.99 + 1.0)
    assert statistics.total(found, 1000) == pytest.approx(4.49 + 10)
    none = dataclasses.replace(found, rounds=())
    assert statistics.total(none, 1000) is None


@pytest.mark.parametrize(
    ("slow", "fast", "cross"),
    [(1.0, 6.0, 5000), (1.0, 6.0004, 5001), (1.0, 1.0, None), (6.0, 1.0, None)],
)
def test_the_step_where_two_cross(slow, fast, cross):
    one = dataclasses.replace(contender("slow", [0.003] * 5, slow))
    other = contender("fast", [0.002] * 5, fast)
    for pair in ((one, other), (other, one)):
        found = statistics.crossing(*pair)
        if cross is None:
            assert found is None
            continue
        assert (found.steps, found.sooner, found.later) == (cross, "slow", "fast")
        before, after = cross - 1, cross
        assert statistics.total(one, before) < statistics.total(other, before)
        later = statistics.total(other, after)
        assert later <= statistics.total(one, after) + 1e-9


def test_the_sentence_tells_who_is_done_first_with_the_run():
    fast = contender("torch", steps("again", 0.02, 0.5), overhead=3.0)
    slow = contender("numpy", steps("numpy", 0.02), overhead=0.1)
    again = contender("torch", steps("again", 0.02, 0.501))
    found = dataclasses.replace(case(slow, fast, again=again), samples=320)
    told = words.sentence(found, comparison(found))
    assert "torch trains mlp fastest" in told
    assert "numpy is done first with the 100 steps of your run" in told
    (crossing,) = statistics.crossings(found)
    assert f"torch from {crossing.steps:,} steps on" in told


def test_time_to_a_target():
    logs = [(0.5, 0.9), (0.7, 0.6), (0.95, 0.2)]
    curve = tuple(
        Point(i + 1, 10 * i, 2.0 * i, {"accuracy": a, "loss": loss})
        for i, (a, loss) in enumerate(logs)
    )
    found = dataclasses.replace(contender("x", [1.0], 1.0), curve=curve)
    assert statistics.time_to(found, "accuracy", 0.7) == 3.0
    assert statistics.time_to(found, "loss", 0.3) == 5.0
    assert statistics.time_to(found, "accuracy", 0.99) is None
    assert statistics.time_to(found, "recall", 0.5) is None
    assert math.isnan(curve[0].logs.get("recall", math.nan))


# -- regressions -----------------------------------------------------------------------


def changes(before, after, **options):
    """Return the changes of steps between two cases."""
    found = regressions.changes(comparison(before), comparison(after, **options))
    return {each.contender: each for each in found if each.what == "a step takes"}


def slower(found, factor):
    """Return a case in which all of torch's steps take longer."""
    torch = found.contender("torch")
    rounds = tuple(
        dataclasses.replace(x, seconds=factor * x.seconds) for x in torch.rounds
    )
    changed = dataclasses.replace(torch, rounds=rounds)
    return dataclasses.replace(found, contenders=(found.contenders[0], changed))


def test_a_regression_is_found_and_its_contender_told():
    before = calm(1.2, noise=0.02)
    found = changes(before, slower(before, 1.1))
    assert found["torch"].worse is True and found["numpy"].worse is None
    assert found["torch"].ratio.median == pytest.approx(1.1, rel=0.02)
    better = changes(before, slower(before, 1 / 1.1))
    assert better["torch"].worse is False
    same = changes(before, slower(before, 1.0))
    assert same["torch"].worse is None and same["numpy"].worse is None


def test_noise_is_no_regression():
    found = changes(CASE, slower(CASE_OF_TWO, 1.1))["torch"]
    assert found.worse is None and "too noisy to tell" in str(found)


CASE_OF_TWO = dataclasses.replace(CASE, contenders=CASE.contenders[:2])


def test_who_fails_or_is_wrong_since_is_a_regression():
    before = calm(1.2)
    failed = dataclasses.replace(before.contender("torch"), reason="no answer in 1 s")
    after = dataclasses.replace(before, contenders=(before.contenders[0], failed))
    found = regressions.changes(comparison(before), comparison(after))
    assert [str(x) for x in regressions.regressions(found)] == [
        "mlp, torch: fails now: no answer in 1 s"
    ]
    wrong = (Agreed("numpy", "WRONG"), *before.agreement[1:])
    after = dataclasses.replace(before, agreement=wrong)
    found = regressions.changes(comparison(before), comparison(after))
    assert [str(x) for x in regressions.regressions(found)] == [
        "mlp, numpy: outputs are WRONG, it was equal to rounding"
    ]


def test_what_was_measured_otherwise_is_not_compared():
    before = comparison(calm())
    machine = dataclasses.replace(before.machine, cores=64)
    with pytest.raises(ArgumentError, match="cores 2, this one has 64"):
        regressions.changes(before, comparison(calm(), machine=machine))
    task = dataclasses.replace(calm().task, name="cnn")
    other = dataclasses.replace(calm(), task=task)
    with pytest.raises(ArgumentError, match="none is the same"):
        regressions.changes(before, comparison(other))
    batches = dataclasses.replace(calm(), task=dataclasses.replace(task, batch=8))
    with pytest.raises(ArgumentError, match="batches of 32, this one of 8"):
        regressions.changes(comparison(other), comparison(batches))
