"""What a backend computes for a model, and what float64 on NumPy does.

Each of the two runs in a process of its own, from the same seed and on the same
batches; `agreement.judge` compares them.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.compare.exact import SHARE, Nudged, Seen, roundoff
from multinet.compare.kinks import Kink
from multinet.compare.runs import Check, Errors, Run, errors, largest
from multinet.compare.trial import (
    Arrays,
    Batch,
    Probed,
    Trial,
    gradients_of,
    losses_of,
    started,
)
from multinet.graph import Graph
from multinet.registry import current, use_backend
from multinet.typing import AnyModel, Host, Tensor

#: After how many steps weights are compared, and which steps are done once more.
STEPS = (1, 2, 5, 10, 20, 50, 100)
CHECKED = (0, 9, 99)
WALKS, SAMPLES = 2, 3  # nudged runs of all steps, and of one that is checked
#: How many times what nudged runs are off by is still called rounding, and how many
#: units of it any number may be off by.
SLACK, UNITS = 32.0, 8.0
_COMPILING = 2  # steps
USUAL = 128.0  # units that are usual, where no nudged run can tell


def observe(
    model: AnyModel,
    batches: Sequence[Batch],
    steps: int = 100,
    seconds: float = 60.0,
) -> Run:
    """Train a compiled model on the backend in use, and return what it computes.

    Batches are of one size, and taken in turn. `seconds` after the first two steps,
    which compile, none begins.
    `TraceError` or `ArgumentError` where the step cannot be captured as a graph.
    """
    trial = Trial(model, batches)
    before = trial.state()
    run = _begun(trial, before)
    run.outputs = list(trial.outputs())
    for number in _steps(steps, seconds):
        given = trial.arguments()
        probed = trial.probe(gradients=not number)
        run.note(probed)
        trial.train()
        after = trial.state()
        if number in CHECKED:
            check = _checked(trial, before, given, after, probed.sides)
            run.checks += [] if check is None else [check]
        if trial.step in STEPS:
            run.weights[trial.step] = list(trial.own(after).values())
        before = after
    run.kinks = list(trial.kinks)
    return run


def refer(
    model: AnyModel,
    batches: Sequence[Batch],
    steps: int = 100,
    seconds: float = 60.0,
) -> Run:
    """Return what a compiled model computes in float64 on NumPy, from its weights.

    The model is one of NumPy, in its own dtypes. The run has `room` as well: by how
    much rounding alone lets each number be off.
    """
    trial = Trial(model, batches)
    with use_backend("numpy"):
        state = trial.state()
        walks = [Walk(trial, state, seed) for seed in range(WALKS + 1)]
        run, *nudged = runs = [_begun(trial, state) for _ in walks]
        for each, walk in zip(runs, walks):
            each.outputs = list(walk.outputs())
        for _ in _steps(steps, seconds):
            given = trial.arguments()
            trial.train()
            for each, walk in zip(runs, walks):
                each.note(walk.advance(given))
                if trial.step in STEPS:
                    own = trial.own(walk.state)
                    each.weights[trial.step] = list(own.values())
        run.kinks = walks[0].kinks
    run.room = _room(run, nudged)
    return run


def _room(run: Run, nudged: Sequence[Run]) -> Errors:
    """Return by how much rounding lets each number of an exact run be off.

    What a nudged run tells ends where it gets to another side of a kink; from there the
    last that was known counts.
    """
    found = [
        errors(each, run).scaled(SLACK / SHARE, UNITS * run.unit) for each in nudged
    ]
    same = [_same_steps(each, run) for each in nudged]
    usual, room = USUAL * run.unit, largest(found)
    pairs = list(zip(found, same))
    for layer in room.gradients:
        known = [each.gradients[layer] for each, steps in pairs if steps]
        room.gradients[layer] = max(known, default=usual)
    last = usual
    for number in room.weights:
        known = [each.weights[number] for each, steps in pairs if number <= steps]
        last = room.weights[number] = max(known, default=last)
    last = usual
    for i in range(len(room.losses)):
        known = [each.losses[i] for each, steps in pairs if i <= steps]
        last = room.losses[i] = max(known, default=last)
    return room


def _same_steps(run: Run, other: Run) -> int:
    """Return how many steps two runs were on the same sides of all kinks."""
    pairs = enumerate(zip(run.sides, other.sides))
    return next((i for i, (a, b) in pairs if a != b), len(run.sides))


def _steps(count: int, seconds: float) -> Iterator[int]:
    """Yield the numbers of steps, for so long after the first two, which compile."""
    yield from range(min(count, _COMPILING))
    end = time.perf_counter() + seconds
    for number in range(_COMPILING, count):
        if time.perf_counter() >= end:
            return
        yield number


class Walk:
    """A way through the steps in float64, from a state; nudged unless the seed is 0."""

    def __init__(self, trial: Trial, state: Arrays, seed: int) -> None:
        self.trial, self.seed, self.state = trial, seed, state
        self.kinks: list[Kink] = []

    def outputs(self) -> Arrays:
        """Return what the model predicts for the first batch."""
        graph = self.trial.predicting
        values = zip(self.trial.graph.variables.values(), self.state)
        held = {id(v): x for (_, v), x in values}
        known = [v for _, v in graph.variables.values()]
        state = [held[id(v)] if id(v) in held else v.numpy() for v in known]
        run = self._started(graph, state, self.trial.predicting_arguments())
        run.run(graph)
        return tuple(current().to_numpy(run.values[id(x)]) for x in graph.outputs)

    def advance(self, given: Arrays) -> Probed:
        """Do one step; return what it computed before its update."""
        graph, backend = self.trial.graph, current()
        run = self._started(graph, self.state, given)
        run.run(graph)
        self.kinks = [self.trial.kink(each) for each in run.kinks]
        nodes = self.trial.nodes
        found = [*losses_of(run, nodes), *gradients_of(run, nodes), *run.sides]
        probed = self.trial.parted([backend.to_numpy(x) for x in found])
        after = [
            backend.to_numpy(run.values[id(graph.updates[path])])
            if path in graph.updates
            else old
            for path, old in zip(graph.variables, self.state)
        ]
        self.state = tuple(after)
        return probed

    def _started(self, graph: Graph, state: Sequence[Host], given: Arrays) -> Seen:
        backend = current()
        tensors: list[Tensor] = [backend.from_numpy(x) for x in state]
        inputs = [backend.from_numpy(x) for x in given]
        if not self.seed:
            return started(graph, Seen(backend), tensors, inputs)
        run = Nudged(backend, self.seed)
        kinds = [value.dtype for value, _ in graph.variables.values()]
        tensors = [run.nudge(run.widened(x), d) for x, d in zip(tensors, kinds)]
        kinds = [value.dtype for value in graph.inputs]
        inputs = [run.nudge(run.widened(x), d) for x, d in zip(inputs, kinds)]
        return started(graph, run, tensors, inputs)


def _begun(trial: Trial, state: Arrays) -> Run:
    data: Any = list(map(tuple, trial.batches))
    data, start = optree.tree_leaves(data), 0
    for array in (*state, *data):
        start = zlib.crc32(np.ascontiguousarray(array).tobytes(), start)
    paths = list(trial.weights)
    return Run(current().name, start, list(trial.layers), paths, _unit(trial))


def _checked(
    trial: Trial, before: Arrays, given: Arrays, after: Arrays, sides: Sequence[int]
) -> Check | None:
    """Return how far a step is from what float64 makes of the same state.

    None where it hangs on a kink or a tie: nothing tells then what rounding explains.
    """
    with use_backend("numpy"):
        walks = [Walk(trial, before, seed) for seed in range(SAMPLES + 1)]
        probed = [walk.advance(given) for walk in walks]
    exact = trial.own(walks[0].state)
    nudged = [
        trial.own(walk.state)
        for walk, found in zip(walks, probed)
        if walk.seed and found.sides == probed[0].sides
    ]
    if not nudged:
        return None
    ratio, weight = 0.0, ""
    for path, got in trial.own(after).items():
        if not dtypes.is_differentiable(dtypes.standardize(got.dtype)):
            continue
        wanted, unit = exact[path], roundoff(dtypes.standardize(got.dtype))
        off = max(float(np.abs(each[path] - wanted).max(initial=0)) for each in nudged)
        room = off * SLACK / SHARE + UNITS * unit * float(np.abs(wanted).max(initial=0))
        error = float(np.abs(got - wanted).max(initial=0))
        found = error / room if room else (np.inf if error else 0.0)
        if not found <= ratio:  # NaN too
            ratio, weight = found, path
    pairs = zip(trial.kinks, sides, probed[0].sides, strict=True)
    return Check(trial.step, ratio, weight, [str(k) for k, a, b in pairs if a != b])


def _unit(trial: Trial) -> float:
    """Return the roundoff of the coarsest floats of a step."""
    kinds = {x.dtype for node in trial.graph.walk() for x in node.outputs}
    return max(roundoff(d) for d in kinds if dtypes.is_float(d))
