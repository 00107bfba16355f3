"""Live: a sleep planted in one of two contenders is found, and without one they tie.

python tests/compare/planted.py [SHARE]

compares NumPy with NumPy that sleeps after each `fit` for a share of its time, 0 and
then SHARE, by default 5%. It takes a minute, on a machine that has nothing else to do:
where others keep it busy, the crown is refused, as it should be, and the noise may be
larger than the share. Not a test, since it is timed.
"""

import os
import sys
import time

from multinet.compare import coordinator, machine, statistics, suite, words
from multinet.compare.record import Settings, Task
from multinet.compare.rows import Known, Row

_SHARE, _SLOWER = "PLANTED_SHARE", "slower"


def make():
    """Return the MLP of the suite, whose `fit` sleeps for a share of its time."""
    model, x, y = suite.mlp()
    fit, share = model.fit, float(os.environ.get(_SHARE, 0))

    def slower(*args, **kwargs):
        start = time.perf_counter()
        history = fit(*args, **kwargs)
        time.sleep(share * (time.perf_counter() - start))
        return history

    model.fit = slower
    return model, x, y


class Planted(Row):
    """A row of NumPy that sleeps if it has the name for it."""

    share = 0.0

    def __init__(self, known, threads):
        super().__init__(known, threads)
        self.backend = "numpy"

    def start(self, task):
        """Start its process, which learns from the environment what it is to sleep."""
        os.environ[_SHARE] = str(self.share if self.name == _SLOWER else 0)
        super().start(task)


def measured(share):
    """Return the case of the two, and print what it says."""
    Planted.share = share
    coordinator.Row = Planted
    task = Task("planted", file=__file__)
    contenders = [Known("numpy", None, None), Known(_SLOWER, None, None)]
    settings = Settings(("numpy", _SLOWER), 1, 40, 10)
    found = coordinator.compare([task], contenders, settings, sys.argv, lambda *_: None)
    (case,) = found.cases
    ratio = statistics.ratio(*(each.steps for each in case.contenders), paired=True)
    tie = statistics.is_tie(case, *case.contenders)
    print(
        f"a sleep of {share:.0%}: {ratio.median - 1:+.1%}, by 95% {ratio.low - 1:+.1%} "
        f"to {ratio.high - 1:+.1%}; {words.noise(case)} It is "
        f"{'a tie' if tie else 'a difference'}."
    )
    print(f"   {words.sentence(case, found)}")
    return tie


def main():
    """Measure without a sleep and with one; return 1 if either is taken for another."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05
    print(f"{machine.cores()} cores")
    return 0 if (measured(0.0), measured(share)) == (True, False) else 1


if __name__ == "__main__":
    sys.exit(main())
