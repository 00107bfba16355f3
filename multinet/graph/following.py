"""A graph followed node by node: what each is given, and what it must give.

The run is that of a machine that computes each node exactly and rounds its results
once. Bodies of loops, branches and transforms run as well, so that the nodes inside of
them are met too; those inside of a gradient are noted with their derivatives.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree

from multinet.graph.replay import Replay, Values
from multinet.graph.values import Body, Node, Value
from multinet.graph.widening import Wide, inexact, is_inexact, rounded, widen
from multinet.interface import Backend
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic.dims import Dim, Size
from multinet.typing import Host, Tree

#: How often a node is looked at that runs in a loop: each time at first, later at
#: powers of two.
_OFTEN = 8
_ROWS = 2  # of a mapped function that are looked at

Made = Callable[[Backend[Any]], Replay]


@dataclass(eq=False)
class Call:
    """One call of a node: the arrays that it reads, and what it must give.

    `nodes` are the node and, of a pullback, the one of the function before it. `mode`
    is "vjp" or "jvp" for a derivative of the node by `places`, of what it reads, along
    `directions`. `where` tells inside of which bodies it runs.
    """

    nodes: tuple[Node, ...]
    reads: list[Value]
    given: list[Host]
    sizes: dict[Dim, Size]
    where: tuple[str, ...] = ()
    mode: str = ""
    places: list[int] = field(default_factory=list)
    directions: list[Host] = field(default_factory=list)
    wanted: list[Host] = field(default_factory=list)

    @property
    def node(self) -> Node:
        """The node that gives the results."""
        return self.nodes[-1]

    @property
    def arrays(self) -> tuple[Host, ...]:
        """What it is given, then the directions."""
        return (*self.given, *self.directions)

    @property
    def outputs(self) -> list[Value]:
        """Values like the results: outputs, or what the derivative is by."""
        if self.mode == "vjp":
            return [self.reads[i] for i in self.places]
        outputs = _tensors(self.node)
        return [outputs[i] for i in inexact(outputs)] if self.mode else outputs

    def results(
        self, made: Made, backend: Backend[Any], tensors: Sequence[Any]
    ) -> list[Any]:
        """Return the results for tensors in the places of `given` and `directions`."""
        count = len(self.given)
        given, directions = list(tensors[:count]), tuple(tensors[count:])
        if not self.mode:
            return self._run(made(backend), given)
        kept = inexact(_tensors(self.node))

        def function(*xs: Any) -> tuple[Any, ...]:
            filled = list(given)
            for i, x in zip(self.places, xs, strict=True):
                filled[i] = x
            found = self._run(made(backend), filled)
            return tuple(found[i] for i in kept)

        primals = [given[i] for i in self.places]
        if self.mode == "jvp":
            return list(backend.jvp(function, primals, directions)[1])
        return list(backend.vjp(function, primals)[1](directions))

    def _run(self, replay: Replay, tensors: Sequence[Any]) -> list[Any]:
        replay.sizes = dict(self.sizes)
        replay.give(self.reads, tensors)
        found: list[Any] = []
        for node in self.nodes:
            found = optree.tree_leaves(replay.call(node, replay.values))  # type: ignore[arg-type]
            replay.give(node.outputs, found)
        return found[: len(_tensors(self.node))]


def wide_results(
    call: Call,
    backend: Backend[Any],
    made: Made = Wide,
    arrays: Sequence[Host] | None = None,
) -> list[Host]:
    """Return the results of a call in wide dtypes, of other arrays if given."""
    given = call.arrays if arrays is None else arrays
    tensors = [backend.from_numpy(widen(x)) for x in given]
    with np.errstate(all="ignore"):
        return list(map(backend.to_numpy, call.results(made, backend, tensors)))


class Following(Replay):
    """A run on arrays that notes a `Call` for each node that it meets.

    `mode` is that of the derivatives that are noted too, `varying` are the identities
    of the values by which they are.
    """

    def __init__(self, backend: Backend[Any], mode: str = "") -> None:
        super().__init__(backend)
        self.calls: list[Call] = []
        self.mode = mode
        self.varying: set[int] = set()
        self._where: list[str] = []
        self._counts: dict[int, int] = {}
        self._functions: dict[int, Node] = {}  # the node of a `vjp` by its pullback

    def call(self, node: Node, values: Values) -> Tree:
        """Return the arrays that a node gives, after a look inside of it."""
        if any(id(x) in self.varying for x in node.reads()):
            bodies = [x for body in node.bodies for x in body.inputs]
            self.varying |= {id(x) for x in (*node.outputs, *bodies)}
        look = _LOOKS.get(node.op)
        if look is not None:
            look(self, node, values)
        call = self._call(node, values)
        call.wanted = wide_results(call, self.backend)
        self._note(call)
        found = [rounded(x, v.dtype) for x, v in zip(call.wanted, _tensors(node))]
        if node.op == "vjp":
            self._functions[id(node.outputs[-1])] = node
            found.append(np.zeros((), bool))  # in the place of the pullback
        return found

    def _call(self, node: Node, values: Values) -> Call:
        nodes, reads = (node,), node.reads()
        if node.op == "pullback":
            before = self._functions[id(node.arguments["pullback"])]
            found = {id(x): x for x in (*before.reads(), *reads)}
            nodes = (before, node)
            reads = [x for x in found.values() if x is not before.outputs[-1]]
        given = [values[id(x)] for x in reads]
        return Call(nodes, reads, given, dict(self.sizes), tuple(self._where))

    def _note(self, call: Call) -> None:
        count = self._counts[id(call.node)] = self._counts.get(id(call.node), 0) + 1
        if count > _OFTEN and count & (count - 1):
            return
        self.calls.append(call)
        facts = SIGNATURES.get(call.node.op)
        if not self.mode or facts is None or facts.gradient == "none":
            return
        outputs = [_tensors(call.node)[i] for i in inexact(_tensors(call.node))]
        places = [i for i in inexact(call.reads) if id(call.reads[i]) in self.varying]
        if not outputs or not places:
            return
        along = outputs if self.mode == "vjp" else [call.reads[i] for i in places]
        shapes = dict(zip(map(id, _tensors(call.node)), call.wanted))
        shapes |= dict(zip(map(id, call.reads), call.given))
        directions = [
            _direction(shapes[id(x)].shape, x.dtype, i) for i, x in enumerate(along)
        ]
        more = Call(
            call.nodes,
            call.reads,
            call.given,
            call.sizes,
            call.where,
            self.mode,
            places,
            directions,
        )
        more.wanted = wide_results(more, self.backend)
        self.calls.append(more)

    # -- inside of nodes ---------------------------------------------------------------

    def inside(
        self, body: Body, arrays: Sequence[Any], values: Values, label: str
    ) -> list[Any]:
        """Run a body on arrays; `label` says where that is."""
        inner = values.new_child()
        self._bind(inner, body.inputs, arrays)
        self._where.append(label)
        try:
            return self._run(body, inner)
        finally:
            self._where.pop()

    @contextmanager
    def differentiating(self, mode: str, values: Sequence[Value]) -> Iterator[None]:
        """Note derivatives by the values too, or none in the mode ""."""
        before = self.mode, self.varying
        self.mode, self.varying = mode, self.varying | {id(x) for x in values}
        try:
            yield
        finally:
            self.mode, self.varying = before


def _tensors(node: Node) -> list[Value]:
    """Return the outputs of a node that are tensors."""
    return node.outputs[:-1] if node.op == "vjp" else node.outputs


def _direction(shape: Any, dtype: str, seed: int) -> Host:
    random = np.random.default_rng(zlib.crc32(f"{shape}{seed}".encode()))
    signs = random.integers(0, 2, shape) * 2 - 1
    return rounded(signs * random.uniform(0.5, 1.5, shape), dtype)


def _arrays(values: Values, tree: Any) -> list[Any]:
    return [values[id(x)] for x in tree]


def _cond(run: Following, node: Node, values: Values) -> None:
    given = node.arguments
    chosen = bool(values[id(given["predicate"])])
    body = given["true_function" if chosen else "false_function"]
    operands = _arrays(values, given["operands"])
    run.inside(body, operands, values, f"the branch of {chosen}")


def _while_loop(run: Following, node: Node, values: Values) -> None:
    given, step = node.arguments, 0
    state: Any = _arrays(values, given["state"])
    while True:
        label = f"step {step} of while_loop"
        if not run.inside(given["condition"], state, values, label)[0]:
            return
        state = run.inside(given["body"], state, values, label)
        step += 1


def _scan(run: Following, node: Node, values: Values) -> None:
    given = node.arguments
    carry, xs = (_arrays(values, given[name]) for name in ("carry", "xs"))
    length = run._fill(given["length"], values)
    steps = range(length)
    for step in reversed(steps) if given["reverse"] else steps:
        rows = [x[step] for x in xs]
        label = f"step {step} of scan"
        found = run.inside(given["function"], (*carry, *rows), values, label)
        carry = found[: len(carry)]


def _vmap(run: Following, node: Node, values: Values) -> None:
    given = node.arguments
    operands = list(zip(given["mapped"], _arrays(values, given["operands"])))
    length = next(len(x) for mapped, x in operands if mapped)
    for row in range(min(length, _ROWS)):
        arrays = [x[row] if mapped else x for mapped, x in operands]
        run.inside(given["function"], arrays, values, f"row {row} of vmap")


def _plain(run: Following, node: Node, values: Values) -> None:
    given = node.arguments
    with run.differentiating(run.mode if node.op == "checkpoint" else "", ()):
        operands = _arrays(values, given["operands"])
        run.inside(given["function"], operands, values, node.op)


def _derivative(run: Following, node: Node, values: Values) -> None:
    given = node.arguments
    body = given["function"]
    mode = "jvp" if node.op == "jvp" else "vjp"
    with run.differentiating(mode, [x for x in body.inputs if is_inexact(x.dtype)]):
        run.inside(body, _arrays(values, given["primals"]), values, node.op)


_LOOKS: dict[str, Callable[[Following, Node, Values], None]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "scan": _scan,
    "vmap": _vmap,
    "checkpoint": _plain,
    "custom_gradient": _plain,
    "value_and_grad": _derivative,
    "vjp": _derivative,
    "jvp": _derivative,
}
