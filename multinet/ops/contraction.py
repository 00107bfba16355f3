"""Products of tensors that sum over axes."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.arithmetic import multiply, subtract
from multinet.ops.axes import axis_of
from multinet.ops.checks import at_least
from multinet.ops.core import (
    as_tensor,
    behind,
    both,
    broadcast_shapes,
    cast_tensor,
    floating,
    numeric,
    op,
    operands,
    shape_of,
)
from multinet.ops.doors import domain
from multinet.ops.elementwise import conj
from multinet.ops.reductions import sum as total
from multinet.ops.shapes import expand_dims, moveaxis, ravel, stack, unstack
from multinet.ops.statistics import diff
from multinet.registry import current
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Tensor


def _pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return promoted tensors; two bools multiply as int32 and become bool again."""
    return both(*operands(as_tensor(x1), as_tensor(x2)))


def _on_bool(function: Any, x1: Any, x2: Any) -> Any:
    return cast_tensor(function(numeric(x1), numeric(x2)), "bool")


_MULTIPLIED = domain("matmul") - {"int8"}


def _matmul_door(x1: Any, x2: Any) -> Any:
    backend = current()
    if backend.common_dtype(x1, x2) not in _MULTIPLIED:
        return None
    if len(backend.shape(x1)) > 1 and len(backend.shape(x2)) > 1:
        return backend.matmul(x1, x2)
    return None


@behind(_matmul_door)
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """Multiply matrices, batches broadcasting; a vector is a row before, a column
    after. Those of int8 give int32, as in Keras.
    """
    x1, x2, backend = as_tensor(x1), as_tensor(x2), current()
    if backend.dtype(x1) == backend.dtype(x2) == "int8":
        x1, x2 = (cast_tensor(x, "int32") for x in (x1, x2))
    x1, x2 = operands(x1, x2)
    s1, s2 = shape_of(x1), shape_of(x2)
    if not s1 or not s2 or differ(s1[-1], s2[max(len(s2) - 2, 0)]):
        raise ShapeError(
            "ops.matmul expects the last axis of x1 to match the last but one of x2, "
            "got "
            f"{public_shape(s1)} and {public_shape(s2)}."
        )
    if backend.dtype(x1) == "bool":
        return _on_bool(matmul, x1, x2)
    if len(s1) > 1 and len(s2) > 1:
        if len(s1) > 2 and len(s2) > 2:
            broadcast_shapes(s1[:-2], s2[:-2], what="ops.matmul")
        return backend.matmul(x1, x2)
    if len(s1) == 1:
        x1 = backend.expand_dims(x1, 0)
    if len(s2) == 1:
        x2 = backend.expand_dims(x2, 1)
    y = backend.matmul(x1, x2)
    rank = len(shape_of(y))
    gone = ((rank - 2,) if len(s1) == 1 else ()) + ((rank - 1,) if len(s2) == 1 else ())
    return backend.squeeze(y, gone)


