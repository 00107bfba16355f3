"""What a comparison is: every round of every backend, and what else was found.

A `Comparison` holds a `Case` for each model, and that a `Contender` for each row of its
table, in the order of the rows. `write` and `read` are its file of JSON: reading what
was written gives an equal object, floats exactly, NaN and infinities too. Tuples are
used throughout, so that all is frozen; `dataclasses.replace` makes what differs.

Times are in seconds, memory in bytes, roofs in operations and bytes a second; what was
not measured is None or empty, never 0. Nothing derived is kept: `statistics` gives
medians, intervals, crossings and verdicts from the rounds, so that an old file is
judged by the rules of today.

>>> found = record.read("comparison.json")
>>> case = found.cases[0]
>>> case.contender("numpy").rounds[0].seconds
0.1432
>>> agreement = (Agreed("numpy", "bit-equal"), Agreed("jax", "drifting", at="relu"))
>>> case = dataclasses.replace(case, agreement=agreement)

What says whether contenders agree gets the `Task` of a case, which any process turns
into a model and data by `loading.load`, and returns an `Agreed` for each backend. What
draws gets a `Comparison` and needs nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from multinet.compare.codec import decode, encode
from multinet.errors import ArgumentError

#: Raised when files of before cannot be read any more.
FORMAT = 1


@dataclass(frozen=True)
class Task:
    """What to compare on: `function()` of a file gives `(model, x, y)`.

    Without a file, the function is one of the built-in suite. `batch` is the size of a
    batch, `seed` what is set before the function is called.
    """

    name: str
    function: str = "make"
    file: str | None = None
    batch: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Settings:
    """What was asked for: one number of threads for all, rounds, and the user's run.

    `epochs` and `steps`, those of an epoch (None: as many as there are data), are the
    run whose total time is told. `target` is the value that `metric` is to reach.
    """

    backends: tuple[str, ...]
    threads: int
    rounds: int
    epochs: int
    steps: int | None = None
    metric: str | None = None
    target: float | None = None


@dataclass(frozen=True)
class Machine:
    """Where it was measured; `memory` is that of the host, `devices` by backend."""

    processor: str
    cores: int
    system: str
    python: str
    memory: int | None = None
    devices: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Roofs:
    """The most that this machine was seen to do, with the threads of the comparison.

    `gemm` is of a product of float32 matrices, in operations a second; `copy` of a copy
    that fits no cache, in bytes read and written a second. Both are the best of all
    backends; 0 is never among them.
    """

    gemm: float
    copy: float


@dataclass(frozen=True)
class Round:
    """So many steps of training in a row, timed until the device had done them.

    `turn` is its place among the rounds of all contenders of the case: who had the
    turn before had the machine a moment ago.
    """

    turn: int
    steps: int
    seconds: float

    @property
    def step(self) -> float:
        """The seconds of a step."""
        return self.seconds / self.steps


@dataclass(frozen=True)
class Start:
    """What there is before steps are steady, in seconds.

    `imported` from the start of a process until its backend is ready; `built` is the
    function of the user, data included; `first_step` compiles; `settled` are the
    `settled_steps` after it, in which further programs are compiled.
    """

    imported: float
    built: float
    first_step: float
    settled: float = 0.0
    settled_steps: int = 0


@dataclass(frozen=True)
class Point:
    """The logs at the end of an epoch, and how long training took so far.

    `steps` and `seconds` count from the first step, it and what compiles included; what
    others took while this one waited is not.
    """

    epoch: int
    steps: int
    seconds: float
    logs: dict[str, float]


@dataclass(frozen=True)
class Speed:
    """Rows a second of `predict` on batches of a size."""

    batch: int
    rows: float


@dataclass(frozen=True)
class Prediction:
    """What `predict` takes: each call on one row, in seconds, and whole data."""

    one_row: tuple[float, ...] = ()
    speeds: tuple[Speed, ...] = ()


@dataclass(frozen=True)
class Contender:
    """A row of the table: a backend, or what else can predict.

    `reason` says why it is missing or where it failed; what had been measured before
    stays. `path` is what `explain_step` tells. `memory` is the peak of its process,
    `device_memory` that of the device where it is not the host. `recompiles` counts
    the programs of a step beside the first.
    """

    name: str
    version: str | None = None
    reason: str | None = None
    path: dict[str, str] = field(default_factory=dict)
    start: Start | None = None
    rounds: tuple[Round, ...] = ()
    curve: tuple[Point, ...] = ()
    prediction: Prediction = field(default_factory=Prediction)
    memory: int | None = None
    device_memory: int | None = None
    recompiles: int | None = None

    @property
    def steps(self) -> tuple[float, ...]:
        """The seconds of a step in each round."""
        return tuple(each.step for each in self.rounds)


@dataclass(frozen=True)
class LayerCost:
    """What a layer takes in a step of training, by the graph: operations, and bytes.

    `layer` is its path, "" what belongs to none, such as the loss and the optimizer.
    Bytes are those of every primitive, as if nothing were fused or cached.
    """

    layer: str
    flops: int
    bytes: int


@dataclass(frozen=True)
class Parting:
    """The first layer and primitive whose results part, and by how much."""

    layer: str
    primitive: str
    error: float


@dataclass(frozen=True)
class Agreed:
    """Whether a contender computes what float64 on NumPy does.

    `verdict` is "bit-equal", "equal to rounding", "drifting" or "WRONG", or None where
    `reason` says why it is not known; else that says more of it. `at` is the kink or
    tie at which it drifts, or what is wrong. All errors are the largest relative ones:
    of outputs, of the first loss, of each layer's gradient, of the weights by the
    number of steps, and of the loss by the step.
    """

    contender: str
    verdict: str | None = None
    at: str | None = None
    reason: str | None = None
    outputs: float | None = None
    loss: float | None = None
    gradients: dict[str, float] = field(default_factory=dict)
    weights: dict[int, float] = field(default_factory=dict)
    divergence: dict[int, float] = field(default_factory=dict)
    first: Parting | None = None


@dataclass(frozen=True)
class Case:
    """One model: who took part, and how they agree.

    `again` is the A/A run, a second process of one contender, whose name it has: what
    the two differ by is noise. `busy` is how many cores others kept busy meanwhile.
    `samples` are the rows of the data, `costs` those of one step of a batch, and
    `uncounted` says which operations are not among them, or why none are.
    """

    task: Task
    contenders: tuple[Contender, ...]
    again: Contender | None = None
    agreement: tuple[Agreed, ...] = ()
    costs: tuple[LayerCost, ...] = ()
    samples: int | None = None
    parameters: int | None = None
    busy: float | None = None
    uncounted: str | None = None

    def contender(self, name: str) -> Contender:
        """Return the contender of a name; `ArgumentError` lists those there are."""
        for each in self.contenders:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.contenders)
        raise ArgumentError(f"Expected one of {names}; got {name!r}.")

    def agreed(self, name: str) -> Agreed | None:
        """Return what is known of how a contender agrees, None if nothing is."""
        return next((each for each in self.agreement if each.contender == name), None)

    @property
    def flops(self) -> int | None:
        """The operations of one step; None where they were not counted."""
        return sum(each.flops for each in self.costs) if self.costs else None

    @property
    def bytes(self) -> int | None:
        """The bytes that one step reads and writes; None where not counted."""
        return sum(each.bytes for each in self.costs) if self.costs else None


@dataclass(frozen=True)
class Comparison:
    """All of it: `date` is ISO 8601, `version` Multinet's, `command` what was typed."""

    date: str
    version: str
    command: tuple[str, ...]
    machine: Machine
    settings: Settings
    cases: tuple[Case, ...]
    roofs: Roofs | None = None
    format: int = FORMAT


def dumps(comparison: Comparison) -> str:
    """Return a comparison as JSON that any reader takes: NaN is a text in it."""
    return json.dumps(encode(comparison), indent=1, allow_nan=False)


def loads(text: str, place: str = "the text") -> Comparison:
    """Return the comparison that `dumps` wrote; `ArgumentError` if it is none."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ArgumentError(
            f"Expected {place} to be JSON that multinet compare --json wrote; {error}."
        ) from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ArgumentError(
            f"Expected {place} to be a comparison of format {FORMAT}, got format "
            f"{found!r}. Write it anew with: multinet compare --json."
        )
    return decode(Comparison, data, place)


def write(comparison: Comparison, path: str | Path) -> None:
    """Write a comparison to a file of JSON."""
    Path(path).write_text(dumps(comparison) + "\n", encoding="utf-8")


def read(path: str | Path) -> Comparison:
    """Return the comparison in a file; `ArgumentError` if there is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"Expected a file that multinet compare --json wrote; {error}."
        ) from None
    return loads(text, str(path))
