"""Prefixes of rows, combined by an associative function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet.ops.axes import axis_of
from multinet.ops.carrying import tensors_of, tree_of
from multinet.ops.checks import function as checked
from multinet.ops.control import length_of
from multinet.ops.core import op, shape_of
from multinet.ops.shapes import moveaxis
from multinet.registry import current
from multinet.symbolic.dims import Dim
from multinet.typing import Tree


@op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Tree, reverse: bool = False, axis: int = 0
) -> Tree:
    """Return all prefixes combined by an associative f, in logarithmically many steps.

    f combines two trees of many elements at once, along `axis`.
    """
    checked(f, "f")
    leaves, structure = tensors_of(elems)
    axes = [axis_of(axis, len(shape_of(leaf))) for leaf in leaves]
    rows = [moveaxis(leaf, a, 0) for leaf, a in zip(leaves, axes)]
    size: Any = length_of(rows, None, "associative_scan")
    backend = current()
    if reverse:
        rows = [backend.flip(row, (0,)) for row in rows]

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        back = [
            tree_of(structure, [moveaxis(r, 0, x) for r, x in zip(part, axes)])
            for part in (a, b)
        ]
        result, _ = tensors_of(f(*back))
        return [moveaxis(r, x, 0) for r, x in zip(result, axes)]

    unknown = isinstance(size, Dim)
    rows = (_one_by_one if unknown else _prefixes)(combine, rows, size)
    if reverse:
        rows = [backend.flip(row, (0,)) for row in rows]
    return tree_of(structure, [moveaxis(r, 0, a) for r, a in zip(rows, axes)])


def _one_by_one(combine: Any, rows: list[Any], size: Any) -> list[Any]:
    """Return prefixes of an unknown number of rows, each from the one before."""
    backend = current()

    def step(carry: Any, row: Any) -> Any:
        *given, place = row
        given = [backend.expand_dims(x, 0) for x in given]
        first, joined = backend.equal(place, 0), combine(list(carry), given)
        new = tuple([backend.where(first, x, y) for x, y in zip(given, joined)])
        return new, tuple([backend.squeeze(x, (0,)) for x in new])

    places = backend.arange(0, size, 1, "int32")
    start = _rows(rows, 0, 1, 1)
    return list(backend.scan(step, start, [*rows, places], size, False)[1])


def _prefixes(combine: Any, rows: list[Any], size: int) -> list[Any]:
    """Return prefixes: those of neighbouring pairs, then the elements in between."""
    if size == 1:
        return rows
    pairs = combine(_rows(rows, 0, size - 1, 2), _rows(rows, 1, size, 2))
    half = size // 2
    odd = _prefixes(combine, pairs, half)
    even = _rows(rows, 0, 1, 1)
    rest = (size - 1) // 2
    if rest:
        later = combine(_rows(odd, 0, rest, 1), _rows(rows, 2, size, 2))
        even = [current().concatenate([a, b], 0) for a, b in zip(even, later)]
    return [_interleaved(a, b, size) for a, b in zip(even, odd)]


def _rows(rows: list[Any], start: int, stop: int, step: int) -> list[Any]:
    backend, cut = current(), []
    for row in rows:
        shape = shape_of(row)
        zeros, ones = (0,) * (len(shape) - 1), (1,) * (len(shape) - 1)
        cut.append(
            backend.slice(row, (start, *zeros), (stop, *shape[1:]), (step, *ones))
        )
    return cut


def _interleaved(even: Any, odd: Any, size: int) -> Any:
    backend, shape = current(), shape_of(even)
    odd_size = shape_of(odd)[0]
    paired = backend.stack([_rows([even], 0, odd_size, 1)[0], odd], 1)
    joined = backend.reshape(paired, (2 * odd_size, *shape[1:]))
    if size % 2 == 0:
        return joined
    return backend.concatenate([joined, _rows([even], odd_size, odd_size + 1, 1)[0]], 0)
