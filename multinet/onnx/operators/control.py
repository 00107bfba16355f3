"""Operators with graphs inside: branches, loops and scans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from multinet import ops
from multinet.onnx.bodies import Body, known_values, run, same_as
from multinet.onnx.values import Sizes, array_of, is_host, settled, tensor
from multinet.symbolic.dims import Dim
from multinet.typing import Tensor


def _if(call: Any, condition: Any) -> Any:
    yes, no = call.body("then_branch"), call.body("else_branch")
    if is_host(condition):
        return run(call, yes if array_of(condition).item() else no, {})
    flag = ops.reshape(tensor(condition), ())

    def branch(body: Body) -> Callable[[], list[Any]]:
        return lambda: [tensor(x) for x in run(call, body, {})]

    return ops.cond(flag, branch(yes), branch(no))


def _scan(call: Any, *inputs: Any) -> Any:
    body, count = call.body("body"), call.get("num_scan_inputs")
    cut = len(inputs) - count
    outs = len(body.outputs) - cut
    rows = [
        ops.moveaxis(tensor(x), axis, 0)
        for x, axis in zip(inputs[cut:], call.get("scan_input_axes", [0] * count))
    ]
    back = call.get("scan_input_directions", [0] * count)
    turned = call.get("scan_output_directions", [0] * outs)
    reverse = all([*back, *turned])
    if not reverse:
        rows = [ops.flip(x, 0) if flag else x for x, flag in zip(rows, back)]

    def step(carry: Any, row: Any) -> Any:
        given = dict(zip(body.inputs, [*carry, *row], strict=True))
        found = [tensor(x) for x in run(call, body, given)]
        return found[:cut], found[cut:]

    carry, ys = ops.scan(step, [*map(tensor, inputs[:cut])], rows, reverse=reverse)
    if not reverse:
        ys = [ops.flip(y, 0) if flag else y for y, flag in zip(ys, turned)]
    axes = call.get("scan_output_axes", [0] * outs)
    return [*carry, *(ops.moveaxis(y, 0, axis) for y, axis in zip(ys, axes))]


def _loop(call: Any, trips: Any, going: Any, *states: Any) -> Any:
    body = call.body("body")
    if trips is not None and is_host(trips) and (going is None or is_host(going)):
        if going is None or array_of(going).item():
            found = _Counted(call, body, array_of(trips).item(), states)
            if found.always_goes():
                return found.run()
    return _while(call, body, trips, going, states)


class _Counted:
    """A loop whose number of steps is known, as a scan: it can be trained through.

    A state that stays, or that grows by a number in each step, is known beforehand.
    """

    def __init__(
        self, call: Any, body: Body, trips: Any, states: Sequence[Any]
    ) -> None:
        self.call, self.body, self.trips, self.states = call, body, trips, states
        self.names = body.inputs[2:]
        self.results = body.outputs[1 : 1 + len(states)]
        self.steady = [
            i
            for i, (name, result) in enumerate(zip(self.names, self.results))
            if same_as(body, result) == name
        ]
        self.grows = self._growing()

    def _growing(self) -> dict[int, int]:
        """Return by how much those states grow that shapes alone make."""
        found = [
            i
            for i, x in enumerate(self.states)
            if i not in self.steady and is_host(x) and array_of(x).size == 1
        ]
        while True:
            tokens = {i: Dim() for i in found}
            given = {self.names[i]: self._like(i, n) for i, n in tokens.items()}
            known = self._known(Dim(), given)
            grows: dict[int, int] = {}
            for i, token in tokens.items():
                result = known.get(self.results[i])
                if result is not None and array_of(result).size == 1:
                    growth = array_of(result).item() - token
                    if type(growth) is int:
                        grows[i] = growth
            if list(grows) == found:
                return grows
            found = list(grows)

    def _like(self, i: int, number: Any) -> Any:
        """Return a number as the host's value of a state."""
        state = self.states[i]
        dtype = state.dtype if isinstance(state, Sizes) else state.dtype.name
        return settled(np.full(array_of(state).shape, number, object), dtype)

    def _known(self, count: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what shapes alone say in a step."""
        number, flag, *_ = self.body.inputs
        first = {
            number: settled(count, "int64"),
            flag: np.array(True),
            **{self.names[i]: self.states[i] for i in self.steady},
            **given,
        }
        return known_values(self.call, self.body, first)

    def _at(self, i: int, count: Any) -> Any:
        """Return a growing state before the step of a number."""
        return array_of(self.states[i]).item() + self.grows[i] * count

    def always_goes(self) -> bool:
        """Return whether each step but the last one says that there is another."""
        before = self.trips - 1 - Dim()
        given = {self.names[i]: self._like(i, self._at(i, before)) for i in self.grows}
        answer = self._known(before, given).get(self.body.outputs[0])
        return answer is not None and bool(array_of(answer).item())

    def run(self) -> list[Any]:
        """Return the last states, and what the steps gave."""
        count = len(self.states)
        number, flag, *_ = self.body.inputs
        fixed = {*self.steady, *self.grows}
        free = [i for i in range(count) if i not in fixed]
        start = [tensor(self.states[i]) for i in free]
        wanted = [self.results[i] for i in free] + self.body.outputs[1 + count :]
        body = self.body.giving(wanted)

        def step(carry: Any, row: Any) -> Any:
            given = {number: row, flag: np.array(True)}
            given |= {self.names[i]: self.states[i] for i in self.steady}
            given |= {self.names[i]: x for i, x in zip(free, carry)}
            for i in self.grows:
                grown = tensor(self.states[i])
                more = ops.multiply(ops.cast(row, ops.dtype(grown)), self.grows[i])
                given[self.names[i]] = ops.add(grown, more)
            found = [tensor(x) for x in run(self.call, body, given)]
            return found[: len(free)], found[len(free) :]

        rows = ops.arange(0, self.trips, 1, dtype="int32")
        carry, ys = ops.scan(step, start, rows)
        ends = dict(zip(free, carry))
        for i in range(count):
            if i in self.steady:
                ends[i] = self.states[i]
            elif i in self.grows:
                ends[i] = self._like(i, self._at(i, self.trips))
        return [*(ends[i] for i in range(count)), *ys]


def _while(call: Any, body: Body, trips: Any, going: Any, states: Any) -> Any:
    if len(body.outputs) > 1 + len(states):
        raise call.refused("a result of each step, where data says how many there are")
    bound = None if trips is None else ops.reshape(tensor(trips), ())
    begun = [
        ops.zeros((), "int32"),
        ops.reshape(tensor(np.array(True) if going is None else going), ()),
        *map(tensor, states),
    ]

    def more(count: Tensor, flag: Tensor, *_: Tensor) -> Tensor:
        if bound is None:
            return flag
        return ops.logical_and(flag, ops.less(count, bound))

    def step(count: Tensor, flag: Tensor, *now: Tensor) -> Any:
        given = dict(zip(body.inputs, [count, flag, *now], strict=True))
        flag, *new = (tensor(x) for x in run(call, body, given))
        return [ops.add(count, 1), ops.reshape(flag, ()), *new]

    return ops.while_loop(more, step, begun)[2:]


MIXED: dict[str, Callable[..., Any]] = {"If": _if, "Scan": _scan, "Loop": _loop}
