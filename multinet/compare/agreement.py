"""Whether backends agree: what each computed, judged by what float64 gives.

One of four words. "bit-equal": the same bits as a contender before. "equal to
rounding": no number is off by more than rounding explains, as nudged runs measure it.
"drifting": the numbers part, though each primitive and each step done again from the
same state is right; an activation that rounds to the other side of a kink does that,
or, rarely, steps that magnify rounding until half of the digits are lost.
"WRONG": a primitive, a gradient, an output or a step is off by more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from multinet.compare.record import Agreed
from multinet.compare.runs import Errors, Run, errors, same_bits

BIT_EQUAL, ROUNDING = "bit-equal", "equal to rounding"
DRIFTING, WRONG = "drifting", "WRONG"


def judge(runs: Mapping[str, Run | str], exact: Run | str) -> tuple[Agreed, ...]:
    """Return how each contender agrees with float64, in the order given.

    In place of a run there may be the reason why there is none.
    """
    judged: list[Agreed] = []
    before: dict[str, Run] = {}
    for name, run in runs.items():
        missing = exact if isinstance(exact, str) else run
        if isinstance(run, str) or isinstance(exact, str):
            judged.append(Agreed(name, reason=str(missing)))
            continue
        judged.append(_judged(name, run, exact, before))
        before[name] = run
    return tuple(judged)


def _judged(name: str, run: Run, exact: Run, before: Mapping[str, Run]) -> Agreed:
    found = errors(run, exact)
    verdict, at, reason = _verdict(run, exact, found)
    if verdict == ROUNDING:
        same = next((n for n, other in before.items() if same_bits(run, other)), None)
        if same is not None:
            verdict, reason = BIT_EQUAL, f"the same bits as {same}"
    if run.unsearched:
        told = f"in which primitive, could not be told: {run.unsearched}"
        reason = f"{reason}; {told}" if reason else told
    return Agreed(
        name,
        verdict=verdict,
        at=at,
        reason=reason,
        outputs=found.outputs,
        loss=found.losses[0],
        gradients=found.gradients,
        weights=found.weights,
        divergence={i + 1: x for i, x in enumerate(found.losses)},
        first=run.first,
    )


def _verdict(run: Run, exact: Run, found: Errors) -> tuple[str, str | None, str | None]:
    """Return the word, where it is so, and why."""
    for at, reason in _wrongs(run, exact, found):
        return WRONG, at, reason
    room = exact.room
    assert room is not None
    apart = [n for n, error in found.weights.items() if not error <= room.weights[n]]
    steep = [
        n for n, error in found.gradients.items() if not error <= room.gradients[n]
    ]
    if not apart and not steep:
        return ROUNDING, None, None
    step = apart[0] if apart else 1
    kink = _kink(run, exact, step)
    if kink is not None:
        return DRIFTING, kink, None
    worst = max(found.weights.values())
    if worst <= math.sqrt(exact.unit):
        return ROUNDING, None, None
    return (
        DRIFTING,
        None,
        f"from step {step} on, though no kink is crossed: the steps magnify rounding",
    )


def _wrongs(run: Run, exact: Run, found: Errors) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, where and why."""
    room, first = exact.room, run.first
    assert room is not None
    if first is not None:
        where = (
            f"{first.primitive} of {first.layer}" if first.layer else first.primitive
        )
        yield where, f"from exact inputs it is off by {first.error:.1e}"
    if run.start != exact.start:
        yield "initial weights or data", "they are not those of the reference"
    if not found.outputs <= room.outputs:
        yield "outputs", _told(found.outputs, room.outputs)
    if run.sides[0] == exact.sides[0]:
        for layer, error in found.gradients.items():
            if not error <= room.gradients[layer]:
                yield f"gradient of {layer}", _told(error, room.gradients[layer])
    for check in run.checks:
        if not check.ratio <= 1 and not check.switched:
            yield (
                f"{check.weight} in step {check.step}",
                f"the step from the same state is off by {check.ratio:.1e} times what "
                "rounding explains",
            )


def _told(error: float, room: float) -> str:
    return f"off by {error:.1e}, rounding explains {room:.1e}"


def _kink(run: Run, exact: Run, step: int) -> str | None:
    """Return the kink of which the two were on different sides when they parted.

    That is the first after the last comparison at which weights were equal to rounding,
    or else the first before.
    """
    crossed = [
        (number, str(kink))
        for number, (some, others) in enumerate(zip(run.sides[:step], exact.sides), 1)
        for kink, a, b in zip(exact.kinks, some, others, strict=True)
        if a != b
    ]
    equal = max((n for n in exact.weights if n < step), default=0)
    late = [each for each in crossed if each[0] > equal] or crossed
    if not late:
        return None
    number, kink = late[0]
    return f"{kink}, step {number}"
