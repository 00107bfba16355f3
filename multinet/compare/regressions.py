"""What became slower since an earlier comparison on the same machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from multinet.compare import statistics
from multinet.compare.record import Case, Comparison
from multinet.errors import ArgumentError

#: The least change that is told, whatever the noise within a run: two runs differ more.
LEAST = 0.03


@dataclass(frozen=True)
class Change:
    """How a figure of a contender changed: `after` over `before`, with its interval.

    `worse` is true for a regression, false for what became better, None for neither;
    `note` says why where there is no ratio, or nothing can be told by it.
    """

    case: str
    contender: str
    what: str
    ratio: statistics.Estimate | None
    worse: bool | None
    note: str = ""

    def __str__(self) -> str:
        head = f"{self.case}, {self.contender}: {self.what}"
        if self.ratio is None:
            return f"{head} {self.note}"
        share, low, high = (
            f"{x - 1:+.1%}"
            for x in (self.ratio.median, self.ratio.low, self.ratio.high)
        )
        return f"{head} {share} ({low} to {high}){self.note and ', ' + self.note}"


def changes(old: Comparison, new: Comparison) -> list[Change]:
    """Return how the contenders that both have changed, and who fails now.

    `ArgumentError` if the two were not measured alike.
    """
    _check_alike(old, new)
    cases = {case.task.name: case for case in old.cases}
    pairs = [(cases[c.task.name], c) for c in new.cases if c.task.name in cases]
    if not pairs:
        raise ArgumentError(
            f"The earlier comparison has the models {', '.join(cases)}, and this one "
            f"{', '.join(case.task.name for case in new.cases)}: none is the same."
        )
    return [change for before, after in pairs for change in _changes(before, after)]


def _check_alike(old: Comparison, new: Comparison) -> None:
    pairs = {
        "processor": (old.machine.processor, new.machine.processor),
        "cores": (old.machine.cores, new.machine.cores),
        "threads": (old.settings.threads, new.settings.threads),
    }
    for what, (before, after) in pairs.items():
        if before != after:
            raise ArgumentError(
                f"The earlier comparison had {what} {before}, this one has {after}: "
                "times cannot be compared. Measure both alike."
            )


def _changes(old: Case, new: Case) -> Iterator[Change]:
    if old.task.batch != new.task.batch:
        raise ArgumentError(
            f"The earlier comparison of {old.task.name} had batches of "
            f"{old.task.batch}, this one of {new.task.batch}. Measure both alike."
        )
    floors = (statistics.noise_floor(case) or 0.0 for case in (old, new))
    floor = max(LEAST, *floors)
    before = {each.name: each for each in old.contenders}
    for after in new.contenders:
        was = before.get(after.name)
        if was is None or was.reason is not None:
            continue
        place = (new.task.name, after.name)
        if after.reason is not None:
            yield Change(*place, "fails now:", None, True, after.reason)
            continue
        if was.rounds and after.rounds:
            yield _change(place, "a step takes", was.steps, after.steps, floor)
        one_row = was.prediction.one_row, after.prediction.one_row
        if all(one_row):
            yield _change(place, "predict of one row takes", *one_row, floor)
        yield from _agreement(place, old, new)


def _change(
    place: tuple[str, str],
    what: str,
    before: Sequence[float],
    after: Sequence[float],
    floor: float,
) -> Change:
    found = statistics.ratio(before, after)
    noisy = [statistics.spread(x) for x in (before, after)]
    worse = None
    if found.low > 1 + floor:
        worse = True
    elif found.high < 1 - floor:
        worse = False
    note = ""
    if worse is None and max(noisy) > statistics.MOST_SPREAD:
        note = f"too noisy to tell: rounds spread by {max(noisy):.0%}"
    return Change(*place, what, found, worse, note)


def _agreement(place: tuple[str, str], old: Case, new: Case) -> Iterator[Change]:
    before, after = old.agreed(place[1]), new.agreed(place[1])
    if after is None or after.verdict != "WRONG":
        return
    if before is not None and before.verdict not in (None, "WRONG"):
        note = f"{after.verdict}, it was {before.verdict}"
        yield Change(*place, "outputs are", None, True, note)


def regressions(found: Sequence[Change]) -> list[Change]:
    """Return the changes for the worse."""
    return [change for change in found if change.worse]
