"""Functions with a gradient of the caller's own, and derivatives along a direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.carrying import Flattened, tensors_of, tree_of
from multinet.ops.checks import function as checked
from multinet.ops.control import two_of
from multinet.ops.core import shape_of
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.tracebacks import shortening
from multinet.typing import Tree


@shortening
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function whose gradient the caller wrote; a decorator.

    `f(*xs)` returns (outputs, grad) and grad(*upstream) the gradients for xs.
    """

    checked(f, "f")

    def wrapped(*xs: Any) -> Any:
        leaves, structure = tensors_of(xs)
        out: list[Any] = [None]

        def run(*flat: Any) -> Any:
            result, grad = two_of(
                f(*tree_of(structure, flat)),
                "A function of custom_gradient returns (outputs, grad)",
            )
            values, out[0] = tensors_of(result)

            def pullback(*upstream: Any) -> tuple[Any, ...]:
                gradients = grad(*upstream)
                return tensors_of(gradients)[0]

            return values, pullback

        result = current().custom_gradient(run)(*leaves)
        return tree_of(out[0], result)

    wrapped.__name__ = getattr(f, "__name__", "wrapped")
    wrapped.__doc__ = f.__doc__
    return wrapped


def _check_tangent(x: Any, direction: Any) -> None:
    """Refuse a tangent unlike its primal, which frameworks broadcast or cast."""
    backend = current()
    have = [(backend.dtype(t), public_shape(shape_of(t))) for t in (x, direction)]
    if have[0] != have[1] or not dtypes.is_differentiable(have[0][0]):
        raise ShapeError(
            "ops.jvp expects float primals, and tangents of their dtypes and shapes, "
            f"got {have[0][0]} {have[0][1]} and {have[1][0]} {have[1][1]}."
        )


@shortening
def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Tree:
    """Return fun(*primals) and its directional derivative along `tangents`.

    With `has_aux` fun returns (output, auxiliary), and the auxiliary comes third.
    """
    checked(fun, "fun")
    if not (isinstance(primals, list | tuple) and isinstance(tangents, list | tuple)):
        raise ArgumentError("Expected primals and tangents as tuples or lists.")
    leaves, structure = tensors_of(tuple(primals))
    directions, form = tensors_of(tuple(tangents))
    if form != structure:
        raise ArgumentError("ops.jvp expects tangents of the structure of the primals.")
    for x, direction in zip(leaves, directions):
        _check_tangent(x, direction)
    flat = Flattened(lambda *xs: fun(*tree_of(structure, xs)))
    outputs, slopes = current().jvp(flat, leaves, directions)
    value, slope = tree_of(flat.structure, outputs), tree_of(flat.structure, slopes)
    return (value[0], slope[0], value[1]) if has_aux else (value, slope)
