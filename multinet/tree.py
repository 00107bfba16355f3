"""Functions on nested structures: lists, tuples, dicts and registered nodes.

What is not a container is a leaf, None included. Dicts go by sorted keys, OrderedDicts
by insertion.

>>> tree.map_structure(lambda x: x * 2, {"a": 1, "b": [2, 3]})
{'a': 2, 'b': [4, 6]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import optree

from multinet import surface
from multinet.errors import ArgumentError, WrongType
from multinet.typing import Tree

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]

surface.show(__name__)


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in a place."""


def is_nested(structure: Tree) -> bool:
    """Return whether `structure` is a container, not a leaf."""
    return not optree.tree_is_leaf(structure, none_is_leaf=True)


def flatten(structure: Tree) -> list[Any]:
    """Return the leaves in order, as a list."""
    return optree.tree_leaves(structure, none_is_leaf=True)


def flatten_with_path(structure: Tree) -> list[tuple[tuple[Any, ...], Any]]:
    """Return (path, leaf) pairs in order; a path holds the keys and indices to it."""
    paths, leaves, _ = optree.tree_flatten_with_path(structure, none_is_leaf=True)
    return list(zip(paths, leaves))


def pack_sequence_as(structure: Tree, flat_sequence: Iterable[Any]) -> Tree:
    """Return a structure like `structure` with the leaves of `flat_sequence`."""
    leaves = list(flat_sequence)
    spec = optree.tree_structure(structure, none_is_leaf=True)
    if spec.num_leaves != len(leaves):
        raise ArgumentError(
            f"Expected {spec.num_leaves} leaves for the structure, got {len(leaves)}."
        )
    return optree.tree_unflatten(spec, leaves)


def map_structure(
    func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True
) -> Tree:
    """Return func of the leaves in each place of structures that are all alike."""
    _check_callable(func)
    if not structures:
        raise ArgumentError("Expected at least one structure, got none.")
    first = structures[0]
    for other in structures[1:]:
        _check_alike(first, other, none_is_leaf)
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf)


def map_structure_up_to(
    shallow_structure: Tree, func: Callable[..., Any], *structures: Any
) -> Tree:
    """Return func of what each structure has where `shallow_structure` has leaves."""
    _check_callable(func)
    if not structures:
        raise ArgumentError("Expected at least one structure, got none.")
    spec = optree.tree_structure(shallow_structure, none_is_leaf=True)
    columns = [_up_to(spec, structure) for structure in structures]
    return optree.tree_unflatten(spec, [func(*row) for row in zip(*columns)])


def _up_to(spec: Any, structure: Any) -> list[Any]:
    try:
        return spec.flatten_up_to(structure)
    except ValueError as error:
        raise ArgumentError(
            f"Expected a structure that begins as {spec}, got {structure!r}."
        ) from error


def assert_same_structure(a: Tree, b: Tree, check_types: bool | None = None) -> None:
    """Raise `ArgumentError` unless a and b have one structure.

    Dicts of one set of keys are alike whatever their class. `check_types` is accepted
    for old programs and has no effect.
    """
    _check_alike(a, b, True)


def _check_alike(a: Any, b: Any, none_is_leaf: bool) -> None:
    spec = optree.tree_structure(a, none_is_leaf=none_is_leaf)
    try:
        leaves = spec.flatten_up_to(b)
    except ValueError:
        leaves = None
    if leaves is None or not all(
        optree.tree_is_leaf(leaf, none_is_leaf=none_is_leaf) for leaf in leaves
    ):
        other = optree.tree_structure(b, none_is_leaf=none_is_leaf)
        raise ArgumentError(
            f"Expected structures that are alike, got {spec} and {other}."
        )


def assert_same_paths(a: Tree, b: Tree) -> None:
    """Raise `ArgumentError` unless leaves of a and b have the same paths.

    Unlike `assert_same_structure` it takes a list for a tuple.
    """
    ours, theirs = (set(optree.tree_paths(x, none_is_leaf=True)) for x in (a, b))
    if ours != theirs:
        raise ArgumentError(
            f"Expected the same paths; only a has {sorted(ours - theirs, key=repr)}, "
            f"only b has {sorted(theirs - ours, key=repr)}."
        )


def traverse(
    func: Callable[[Any], Any], structure: Tree, top_down: bool = True
) -> Tree:
    """Return the structure with each node replaced by what func returns for it.

    For None the node is kept and, `top_down`, its children are visited; without
    `top_down` children come before their node. `MAP_TO_NONE` puts None in the place.
    """
    _check_callable(func)
    if not top_down:
        structure = _with_children(func, structure, top_down)
    result = func(structure)
    if result is None:
        return _with_children(func, structure, top_down) if top_down else structure
    return None if result is MAP_TO_NONE else result


def _with_children(func: Callable[[Any], Any], node: Any, top_down: bool) -> Any:
    if not is_nested(node):
        return node
    children, spec = optree.tree_flatten(
        node, is_leaf=lambda x: x is not node, none_is_leaf=True
    )
    done = [traverse(func, child, top_down) for child in children]
    return optree.tree_unflatten(spec, done)


def lists_to_tuples(structure: Tree) -> Tree:
    """Return the structure with every list made a tuple."""
    return traverse(
        lambda node: tuple(node) if isinstance(node, list) else None,
        structure,
        top_down=False,
    )


def map_shape_structure(func: Callable[[Any], Any], structure: Tree) -> Tree:
    """Return func of each shape: tuples and lists of sizes and None count as leaves."""
    _check_callable(func)
    return optree.tree_map(func, structure, is_leaf=_is_shape, none_is_leaf=True)


def _is_shape(x: Any) -> bool:
    return isinstance(x, list | tuple) and all(
        n is None or isinstance(n, int) for n in x
    )


def _check_callable(func: Any) -> None:
    if not callable(func):
        raise WrongType(f"Expected a function, got {type(func).__name__}.")
