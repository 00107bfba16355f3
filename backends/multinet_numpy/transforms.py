"""Derivatives of functions: vjp, jvp, checkpoint, custom rules, vmap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, ShapeError, TraceError
from multinet_numpy.primitives import raw, traced
from multinet_numpy.tape import (
    Tape,
    Traced,
    backward,
    emit_parts,
    innermost,
    is_differentiable,
    quiet,
)

Arrays = tuple[Any, ...]
Function = Callable[..., Arrays]


class Record:
    """A function's run on a tape: its outputs and the walk back."""

    __slots__ = ("tape", "nodes", "primals", "leaves", "outputs", "places")

    def __init__(self, function: Function, primals: Sequence[Any]) -> None:
        self.tape = tape = Tape()
        self.primals = primals
        self.leaves = [tape.watch(x) if is_differentiable(x) else x for x in primals]
        try:
            with quiet():
                outputs = function(*self.leaves)
        finally:
            self.nodes = tape.close()
        own = [type(y) is Traced and y.tape is tape for y in outputs]
        self.outputs = tuple(y.value if o else y for y, o in zip(outputs, own))
        self.places = [y.index if o else -1 for y, o in zip(outputs, own)]

    def pull(self, cotangents: Sequence[Any], consume: bool = False) -> Arrays:
        """Return the cotangents of the primals."""
        grads: list[Any] = [None] * len(self.nodes)
        nested = self.tape.mixed or any(type(g) is Traced for g in cotangents)
        F = traced if nested else raw
        for place, g in zip(self.places, cotangents):
            if place >= 0 and g is not None:
                grads[place] = g if grads[place] is None else F.add(grads[place], g)
        with quiet():
            backward(self.nodes, grads, F, self.tape.complex, consume)
        return tuple(
            _or_zeros(grads[leaf.index] if type(leaf) is Traced else None, x)
            for leaf, x in zip(self.leaves, self.primals)
        )


def _or_zeros(g: Any, x: Any) -> Any:
    return np.zeros(x.shape, x.dtype) if g is None else g


def vjp(function: Function, primals: Sequence[Any]) -> tuple[Arrays, Function]:
    """Return the outputs and the pullback."""
    record = Record(function, primals)
    return record.outputs, record.pull


def value_and_grad(
    function: Function, primals: Sequence[Any]
) -> tuple[Any, Arrays, Arrays]:
    """Return the value, the other outputs and the gradients; the tape serves once."""
    record = Record(function, primals)
    value = record.outputs[0]
    grads = record.pull((np.ones((), value.dtype),), consume=True)
    return value, record.outputs[1:], grads


def jvp(
    function: Function, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Arrays, Arrays]:
    """Return the outputs and their tangents, by the pullback of the pullback."""
    outputs, pullback = vjp(function, primals)
    active = [i for i, y in enumerate(outputs) if is_differentiable(y)]
    zeros = [np.zeros(y.shape, y.dtype) for y in outputs]

    def pull(*cotangents: Any) -> Arrays:
        seeds: list[Any] = [None] * len(outputs)
        for i, g in zip(active, cotangents):
            seeds[i] = g
        return pullback(seeds)

    _, transpose = vjp(pull, [zeros[i] for i in active])
    results: list[Any] = list(zeros)
    for i, t in zip(active, transpose(tangents)):
        results[i] = t
    return outputs, tuple(results)


# -- nodes that hold functions ---------------------------------------------------------


class _Call:
    """The node of a call whose pullback is a function of its cotangents."""

    __slots__ = ("pullback", "inputs", "outputs")

    def __init__(self, pullback: Any, inputs: Any, outputs: Any) -> None:
        self.pullback = pullback
        self.inputs = inputs
        self.outputs = outputs

    def send(self, F: Any, g: Any, grads: list[Any], nodes: list[Any]) -> None:
        """Add the cotangents of the inputs to `grads`."""
        seeds = [_or_zeros(h, y) for h, y in zip(g, self.outputs)]
        for place, cotangent in zip(self.inputs, self.pullback(*seeds)):
            if place >= 0:
                _accumulate(F, grads, place, cotangent)


