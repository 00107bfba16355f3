"""The steps that a model has compiled, by kind, data, weights and backend."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import optree

from multinet.errors import ArgumentError, MultinetError
from multinet.holders import Holder, Inventory, Part
from multinet.registry import current
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.training.custom import CustomStep, overrides
from multinet.training.data import Batch, Shuffles
from multinet.training.state import Draws, Explanation, State
from multinet.training.step import Step
from multinet.training.turns import Taken, Turn

if TYPE_CHECKING:
    from multinet.layers.base import Layer as _Host
else:
    _Host = object


_OFTEN = 3  # remakes for one attribute, after which a warning helps
_COMPILED = frozenset(
    {"optimizer", "loss", "_metric_set", "_compiled_metrics"}
    | {"_loss_tracker", "_output_trackers"}
)
#: The attributes of a model whose parts a kind of step does not use.
_UNUSED = {"train": frozenset(), "test": frozenset({"optimizer"}), "predict": _COMPILED}


class Key(NamedTuple):
    """What tells one program from another, besides what the model holds."""

    kind: str
    data: Any
    backend: str
    policy: str
    precision: Any = None
    mesh: Any = None


class States(_Host):
    """The part of a Model that keeps its compiled steps. See `Model`."""

    optimizer: Any
    _each: list[Any]
    _run_eagerly: bool
    _jit_compile: Any
    _private = frozenset({"_states", "_all_states", "_quick", "_each", "_remakes"})
    _running = frozenset(
        {"_metric_set", "_compiled_metrics", "_loss_tracker"}
        | {"_output_trackers", "_ready", "_names", "_draws", "_shuffles", "_turn"}
    )

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._forget_states()

    def _forget_states(self) -> None:
        if not hasattr(self, "_draws"):
            self._draws, self._shuffles, self._turn = Draws(), Shuffles(), Turn()
        self._states: dict[Any, State] = {}  # by kind and tree of data
        self._all_states: dict[Key, list[State]] = {}
        self._remakes: dict[str, int] = {}  # how often an attribute made one anew
        self._quick: State | None = None  # the predict step of one array

    def _held_while_moving(self) -> Iterator[Any]:
        yield Taken(self, "to_backend")
        yield self._turn.making

    def _arrived(self) -> None:
        """Drop the programs of the backend before; they have given their state back."""
        super()._arrived()
        self._forget_states()
        self._each = []

    def _state(self, kind: str, batch: Batch) -> State:
        """Return the state of one kind of step on data like `batch`, ready to run."""
        spec = optree.tree_structure(batch.tree())  # type: ignore[arg-type]
        found = self._states.get((kind, spec))
        if found is not None and found.fits(current()):
            return found
        with self._turn.making:
            return self._make_state(kind, spec, batch)

    def _make_state(self, kind: str, spec: Any, batch: Batch) -> State:
        own = overrides(self, kind)
        if kind == "predict" and not self.built and not own:
            self._build_for(batch)
        before = self._states.get((kind, spec))
        edits = [] if before is None else self._edits_since(before)
        step = CustomStep(self, kind, spec, batch) if own else None
        # What a Variable can tell, whether it is trained, is nothing to predict.
        seen = Inventory(self, _UNUSED[kind], Holder if kind == "predict" else Part)
        state = self._states[kind, spec] = self._find_state(kind, spec, step, seen)
        state.inventory = seen
        if edits:
            state.remade = ", ".join(edits)
        return state

    def _find_state(
        self, kind: str, spec: Any, own: CustomStep | None, seen: Inventory
    ) -> State:
        """Return the state of what the model holds: one made before, or a new one."""
        key = Key(kind, spec, current().name, self.dtype_policy.name)
        trained = [] if kind == "predict" else self.trainable_weights
        # What was edited otherwise than by `trainable` does not come back.
        states = [s for s in self._all_states.get(key, ()) if s.inventory.alike(seen)]
        self._all_states[key] = states
        for state in states:
            if list(map(id, state.trained)) == list(map(id, trained)):
                return state
        step = own or Step(self, kind, spec)
        states.append(State(step, self._run_eagerly, self._jit_compile, seen, trained))
        return states[-1]

    def _edits_since(self, state: State) -> list[str]:
        """Return the attributes edited since a state was made; warn if often."""
        places = {id(part): path for path, part in state.inventory.places}
        found = []
        for part, attribute in state.inventory.edits():
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
                f"{self.name} was compiled anew {count} times because {address} was set"
                " to another number. Make it a Variable and assign to it: "
                f"self.{attribute} = multinet.Variable(value, trainable=False).",
                stacklevel=2,
            )

    def explain_step(self, kind: str = "train") -> Explanation:
        """Return which path a step takes and why, as a dict that prints as lines.

        `kind` is train, test or predict; the model must have run one.
        """
        if kind not in ("train", "test", "predict"):
            raise ArgumentError(f"Expected train, test or predict, got {kind!r}.")
        for (found, _), state in reversed(self._states.items()):
            if found == kind:
                return Explanation(state.explain())
        call = {"train": "fit", "test": "evaluate"}.get(kind, kind)
        raise MultinetError(
            f"{self.name} has not run a {kind} step yet: call model.{call}(...) first."
        )

    def _build_for(self, batch: Batch) -> None:
        """Create the weights for data like `batch`, by a run on shapes alone."""
        with shadowing():
            self(batch.map(placeholder).x, training=False)


def placeholder(array: np.ndarray[Any, Any]) -> Any:
    """Return a symbolic array like `array`, of any number of samples."""
    return symbolic_array((None, *array.shape[1:]), array.dtype.name)
