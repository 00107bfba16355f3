"""multinet.tree against Keras's own functions on the same structures."""

from collections import OrderedDict, namedtuple

import keras
import pytest

from multinet import tree
from multinet.errors import ArgumentError

Point = namedtuple("Point", ["x", "y"])
STRUCTURES = [
    1,
    None,
    [],
    (),
    {},
    [1, (2, None), {"b": 3, "a": [4]}],
    OrderedDict([("z", 1), ("a", (2, 3))]),
    Point(1, [2, 3]),
    {"a": [1, 2], "b": (None, [])},
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_structures_are_walked_as_in_keras(structure):
    theirs = keras.tree
    assert tree.is_nested(structure) == theirs.is_nested(structure)
    assert tree.flatten(structure) == theirs.flatten(structure)
    assert tree.flatten_with_path(structure) == theirs.flatten_with_path(structure)
    assert tree.lists_to_tuples(structure) == theirs.lists_to_tuples(structure)
    flat = list(range(len(tree.flatten(structure))))
    want = theirs.pack_sequence_as(structure, flat)
    assert tree.pack_sequence_as(structure, flat) == want
    assert type(tree.pack_sequence_as(structure, flat)) is type(want)
    double = lambda x: (x, x)  # noqa: E731
    want = theirs.map_structure(double, structure)
    assert tree.map_structure(double, structure) == want
    want = theirs.map_structure(double, structure, none_is_leaf=False)
    assert tree.map_structure(double, structure, none_is_leaf=False) == want
    tree.assert_same_structure(structure, structure)
    tree.assert_same_paths(structure, structure)


def visitor(mark):
    """Return a function for traverse: lists of 2 and the number 4 are replaced."""

    def visit(x):
        if isinstance(x, list) and len(x) == 2:
            return "pair"
        return mark if isinstance(x, int) and x == 4 else None

    return visit


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_traverse_is_that_of_keras(structure, top_down):
    want = keras.tree.traverse(visitor(keras.tree.MAP_TO_NONE), structure, top_down)
    have = tree.traverse(visitor(tree.MAP_TO_NONE), structure, top_down)
    assert have == want


PAIRS = [
    ([1, 2], [3, 4]),
    ([1, 2], (3, 4)),
    ([1, [2]], [1, 2]),
    ([1, 2], [1, [2]]),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 2}),
    (OrderedDict(a=1, b=2), {"b": 1, "a": 2}),
    ([1, None], [None, 2]),
    (1, [1]),
    ([], [1]),
]


@pytest.mark.parametrize("name", ["assert_same_structure", "assert_same_paths"])
@pytest.mark.parametrize("pair", PAIRS, ids=repr)
def test_the_same_pairs_are_alike_as_in_keras(pair, name):
    try:
        getattr(keras.tree, name)(*pair)
    except (ValueError, TypeError):
        with pytest.raises(ArgumentError):
            getattr(tree, name)(*pair)
    else:
        getattr(tree, name)(*pair)


def test_several_structures_map_together():
    add = lambda *xs: sum(xs)  # noqa: E731
    assert tree.map_structure(add, [1, (2,)], [10, (20,)]) == [11, (22,)]
    with pytest.raises(ArgumentError, match="alike"):
        tree.map_structure(add, [1, 2], [1, [2]])
    pairs = tree.map_structure_up_to([0, 0], lambda x, y: (x, y), [1, [2]], ["a", "b"])
    assert pairs == [(1, "a"), ([2], "b")]
    with pytest.raises(ArgumentError, match="begins as"):
        tree.map_structure_up_to([0, [0]], lambda x: x, [1, 2])


def test_shapes_are_leaves():
    shapes = {"a": (None, 3), "b": [(1,), [2, None]]}
    want = keras.tree.map_shape_structure(len, shapes)
    assert tree.map_shape_structure(len, shapes) == want


def test_wrong_arguments_are_explained():
    with pytest.raises(ArgumentError, match="3 leaves"):
        tree.pack_sequence_as([1, 2, 3], [1])
    with pytest.raises(ArgumentError, match="function"):
        tree.map_structure(3, [1])
    with pytest.raises(ArgumentError, match="none"):
        tree.map_structure(len)
