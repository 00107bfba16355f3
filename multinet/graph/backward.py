"""What the backward pass of a body costs, by rules on the nodes of its forward pass.

A product runs once more for each operand that needs a gradient; an elementwise method
multiplies once for each; what broadcast is summed; a value used several times has its
gradients added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from multinet import dtypes
from multinet.graph.operations import (
    FREE,
    MOVES,
    bytes_of,
    counted,
    elements,
    repeats,
)
from multinet.graph.values import Body, Node, Value
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic.dims import Size, same_shape

#: Products: linear in each operand, at the cost of the method itself.
_PRODUCTS = frozenset("matmul einsum conv conv_transpose".split())
#: Whose gradients pass as they are.
_PASSING = frozenset(("add", "subtract", "sum"))


def backward(
    body: Body, varying: set[int], results: Sequence[Value]
) -> Iterator[tuple[str, Size, Size]]:
    """Yield layer, operations and bytes of each node's part of the backward pass.

    It goes from `results`, outputs of the body whose gradients are known. `varying` are
    the identities of the values that gradients are taken for; what depends on them is
    added to it.
    """
    uses: dict[int, int] = {}
    for node in _reached(body, results):
        needed = [x for x in node.reads() if id(x) in varying]
        if not needed:
            continue
        varying |= {id(x) for x in node.outputs if _is_float(x)}
        for value in needed:
            taken = max(1, sum(x is value for x in node.inputs))
            before = uses.get(id(value), 0)
            uses[id(value)] = before + taken
            sums = taken if before else taken - 1  # its gradients add up
            yield node.layer, elements(value) * sums, 0
        yield from _of_node(node, needed, varying)


def _reached(body: Body, results: Sequence[Value]) -> list[Node]:
    """Return the nodes that a backward pass from results comes to, in order."""
    live, found = {id(x) for x in results}, []
    for node in reversed(body.nodes):
        smooth = _gradient(node) not in ("zero", "none")
        if smooth and any(id(x) in live for x in node.outputs):
            live |= {id(x) for x in node.reads()}
            found.append(node)
    return found[::-1]


def _of_node(
    node: Node, needed: list[Value], varying: set[int]
) -> Iterator[tuple[str, Size, Size]]:
    if node.bodies:
        yield from _of_bodies(node, varying)
        return
    flops = sum(_of_operand(node, x) for x in node.inputs if id(x) in varying)
    # The gradient of the result is read, those of operands are made.
    moved = 0 if node.op in FREE else _moved(node) + bytes_of(needed)
    yield node.layer, flops, moved


def _of_bodies(node: Node, varying: set[int]) -> Iterator[tuple[str, Size, Size]]:
    """Yield the parts of a node that runs bodies, as often as it runs them."""
    times, operands = repeats(node), node.inputs
    for body in node.bodies:
        if body.pullback is not None or node.op == "checkpoint":
            again = body if body.pullback is None else body.pullback
            for each in again.walk():
                yield each.layer, counted(each), _moved(each)
        if body.pullback is not None:
            continue
        starts = zip(operands[-len(body.inputs) :], body.inputs)
        inner = varying | {id(y) for x, y in starts if id(x) in varying}
        if node.op == "scan":  # what a step changes varies in the next
            inner |= {id(x) for x in body.inputs if _is_float(x)}
        for layer, flops, moved in backward(body, inner, body.outputs):
            yield layer, flops * times, moved * times


def _of_operand(node: Node, value: Value) -> Size:
    """Return the operations for the gradient of one operand."""
    if node.op in _PRODUCTS:
        return counted(node)
    if node.op in FREE or node.op in MOVES or node.op in _PASSING:
        flops: Size = elements(node.outputs[0]) if node.op.startswith("take") else 0
    elif SIGNATURES[node.op].form in ("one", "two", "") or node.op == "where":
        flops = elements(node.outputs[0])
    else:
        flops = counted(node)
    if SIGNATURES[node.op].form == "two" or node.op == "where":
        made = node.outputs[0]
        flops += 0 if same_shape(value.shape, made.shape) else elements(made)
    return flops


def _gradient(node: Node) -> str:
    return SIGNATURES[node.op].gradient if node.op in SIGNATURES else "exact"


def _is_float(value: Value) -> bool:
    return dtypes.is_float(value.dtype) or dtypes.is_complex(value.dtype)


def _moved(node: Node) -> Size:
    return bytes_of(node.inputs, node.outputs)
