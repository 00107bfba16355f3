"""The tape: what a differentiated function did, and the walk back over it.

A tape is a list of nodes, one for each primitive that met a traced value. A `Traced` is
a value, its tape and its place there; the value may itself be traced on an outer tape,
which is how derivatives nest to any order. There is no global state: a tape is reached
through its values only, so threads and exceptions cannot disturb each other.

Each rule is written once, against a namespace `F` of primitives, one of `spaces.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.errors import TraceError
from multinet.interface.signatures import SIGNATURES
from multinet_numpy.operators import Operators
from multinet_numpy.spaces import RULES, Rule

_levels = itertools.count()
_FIRST, _SECOND, _BOTH = (True, False), (False, True), (True, True)
_ONE = (True,)


class _Closed:
    """Stands for the nodes of a tape whose function has returned."""

    def append(self, node: Any) -> None:
        """Refuse: the value escaped."""
        raise TraceError(
            "A traced value was used after the differentiated function had returned. "
            "Return it as an output, or store stop_gradient(x) instead."
        )


class Tape:
    """The nodes of one differentiated call; inner calls have higher levels."""

    __slots__ = ("level", "nodes", "mixed", "complex")

    def __init__(self) -> None:
        self.level = next(_levels)
        self.nodes: Any = []
        self.mixed = False  # whether saved values are traced on outer tapes
        self.complex = False  # whether complex values are on the tape

    def watch(self, value: Any) -> Traced:
        """Return `value` as a traced input."""
        if type(value) is Traced:
            self.mixed = True
        if value.dtype.kind == "c":
            self.complex = True
        self.nodes.append(None)
        return Traced(value, self, len(self.nodes) - 1)

    def close(self) -> list[Any]:
        """Return the nodes and refuse further ones."""
        nodes, self.nodes = self.nodes, _Closed()
        return nodes


class Traced(Operators):
    """A tensor inside a differentiated function."""

    __slots__ = ("__weakref__", "value", "tape", "index")

    def __init__(self, value: Any, tape: Tape, index: int) -> None:
        self.value = value
        self.tape = tape
        self.index = index

    def plain(self) -> Any:
        """Return the value, a constant for every tape."""
        return strip(self)


class Part:
    """The node of one output of a primitive that has several."""

    __slots__ = ("owner", "position", "count")

    def __init__(self, owner: int, position: int, count: int) -> None:
        self.owner = owner
        self.position = position
        self.count = count

    def send(self, F: Any, g: Any, grads: list[Any], nodes: list[Any]) -> None:
        """Hand the cotangent to the node that owns this output."""
        if grads[self.owner] is None:
            grads[self.owner] = [None] * self.count
        grads[self.owner][self.position] = g


def strip(x: Any) -> Any:
    """Return the plain value of `x`, a constant for every tape."""
    while type(x) is Traced:
        x = x.value
    return x


# -- recording -------------------------------------------------------------------------


def constant(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return the primitive without a gradient: its result is a plain array."""

    def apply(*args: Any) -> Any:
        return kernel(*[x if type(x) is not Traced else strip(x) for x in args])

    return apply


