"""Drawings of models: the boxes, what they tell, and the lines between them."""

import numpy as np
import pydot
import pytest

import multinet
from multinet import layers, utils
from multinet.errors import ArgumentError, NeverCalled
from multinet.utils.model_plots import Picture


def net():
    inner = multinet.Sequential(
        [
            multinet.Input((8,), name="way_in"),
            layers.Dense(4, activation="relu", name="a"),
            layers.Dense(8, name="b"),
        ],
        name="inner",
    )
    left, right = multinet.Input((8,), name="left"), multinet.Input((8,), name="right")
    joined = layers.Concatenate(name="join")([inner(left), inner(right), right])
    score = layers.Dense(1, name="score")(joined * 2.0)
    return multinet.Model([left, right], score, name="n")


def read(text):
    """Return the boxes with their words, and the lines, of a text that pydot reads."""
    (graph,) = pydot.graph_from_dot_data(text)
    boxes, lines, todo = {}, set(), [graph]
    while todo:
        part = todo.pop()
        todo += part.get_subgraphs()
        for node in part.get_nodes():
            if node.get_name() not in ("node", "graph", "edge"):
                boxes[node.get_name().strip('"')] = node.get("label")
        lines |= {
            (edge.get_source().strip('"'), edge.get_destination().strip('"'))
            for edge in part.get_edges()
        }
    return boxes, lines


def test_each_layer_is_a_box_and_each_call_a_line():
    boxes, lines = read(utils.model_to_dot(net()).to_string())
    (op,) = (name for name in boxes if name.startswith("n/multiply"))
    assert set(boxes) == {"n/left", "n/right", "n/inner", "n/join", op, "n/score"}
    assert lines == {
        ("n/left", "n/inner"),
        ("n/right", "n/inner"),
        ("n/inner", "n/join"),
        ("n/right", "n/join"),
        ("n/join", op),
        (op, "n/score"),
    }


def test_models_inside_are_drawn_where_that_is_asked_for():
    dot = utils.model_to_dot(net(), expand_nested=True)
    boxes, lines = read(dot.to_string())
    assert {"n/inner/way_in", "n/inner/a", "n/inner/b"} <= set(boxes)
    assert "n/inner" not in boxes
    assert {
        ("n/left", "n/inner/way_in"),
        ("n/right", "n/inner/way_in"),
        ("n/inner/way_in", "n/inner/a"),
        ("n/inner/a", "n/inner/b"),
        ("n/inner/b", "n/join"),
    } <= lines


def test_boxes_tell_what_is_asked_for():
    model = net()
    model.get_layer("score").trainable = False
    plain, _ = read(utils.model_to_dot(model, show_layer_names=False).to_string())
    assert "<b>Dense</b>" in plain["n/score"] and "in:" not in plain["n/score"]
    told = utils.model_to_dot(
        model,
        show_shapes=True,
        show_dtype=True,
        show_layer_activations=True,
        show_trainable=True,
        expand_nested=True,
    )
    boxes, _ = read(told.to_string())
    for words in ("in: (None, 24)", "out: (None, 1)", "dtype: float32"):
        assert words in boxes["n/score"]
    assert "trainable: no" in boxes["n/score"]
    assert "activation: relu" in boxes["n/inner/a"]
    assert "trainable: yes" in boxes["n/inner/a"]
    assert "in: (None, 8), (None, 8), (None, 8)" in boxes["n/join"]


def test_a_model_without_a_graph_is_a_box_for_each_layer():
    class Own(multinet.Model):
        def __init__(self):
            super().__init__(name="own")
            self.first, self.last = layers.Dense(3, name="f"), layers.Dense(1, name="l")

        def call(self, x):
            return self.last(self.first(x))

    model = Own()
    with pytest.raises(NeverCalled, match="own has no layers with shapes yet"):
        utils.model_to_dot(model)
    model(np.ones((2, 4), "float32"))
    boxes, lines = read(utils.model_to_dot(model).to_string())
    assert set(boxes) == {"own/f", "own/l"} and lines == set()


def test_options_of_the_graph():
    dot = utils.model_to_dot(net(), rankdir="LR", dpi=50, splines="curved")
    found = dot.get("rankdir"), dot.get("dpi"), dot.get("splines")
    assert found == ("LR", 50, "curved")
    assert isinstance(utils.model_to_dot(net(), subgraph=True), pydot.Cluster)
    with pytest.raises(ArgumentError, match="rankdir"):
        utils.model_to_dot(net(), rankdir="UP")


def test_a_name_with_signs_of_graphviz_is_kept():
    dense = layers.Dense(1, name='a "b" <c>')
    model = multinet.Sequential([multinet.Input((2,), name="i"), dense], name="m")
    boxes, _ = read(utils.model_to_dot(model).to_string())
    assert any("a &quot;b&quot; &lt;c&gt; (Dense)" in words for words in boxes.values())


def test_plot_model_writes_a_graph_without_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = utils.plot_model(net(), tmp_path / "net.dot", show_layer_names=True)
    assert picture.path == str(tmp_path / "net.dot")
    boxes, _ = read((tmp_path / "net.dot").read_text())
    assert "n/score" in boxes
    with pytest.raises(ArgumentError, match="needs the program dot of Graphviz"):
        utils.plot_model(net(), tmp_path / "net.png")
    assert not (tmp_path / "net.png").exists()
    with pytest.raises(ArgumentError, match="to_file with an ending"):
        utils.plot_model(net(), tmp_path / "net")


def test_a_picture_is_shown_in_notebooks(tmp_path):
    (tmp_path / "net.svg").write_text("<svg></svg>")
    picture = Picture(str(tmp_path / "net.svg"))
    assert picture._repr_mimebundle_() == {"image/svg+xml": "<svg></svg>"}
