"""Recorded rounds, and what else they could have been: calmer, slower, noisier."""

import dataclasses
import statistics
from pathlib import Path

from multinet.compare import record
from multinet.compare.record import Agreed, Case, Contender, Round, Start, Task

FILE = Path(__file__).parent / "recorded.json"
#: As recorded on a busy machine: of numpy, and of a second process of numpy.
CASE = record.read(FILE).cases[0]


def steps(name="numpy", noise=1.0, factor=1.0):
    """Return recorded seconds of steps, their distances from the median scaled.

    `name` may be "again", the second process of numpy.
    """
    found = CASE.again if name == "again" else CASE.contender(name)
    middle = statistics.median(found.steps)
    return [factor * middle * (each / middle) ** noise for each in found.steps]


def contender(name, times, overhead=1.0, **options):
    """Return a contender with rounds of 100 steps, and so many seconds before them."""
    rounds = tuple(Round(turn, 100, 100 * each) for turn, each in enumerate(times))
    start = Start(overhead, 0.0, 0.0)
    return Contender(name, "1.0", start=start, rounds=rounds, **options)


def case(*contenders, again=None, agreement=None, busy=0.1):
    """Return a case of contenders that agree, in batches of 32."""
    if agreement is None:
        agreement = [Agreed(each.name, "equal to rounding") for each in contenders]
    return Case(Task("mlp"), contenders, again, tuple(agreement), busy=busy)


def calm(factor=1.0, busy=0.1, noise=0.05, agreement=None):
    """Return a case of numpy, and of a torch that takes `factor` times as long.

    Both have rounds of numpy's, of different processes, and calmer than recorded.
    """
    one, other = steps("numpy", noise), steps("again", noise)
    middle = statistics.median(one) / statistics.median(other)
    other = [each * middle for each in other]
    return case(
        contender("numpy", one),
        contender("torch", [factor * each for each in other[::-1]]),
        again=contender("numpy", other),
        agreement=agreement,
        busy=busy,
    )


def comparison(*cases, **changes):
    """Return a comparison of cases, measured as that recorded was."""
    return dataclasses.replace(record.read(FILE), cases=cases, **changes)
