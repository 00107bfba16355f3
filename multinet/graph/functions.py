"""Methods that take functions, recorded: each function is a body in the node's place.

A body sees the values around it. What a transform returns as a function, a pullback or
a mapped function, becomes a node where it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from multinet.graph.recording import Recorder
from multinet.graph.values import Body, Value
from multinet.interface import Backend
from multinet.symbolic import SymbolicArray
from multinet.typing import Tensor

Arrays = tuple[Any, ...]
Function = Callable[..., Arrays]


class FunctionRecorder(Recorder):
    """The recorder with control flow and transforms: the one that is used."""

    # -- control flow ------------------------------------------------------------------

    def cond(
        self,
        predicate: Tensor,
        true_function: Function,
        false_function: Function,
        operands: Sequence[Tensor],
    ) -> Arrays:
        given = self.lifted({"predicate": predicate, "operands": tuple(operands)})
        yes, no = (
            self.inner(function, *given["operands"])
            for function in (true_function, false_function)
        )
        results = self.rules.cond(
            given["predicate"], _returning(yes), _returning(no), given["operands"]
        )
        return self.record(
            "cond", {**given, "true_function": yes, "false_function": no}, results
        )

    def while_loop(
        self, condition: Callable[..., Tensor], body: Function, state: Sequence[Tensor]
    ) -> Arrays:
        state = self.lifted(tuple(state))
        asked = self.inner(lambda *xs: (condition(*xs),), *state)
        done = self.inner(body, *state)
        results = self.rules.while_loop(
            lambda *_: asked.outputs[0], _returning(done), state
        )
        return self.record(
            "while_loop", {"condition": asked, "body": done, "state": state}, results
        )

    def scan(
        self,
        function: Callable[[Arrays, Arrays], tuple[Arrays, Arrays]],
        carry: Sequence[Tensor],
        xs: Sequence[Tensor],
        length: int,
        reverse: bool,
    ) -> tuple[Arrays, Arrays]:
        carry, xs = self.lifted((tuple(carry), tuple(xs)))
        count, kept = len(carry), {}

        def flat(*values: Any) -> Arrays:
            after, ys = function(values[:count], values[count:])
            kept["count"] = len(after)
            return (*after, *ys)

        rows = [SymbolicArray(x.shape[1:], x.dtype) for x in xs]
        body = self.inner(flat, *carry, *rows)
        ends, ys = body.outputs[: kept["count"]], body.outputs[kept["count"] :]
        results = self.rules.scan(
            lambda *_: (tuple(ends), tuple(ys)), carry, xs, length, reverse
        )
        options = {"length": length, "reverse": reverse}
        return self.record(
            "scan", {"function": body, "carry": carry, "xs": xs, **options}, results
        )

    # -- transforms --------------------------------------------------------------------

    def value_and_grad(
        self, function: Function, primals: Sequence[Tensor]
    ) -> tuple[Tensor, Arrays, Arrays]:
        primals = self.lifted(tuple(primals))
        body = self.inner(function, *primals)
        value, *rest = body.outputs
        results = value, tuple(rest), primals
        return self.record(
            "value_and_grad", {"function": body, "primals": primals}, results
        )

    def vjp(
        self, function: Function, primals: Sequence[Tensor]
    ) -> tuple[Arrays, Callable[[Sequence[Tensor]], Arrays]]:
        primals = self.lifted(tuple(primals))
        body = self.inner(function, *primals)
        # The last value stands for the function that is the pullback.
        outputs = self.record(
            "vjp",
            {"function": body, "primals": primals},
            (*body.outputs, SymbolicArray((), "bool")),
        )
        pull, outputs = outputs[-1], outputs[:-1]

        def pullback(cotangents: Sequence[Tensor]) -> Arrays:
            given = self.lifted(tuple(cotangents))
            arguments = {"pullback": pull, "cotangents": given}
            return self.record("pullback", arguments, primals)

        return outputs, pullback

    def jvp(
        self, function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]
    ) -> tuple[Arrays, Arrays]:
        primals, tangents = self.lifted((tuple(primals), tuple(tangents)))
        body = self.inner(function, *primals)
        results = self.rules.jvp(_returning(body), primals, tangents)
        given = {"function": body, "primals": primals, "tangents": tangents}
        return self.record("jvp", given, results)

    def vmap(self, function: Function, in_axes: Sequence[int | None]) -> Function:
        axes = tuple(in_axes)

        def mapped(*operands: Any) -> Arrays:
            given = self.lifted(operands)
            rows: list[Any] = []
            self.rules.vmap(lambda *xs: rows.extend(xs) or (), axes)(*given)
            body = self.inner(function, *rows)
            results = self.rules.vmap(_returning(body), axes)(*given)
            # Without None among them, which a tree would not count as a leaf.
            flags = tuple(axis is not None for axis in axes)
            arguments = {"function": body, "mapped": flags, "operands": given}
            return self.record("vmap", arguments, results)

        return mapped

    def checkpoint(self, function: Function) -> Function:
        def again(*operands: Any) -> Arrays:
            given = self.lifted(operands)
            body = self.inner(function, *given)
            arguments = {"function": body, "operands": given}
            return self.record("checkpoint", arguments, tuple(body.outputs))

        return again

    def custom_gradient(
        self, function: Callable[..., tuple[Arrays, Callable[..., Arrays]]]
    ) -> Function:
        def call(*operands: Any) -> Arrays:
            given = self.lifted(operands)
            body = Body([self.value(x) for x in given])

            def forward() -> Arrays:
                outputs, pullback = function(*body.inputs)
                outputs = self.lifted(tuple(outputs))
                body.pullback = self.inner(pullback, *outputs)
                return outputs

            self.inside(body, forward)
            arguments = {"function": body, "operands": given}
            return self.record("custom_gradient", arguments, tuple(body.outputs))

        return call


def _returning(body: Body) -> Callable[..., tuple[Value, ...]]:
    """Return a function of what a body gives, for the rules of shapes."""
    return lambda *_: tuple(body.outputs)


def recorder(
    concrete: Backend[Tensor],
    whole: Collection[str],
    kind: type[FunctionRecorder] = FunctionRecorder,
) -> FunctionRecorder:
    """Return a recorder beside a backend; see `Recorder`."""
    complete: Any = kind  # with the methods that the interface told it
    return complete(concrete, whole)
