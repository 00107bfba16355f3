"""What recorded rounds say: medians, their intervals, ties, crossings, who is first.

Intervals are of the bootstrap (B. Efron, "Bootstrap methods: another look at the
jackknife", 1979): 95% of the medians of rounds drawn again with replacement. All
resampling is seeded, so a file is judged alike each time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multinet.compare.record import Case, Contender
from multinet.typing import Host

LEVEL = 0.95
_DRAWS, _SEED = 4000, 20

#: No crown with fewer rounds than these, with rounds that spread by more, or where
#: others kept more of the machine busy.
LEAST_ROUNDS, MOST_SPREAD, MOST_BUSY = 5, 0.10, 0.25
#: Who takes more times the leader's is behind, however much its rounds spread.
_FAR = 2.0


@dataclass(frozen=True)
class Estimate:
    """A median, or a ratio of two, and the interval that it lies in by 95%."""

    median: float
    low: float
    high: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of values and its interval; there must be one at least."""
    array = np.asarray(values)
    picks = np.random.default_rng(_SEED).integers(len(array), size=(_DRAWS, len(array)))
    return _around(float(np.median(array)), np.median(array[picks], axis=1))


def ratio(
    before: Sequence[float], after: Sequence[float], paired: bool = False
) -> Estimate:
    """Return the median of `after` over that of `before`, and its interval.

    `paired` rounds took turns, as long as both had them: they are drawn in pairs, so
    that what slowed both for a while does not count.
    """
    if paired:
        both = min(len(before), len(after))
        before, after = before[:both], after[:both]
    one, other = np.asarray(before), np.asarray(after)
    draws = np.random.default_rng(_SEED)
    picks = draws.integers(len(one), size=(_DRAWS, len(one)))
    others = picks
    if not paired:
        others = draws.integers(len(other), size=(_DRAWS, len(other)))
    found = np.median(other[others], axis=1) / np.median(one[picks], axis=1)
    return _around(float(np.median(other) / np.median(one)), found)


