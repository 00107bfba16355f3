"""Functions of single elements made functions of whole arrays."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import optree

from multinet.errors import ArgumentError, ShapeError
from multinet.ops.checks import function
from multinet.ops.control import vectorized_map
from multinet.ops.core import as_tensor, broadcast_shapes, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import differ
from multinet.tracebacks import shortening
from multinet.typing import Tree

_ARGUMENT = r"\((?:\w+(?:,\w+)*)?\)"
_SIGNATURE = re.compile(rf"{_ARGUMENT}(?:,{_ARGUMENT})*->{_ARGUMENT}(?:,{_ARGUMENT})*")


@shortening
def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Iterable[int | str] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """Return a function that applies `pyfunc` to broadcast elements, all at once.

    `signature`, such as "(n),(n)->()", says which last axes belong to an element;
    without it elements are scalars. Arguments whose position or name is in `excluded`
    are passed as they are, and keyword arguments always.

    >>> vectorize(lambda x, y: ops.where(x > y, x - y, x + y))([1, 2, 3], 2)
    """
    function(pyfunc, "pyfunc")
    if isinstance(excluded, str) or not isinstance(excluded or (), Iterable):
        raise ArgumentError(
            f"Expected positions and names in excluded, got {excluded!r}."
        )
    left_out = frozenset(excluded or ())
    if any(not isinstance(item, int | str) for item in left_out):
        raise ArgumentError(
            f"Expected positions and names in excluded, got {excluded}."
        )
    inputs = None if signature is None else _cores(signature)

    @functools.wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in left_out]

        def inner(*chosen: Any) -> Any:
            full = list(args)
            for i, value in zip(places, chosen):
                full[i] = value
            return pyfunc(*full, **kwargs)

        return apply_vectorized(inner, [args[i] for i in places], inputs)

    return vectorized


def _cores(signature: str) -> list[list[str]]:
    """Return the names of the core axes of each argument."""
    text = str(signature).replace(" ", "")
    if not _SIGNATURE.fullmatch(text):
        raise ArgumentError(
            f"Expected a signature such as '(n,m),(m)->(n)', got {signature!r}."
        )
    arguments = re.findall(r"\(([^)]*)\)", text.partition("->")[0])
    return [part.split(",") if part else [] for part in arguments]


@op
def apply_vectorized(
    function: Callable[..., Any], arguments: list[Any], inputs: list[list[str]] | None
) -> Tree:
    """Return function of all elements of arguments whose core axes are `inputs`."""
    backend, values = current(), [as_tensor(x) for x in arguments]
    cores = [[] for _ in values] if inputs is None else inputs
    if len(cores) != len(values):
        raise ArgumentError(
            f"The signature has {len(cores)} arguments, and {len(values)} came."
        )
    sizes: dict[str, Any] = {}
    split = []
    for value, core in zip(values, cores):
        shape = shape_of(value)
        if len(shape) < len(core):
            raise ShapeError(f"Expected axes {core} last, got shape {shape}.")
        cut = len(shape) - len(core)
        split.append((shape[:cut], shape[cut:]))
        for name, size in zip(core, shape[cut:]):
            if differ(sizes.setdefault(name, size), size):
                raise ShapeError(
                    f"Axis {name} has sizes {sizes[name]} and {size}; they must agree."
                )
    batch: tuple[Any, ...] = ()
    for outer, _ in split:
        batch = broadcast_shapes(batch, outer, what="ops.vectorize")
    if not batch:
        return function(*values)
    count = math.prod(batch)
    rows = [
        backend.reshape(backend.broadcast_to(v, (*batch, *core)), (count, *core))
        for v, (_, core) in zip(values, split)
    ]
    found = vectorized_map(lambda xs: function(*xs), tuple(rows))
    return optree.tree_map(
        lambda y: backend.reshape(y, (*batch, *shape_of(y)[1:])), found
    )