@op
def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Contract by an equation such as `"bij,bjk->bik"`; the arrow and `...` as in
    NumPy. Operands of int8 give int32.
    """
    backend = current()
    values = [as_tensor(x) for x in operands]
    kinds = [backend.dtype(v) for v in values]
    name = dtypes.promote(*kinds)
    wide = "int32" if set(kinds) == {"int8"} else name
    values = [numeric(cast_tensor(v, wide)) for v in values]
    equation = _explicit(subscripts, [len(shape_of(v)) for v in values])
    inputs, output = equation.split("->")
    terms = inputs.split(",")
    values = _squeezed_ellipses(values, terms, subscripts)
    sizes: dict[str, Any] = {}
    for term, value in zip(terms, values):
        for letter, n in zip(term, shape_of(value)):
            if isinstance(n, int) and n == 1 and letter not in sizes:
                sizes.setdefault(letter, 1)
            elif not isinstance(sizes.get(letter, 1), int) or sizes.get(letter, 1) != 1:
                if differ(sizes[letter], n) and not (isinstance(n, int) and n == 1):
                    raise ShapeError(
                        f"ops.einsum({subscripts!r}): axis {letter!r} has sizes "
                        f"{sizes[letter]} and {n}."
                    )
            else:
                sizes[letter] = n
    result = backend.einsum(f"{inputs}->{output}", *values)
    return cast_tensor(result, "bool") if name == "bool" else result


def _squeezed_ellipses(
    values: list[Any], terms: list[str], subscripts: str
) -> list[Any]:
    """Return operands with axes of size 1 expanded where the letter is larger
    elsewhere.
    """
    if "." not in subscripts:
        return values
    backend, sizes = current(), {}
    for term, value in zip(terms, values):
        for letter, n in zip(term, shape_of(value)):
            known = sizes.get(letter, 1)
            if isinstance(known, int) and known == 1:
                sizes[letter] = n
    grown = []
    for term, value in zip(terms, values):
        shape = tuple(sizes[letter] for letter in term)
        grown.append(backend.broadcast_to(value, shape))
    return grown


def _explicit(subscripts: str, ranks: list[int]) -> str:
    """Return an equation with the arrow present and letters for the ellipsis."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise ArgumentError(
            f"ops.einsum({subscripts!r}) names {len(terms)} operands, got {len(ranks)}."
        )
    spare = [c for c in string.ascii_letters if c not in text]
    hidden = [r - len(t.replace("...", "")) for t, r in zip(terms, ranks)]
    for term, count, rank in zip(terms, hidden, ranks):
        if count < 0 or (count and "..." not in term):
            raise ShapeError(
                f"ops.einsum({subscripts!r}): term {term!r} does not fit a tensor of "
                f"{rank} "
                "axes."
            )
    width = max((h for t, h in zip(terms, hidden) if "..." in t), default=0)
    letters = "".join(spare[:width])
    named = [t.replace("...", letters[width - h :]) for t, h in zip(terms, hidden)]
    if not arrow:
        once = [c for c in sorted(set("".join(terms)) - {"."}) if inputs.count(c) == 1]
        output = ("..." if "..." in inputs else "") + "".join(once)
    unknown = set(output) - set(inputs) - {"."}
    if unknown:
        raise ArgumentError(
            f"ops.einsum({subscripts!r}): {', '.join(sorted(unknown))} is in no "
            "operand."
        )
    if "..." not in output and width and not arrow:
        output = letters + output
    return ",".join(named) + "->" + output.replace("...", letters)


@op
def tensordot(x1: Tensor, x2: Tensor, axes: int | Sequence[Any] = 2) -> Tensor:
    """Sum products over axes: the last n of x1 with the first n of x2, or listed
    ones.
    """
    x1, x2 = _pair(x1, x2)
    backend = current()
    s1, s2 = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        at_least(axes, 0, "axes")
        left, right = list(range(len(s1) - axes, len(s1))), list(range(axes))
    else:
        left, right = ([a] if isinstance(a, int) else list(a) for a in axes)
    left = [axis_of(a, len(s1)) for a in left]
    right = [axis_of(a, len(s2)) for a in right]
    if len(left) != len(right) or any(
        differ(s1[a], s2[b]) for a, b in zip(left, right)
    ):
        raise ShapeError(
            f"ops.tensordot expects equal sizes on axes {axes}, got {public_shape(s1)} "
            "and "
            f"{public_shape(s2)}."
        )
    if backend.dtype(x1) == "bool":
        return _on_bool(lambda a, b: tensordot(a, b, axes), x1, x2)
    rest1 = [a for a in range(len(s1)) if a not in left]
    rest2 = [a for a in range(len(s2)) if a not in right]
    inner = math.prod(s1[a] for a in left)
    x1 = backend.transpose(x1, (*rest1, *left))
    x2 = backend.transpose(x2, (*right, *rest2))
    x1 = backend.reshape(x1, (math.prod(s1[a] for a in rest1), inner))
    x2 = backend.reshape(x2, (inner, math.prod(s2[a] for a in rest2)))
    form = (*(s1[a] for a in rest1), *(s2[a] for a in rest2))
    return backend.reshape(backend.matmul(x1, x2), form)


