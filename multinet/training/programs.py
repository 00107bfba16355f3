"""Programs: the runners that a model has, by kind, form of data, backend and policy."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from multinet.distribution.present import distribution
from multinet.errors import ArgumentError, MultinetError
from multinet.holders import Holder, Inventory, Part
from multinet.interface import Backend
from multinet.patterns import addresses_of
from multinet.registry import current
from multinet.training.clock import StepClock
from multinet.training.runner import Runner
from multinet.training.step import Form, Step, make_step
from multinet.typing import AnyModel, Tree

_OFTEN = 3  # remakes for one attribute, after which a warning helps
#: The attributes of a model whose parts a kind of step does not use.
_UNUSED = {
    "train": frozenset(),
    "test": frozenset({"optimizer"}),
    "predict": frozenset({"optimizer", "loss", "_matched"}),
}


class Key(NamedTuple):
    """What tells one program from another, besides what the model holds."""

    kind: str
    data: Tree
    backend: Backend[Any]
    policy: str
    precision: Any = None
    mesh: Any = None


class Programs:
    """Finds the runner of a step for what the model holds now, or makes one."""

    def __init__(self, model: AnyModel, clock: StepClock) -> None:
        self.model, self.clock = model, clock
        self.latest: dict[Any, Runner] = {}  # by kind and tree of data
        self.kept: dict[Key, list[Runner]] = {}
        self._remakes: dict[str, int] = {}  # how often an attribute made one anew

    def clear(self) -> None:
        """Forget all: they have given their state back, or will when asked."""
        self.latest, self.kept, self._remakes = {}, {}, {}

    def known(self, kind: str, form: Form) -> Runner | None:
        """Return the runner used last on such data, if it fits still."""
        found = self.latest.get((kind, form.tree))
        return found if found is not None and found.fits(current()) else None

    def make(self, kind: str, form: Form) -> Runner:
        """Return the runner of a kind of step, a new one if none made before fits."""
        place = kind, form.tree
        before = self.latest.get(place)
        edits = [] if before is None else self._edits_since(before)
        step = make_step(self.model, kind, form)
        # What a Variable can tell, whether it is trained, is nothing to predict.
        holds = Holder if kind == "predict" else Part
        seen = Inventory(self.model, _UNUSED[kind], holds)
        runner = self.latest[place] = self._find(step, seen)
        runner.inventory = seen
        if edits:
            runner.remade = ", ".join(edits)
        return runner

    def _find(self, step: Step, seen: Inventory) -> Runner:
        """Return the runner of what the model holds: one made before, or a new one."""
        model, kind = self.model, step.kind
        policy = model.dtype_policy.name
        plan = distribution()
        if plan is not None:
            weights = model.weights
            plan.know(weights, addresses_of(model, weights))
        key = Key(kind, step.form.tree, current(), policy, mesh=plan)
        trained = [] if kind == "predict" else model.trainable_weights
        # What was edited otherwise than by `trainable` does not come back.
        runners = [r for r in self.kept.get(key, ()) if r.inventory.alike(seen)]
        self.kept[key] = runners
        for runner in runners:
            if list(map(id, runner.trained)) == list(map(id, trained)):
                return runner
        eagerly, jit = model._run_eagerly, model._jit_compile
        runners.append(Runner(step, self.clock, eagerly, jit, seen, trained))
        return runners[-1]

    def _edits_since(self, runner: Runner) -> list[str]:
        """Return the attributes edited since a runner was made; warn if often."""
        places = {id(part): path for path, part in runner.inventory.places}
        found = []
        for part, attribute in runner.inventory.edits():
            path = places[id(part)]
            address = f"{path}.{attribute}" if path else attribute
            found.append(address)
            value = getattr(part, attribute, None)
            # What `trainable` makes is kept, so setting it often costs little.
            if attribute != "trainable" and isinstance(value, int | float):
                self._count_remake(address, attribute)
        return found

    def _count_remake(self, address: str, attribute: str) -> None:
        self._remakes[address] = count = self._remakes.get(address, 0) + 1
        if count == _OFTEN:
            warnings.warn(
                f"{self.model.name} was compiled anew {count} times because {address} "
                "was set to another number. Make it a Variable and assign to it: "
                f"self.{attribute} = multinet.Variable(value, trainable=False).",
                stacklevel=2,
            )

    def explain(self, kind: str) -> Explanation:
        """Return which path a kind of step takes, and why."""
        if kind not in ("train", "test", "predict"):
            raise ArgumentError(f"Expected train, test or predict, got {kind!r}.")
        for (found, _), runner in reversed(self.latest.items()):
            if found == kind:
                return Explanation(runner.explain() | self._native())
        call = {"train": "fit", "test": "evaluate"}.get(kind, kind)
        raise MultinetError(
            f"{self.model.name} has not run a {kind} step yet: call model.{call}(...) "
            "first."
        )

    def _native(self) -> dict[str, str]:
        """Return which layers use functions of the framework, if any do."""
        layers = self.model._flatten_layers()
        names = [layer.name for layer in layers if layer._is_native]
        return {"native": ", ".join(names)} if names else {}


class Explanation(dict[str, str]):
    """What `explain_step` tells, by subject; prints as a line for each."""

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {text}" for name, text in self.items())

    __str__ = __repr__