def _accumulate(F: Any, grads: list[Any], place: int, g: Any) -> None:
    grads[place] = g if grads[place] is None else F.add(grads[place], g)


def custom_gradient(
    function: Callable[..., tuple[Arrays, Callable[..., Arrays]]],
) -> Function:
    """Return the function with the pullback that it returns as its reverse rule."""

    def call(*xs: Any) -> Arrays:
        tape = innermost(xs)
        if tape is None:
            return tuple(function(*xs)[0])
        own = [type(x) is Traced and x.tape is tape for x in xs]
        values = [x.value if o else x for x, o in zip(xs, own)]
        outputs, pullback = function(*values)
        if innermost(values) is not None:
            tape.mixed = True
            outputs = call(*values)  # so that outer derivatives use the rule as well
        outputs = tuple(outputs)
        inputs = [x.index if o else -1 for x, o in zip(xs, own)]
        tape.nodes.append(_Call(pullback, inputs, outputs))
        return emit_parts(tape, outputs)

    return call


class _Checkpoint:
    """The node of a function that runs again when its cotangents arrive."""

    __slots__ = ("function", "xs", "tape", "base")

    def __init__(self, function: Function, xs: Arrays, tape: Tape, base: int) -> None:
        self.function = function
        self.xs = xs
        self.tape = tape
        self.base = base

    def send(self, F: Any, g: Any, grads: list[Any], nodes: list[Any]) -> None:
        """Record the function anew behind the leaves it saw, and walk back over it."""
        tape, saved = self.tape, self.tape.nodes
        tape.nodes = again = [None] * self.base
        try:
            outputs = self.function(*self.xs)
        finally:
            tape.nodes = saved
        inner: list[Any] = [None] * len(again)
        for y, h in zip(outputs, g):
            if h is not None:
                _accumulate(F, inner, y.index, h)
        backward(again, inner, F, tape.complex, True)
        for place in range(self.base):
            if inner[place] is not None:
                _accumulate(F, grads, place, inner[place])


def checkpoint(function: Function) -> Function:
    """Return the function that keeps only its inputs and outputs on the tape."""

    def call(*xs: Any) -> Arrays:
        tape = innermost(xs)
        if tape is None:
            return tuple(function(*xs))
        nodes = tape.nodes
        base = len(nodes)
        outputs = tuple(function(*xs))
        del nodes[base:]  # what it closes over has a place below base
        nodes.append(_Checkpoint(function, xs, tape, base))
        own = [type(y) is Traced and y.tape is tape for y in outputs]
        made = [o and y.index >= base for o, y in zip(own, outputs)]
        parts = emit_parts(tape, [y.value if m else y for y, m in zip(outputs, made)])
        return tuple(p if m else y for p, y, m in zip(parts, outputs, made))

    return call


def refuse(*cotangents: Any) -> Arrays:
    """Raise: a while loop was differentiated."""
    raise TraceError(
        "while_loop has no gradient. Use scan, whose length is fixed, or stop_gradient "
        "on what enters the loop."
    )


# -- vmap ------------------------------------------------------------------------------


def vmap(function: Function, in_axes: Sequence[int | None]) -> Function:
    """Return the function mapped over first axes by a loop; the results are stacked."""

    def mapped(*xs: Any) -> Arrays:
        sizes = {x.shape[0] for x, axis in zip(xs, in_axes) if axis is not None}
        if len(sizes) != 1:
            raise ShapeError(
                f"vmap expects mapped arguments of one first size, got {sorted(sizes)}."
            )
        (size,) = sizes
        if size == 0:
            raise ArgumentError("vmap expects a first size of at least 1, got 0.")
        rows = [
            function(
                *[
                    x if axis is None else traced.getitem(x, i)
                    for x, axis in zip(xs, in_axes)
                ]
            )
            for i in range(size)
        ]
        return tuple(traced.stack(*column) for column in zip(*rows))

    return mapped