@op
def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum products over the last axis of x1 and the last but one of x2 (or the
    only).
    """
    x1, x2 = _pair(x1, x2)
    s1, s2 = shape_of(x1), shape_of(x2)
    if not s1 or not s2:
        return multiply(x1, x2)
    return tensordot(x1, x2, [[len(s1) - 1], [max(len(s2) - 2, 0)]])


@op
def inner(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum products over the last axes of both."""
    x1, x2 = _pair(x1, x2)
    if not shape_of(x1) or not shape_of(x2):
        return dot(x1, x2)
    return tensordot(x1, x2, [[-1], [-1]])


@op
def vdot(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum products of the flat tensors, the first one conjugated."""
    return dot(ravel(conj(x1)), ravel(x2))


@op
def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the products of all pairs of elements of the flat tensors."""
    return multiply(expand_dims(ravel(x1), 1), expand_dims(ravel(x2), 0))


@op
def kron(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the Kronecker product: a block x1[i] * x2 for each element of x1."""
    x1, x2 = _pair(x1, x2)
    backend = current()
    s1, s2 = shape_of(x1), shape_of(x2)
    rank = max(len(s1), len(s2))
    s1 = (1,) * (rank - len(s1)) + tuple(s1)
    s2 = (1,) * (rank - len(s2)) + tuple(s2)
    x1 = backend.reshape(x1, tuple(n for size in s1 for n in (size, 1)))
    x2 = backend.reshape(x2, tuple(n for size in s2 for n in (1, size)))
    product = backend.multiply(numeric(x1), numeric(x2))
    return backend.reshape(product, tuple(a * b for a, b in zip(s1, s2)))


@op
def cross(
    x1: Tensor,
    x2: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """Return the cross product of vectors of 3, or of 2 whose third entry is 0.

    Two vectors of 2 give the third entry alone, without the axis.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = _pair(x1, x2)
    a = unstack(moveaxis(x1, axisa, -1), axis=-1)
    b = unstack(moveaxis(x2, axisb, -1), axis=-1)
    if not {len(a), len(b)} <= {2, 3}:
        raise ShapeError(
            f"ops.cross expects vectors of 2 or 3, got sizes {len(a)} and {len(b)}."
        )

    def minor(i: int, j: int) -> Any:
        left = multiply(a[i], b[j]) if i < len(a) and j < len(b) else None
        right = multiply(a[j], b[i]) if j < len(a) and i < len(b) else None
        if left is None or right is None:
            part = left if right is None else current().negative(right)
            return multiply(a[0], 0) if part is None else part
        return subtract(left, right)

    if len(a) == len(b) == 2:
        return minor(0, 1)
    parts = [minor(1, 2), minor(2, 0), minor(0, 1)]
    shape = broadcast_shapes(*(shape_of(p) for p in parts))
    parts = [current().broadcast_to(p, shape) for p in parts]
    return moveaxis(stack(parts, -1), -1, axisc)


@op
def trapezoid(
    y: Tensor, x: Tensor | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """Integrate along an axis by the trapezoidal rule, at points x or with spacing
    dx.
    """
    backend = current()
    if x is None:
        y = moveaxis(floating(y), axis, -1)
        width: Any = dx
    else:
        y, x = both(*operands(as_tensor(y), as_tensor(x), floating=True))
        y = moveaxis(y, axis, -1)
        width = diff(x) if len(shape_of(x)) == 1 else diff(moveaxis(x, axis, -1))
    shape = shape_of(y)
    start, step = (0,) * len(shape), (1,) * len(shape)
    left = backend.slice(y, start, (*shape[:-1], shape[-1] - 1), step)
    right = backend.slice(y, (*start[:-1], 1), shape, step)
    return total(multiply(multiply(backend.add(left, right), 0.5), width), -1)
