"""A step that runs many times: its state in Variables, many steps in one graph."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from multinet.interface import Program

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
        self.looping = bool(self.consumed)
        self.fused: list[str] = []

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

    def capacity(self, batch: Sequence[Array], wanted: int) -> int:
        self.looping = True
        size = sum(x.nbytes for x in batch)
        return max(1, min(wanted, _CHUNK_BYTES // max(size, 1)))

    def run(
        self, batch: Sequence[Array], scalars: Sequence[Array], count: int
    ) -> tuple[Any, ...]:
        key = (self.looping, *[(x.dtype, x.shape[1:]) for x in batch])
        graph = self.graphs.get(key)
        if graph is None:
            graph = self._graph(batch)
            if len(self.graphs) == _SIGNATURES:
                self.graphs.popitem(last=False)
            self.graphs[key] = graph
        else:
            self.graphs.move_to_end(key)
        numbers = [np.asarray(x, d) for x, d in zip(scalars, self.scalars)]
        if self.looping:
            return graph(*[tf.constant(x[:count]) for x in (*batch, *numbers)])
        outputs: tuple[Any, ...] = ()
        for i in range(count):
            outputs = graph(*[tf.constant(x[i]) for x in (*batch, *numbers)])
        return outputs

    def wait(self) -> None:
        tf.test.experimental.sync_devices()

    def explain(self) -> dict[str, str]:
        return {"path": "graph"}

    # -- tracing -----------------------------------------------------------------------

    def _graph(self, batch: Sequence[Array]) -> Callable[..., Any]:
        lead = (None,) if self.looping else ()
        specs = [tf.TensorSpec((*lead, *x.shape[1:]), x.dtype) for x in batch]
        specs += [tf.TensorSpec(lead, dtype) for dtype in self.scalars]
        step = self._step_on
        if self.jit_compile is True:
            step = tf.function(step, autograph=False, jit_compile=True)
        function = tf.function(
            self._loop(step) if self.looping else step, autograph=False
        )
        program = function.get_concrete_function(*specs)
        call, captured = program.inference_fn.call_flat, program.captured_inputs
        return lambda *xs: tuple(call(*xs, *captured) or ())

    def _loop(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def loop(*xs: Any) -> tuple[Any, ...]:
            kept: list[Any] = []

            def body(i: Any) -> tuple[Any]:
                outputs = step(*[tf.gather(x, i) for x in xs])
                with tf.init_scope():
                    kept[:] = [tf.Variable(tf.zeros(y.shape, y.dtype)) for y in outputs]
                for variable, y in zip(kept, outputs):
                    variable.assign(y)
                return (i + 1,)

            count = tf.shape(xs[-1])[0]
            tf.while_loop(lambda i: i < count, body, (0,), parallel_iterations=1)
            return tuple(_read(variable) for variable in kept)

        return loop

    def _step_on(self, *xs: Any) -> tuple[Any, ...]:
        """Run one step on tensors, and assign what is new to the Variables."""
        state = [_read(variable) for variable in self.variables]
        with Held(self.variables, state) as held:
            results = self.function(*state, *xs)
        self.fused = sorted(set(self.fused) | held.kernels)
        new = results[: len(state)]
        due = [
            (variable, value)
            for variable, old, value in zip(self.variables, state, new)
            if value is not held.now.get(variable.ref(), old)
        ]
        with tf.control_dependencies([value for _, value in due]):
            for variable, value in due:
                variable.assign(value)
        return tuple(results[len(state) :])


def _read(variable: Any) -> Any:
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


class Held:
    """While a step is traced: which Variables the tensors of its state stand for."""

    active = threading.local()

    def __init__(self, variables: Sequence[Any], state: Sequence[Any]) -> None:
        self.variables = {id(x): v for v, x in zip(variables, state)}
        self.now: dict[Any, Any] = {}
        self.kernels: set[str] = set()

    def __enter__(self) -> Held:
        Held.active.held = self
        return self

    def __exit__(self, *exc: object) -> None:
        Held.active.held = None

    def owner(self, x: Any) -> Any:
        """Return the Variable that x stands for, or is a decayed weight of."""
        found = self.variables.get(id(x))
        if found is None and x.op.type == "Sub":
            found = self.variables.get(id(x.op.inputs[0]))
            if found is not None:
                found.assign(x)
        return found

    def update(
        self, kernel: str, columns: Sequence[Sequence[Any]], apply: Callable[..., Any]
    ) -> list[list[Any]] | None:
        """Run a fused kernel on each row of handles; return the new values, by column.

        None if the tensors do not all stand for Variables.
        """
        rows = [[self.owner(x) for x in row] for row in zip(*columns, strict=True)]
        if any(variable is None for row in rows for variable in row):
            return None
        self.kernels.add(kernel)
        for i, row in enumerate(rows):
            apply(i, *[variable.handle for variable in row])
        new = [[_read(variable) for variable in row] for row in rows]
        for row, values in zip(rows, new):
            self.now.update(zip([v.ref() for v in row], values))
        return [list(column) for column in zip(*new)]


def update_held(
    kernel: str, columns: Sequence[Sequence[Any]], apply: Callable[..., Any]
) -> list[list[Any]] | None:
    """Update the Variables that a step's tensors stand for; None where they do not."""
    held = getattr(Held.active, "held", None)
    return held and held.update(kernel, columns, apply)
