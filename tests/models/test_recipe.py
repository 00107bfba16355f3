"""Graphs as plain data: what recipes keep, and how deep they may be."""

import pickle

import numpy as np

import multinet
from multinet import layers, ops
from multinet.models.graph import Graph
from multinet.models.recipe import Recipe, Ref

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def test_a_graph_comes_back_from_its_recipe_with_the_same_layers(backend):
    a, b = multinet.Input((4,), name="a"), multinet.Input((None,), name="b")
    unused = multinet.Input((2,), name="unused")
    shared = layers.Dense(4)
    tall = ops.reshape(b, (ops.shape(b)[1], ops.shape(b)[0]))
    y = shared(shared(a) * 2.0 + np.ones(4, "float32"))
    graph = Graph({"a": a, "b": [b, unused]}, (y, [tall[0], y - 1]))
    again = Graph.from_recipe(graph.recipe())
    assert shared in again.layers and again.nodes[0] is not graph.nodes[0]
    assert [x.name for x in again.flat_inputs] == ["a", "b", "unused"]
    data = {"a": X, "b": [X[:, :3], X[:, :2]]}
    first, (row, less) = again.run(data)
    expected, (same_row, same_less) = graph.run(data)
    for x, z in zip((first, row, less), (expected, same_row, same_less)):
        np.testing.assert_array_equal(numpy(x), numpy(z))
    assert again.flat_inputs[0].shape == (None, 4)


def test_unknown_sizes_are_new_but_stay_equal_to_each_other():
    x = multinet.Input((4,))
    graph = Graph(x, [x * 2, ops.reshape(x, (ops.shape(x)[0] * 2, 2))])
    again = Graph.from_recipe(graph.recipe())
    old, (new, halves) = x.array.shape[0], (y.array.shape[0] for y in again.outputs)
    assert new != old and halves == new * 2
    assert again.flat_inputs[0].array.shape[0] == new


def test_a_graph_in_the_middle_of_another_has_a_recipe():
    x = multinet.Input((4,))
    middle = layers.Dense(4)(x)
    tail = Graph(middle, layers.Dense(2)(middle))
    again = Graph.from_recipe(tail.recipe())
    assert again.layers == tail.layers and len(again.layers) == 1
    np.testing.assert_array_equal(numpy(again.run(X)), numpy(tail.run(X)))


def test_three_hundred_calls_are_pickled_without_nesting(backend):
    x = multinet.Input((4,))
    y = x
    for _ in range(300):
        y = ops.tanh(ops.add(y, 0.5))
    recipe = Graph(x, y).recipe()
    assert isinstance(recipe, Recipe) and recipe.calls[1][1][0] == Ref(0)
    calls = pickle.loads(pickle.dumps(recipe.calls[1:]))
    assert calls[0][0].name.startswith("add")
    recipe = Recipe(recipe.specs, calls, recipe.inputs, recipe.outputs)
    again = Graph.from_recipe(recipe)
    np.testing.assert_array_equal(numpy(again.run(X)), numpy(Graph(x, y).run(X)))
