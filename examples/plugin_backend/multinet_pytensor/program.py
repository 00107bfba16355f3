"""Random bits to devices. Contracts are in `multinet.interface.program`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytensor
from pytensor.gradient import disconnected_grad

from multinet.errors import BackendError
from multinet.interface import Backend, Key, Running
from multinet.interface.array import Shape
from multinet.interface.program import Function
from multinet_pytensor import control, core
from multinet_pytensor.core import Tensor, Tensors, constant, is_open, settle
from multinet_pytensor.elementwise import plain
from multinet_pytensor.graph import Graph, closure, gradients, trace, zeros

Call = Function[Tensor]


class ProgramOps(Backend[Tensor]):
    """Random bits to devices."""

    # -- random bits -------------------------------------------------------------------

    def random_bits(self, key: Key, shape: Shape, width: int) -> Tensor:
        return control.words(tuple(shape), width).of(_key(key))[0]

    def fold_in(self, key: Key, data: Any) -> Key:
        number = data if isinstance(data, Tensor) else constant(np.int64(data))
        return control.folded.of(_key(key), number)[0]

    # -- control flow (flat tuples of tensors; functions are pure) ---------------------

    def cond(
        self,
        predicate: Tensor,
        true_function: Call,
        false_function: Call,
        operands: Tensors,
    ) -> Any:
        (yes, no), closed = _traced((true_function, false_function), operands)
        return control.branch(yes, no).of(predicate, *operands, *closed)

    def while_loop(
        self, condition: Callable[..., Tensor], body: Call, state: Tensors
    ) -> Any:
        holds = lambda *xs: (condition(*xs),)  # noqa: E731
        (test, change), closed = _traced((holds, body), state)
        return control.loop(test, change).of(*state, *closed)

    def scan(
        self, function: Any, carry: Tensors, xs: Tensors, length: int, reverse: bool
    ) -> Any:
        count = len(carry)

        def step(*values: Tensor) -> Tensors:
            after, y = function(values[:count], values[count:])
            return (*after, *y)

        rows = [zeros(x, x.type.shape[1:]) for x in xs]
        graph, closed = trace(step, [*carry, *rows])
        op = control.scan(graph, count, len(rows), length, reverse)
        results = settle(op.of(*carry, *xs, *closed))
        return results[:count], results[count:]

    # -- transforms (functions of flat positional tensors, returning flat tuples) ------

    def vjp(self, function: Call, primals: Tensors) -> Any:
        inputs, outputs, values = _marked(function, primals)

        def pullback(cotangents: Tensors) -> Any:
            slopes = gradients(outputs, inputs, cotangents)
            return _finish(slopes, None if values is None else dict(values), cotangents)

        return _finish(outputs, values), pullback

    def jvp(self, function: Call, primals: Tensors, tangents: Tensors) -> Any:
        """Pull the pullback back: it is linear in its cotangents."""
        inputs, outputs, values = _marked(function, primals)
        seeds = [control.mark(zeros(y)) for y in outputs]
        slopes = gradients(outputs, inputs, seeds)
        derivatives = gradients(slopes, seeds, tangents)
        return _finish(outputs, values), _finish(derivatives, values, tangents)

    def vmap(self, function: Call, in_axes: Sequence[int | None]) -> Call:
        def run(*args: Tensor) -> Any:
            mapped = [x for x, axis in zip(args, in_axes, strict=True) if axis == 0]

            def step(_: Tensors, row: Tensors) -> tuple[Tensors, Tensors]:
                rows, pairs = iter(row), zip(args, in_axes, strict=True)
                return (), function(*[x if a is None else next(rows) for x, a in pairs])

            return self.scan(step, (), mapped, mapped[0].type.shape[0], False)[1]

        return run

    def jit(self, function: Call, donate: Sequence[int]) -> Call:
        @lru_cache(256)
        def program(*types: Any) -> Callable[..., Any] | None:
            with Running():
                graph, closed = trace(function, [kind() for kind in types])
            return None if closed else _compile(graph)

        def run(*args: Tensor) -> Any:
            types, is_part = [x.type for x in args], any(map(is_open, args))
            found = None if is_part else program(*types)
            if found is None:  # it is, or it closes over, a part of another trace
                with Running():
                    return tuple(function(*args))
            return tuple(map(constant, found(*core.evaluate(args))))

        return run

    def checkpoint(self, function: Call) -> Call:
        def run(*args: Tensor) -> Any:
            graph, closed = trace(function, args)
            return settle(control.call(graph).of(*args, *closed))

        return run

    stop_gradient = plain(disconnected_grad)

    def custom_gradient(self, function: Callable[..., Any]) -> Call:
        def run(*args: Tensor) -> Any:
            count = len(args)
            forward, closed = trace(lambda *xs: function(*xs)[0], args)
            outputs = forward.apply([*args, *closed])

            def pull(*xs: Tensor) -> Tensors:
                return function(*xs[:count])[1](*xs[count:])

            rule, others = trace(pull, [*args, *outputs])
            route = control.reroute(rule, outputs, count)
            return settle(route.of(*outputs, *args, *others))

        return run

    # -- devices -----------------------------------------------------------------------

    def devices(self) -> tuple[str, ...]:
        return ("cpu:0",)

    def device(self, name: str) -> contextlib.AbstractContextManager[Any]:
        if name != "cpu:0":
            raise BackendError(f"PyTensor has no device {name!r}. Use one of: cpu:0.")
        return contextlib.nullcontext()

    def synchronize(self, x: Tensor) -> None:
        pass  # a constant has been computed


def _key(key: Key) -> Tensor:
    return key if isinstance(key, Tensor) else constant(np.array(key, np.uint32))


def _traced(functions: Sequence[Call], likes: Tensors) -> tuple[list[Graph], Tensors]:
    """Return the graphs of functions, all with one list of what they close over."""
    found = [trace(function, likes) for function in functions]
    closed = list(dict.fromkeys(x for _, own in found for x in own))
    count = len(likes)
    return [Graph([*g.inputs[:count], *closed], g.outputs) for g, _ in found], closed


def _marked(function: Call, primals: Tensors) -> tuple[Tensors, Tensors, Any]:
    """Return the function's inputs and outputs, open; and, if nothing else is open, a
    place for the values of what is computed, else None."""
    start = core.now()
    inputs = list(map(control.mark, primals))
    outputs = tuple(function(*inputs))
    within = closure(outputs, inputs, start) or any(map(is_open, primals))
    return inputs, outputs, None if within else {}


def _finish(
    tensors: Tensors, values: dict[Any, Any] | None, others: Tensors = ()
) -> Any:
    """Return tensors that hang on marks, computed if all values are there."""
    if values is None or any(map(is_open, others)):
        return settle(tuple(tensors))
    return tuple(map(constant, core.evaluate(tensors, values)))


def _compile(graph: Graph) -> Callable[..., Any]:
    """Return the program of a graph: NumPy's calls in a row, or, if the user set a mode
    of PyTensor (`PYTENSOR_FLAGS=mode=NUMBA`), what PyTensor makes of it."""
    if pytensor.config.mode == "Mode":
        return graph.run
    return pytensor.function(graph.inputs, graph.outputs, on_unused_input="ignore")
