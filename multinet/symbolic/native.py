"""Shapes of what only a framework can compute: by runs on numbers.

A module or function of a framework takes its own tensors, and no stand-ins. So its
shapes are those of runs on zeros and ones, with a number for each unknown size. One
that comes out equal for different numbers is known; another is an expression of those
of the arguments that a third run confirms, or else a new unknown size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import optree

from multinet.errors import ShapeError
from multinet.registry import current, use_backend
from multinet.scope import Scope
from multinet.symbolic.dims import Dim, Size, substitute, unknowns
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import AnyVariable, Tensor, Tensors, Tree

# Sizes far from each other, since those of a result may be cut at a length: small ones
# first, wide enough for a window at last; odd and even ones, as a stride of 2 rounds.
_RUNS = ((2, 18, 41), (66, 132, 257))
_MOST = 24  # sizes of which products are tried: they are 280,000 of 120
_STEPS = (1, 7, 3)  # from one unknown size to the next, so that none tells another


class Rehearsal(Scope):
    """A scope whose Variables have their values, and from which nothing leaves."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(step=0)

    def look(self, variable: AnyVariable) -> Tensor:
        """Return the value, although what runs around has none yet."""
        return variable._value

    def write(self, variable: AnyVariable, value: Tensor) -> bool:
        """Keep a value until the block ends."""
        self.values[id(variable)] = value
        return True


def shapes_of(run: Callable[..., Tensors], *args: Tree, **kwargs: Tree) -> Tensors:
    """Return stand-ins for what `run(*args, **kwargs)` gives, which takes tensors.

    Stand-ins among the arguments become tensors; the rest is given as it is. `run` is
    called two or three times, or once if every size is known. `ShapeError` if the
    results have different ranks.
    """
    leaves, tree = optree.tree_flatten((args, kwargs), none_is_leaf=True)  # type: ignore[arg-type]
    sizes = [n for x in leaves if isinstance(x, SymbolicArray) for n in x.shape]
    dims = list(dict.fromkeys(d for n in sizes for d in unknowns(n)))

    def outputs(numbers: Mapping[Dim, int], fill: int) -> Tensors:
        given, named = tree.unflatten([_filled(x, numbers, fill) for x in leaves])
        with use_backend.scoped(current().concrete), Rehearsal():
            return run(*given, **named)

    rows, results = _first_that_run(outputs, _numberings(dims))
    found = [optree.tree_leaves(result) for result in results]
    backend = current().concrete
    shapes = [[tuple(backend.shape(x)) for x in leaves] for leaves in found]
    known = [*dims, *(n for n in sizes if isinstance(n, Dim))]
    stand_ins = [
        SymbolicArray(_sizes(rows, each, known), backend.dtype(x))
        for x, *each in zip(found[0], *shapes)
    ]
    return optree.tree_unflatten(optree.tree_structure(results[0]), stand_ins)


def _filled(leaf: Any, numbers: Mapping[Dim, int], fill: int) -> Any:
    if not isinstance(leaf, SymbolicArray):
        return leaf
    shape: Any = tuple([substitute(n, numbers) for n in leaf.shape])
    return current().concrete.full(shape, fill, leaf.dtype)


def _numberings(dims: Sequence[Dim]) -> Iterator[list[dict[Dim, int]]]:
    """Yield what unknown sizes may be in the runs: all different, then all equal."""
    if not dims:
        yield [{}]
        return
    for apart in (True, False) if len(dims) > 1 else (False,):
        for starts in _RUNS:
            yield [
                {d: start + i * step * apart for i, d in enumerate(dims)}
                for start, step in zip(starts, _STEPS)
            ]


def _first_that_run(
    outputs: Callable[..., Tensors], tries: Iterator[list[dict[Dim, int]]]
) -> tuple[list[dict[Dim, int]], list[Tensors]]:
    """Return the first sizes with which all runs succeed, and what they gave."""
    first: Exception | None = None
    for rows in tries:
        try:
            return rows, [outputs(row, fill) for fill, row in enumerate(rows)]
        except Exception as error:  # of any kind: it comes from code of a framework
            first = first or error
    assert first is not None
    raise first


def _sizes(
    rows: Sequence[Mapping[Dim, int]],
    shapes: Sequence[tuple[int, ...]],
    known: Sequence[Dim],
) -> Iterator[Size]:
    """Yield the sizes of a result with these shapes in the runs."""
    ranks = set(map(len, shapes))
    if len(ranks) > 1:
        raise ShapeError(
            f"Expected results of one rank, got those of shapes {list(shapes)} for "
            "inputs that differ in their sizes alone."
        )
    for numbers in zip(*shapes):
        yield _size(rows, numbers, known)


def _size(
    rows: Sequence[Mapping[Dim, int]], numbers: Sequence[int], known: Sequence[Dim]
) -> Size:
    if len(set(numbers)) == 1:
        return numbers[0]
    values = [[substitute(size, row) for row in rows] for size in known]
    for count in (1, 2, 3) if len(known) <= _MOST else (1,):
        for some in combinations(range(len(known)), count):
            x = [math.prod(column) for column in zip(*[values[i] for i in some])]
            if _expression(0, x, numbers) is not None:
                product = math.prod([known[i] for i in some])
                found = _expression(product, x, numbers)
                assert found is not None
                return found
    return Dim()


def _expression(size: Any, x: Sequence[Any], y: Sequence[int]) -> Size | None:
    """Return what y is of a size that is x in the runs: a * x + c or about x // 2."""
    rise, run = y[1] - y[0], x[1] - x[0]
    if run and rise % run == 0 and y[2] - y[1] == (x[2] - x[1]) * (rise // run):
        return size * (rise // run) + (y[0] - x[0] * (rise // run))
    for more in (0, 1):
        rest = {b - (a + more) // 2 for a, b in zip(x, y)}
        if len(rest) == 1:
            return (size + more) // 2 + rest.pop()
    return None
