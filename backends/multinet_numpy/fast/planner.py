"""NumpyProgram: a step planned once for each shape of batch, and its state."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.interface import Program, Running, fused
from multinet_numpy.fast import accelerated
from multinet_numpy.fast.arena import Arena, Layout
from multinet_numpy.fast.plan import Plan, Planned
from multinet_numpy.fast.recipes import fuse_convolutions
from multinet_numpy.fast.source import Compiled
from multinet_numpy.native import tensor
from multinet_numpy.tape import quiet

_PLANS = 16  # kept, the least recently used goes


class NumpyProgram(Program[Any]):
    """Runs plans on a state in arrays of its own; what cannot be planned, on the tape.

    Entries that a step writes live in arrays of the program, those of an optimizer one
    after the other. Entries that it only reads are the arrays that were given.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.plans: OrderedDict[Any, Compiled] = OrderedDict()
        self.own: dict[int, Any] = {}
        self.arena = Arena()
        self.fused: set[str] = set()  # the fused methods that have kernels here
        self.numba: set[str] = set()  # the kernels that it runs
        self.lock = threading.RLock()
        asked = self.jit_compile is False
        self.reason = "jit_compile=False" if asked else ""

    # -- state -------------------------------------------------------------------------

    def load(self, values: Sequence[Any]) -> None:
        """Carry on from these values, which are never changed."""
        super().load(values)
        for i, value in enumerate(values):
            self.put(i, value)

    def put(self, index: int, value: Any) -> None:
        """Replace one entry of the state by a value, which is never changed."""
        if index in self.own:
            self.own[index][...] = value
            value = self.own[index]
        else:
            value = np.ascontiguousarray(value).reshape(np.shape(value))
        super().put(index, value)
        for plan in self.plans.values():
            plan.bind(index, value)

    def values(self) -> list[Any]:
        """Return the state, to keep: later runs do not change it."""
        kept = enumerate(super().values())
        return tensor([x.copy() if i in self.own else x for i, x in kept])

    # -- running -----------------------------------------------------------------------

    def capacity(self, batch: Sequence[Any], wanted: int) -> int:
        """Return how many steps `run` takes gladly at once: any number."""
        return 1 if self.reason else wanted

    def run(self, batch: Sequence[Any], scalars: Sequence[Any], count: int) -> Any:
        """Run `count` steps; return the outputs of the last one, as new arrays."""
        with self.lock, quiet(), Running():
            if not self.reason:
                key = tuple([(x.shape[1:], x.dtype) for x in batch])
                plan = self.plans.get(key)
                if plan is not None:
                    self.plans.move_to_end(key)
                    return plan.run(*[x[:count] for x in (*batch, *scalars)])
                try:
                    plan = self._trace([x[0] for x in batch])
                except Exception as error:  # the tape shows whether the step is wrong
                    return self._on_tape(error, batch, scalars, count)
                self.plans[key] = plan
                while len(self.plans) > _PLANS:
                    self.plans.popitem(last=False)
                return plan.run(*[x[:count] for x in (*batch, *scalars)])
            return super().run(batch, scalars, count)

    def one(
        self, row: Sequence[Any], scalars: Callable[[], Sequence[Any]]
    ) -> tuple[Any, ...]:
        """Run one step on the arrays of one batch; return the outputs."""
        if not self.reason:
            with self.lock, quiet(), Running():
                plan = self.plans.get(tuple([(x.shape, x.dtype) for x in row]))
                if plan is not None:
                    return plan.run(*[x[None] for x in row], *scalars())
        return super().one(row, scalars)

    def _on_tape(self, error: Exception, *arguments: Any) -> Any:
        self.held = self.values()
        self.own.clear()
        self.plans.clear()
        outputs = super().run(*arguments)
        self.reason = f"{type(error).__name__}: {error}"
        warnings.warn(
            f"The step runs on the tape, unplanned and slower: {self.reason}",
            RuntimeWarning,
            stacklevel=4,
        )
        return outputs

    def _trace(self, batch: Sequence[Any]) -> Compiled:
        plan = Plan()
        state = [plan.given(x) for x in self.held]
        inputs = [plan.local(np.empty(x.shape, x.dtype)) for x in batch]
        scalars = [plan.given(np.zeros((), dtype)) for dtype in self.scalars]
        for i, x in enumerate(inputs):
            x.root.home = f"b{i}"
        results = self.function(*state, *inputs, *scalars)
        after, outputs = results[: len(state)], results[len(state) :]
        changed = {i: y for i, y in enumerate(after) if y is not state[i]}
        fresh: set[int] = set()
        for i, y in changed.items():
            whole = type(y) is Planned and y.root.home is None
            if whole and id(y.root) not in fresh and _is_whole(y):
                fresh.add(id(y.root))
            elif type(y) is Planned:
                changed[i] = plan.copy(y)
        self._take_over(changed, plan, state)
        old = [x.root for i, x in enumerate(state) if i in changed]
        outputs = [
            plan.copy(y) if type(y) is Planned and y.root in old else y for y in outputs
        ]
        ends = [*outputs, *changed.values()]
        plan.prune(ends)
        fuse_convolutions(plan, ends)
        self.fused |= plan.kernels.intersection(fused())
        self.numba |= accelerated.accelerate(plan)
        layout = Layout(plan, ends)
        writes = [
            (state[i], y)
            for i, y in changed.items()
            if type(y) is not Planned or not layout.pin(state[i], y)
        ]
        given = (state, inputs, scalars)
        return Compiled(plan, layout, self.arena, given, outputs, writes)

    def _take_over(
        self, changed: dict[int, Any], plan: Plan, state: list[Planned]
    ) -> None:
        """Move entries that the step writes to arrays of the program, in groups."""
        places = {id(y.root): i for i, y in changed.items() if type(y) is Planned}
        groups = [[places.get(id(b), -1) for b in group] for group in plan.groups]
        for group in [*groups, *([i] for i in changed)]:
            new = [i for i in group if i >= 0 and i in changed and i not in self.own]
            if not new or len({self.held[i].dtype for i in new}) > 1:
                continue
            size = sum(self.held[i].size for i in new)
            flat = np.empty(size, self.held[new[0]].dtype)
            start = 0
            for i in new:
                old = self.held[i]
                self.own[i] = flat[start : start + old.size].reshape(old.shape)
                self.own[i][...] = old
                start += old.size
        for i in changed:
            self.held[i] = state[i].root.home = self.own[i]
            for other in self.plans.values():
                other.bind(i, self.own[i])

    def wait(self) -> None:
        """Return at once: runs are over when they return."""

    def explain(self) -> dict[str, str]:
        """Return which path runs and why."""
        if self.reason:
            return {"path": "tape: " + self.reason, "steps": "one a call"}
        plans = list(self.plans.values())
        calls = [len(p.source.splitlines()) - 3 for p in plans]
        kernels = ", ".join(["NumPy", *sorted(self.fused)])
        found = ", ".join(sorted(self.numba)) or "no call is large enough"
        return {
            "path": f"planned: {len(plans)} shapes of batch, {calls} calls a step",
            "steps": "as many a call as are given: the loop is in the plan",
            "kernels": f"{kernels}; numba: {accelerated.missing() or found}",
            "memory": f"an arena of {self.arena.memory.size} bytes",
        }


def _is_whole(x: Planned) -> bool:
    value, example = x.value, x.root.example
    whole = value.size == example.size and value.dtype == example.dtype
    return whole and value.flags.c_contiguous and example.flags.c_contiguous
