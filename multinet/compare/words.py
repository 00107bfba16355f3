"""Figures and verdicts as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from multinet.compare import statistics
from multinet.compare.record import Case, Comparison

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def seconds(value: float | None) -> str:
    """Return a time with its unit: 0.51 ms, 2.3 s, 4 min 10 s."""
    if value is None:
        return "-"
    if value >= 100:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes:,} min {rest} s"
    for size, unit in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.2g} µs"


def scaled(value: float | None, unit: str = "") -> str:
    """Return a large number with a prefix: 12.3 G, 4.56 M."""
    if value is None:
        return "-"
    for size, prefix in _SCALES:
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def share(value: float | None) -> str:
    """Return a share in percent."""
    if value is None:
        return "-"
    return f"{value:.0%}" if value >= 0.095 else f"{value:.1%}"


def count(value: int | None) -> str:
    """Return a whole number."""
    return "-" if value is None else f"{value:,}"


def interval(step: statistics.Estimate) -> str:
    """Return a time and its interval, in one unit: 24.4 ms (14.2 to 27.9)."""
    size, unit = next((pair for pair in _UNITS if step.median >= pair[0]), _UNITS[-1])
    median, low, high = (f"{x / size:.3g}" for x in (step.median, step.low, step.high))
    return f"{median} {unit} ({low} to {high})"


def agreement(case: Case, name: str) -> str:
    """Return the verdict on a contender in its four words, "-" if there is none."""
    found = case.agreed(name)
    return (found.verdict if found else None) or "-"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def run_steps(case: Case, comparison: Comparison) -> int | None:
    """Return the steps of the user's run: epochs times steps of an epoch."""
    settings = comparison.settings
    if settings.steps is not None:
        return settings.epochs * settings.steps
    if case.samples is None:
        return None
    return settings.epochs * -(-case.samples // case.task.batch)


def noise(case: Case) -> str:
    """Return how large noise is, in words."""
    floor = statistics.noise_floor(case)
    if floor is None or case.again is None:
        return "No A/A run: how large noise is, is not known."
    return (
        f"Noise: two processes of {case.again.name} differ by up to {share(floor)}; "
        "what differs by less is a tie."
    )


def sentence(case: Case, comparison: Comparison) -> str:
    """Return who is first on a model, or why that cannot be told."""
    name = case.task.name
    found = statistics.verdict(case, comparison.machine.cores)
    if found.winner is not None:
        return f"{_won(case, found.winner)}{_run(case, comparison)}."
    if found.tie:
        times = [seconds(_median(case, each)) for each in found.tie]
        return (
            f"On {name} {listed(found.tie)} tie: {listed(times)} a step differ by no "
            f"more than noise{_run(case, comparison)}."
        )
    return f"Nobody is called the fastest on {name}: {'; '.join(found.reasons)}."


def _won(case: Case, winner: str) -> str:
    _, second, *_ = statistics.ranking(case)
    steps = case.contender(winner).steps
    gain = statistics.ratio(steps, second.steps).median
    return (
        f"On this machine {winner} trains {case.task.name} fastest: "
        f"{seconds(_median(case, winner))} a step, {gain:.3g} times as fast as "
        f"{second.name}"
    )


def _median(case: Case, name: str) -> float | None:
    found = statistics.step(case.contender(name))
    return None if found is None else found.median


def _run(case: Case, comparison: Comparison) -> str:
    """Return who is through with the user's run first, and from when on another is."""
    steps = run_steps(case, comparison)
    if steps is None:
        return ""
    totals = {
        each.name: whole
        for each in statistics.ranking(case)
        if (whole := statistics.total(each, steps)) is not None
    }
    if not totals:
        return ""
    first = min(totals, key=lambda name: totals[name])
    text = (
        f"; with imports and compiling, {first} is done first with the {steps:,} steps "
        f"of your run, in {seconds(totals[first])}"
    )
    later = [
        each
        for each in statistics.crossings(case)
        if each.sooner == first and each.steps > steps
    ]
    if later:
        text += f", and {later[0].later} from {later[0].steps:,} steps on"
    return text


def ending(comparison: Comparison) -> str:
    """Return the one sentence that ends a comparison."""
    cases = comparison.cases
    if len(cases) == 1:
        return sentence(cases[0], comparison)
    winners: dict[str, list[str]] = {}
    ties: list[str] = []
    refused: list[str] = []
    for case in cases:
        found = statistics.verdict(case, comparison.machine.cores)
        if found.winner is not None:
            winners.setdefault(found.winner, []).append(case.task.name)
        elif found.tie:
            ties.append(f"{listed(found.tie)} tie on {case.task.name}")
        else:
            refused.append(case.task.name)
    parts = [
        f"{name} trains {listed(names)} fastest" for name, names in winners.items()
    ]
    parts += ties
    if refused:
        parts.append(f"nobody is called the fastest on {listed(refused)}")
    return f"On this machine {listed(parts)}."
