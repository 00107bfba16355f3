"""Live: a sleep that is planted is found, and where there is none nothing is.

python tests/compare/planted.py

takes two minutes on a machine that has nothing else to do. On a busy one it may say
that it is too noisy to tell, and ends with 1. Not a test, since it is timed.
"""

import os
import sys
import time

from multinet.compare import coordinator, regressions, statistics, suite
from multinet.compare.record import Settings, Task
from multinet.compare.rows import known

#: For which share of its time each `fit` sleeps.
SHARE = "PLANTED_SHARE"


def make():
    """Return the MLP of the suite; its `fit` sleeps where that was planted."""
    model, x, y = suite.mlp()
    fit, share = model.fit, float(os.environ.get(SHARE, 0))

    def slower(*args, **kwargs):
        start = time.perf_counter()
        history = fit(*args, **kwargs)
        time.sleep(share * (time.perf_counter() - start))
        return history

    model.fit = slower
    return model, x, y


def measured(share):
    """Return a comparison of NumPy with so much sleep."""
    os.environ[SHARE] = str(share)
    task = Task("planted", file=__file__)
    settings = Settings(("numpy",), 1, 30, 10)
    contenders = known(("numpy",))
    return coordinator.compare([task], contenders, settings, sys.argv, lambda *_: None)


def main():
    """Measure without a sleep, without again, and with 5%, and say what was found."""
    before = measured(0)
    ok = True
    for share, expected in ((0, None), (0.05, True)):
        after = measured(share)
        found = regressions.changes(before, after)
        (change,) = (x for x in found if x.what == "a step takes")
        floor = statistics.noise_floor(after.cases[0])
        print(f"a sleep of {share:.0%}: {change}; noise {floor:.1%}; ", end="")
        print(f"called {'slower' if change.worse else 'no change'}")
        ok = ok and change.worse is expected
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