def _around(median: float, drawn: Host) -> Estimate:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Estimate(median, float(low), float(high))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values does not exceed."""
    return float(np.quantile(np.asarray(values), share))


def spread(values: Sequence[float]) -> float:
    """Return the distance of the quartiles over the median."""
    low, middle, high = np.quantile(np.asarray(values), (0.25, 0.5, 0.75))
    return float((high - low) / middle)


def step(contender: Contender) -> Estimate | None:
    """Return the seconds of a steady step; None where no round was timed."""
    return estimate(contender.steps) if contender.rounds else None


def noise_floor(case: Case) -> float | None:
    """Return by what share two processes of one backend may differ; None if unknown.

    It is the end of the interval of the A/A run's ratio that is farther from 1.
    """
    if case.again is None or not case.again.rounds:
        return None
    first = case.contender(case.again.name)
    if not first.rounds:
        return None
    found = ratio(first.steps, case.again.steps, paired=True)
    return max(abs(found.low - 1), abs(found.high - 1))


# -- whole runs ------------------------------------------------------------------------


def overhead(contender: Contender) -> float | None:
    """Return the seconds of a run that its number of steps does not change.

    From the start of the process: imports, building, and what the first steps took
    longer than others do, mostly by compiling. None where something was not measured.
    """
    start, steady = contender.start, step(contender)
    if start is None or steady is None:
        return None
    compiling = max(0.0, start.first_step - steady.median)
    settling = max(0.0, start.settled - start.settled_steps * steady.median)
    return start.imported + start.built + compiling + settling


def total(contender: Contender, steps: int) -> float | None:
    """Return the seconds of a whole run of so many steps."""
    fixed, steady = overhead(contender), step(contender)
    if fixed is None or steady is None:
        return None
    return fixed + steps * steady.median


@dataclass(frozen=True)
class Crossing:
    """From `steps` on, `later` is done before `sooner`, which is so for fewer."""

    steps: int
    sooner: str
    later: str


def crossing(one: Contender, other: Contender) -> Crossing | None:
    """Return where the total times of two cross; None if one is always ahead."""
    sizes = [(overhead(each), step(each)) for each in (one, other)]
    (first, slow), (second, fast) = sizes
    if first is None or second is None or slow is None or fast is None:
        return None
    if slow.median < fast.median:
        return crossing(other, one)
    gain, debt = slow.median - fast.median, second - first
    if gain <= 0 or debt <= gain:  # ahead from the first step on
        return None
    return Crossing(math.ceil(debt / gain), one.name, other.name)


def crossings(case: Case) -> list[Crossing]:
    """Return where any two contenders cross, the fewest steps first."""
    pairs = itertools.combinations(case.contenders, 2)
    found = [crossing(one, other) for one, other in pairs]
    return sorted(filter(None, found), key=lambda each: each.steps)


def time_to(contender: Contender, metric: str, target: float) -> float | None:
    """Return the seconds, imports included, until a metric was at its target.

    A metric that falls in the course of the run must be at most the target, one that
    rises at least. None if it never was.
    """
    if contender.start is None or not contender.curve:
        return None
    values = [point.logs.get(metric, math.nan) for point in contender.curve]
    sign = -1.0 if values[-1] < values[0] else 1.0
    for point, value in zip(contender.curve, values):
        if sign * value >= sign * target:
            return contender.start.imported + contender.start.built + point.seconds
    return None


# -- who is first ----------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """Who trains fastest: `winner`, or those who `tie`, or neither for `reasons`.

    `leader` has the least median, crown or not; None where nobody trained.
    """

    leader: str | None
    winner: str | None = None
    tie: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def ranking(case: Case) -> list[Contender]:
    """Return those who trained to the end, by the median of their steps."""
    ready = [each for each in case.contenders if each.rounds and each.reason is None]
    return sorted(ready, key=lambda each: float(np.median(each.steps)))


def is_tie(case: Case, one: Contender, other: Contender) -> bool:
    """Return whether two differ by no more than noise does."""
    found = ratio(one.steps, other.steps, paired=True)
    floor = noise_floor(case) or 0.0
    return found.low <= 1 <= found.high or abs(found.median - 1) <= floor


def verdict(case: Case, cores: int) -> Verdict:
    """Return who is first on a machine of so many cores, if that can be told."""
    ranked = ranking(case)
    if not ranked:
        return Verdict(None, reasons=("nobody trained",))
    leader, *others = ranked
    reasons = tuple(_doubts(case, ranked, cores))
    tied = [each.name for each in others if is_tie(case, leader, each)]
    if reasons:
        return Verdict(leader.name, reasons=reasons)
    if tied:
        return Verdict(leader.name, tie=(leader.name, *tied))
    return Verdict(leader.name, leader.name)


def _doubts(case: Case, ranked: list[Contender], cores: int) -> list[str]:
    """Return why nobody can be called the fastest."""
    found = []
    if len(ranked) < 2:
        found.append(f"only {ranked[0].name} trained")
    if case.busy is None:
        found.append("how busy the machine was is not known")
    elif case.busy > MOST_BUSY * cores:
        found.append(f"others kept {case.busy:.1f} of {cores} cores busy")
    near = _FAR * float(np.median(ranked[0].steps))
    for each in ranked:
        if float(np.median(each.steps)) > near:
            continue
        if len(each.rounds) < LEAST_ROUNDS:
            count = len(each.rounds)
            found.append(f"{each.name} had {count} rounds, {LEAST_ROUNDS} are needed")
        elif spread(each.steps) > MOST_SPREAD:
            found.append(
                f"the rounds of {each.name} spread by {spread(each.steps):.0%}"
            )
    if noise_floor(case) is None:
        found.append("no A/A run tells how large noise is")
    return found + _disagreements(case, ranked)


def _disagreements(case: Case, ranked: list[Contender]) -> list[str]:
    agreed = {each.name: case.agreed(each.name) for each in ranked}
    wrong = [name for name, each in agreed.items() if each and each.verdict == "WRONG"]
    unknown = [name for name, each in agreed.items() if not each or not each.verdict]
    found = [f"outputs disagree: {', '.join(wrong)} WRONG"] if wrong else []
    if unknown:
        found.append(f"whether {', '.join(unknown)} agree is not known")
    return found
