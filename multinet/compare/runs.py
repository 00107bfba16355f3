"""Run: what one backend computed for a model; and how far two runs are apart."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from multinet.compare.kinks import Kink
from multinet.compare.record import Parting
from multinet.compare.trial import Probed
from multinet.errors import ArgumentError
from multinet.typing import Host

_ARRAYS = ("outputs", "gradients")


@dataclass
class Check:
    """One step done again in float64, from the state that a backend had.

    `ratio` is the largest error of a weight over what rounding explains, and `weight`
    that weight; the two were on different sides of the kinks in `switched`.
    """

    step: int
    ratio: float
    weight: str
    switched: list[str]


@dataclass
class Errors:
    """Largest relative errors: of outputs, losses by step, gradients by layer, weights.

    Those of weights are by the number of steps.
    """

    outputs: float
    losses: list[float]
    gradients: dict[str, float]
    weights: dict[int, float]

    def scaled(self, factor: float, plus: float) -> Errors:
        """Return each error times a factor, and some more."""
        return Errors(
            self.outputs * factor + plus,
            [x * factor + plus for x in self.losses],
            {name: x * factor + plus for name, x in self.gradients.items()},
            {step: x * factor + plus for step, x in self.weights.items()},
        )


@dataclass
class Run:
    """What one backend computed for a model, from its initial weights on.

    `start` is a digest of the initial state and the data. Of the first batch there are
    `outputs`, as predicted, and a gradient for each of `layers`; of each step its
    `losses` and, for each of `kinks`, a digest of its sides; and the model's `weights`,
    of `paths`, by the number of steps. `checks` are steps done again. `first` is the
    first primitive that is wrong, if one is known, `unsearched` why none was searched.
    `unit` is the roundoff of the coarsest floats. What float64 gives has `room`: how
    far off rounding alone lets each number be.
    """

    backend: str
    start: int
    layers: list[str]
    paths: list[str]
    unit: float
    outputs: list[Host] = field(default_factory=list)
    gradients: list[Host] = field(default_factory=list)
    losses: list[list[float]] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)
    sides: list[list[int]] = field(default_factory=list)
    weights: dict[int, list[Host]] = field(default_factory=dict)
    first: Parting | None = None
    unsearched: str = ""
    checks: list[Check] = field(default_factory=list)
    room: Errors | None = None

    def note(self, probed: Probed) -> None:
        """Add what a step computed before its update."""
        if not self.losses:
            self.gradients = list(probed.gradients)
        self.losses.append([float(x) for x in probed.losses])
        self.sides.append(list(probed.sides))

    def save(self, path: str | Path) -> None:
        """Write the run to a file of NumPy's, .npz."""
        data = asdict(self)
        arrays = {f"{n}_{i}": x for n in _ARRAYS for i, x in enumerate(data.pop(n))}
        for step, weights in data.pop("weights").items():
            arrays |= {f"weights_{step}_{i}": x for i, x in enumerate(weights)}
        with Path(path).open("wb") as file:
            np.savez(file, data=np.array(json.dumps(data)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Return the run that `save` wrote."""
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        run = _decoded(json.loads(str(arrays.pop("data"))))
        for name, array in arrays.items():
            kind, _, rest = name.partition("_")
            step, _, _ = rest.partition("_")
            if kind in _ARRAYS:
                getattr(run, kind).append(array)
            else:
                run.weights.setdefault(int(step), []).append(array)
        return run


def _decoded(data: dict[str, Any]) -> Run:
    room = data.pop("room")
    if room is not None:
        room["weights"] = {int(step): x for step, x in room["weights"].items()}
        room = Errors(**room)
    kinks = [Kink(*each) for each in data.pop("kinks")]
    checks = [Check(**each) for each in data.pop("checks")]
    first = data.pop("first")
    first = None if first is None else Parting(**first)
    return Run(**data, kinks=kinks, first=first, checks=checks, room=room)


def errors(run: Run, exact: Run) -> Errors:
    """Return how far a run is from another, relatively to that: where both have been.

    A tensor's error is the largest difference over the largest number of the tensor; of
    gradients and weights, over the largest of a layer's.
    """
    sizes = [(len(x.layers), len(x.paths)) for x in (run, exact)]
    if sizes[0] != sizes[1]:  # names may differ, as automatic ones do in one process
        raise ArgumentError(
            f"Expected runs of one model; {run.backend} has the weights {run.paths}, "
            f"{exact.backend} {exact.paths}."
        )
    layers = [path.rpartition("/")[0] or path for path in exact.paths]
    steps = [step for step in run.weights if step in exact.weights]
    return Errors(
        max(
            _by_layer(["" for _ in exact.outputs], run.outputs, exact.outputs).values()
        ),
        [_of_losses(a, b) for a, b in zip(run.losses, exact.losses)],
        _by_layer(exact.layers, run.gradients, exact.gradients, exact.unit),
        {
            n: _worst(layers, run.weights[n], exact.weights[n], exact.unit)
            for n in steps
        },
    )


def largest(several: Sequence[Errors]) -> Errors:
    """Return the largest of each error."""
    first = several[0]
    return Errors(
        max(x.outputs for x in several),
        [max(found) for found in zip(*(x.losses for x in several))],
        {n: max(x.gradients[n] for x in several) for n in first.gradients},
        {n: max(x.weights[n] for x in several) for n in first.weights},
    )


def same_bits(run: Run, other: Run) -> bool:
    """Return whether two runs are equal bit by bit, and went equally far."""
    steps = run.weights.keys()
    return (
        (run.start, run.losses) == (other.start, other.losses)
        and steps == other.weights.keys()
        and _equal(run.outputs, other.outputs)
        and _equal(run.gradients, other.gradients)
        and all(_equal(run.weights[n], other.weights[n]) for n in steps)
    )


def _equal(some: Sequence[Host], others: Sequence[Host]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def _worst(
    layers: Sequence[str], got: Sequence[Host], wanted: Sequence[Host], unit: float
) -> float:
    return max(_by_layer(layers, got, wanted, unit).values(), default=0.0)


def _by_layer(
    layers: Sequence[str],
    got: Sequence[Host],
    wanted: Sequence[Host],
    unit: float = 0.0,
) -> dict[str, float]:
    """Return the error of each layer; one of next to nothing counts by the others'."""
    pairs = [(_wide(a), _wide(b)) for a, b in zip(got, wanted, strict=True)]
    sizes, offs = dict.fromkeys(layers, 0.0), dict.fromkeys(layers, 0.0)
    for layer, (a, b) in zip(layers, pairs, strict=True):
        sizes[layer] = max(sizes[layer], float(np.abs(b).max(initial=0)))
        off = np.abs(a - b).max(initial=0) if a.shape == b.shape else math.inf
        offs[layer] = max(offs[layer], math.inf if np.isnan(off) else float(off))
    least = unit * max(sizes.values(), default=0.0)
    return {layer: _ratio(offs[layer], max(sizes[layer], least)) for layer in sizes}


def _of_losses(got: Sequence[float], wanted: Sequence[float]) -> float:
    pairs = zip(got, wanted, strict=True)
    found = [_ratio(abs(a - b), abs(b)) for a, b in pairs]
    return math.inf if any(map(math.isnan, found)) else max(found)


def _ratio(off: float, size: float) -> float:
    if not off:
        return 0.0
    return off / size if size else math.inf


def _wide(array: Host) -> Host:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
