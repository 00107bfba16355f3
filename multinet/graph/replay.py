"""Running a graph: node by node, on any backend.

That may be a backend that records, so a graph is also how another one is made of it.
"""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import optree

from multinet.errors import TraceError
from multinet.graph.recording import parameters
from multinet.graph.values import Body, Node, Value
from multinet.interface import Backend
from multinet.symbolic.dims import Dim, Size, substitute, unknowns
from multinet.typing import Tree

Values = ChainMap[int, Any]  # tensors by the identities of their values


class Replay:
    """One run of a graph on a backend: what the unknown sizes are, and all values."""

    def __init__(self, backend: Backend[Any]) -> None:
        self.backend: Any = backend
        self.sizes: dict[Dim, Size] = {}
        self.values: Values = ChainMap()

    def give(self, values: Iterable[Value], tensors: Iterable[Any]) -> None:
        """Let values be tensors, and sizes those of the tensors."""
        self._bind(self.values, values, tensors)

    def run(self, body: Body) -> list[Any]:
        """Run the nodes of a body whose inputs have tensors; return its outputs."""
        return self._run(body, self.values)

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives."""
        special = _SPECIAL.get(node.op)
        if special is not None:
            given = {
                name: self._filled(argument, values)
                for name, argument in node.arguments.items()
            }
            return special(self, **given)
        args: list[Any] = []
        rest = spread(node.op)
        for name, argument in node.arguments.items():
            filled = self._filled(argument, values)
            args += filled if name == rest else [filled]
        return getattr(self.backend, node.op)(*args)

    # -- values ------------------------------------------------------------------------

    def _run(self, body: Body, values: Values) -> list[Any]:
        for node in body.nodes:
            results: Any = optree.tree_leaves(self.call(node, values))
            self._bind(values, node.outputs, results)
        return [values[id(x)] for x in body.outputs]

    def _bind(
        self, values: Values, targets: Iterable[Value], tensors: Iterable[Any]
    ) -> None:
        for value, tensor in zip(targets, tensors, strict=True):
            values[id(value)] = tensor
            if any(isinstance(n, Dim) and n not in self.sizes for n in value.shape):
                self._measure(value, self.backend.shape(tensor))

    def _measure(self, value: Value, shape: Sequence[Size]) -> None:
        """Know the sizes that a tensor is the first to tell."""
        for size, number in zip(value.shape, shape):
            if isinstance(size, Dim) and size not in self.sizes:
                self.sizes[size] = number

    def _filled(self, argument: Any, values: Values) -> Any:
        """Return an argument with tensors, functions and numbers in their places."""
        return optree.tree_map(lambda leaf: self._fill(leaf, values), argument)

    def _fill(self, leaf: Any, values: Values) -> Any:
        if isinstance(leaf, Value):
            return values[id(leaf)]
        if isinstance(leaf, Body):
            return Function(self, leaf, values)
        if isinstance(leaf, Dim):
            return self._number(leaf)
        return leaf

    def _number(self, size: Dim) -> Size:
        found = self.sizes.get(size)
        if found is None:
            found = substitute(size, self.sizes)  # type: ignore[arg-type]
            if isinstance(found, Dim) and not self.backend.symbolic:
                raise TraceError(
                    f"The size {size!r} depends on {unknowns(found)[0]!r}, which no "
                    "tensor that was given or made so far has. The program takes a "
                    "size that only values tell; it cannot be captured."
                )
            self.sizes[size] = found
        return found


class Function:
    """A body as a function of tensors, which sees the values around it."""

    def __init__(self, replay: Replay, body: Body, around: Values) -> None:
        self.replay, self.body, self.around = replay, body, around

    def __call__(self, *tensors: Any) -> tuple[Any, ...]:
        """Return the outputs of the body."""
        return self._run(self.body, tensors, self.around.new_child())

    def with_pullback(
        self, *tensors: Any
    ) -> tuple[tuple[Any, ...], Callable[..., tuple[Any, ...]]]:
        """Return the outputs of the body, and its own pullback."""
        values, pullback = self.around.new_child(), self.body.pullback
        outputs = self._run(self.body, tensors, values)
        assert pullback is not None
        return outputs, lambda *xs: self._run(pullback, xs, values.new_child())

    def _run(self, body: Body, tensors: Any, values: Values) -> tuple[Any, ...]:
        self.replay._bind(values, body.inputs, tensors)
        return tuple(self.replay._run(body, values))


@cache
def spread(op: str) -> str | None:
    """Return the name of the parameter that takes any number of arguments, if any."""
    kinds = {name: p.kind for name, p in parameters(op).parameters.items()}
    rest = [n for n, k in kinds.items() if k is inspect.Parameter.VAR_POSITIONAL]
    return rest[0] if rest else None


# -- methods that take functions, by what their nodes hold ----------------------------


def _cond(
    run: Replay, predicate: Any, operands: Any, true_function: Any, false_function: Any
) -> Any:
    return run.backend.cond(predicate, true_function, false_function, operands)


def _while_loop(run: Replay, condition: Any, body: Any, state: Any) -> Any:
    return run.backend.while_loop(lambda *xs: condition(*xs)[0], body, state)


def _scan(
    run: Replay, function: Any, carry: Any, xs: Any, length: int, reverse: bool
) -> Any:
    def step(carry: Any, row: Any) -> Any:
        found = function(*carry, *row)
        return found[: len(carry)], found[len(carry) :]

    return run.backend.scan(step, carry, xs, length, reverse)


def _value_and_grad(run: Replay, function: Any, primals: Any) -> Any:
    return run.backend.value_and_grad(function, primals)


def _vjp(run: Replay, function: Any, primals: Any) -> Any:
    outputs, pullback = run.backend.vjp(function, primals)
    return (*outputs, pullback)


def _pullback(run: Replay, pullback: Any, cotangents: Any) -> Any:
    return pullback(cotangents)


def _jvp(run: Replay, function: Any, primals: Any, tangents: Any) -> Any:
    return run.backend.jvp(function, primals, tangents)


def _vmap(run: Replay, function: Any, mapped: Any, operands: Any) -> Any:
    axes = [0 if over else None for over in mapped]
    return run.backend.vmap(function, axes)(*operands)


def _checkpoint(run: Replay, function: Any, operands: Any) -> Any:
    return run.backend.checkpoint(function)(*operands)


def _custom_gradient(run: Replay, function: Any, operands: Any) -> Any:
    return run.backend.custom_gradient(function.with_pullback)(*operands)


_SPECIAL: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "scan": _scan,
    "value_and_grad": _value_and_grad,
    "vjp": _vjp,
    "pullback": _pullback,
    "jvp": _jvp,
    "vmap": _vmap,
    "checkpoint": _checkpoint,
    "custom_gradient": _custom_gradient,
}
