"""The steps that a model has compiled, by kind, data, weights and backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from multinet.errors import ArgumentError, MultinetError
from multinet.layers.tracking import Tracked
from multinet.registry import current
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.training.custom import CustomStep, overrides
from multinet.training.data import Batch, Shuffles
from multinet.training.state import Draws, Explanation, State
from multinet.training.step import Step
from multinet.training.turns import Taken, Turn
from multinet.variables import Structure

if TYPE_CHECKING:
    from multinet.layers.base import Layer as _Host
else:
    _Host = object


class States(_Host):
    """The part of a Model that keeps its compiled steps. See `Model`."""

    optimizer: Any
    _each: list[Any]
    _run_eagerly: bool
    _jit_compile: Any
    _stays = Tracked._stays | {"_states", "_all_states", "_quick", "_each"}

    def _forget_states(self) -> None:
        if not hasattr(self, "_draws"):
            self._draws, self._shuffles, self._turn = Draws(), Shuffles(), Turn()
        self._states: dict[Any, State] = {}  # by kind and tree of data
        self._all_states: dict[Any, State] = {}  # by these, weights and backend
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
        if found is not None and found.fits(current(), Structure.now):
            return found
        with self._turn.making:
            return self._make_state(kind, spec, batch)

    def _make_state(self, kind: str, spec: Any, batch: Batch) -> State:
        own = overrides(self, kind)
        if kind == "predict" and not self.built and not own:
            self._build_for(batch)
        step = CustomStep(self, kind, spec, batch) if own else None
        state = self._find_state(kind, spec, step)
        state.structure = Structure.now
        self._states[kind, spec] = state
        return state

    def _find_state(self, kind: str, spec: Any, own: CustomStep | None) -> State:
        """Return the state of these weights: one made before, or a new one."""
        backend, trained, variables = current(), (), self.variables
        if own is not None:
            variables = own.variables
        elif kind == "train":
            trained = tuple(map(id, self.trainable_weights))
        key = (kind, spec, backend.name, trained, tuple(map(id, variables)))
        state = self._all_states.get(key)
        if state is None:
            step = own or Step(self, kind, spec)
            state = State(step, self._run_eagerly, self._jit_compile)
            self._all_states[key] = state
        return state

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
