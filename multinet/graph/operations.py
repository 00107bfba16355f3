"""How many operations a primitive does: a rule for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from multinet import dtypes
from multinet.graph.values import Node, Value
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic.dims import Dim, Size

#: What does nothing but look at a tensor in another way.
FREE = frozenset(("reshape", "stop_gradient"))
#: What moves elements, or makes them of nothing, without arithmetic.
MOVES = frozenset(
    "cast bitcast make_complex real imag full arange transpose broadcast_to "
    "concatenate pad slice flip take take_along_axis random_bits fold_in".split()
)
#: Whose operations depend on values, or on no polynomial of sizes.
UNCOUNTED = frozenset(("svd", "eigh", "eig", "sort", "argsort", "searchsorted"))


def operations(node: Node) -> Size | None:
    """Return the operations of a primitive's node, None where they are not counted.

    An element that is added, multiplied, compared or put into a function is one; a
    product of matrices has two for each pair of elements that meet.
    """
    rule = _RULES.get(node.op)
    if rule is not None:
        return rule(node)
    if node.op in MOVES or node.op in FREE:
        return 0
    if node.op in UNCOUNTED:
        return None
    if SIGNATURES[node.op].form in ("over", "along"):
        return elements(node.inputs[0])
    return elements(node.outputs[0])


def counted(node: Node) -> Size:
    """Return the operations of a node, 0 where they are its bodies' or not counted."""
    if node.bodies or node.op not in SIGNATURES:
        return 0
    found = operations(node)
    return 0 if found is None else found


def elements(value: Value) -> Size:
    """Return the number of elements."""
    return math.prod(value.shape)


def bytes_of(*groups: Iterable[Value]) -> Size:
    """Return the bytes that values take."""
    return sum(
        elements(x) * dtypes.to_numpy(x.dtype).itemsize for xs in groups for x in xs
    )


def repeats(node: Node) -> Size:
    """Return how often a node runs its body."""
    if node.op == "scan":
        return node.arguments["length"]
    if node.op == "vmap":
        pairs = zip(node.arguments["mapped"], node.arguments["operands"])
        return next(x.shape[0] for over, x in pairs if over)
    return 1


def _matmul(node: Node) -> Size:
    return 2 * elements(node.outputs[0]) * node.inputs[0].shape[-1]


def _einsum(node: Node) -> Size:
    operands = node.arguments["operands"]
    terms = node.arguments["equation"].replace(" ", "").partition("->")[0].split(",")
    sizes = {c: n for term, x in zip(terms, operands) for c, n in zip(term, x.shape)}
    return math.prod(sizes.values()) * (2 * (len(operands) - 1) or 1)


def _conv(node: Node) -> Size:
    kernel = node.arguments["kernel"].shape
    return 2 * elements(node.outputs[0]) * math.prod(kernel[:-1])


def _conv_transpose(node: Node) -> Size:
    kernel = node.arguments["kernel"].shape
    return 2 * elements(node.arguments["x"]) * math.prod(kernel[:-1])


def _pool(node: Node) -> Size:
    return elements(node.outputs[0]) * math.prod(node.arguments["window"])


def _scatter(node: Node) -> Size:
    return 0 if node.arguments["mode"] == "set" else elements(node.arguments["updates"])


def _square(node: Node) -> tuple[Size, Size]:
    """Return how many matrices there are, and how many rows each has."""
    *batch, n, _ = node.inputs[0].shape
    return math.prod(batch), n


def _cholesky(node: Node) -> Size:
    count, n = _square(node)
    return count * (n * n * n // 3)


def _factored(node: Node) -> Size:
    count, n = _square(node)
    return count * (2 * n * n * n // 3)


def _solve(node: Node) -> Size:
    count, n = _square(node)
    return _factored(node) + 2 * count * n * n * node.arguments["b"].shape[-1]


def _triangular(node: Node) -> Size:
    count, n = _square(node)
    return count * n * n * node.arguments["b"].shape[-1]


def _qr(node: Node) -> Size:
    *batch, n, m = node.inputs[0].shape
    return math.prod(batch) * (2 * n * m * m)


def _fourier(node: Node) -> Size | None:
    """Return 5 n log2 n for each row, by the usual algorithm."""
    value = node.outputs[0] if node.op == "irfft" else node.inputs[0]
    *batch, n = value.shape
    if isinstance(n, Dim):
        return None
    each = math.ceil(5 * n * math.log2(max(n, 1)))
    return math.prod(batch) * (each // 2 if "r" in node.op else each)


_RULES: dict[str, Callable[[Node], Size | None]] = {
    "matmul": _matmul,
    "einsum": _einsum,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _pool,
    "sum_pool": _pool,
    "scatter": _scatter,
    "cholesky": _cholesky,
    "lu_factor": _factored,
    "slogdet": _factored,
    "solve": _solve,
    "solve_triangular": _triangular,
    "qr": _qr,
    "fft": _fourier,
    "ifft": _fourier,
    "rfft": _fourier,
    "irfft": _fourier,
}
