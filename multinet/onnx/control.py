"""Methods that take functions: branches, loops and scans as operators with graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.graph.values import Body, Value
from multinet.onnx.writer import Writer
from multinet.symbolic.dims import Size
from multinet.typing import Made


def _inline(w: Writer, body: Body, names: Sequence[str]) -> list[str]:
    """Add the nodes of a body whose inputs are tensors that are there."""
    for value, name in zip(body.inputs, names, strict=True):
        w.bind(value, name)
    return w.run(body)


def _ended(w: Writer, names: Sequence[str], values: Sequence[Value]) -> list[Made]:
    """Declare the outputs of the graph that is being made, each made by it."""
    found: list[str] = []
    for name in names:
        name = w.ended(name)
        found.append(w.add("Identity", name) if name in found else name)
    return [w.declared(x, n, typed=False) for x, n in zip(values, found)]


def _graph(w: Writer, name: str, inputs: list[Made], outputs: list[Made]) -> Made:
    return w.onnx.helper.make_graph(w.frame.nodes, name, inputs, outputs)


def _cond(
    w: Writer,
    out: Sequence[Value],
    predicate: Value,
    operands: Sequence[Value],
    true_function: Body,
    false_function: Body,
) -> list[str]:
    branches = []
    for body in (true_function, false_function):
        with w.inside():
            names = _inline(w, body, [w.name(x) for x in operands])
            outputs = _ended(w, names, body.outputs)
            branches.append(_graph(w, "branch", [], outputs))
    yes, no = branches
    return w.several("If", len(out), predicate, then_branch=yes, else_branch=no)


def _while_loop(
    w: Writer, out: Sequence[Value], condition: Body, body: Body, state: Sequence[Value]
) -> list[str]:
    (first,) = _inline(w, condition, [w.name(x) for x in state])
    helper = w.onnx.helper
    with w.inside():
        count, going = w.unused("count"), w.unused("going")
        inputs = [
            helper.make_tensor_value_info(count, w.type_of("int64"), []),
            helper.make_tensor_value_info(going, w.type_of("bool"), []),
            *w.inputs(body),
        ]
        names = w.run(body)
        asked = _inline(w, condition, names)
        values = [*condition.outputs, *body.outputs]
        loop = _graph(w, "loop", inputs, _ended(w, [*asked, *names], values))
    return w.several("Loop", len(out), "", first, *state, body=loop)


def _scan(
    w: Writer,
    out: Sequence[Value],
    function: Body,
    carry: Sequence[Value],
    xs: Sequence[Value],
    length: Size,
    reverse: bool,
) -> list[str]:
    return scan(w, len(out), function, carry, xs, length, reverse)


def scan(
    w: Writer,
    count: int,
    function: Body,
    carry: Sequence[Value],
    xs: Sequence[Value],
    length: Size,
    reverse: bool,
) -> list[str]:
    """Add the operator that runs a body for each row of `xs`."""
    rows = list(map(w.name, xs))
    with w.inside():
        inputs = w.inputs(function)
        if not rows:  # the operator takes the number of steps from rows
            unread, kind = w.unused("row"), w.type_of("int64")
            inputs.append(w.onnx.helper.make_tensor_value_info(unread, kind, []))
        outputs = _ended(w, w.run(function), function.outputs)
        body = _graph(w, "step", inputs, outputs)
    if not rows:
        rows = [w.add("Range", *(w.scalar(n, "int64") for n in (0, length, 1)))]
    return w.several(
        "Scan",
        count,
        *carry,
        *rows,
        body=body,
        num_scan_inputs=len(rows),
        scan_input_directions=[int(reverse)] * len(rows),
        scan_output_directions=[int(reverse)] * (count - len(carry)),
    )


def _vmap(
    w: Writer,
    out: Sequence[Value],
    function: Body,
    mapped: Sequence[bool],
    operands: Sequence[Value],
) -> list[str]:
    """Return the results of each row: a scan that carries nothing."""
    pairs = list(zip(function.inputs, operands, mapped, strict=True))
    for value, operand, over in pairs:
        if not over:
            w.bind(value, w.name(operand))
    over = [value for value, _, mapped_ in pairs if mapped_]
    rows = [operand for _, operand, mapped_ in pairs if mapped_]
    body = Body(over, function.nodes, function.outputs)
    return scan(w, len(out), body, (), rows, rows[0].shape[0], False)


def _inlined(
    w: Writer, out: Sequence[Value], function: Body, operands: Sequence[Value]
) -> list[str]:
    return _inline(w, function, [w.name(x) for x in operands])


def _cumprod(w: Writer, out: Any, x: Value, axis: int) -> list[str]:
    """Return running products: a scan that carries the product so far."""
    if 0 in [n for n in x.shape if isinstance(n, int)]:
        return [w.name(x)]
    rank = len(x.shape)
    order = [axis, *(i for i in range(rank) if i != axis)]
    back = [order.index(i) for i in range(rank)]
    rows = w.transpose(x, order)
    kind, helper = w.type_of(x.dtype), w.onnx.helper
    names = [w.unused(f"{w.place}/{name}") for name in ("product", "row")]
    inputs = [
        helper.make_tensor_value_info(n, kind, [None] * (rank - 1)) for n in names
    ]
    with w.inside():
        product = w.add("Mul", *names)
        outputs = [
            helper.make_tensor_value_info(n, kind, [None] * (rank - 1))
            for n in (product, w.add("Identity", product))
        ]
        body = _graph(w, "step", inputs, outputs)
    shape = w.vector([x.shape[i] for i in order[1:]])
    one = w.onnx.numpy_helper.from_array(np.ones(1, dtypes.to_numpy(x.dtype)))
    first = w.add("ConstantOfShape", shape, value=one)
    _, ys = w.several("Scan", 2, first, rows, body=body, num_scan_inputs=1)
    return [w.transpose(ys, back)]


RULES: dict[str, Callable[..., list[str]]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "scan": _scan,
    "vmap": _vmap,
    "checkpoint": _inlined,
    "custom_gradient": _inlined,
    "cumprod": _cumprod,
}
