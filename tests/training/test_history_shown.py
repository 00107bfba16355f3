"""How a History shows itself."""

import re
from xml.etree import ElementTree

import numpy as np

from multinet import Input, Sequential, layers
from multinet.callbacks import History


def recorded(**logs):
    history = History()
    count = len(logs["loss"])
    history.on_train_begin()
    for epoch in range(count):
        here = {k: v[epoch] for k, v in logs.items() if epoch < len(v)}
        history.on_epoch_end(epoch, here)
    return history


def plots(history):
    """Return the plots of the HTML, which must be well-formed."""
    text = re.sub(r"<style>.*</style>", "", history._repr_html_(), flags=re.S)
    return ElementTree.fromstring(text).findall("svg")


def points(line):
    return [tuple(map(float, p.split(","))) for p in line.get("points").split()]


def test_a_history_says_what_it_holds():
    history = recorded(loss=[2.0, 1.0], val_loss=[3.0, 2.5])
    assert repr(history) == ("<History of 2 epochs, at the end loss: 1, val_loss: 2.5>")
    assert repr(History()) == "<History of 0 epochs>"


def test_the_curves_of_a_name_and_its_validation_share_a_plot():
    history = recorded(
        loss=[2.0, 1.0, 0.0], val_loss=[1.0, 1.0, 1.0], accuracy=[0.0, 0.5, 1.0]
    )
    first, second = plots(history)
    down, level = first.findall("polyline")
    (up,) = second.findall("polyline")
    heights = [y for _, y in points(down)]
    assert heights == sorted(heights) and heights[0] < heights[1] < heights[2]
    assert len({y for _, y in points(level)}) == 1
    assert [y for _, y in points(up)] == [heights[2], heights[1], heights[0]]
    texts = [text.text for text in first.findall("text")]
    assert "loss: 0" in texts and "val_loss: 1" in texts
    assert texts[-2:] == ["1", "3"]  # the epochs, counted from 1


def test_what_is_no_number_leaves_a_gap():
    (plot,) = plots(recorded(loss=[1.0, float("nan"), 0.0]))
    assert len(points(plot.find("polyline"))) == 2


def test_names_are_text_and_nothing_is_fetched():
    history = recorded(**{"loss": [1.0], "<b>&": [2.0]})
    text = history._repr_html_()
    assert "&lt;b&gt;&amp;" in text and "<b>" not in text
    assert "http" not in text and "<script" not in text
    assert len(plots(history)) == 2


def test_fit_returns_one(backend):
    model = Sequential([Input((2,)), layers.Dense(1, name="only")])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, verbose=0)
    assert len(plots(history)) == 1 and "History of 2 epochs" in repr(history)