def unary(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return the recording primitive of one tensor and attributes."""
    rule = RULES[name]

    def apply(x: Any, *attributes: Any) -> Any:
        if type(x) is not Traced:
            return kernel(x, *attributes)
        value, tape = x.value, x.tape
        if type(value) is Traced:
            tape.mixed = True
            out = apply(value, *attributes)
        else:
            out = kernel(value, *attributes)
        nodes = tape.nodes
        nodes.append((rule, out, (value,), (x.index,), attributes, _ONE))
        return Traced(out, tape, len(nodes) - 1)

    return apply


def binary(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return the recording primitive of two operands and attributes."""
    rule, ufunc = RULES[name], getattr(kernel, "ufunc", None)

    def apply(x: Any, y: Any, *attributes: Any) -> Any:
        if ufunc is not None and type(x) is type(y) is np.ndarray:
            return ufunc(x, y)
        if type(x) is Traced:
            tape = x.tape
            if type(y) is not Traced or y.tape.level < tape.level:
                a, b, inputs, need = x.value, y, (x.index, -1), _FIRST
            elif y.tape is tape:
                a, b, inputs, need = x.value, y.value, (x.index, y.index), _BOTH
            else:
                tape = y.tape
                a, b, inputs, need = x, y.value, (-1, y.index), _SECOND
        elif type(y) is Traced:
            tape = y.tape
            a, b, inputs, need = x, y.value, (-1, y.index), _SECOND
        else:
            return kernel(x, y, *attributes)
        if type(a) is Traced or type(b) is Traced:
            tape.mixed = True
            out = apply(a, b, *attributes)
        else:
            out = kernel(a, b, *attributes)
        nodes = tape.nodes
        nodes.append((rule, out, (a, b), inputs, attributes, need))
        return Traced(out, tape, len(nodes) - 1)

    return apply


def variadic(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return the recording primitive of any arguments and any number of outputs.

    Traced arguments are inputs, wherever they stand; each output of a tuple has a node.
    """
    rule = RULES[name]

    def apply(*args: Any) -> Any:
        tape = innermost(args)
        if tape is None:
            return kernel(*args)
        values, inputs, need = [], [], []
        for x in args:
            own = type(x) is Traced and x.tape is tape
            values.append(x.value if own else x)
            inputs.append(x.index if own else -1)
            need.append(own)
        if any(type(v) is Traced for v in values):
            tape.mixed = True
            out = apply(*values)
        else:
            out = kernel(*values)
        nodes = tape.nodes
        nodes.append((rule, out, tuple(values), inputs, (), tuple(need)))
        if name in MAKES_COMPLEX and out.dtype.kind == "c":
            tape.complex = True
        if type(out) is tuple:
            return emit_parts(tape, out)
        return Traced(out, tape, len(nodes) - 1)

    return apply


def innermost(args: Sequence[Any]) -> Tape | None:
    """Return the tape of the highest level among the arguments."""
    tape = None
    for x in args:
        if type(x) is Traced and (tape is None or x.tape.level > tape.level):
            tape = x.tape
    return tape


def emit_parts(tape: Tape, out: Sequence[Any]) -> tuple[Any, ...]:
    """Append the nodes of the outputs of the last node; integer ones are constants."""
    nodes, results = tape.nodes, []
    owner = len(nodes) - 1
    for position, value in enumerate(out):
        if is_differentiable(value):
            if value.dtype.kind == "c":
                tape.complex = True
            nodes.append(Part(owner, position, len(out)))
            results.append(Traced(value, tape, len(nodes) - 1))
        else:
            results.append(strip(value))
    return tuple(results)


def is_differentiable(x: Any) -> bool:
    """Return whether the dtype of `x` has gradients."""
    kind = x.dtype.kind
    return kind in "fc" or kind == "V"  # bfloat16 is of kind V


# -- the walk back ---------------------------------------------------------------------


def backward(
    nodes: list[Any], grads: list[Any], F: Any, has_complex: bool, consume: bool
) -> None:
    """Fill `grads` of the leaves from those of the outputs, last node first.

    `consume` frees each node when it has been used: the tape serves once.
    """
    add = F.add
    for i in range(len(nodes) - 1, -1, -1):
        g = grads[i]
        if g is None:
            continue
        node = nodes[i]
        if type(node) is not tuple:
            if node is not None:
                grads[i] = None
                node.send(F, g, grads, nodes)
            continue
        rule, out, values, inputs, attributes, need = node
        grads[i] = None
        if consume:
            nodes[i] = node = None
        if has_complex and rule not in CONJUGATES:
            cotangents = _conjugated(F, rule, g, need, out, values, attributes)
        else:
            cotangents = rule(F, g, need, out, *values, *attributes)
        for j, needed, cotangent in zip(inputs, need, cotangents):
            if needed:
                h = grads[j]
                # out of place: a cotangent may be shared
                grads[j] = cotangent if h is None else add(h, cotangent)


def _conjugated(
    F: Any, rule: Rule, g: Any, need: Any, out: Any, values: Any, attributes: Any
) -> Sequence[Any]:
    """Apply the rule of a holomorphic function f: conj(conj(g) * f')."""
    if type(g) is list:
        g = [None if h is None else conj(F, h) for h in g]
    else:
        g = conj(F, g)
    cotangents = rule(F, g, need, out, *values, *attributes)
    return [n and conj(F, c) for n, c in zip(need, cotangents)]


def conj(F: Any, x: Any) -> Any:
    """Return the conjugate of `x`, itself where it is real."""
    return F.conj(x) if x.dtype.kind == "c" else x


# Rules that follow the complex convention by themselves; the others are of holomorphic
# functions, and the walk conjugates around them.
CONJUGATES: set[Rule] = set()
MAKES_COMPLEX = {k for k, f in SIGNATURES.items() if f.result in ("complex", "asked")}


def rule(*names: str, conjugates: bool = False) -> Callable[[Rule], Rule]:
    """Enter a function into the table of gradient rules.

    It is called as rule(F, g, need, out, *inputs, *attributes) and returns a cotangent
    for each input; those whose `need` is false are ignored.
    """

    def enter(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        if conjugates:
            CONJUGATES.add(function)
        return function

    return enter


def quiet() -> Any:
    """Return a context without NumPy's warnings: inf and NaN are results here."""
    return np.errstate(all="ignore")
