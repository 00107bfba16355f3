"""A step that runs many times: its state in Variables, many steps in one graph."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from multinet.interface import Program, Running
from multinet.interface.kernels import noting, used
from multinet_tensorflow.fast.trace import Trace

Array = np.ndarray[Any, Any]
_SIGNATURES = 16
_CHUNK_BYTES = 32 << 20  # of data handed over at once


class TensorflowProgram(Program[Any]):
    """Runs `count` steps in a loop inside of the graph, on Variables of its own.

    A Variable's buffer is copied when it is updated while a tensor shares it, so what
    was loaded, and what `values` returned, stays as it is.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.variables: list[Any] = []
        self.graphs: OrderedDict[Any, Callable[..., Any]] = OrderedDict()
        self.has_outputs = False  # known once traced
        self.looping = bool(self.consumed)  # whether steps repeat inside of the graph
        self.kernels: set[str] = set()  # fused ones, found by tracing

    # -- state -------------------------------------------------------------------------

    def load(self, values: Sequence[Any]) -> None:
        if not self.variables:
            self.variables = [tf.Variable(x, trainable=False) for x in values]
            return
        for variable, x in zip(self.variables, values, strict=True):
            variable.assign(x)

    def put(self, index: int, value: Any) -> None:
        self.variables[index].assign(value)

    def peek(self, index: int) -> Any:
        return _read(self.variables[index])

    def values(self) -> list[Any]:
        return [_read(variable) for variable in self.variables]

    # -- running -----------------------------------------------------------------------

    def capacity(self, batch: Sequence[Any], wanted: int) -> int:
        if self.has_outputs:
            return 1
        if not self.looping:
            self.looping = True
            self.graphs.clear()
        size = sum(_kind(x).itemsize * math.prod(x.shape) for x in batch)
        return max(1, min(wanted, _CHUNK_BYTES // max(size, 1)))

    def run(
        self, batch: Sequence[Any], scalars: Sequence[Array], count: int
    ) -> tuple[Any, ...]:
        key = tuple([(_kind(x), tuple(x.shape[1:])) for x in batch])
        graph = self.graphs.get(key)
        if graph is None:
            if len(self.graphs) == _SIGNATURES:
                self.graphs.popitem(last=False)
            graph = self.graphs[key] = self._graph(batch)
        self.graphs.move_to_end(key)
        numbers = [np.asarray(x, d) for x, d in zip(scalars, self.scalars)]
        if self.looping:
            return graph(*[_part(x, slice(count)) for x in (*batch, *numbers)])
        outputs: tuple[Any, ...] = ()
        for i in range(count):
            outputs = graph(*[_part(x, i) for x in (*batch, *numbers)])
        return outputs

    def wait(self) -> None:
        tf.test.experimental.sync_devices()

    def explain(self) -> dict[str, str]:
        steps = "one a call: it carries nothing, or just one was asked for"
        if self.looping:
            steps = "as many a call as the loop wants: they repeat inside of the graph"
        xla = (
            "not used: measured on a CPU, dense layers are 1.1 and convolutions 2.6 "
            "times slower, and the first step takes 5 times as long; jit_compile=True "
            "forces it"
        )
        return {
            "path": "jit: a TensorFlow graph, the state in Variables updated in place",
            "steps": steps,
            "XLA": "on: jit_compile=True" if self.jit_compile is True else xla,
            "kernels": ", ".join(sorted(self.kernels)) or "TensorFlow's own",
            "memory format": "channels last, as TensorFlow's kernels have it",
        }

    # -- tracing -----------------------------------------------------------------------

    def _graph(self, batch: Sequence[Any]) -> Callable[..., Any]:
        lead = (None,) if self.looping else ()
        specs = [tf.TensorSpec((*lead, *x.shape[1:]), x.dtype) for x in batch]
        specs += [tf.TensorSpec(lead, dtype) for dtype in self.scalars]
        step = self._step_on
        if self.jit_compile is True:
            step = tf.function(step, autograph=False, jit_compile=True)
        step = self._loop(step) if self.looping else step
        try:
            program = tf.function(step, autograph=False).get_concrete_function(*specs)
        except _HasOutputs:
            self.has_outputs, self.looping = True, False
            return self._graph(batch)
        call, captured = program.inference_fn.call_flat, program.captured_inputs
        return lambda *xs: tuple(call(*xs, *captured) or ())

    @staticmethod
    def _loop(step: Callable[..., Any]) -> Callable[..., Any]:
        def loop(*xs: Any) -> None:
            def body(i: Any) -> tuple[Any]:
                if step(*[tf.gather(x, i) for x in xs]):
                    raise _HasOutputs
                return (i + 1,)

            count = tf.shape(xs[-1])[0]
            tf.while_loop(lambda i: i < count, body, (0,), parallel_iterations=1)

        return loop

    def _step_on(self, *xs: Any) -> tuple[Any, ...]:
        """Run one step on tensors, and assign what is new to the Variables."""
        state = [_read(variable) for variable in self.variables]
        with Held(self.variables, state) as held, noting(self.kernels), Running():
            results = self.function(*state, *xs)
        new = results[: len(state)]
        due = [
            (variable, value)
            for variable, old, value in zip(self.variables, state, new)
            if value is not held.now.get(variable.ref(), old)
        ]
        # All at the end: a step that fails leaves the state as it was.
        with tf.control_dependencies(
            [*held.now.values(), *[value for _, value in due]]
        ):
            for variable, value in due:
                variable.assign(value)
        return tuple(results[len(state) :])


def _kind(x: Any) -> np.dtype[Any]:
    return np.dtype(x.dtype.as_numpy_dtype) if isinstance(x, tf.Tensor) else x.dtype


def _part(x: Any, rows: int | slice) -> Any:
    """Return rows of a column as a tensor; those of the device may be more."""
    if not isinstance(x, tf.Tensor):
        # It copies: neither state nor outputs may share memory with a batch.
        return tf.constant(x[rows])
    return x if isinstance(rows, slice) else x[rows]


class _HasOutputs(Exception):
    """Tells that a step has outputs: a loop in the graph could not return them."""


def _read(variable: Any) -> Any:
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


class Held(Trace):
    """The trace of a step, whose state is in Variables."""

    def __init__(self, variables: Sequence[Any], state: Sequence[Any]) -> None:
        super().__init__()
        self.state = {id(x) for x in state}
        for variable, x in zip(variables, state, strict=True):
            self.own(x, variable)
        self.now: dict[Any, Any] = {}

    def __enter__(self) -> Held:
        self.graph = tf.compat.v1.get_default_graph()
        super().__enter__()
        return self

    def update(
        self, columns: Sequence[Sequence[Any]], grads: Sequence[Any], apply: Any
    ) -> list[list[Any]] | None:
        """Run a fused kernel on each row of Variables; return new values by column."""
        rows = [[self.owner(x) for x in row] for row in zip(*columns, strict=True)]
        owners = [variable for row in rows for variable in row]
        apart = len(set(map(id, owners))) == len(owners)
        if not apart or any(v is None or v.dtype != tf.float32 for v in owners):
            return None
        if any(v.ref() in self.now for v in owners):
            return None  # a second update, which may start from the same values
        if tf.compat.v1.get_default_graph() is not self.graph:
            return None  # in a branch or loop of the step's own
        new = []
        for i, (row, grad) in enumerate(zip(rows, grads, strict=True)):
            # When there is a gradient nothing fails any more: state stays whole.
            with tf.control_dependencies([grad]):
                for variable, column in zip(row, columns):
                    if id(column[i]) not in self.state:
                        variable.assign(column[i])
                used(apply(grad, *[v.handle for v in row]).type)
                new.append([_read(variable) for variable in row])
            self.now.update(zip([v.ref() for v in row], new[-1]))
        return [list(column) for column in zip(*new)]


def update_held(
    columns: Sequence[Sequence[Any]], grads: Sequence[Any], apply: Callable[..., Any]
) -> list[list[Any]] | None:
    """Update the Variables that a step's tensors stand for, where they all do.

    `columns` are params and slots; `apply(grad, *handles)` makes the operation.
    """
    trace = Trace.current()
    return trace.update(columns, grads, apply) if isinstance(trace, Held) else None


def decayed(params: Sequence[Any], new: list[Any]) -> list[Any]:
    """Return decayed weights, which stand for the Variables that the weights do."""
    trace = Trace.current()
    if trace is not None:
        for old, x in zip(params, new, strict=True):
            trace.own(x, trace.owner(old))
    return new
