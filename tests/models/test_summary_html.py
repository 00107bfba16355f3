"""How a model shows itself in a notebook."""

import re
from xml.etree import ElementTree

import numpy as np

import multinet
from multinet import layers


def shown(model):
    """Return what is shown, which must be well-formed and fetch nothing."""
    text = model._repr_html_()
    assert not re.search(r"https?:|//|<script|<link|url\(|@import", text)
    return ElementTree.fromstring(re.sub(r"<style>.*?</style>", "", text, flags=re.S))


def table_of(table):
    """Return the texts of a table's cells, without those of tables inside."""
    lines = [*table.findall("thead/tr"), *table.findall("tbody/tr")]
    return [[cell.text for cell in line if cell.text] for line in lines]


def branched():
    """Return a graph of two branches, one of which is a model."""
    inner = multinet.Sequential(
        [multinet.Input((8,)), layers.Dense(4, name="deep")], name="inner"
    )
    inputs = multinet.Input((8,), name="a")
    straight = layers.Dense(4, name="straight")(inputs)
    outputs = layers.Add(name="both")([straight, inner(inputs)])
    return multinet.Model(inputs, outputs, name="<branched>")


def test_each_layer_has_a_row_with_its_shape_weights_and_sources(backend):
    model = branched()
    page = shown(model)
    assert page.find("table/caption").text == "Model: <branched>"
    assert table_of(page.find("table")) == [
        ["Layer (type)", "Output shape", "Weights", "Connected to"],
        ["a (InputLayer)", "(None, 8)", "0", "-"],
        ["straight (Dense)", "(None, 4)", "36", "a"],
        ["inner (Sequential)", "(None, 4)", "36", "a"],
        [],  # of the fold
        ["both (Add)", "(None, 4)", "0", "straight, inner"],
    ]
    assert [each.text for each in page.findall("dl/dd")] == [
        "72 (288.00 B)",
        "72 (288.00 B)",
        "0 (0.00 B)",
    ]


def test_the_layers_of_a_model_inside_are_folded():
    page = shown(branched())
    (fold,) = page.iter("details")
    assert "open" not in fold.attrib and fold.find("summary").text == "1 layer of inner"
    assert table_of(fold.find("table")) == [
        ["Layer (type)", "Output shape", "Weights"],
        ["deep (Dense)", "(None, 4)", "36"],
    ]


def test_a_model_of_a_class_shows_what_its_first_call_made():
    class Own(multinet.Model):
        def __init__(self):
            super().__init__(name="own")
            self.last = layers.Dense(2, name="last")

        def call(self, x):
            return self.last(x)

    model = Own()
    assert ["last (Dense)", "?", "not built"] in table_of(shown(model).find("table"))
    model(np.ones((5, 3), "float32"))
    assert ["last (Dense)", "(5, 2)", "8"] in table_of(shown(model).find("table"))
