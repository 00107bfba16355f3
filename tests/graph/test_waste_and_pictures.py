"""Work that could be left out, and drawings."""

import numpy as np
import pytest

import multinet
from multinet import graph, layers, ops
from multinet.graph import Spec


def found(function, dtype="float32"):
    captured = graph.capture(function, Spec((3, 4), dtype))
    return [waste.kind for waste in captured.waste()]


def test_what_goes_there_and_back_is_found():
    assert found(lambda x: ops.cast(ops.cast(x, "float32"), "float16"), "float16") == [
        "cast there and back"
    ]
    assert found(lambda x: ops.transpose(ops.transpose(x))) == [
        "transpose there and back"
    ]
    assert found(lambda x: ops.transpose(ops.reshape(x, (2, 2, 3)), (1, 0, 2))) == []
    assert found(
        lambda x: ops.transpose(
            ops.transpose(ops.reshape(x, (2, 2, 3)), (1, 0, 2)), (2, 0, 1)
        )
    ) == ["transposed twice"]
    assert found(lambda x: ops.exp(x) + ops.exp(x)) == ["computed twice"]


def test_rounding_by_a_narrow_dtype_is_no_waste():
    assert found(lambda x: ops.cast(ops.cast(x, "float16"), "float32")) == []
    assert found(lambda x: ops.exp(x) + ops.exp(-x)) == []


def test_waste_inside_of_loops_is_found():
    def step(carry, row):
        return carry + ops.exp(row) * ops.exp(row), row

    assert found(lambda x: ops.scan(step, x[0], x)) == ["computed twice"]


def model():
    x = multinet.Input((None, 6), name="x")
    h = layers.LSTM(5, return_sequences=True, name="lstm")(x)
    return multinet.Model(x, layers.Dense(4, name="head")(h), name="m")


def test_a_graph_is_drawn_with_a_frame_for_each_layer(tmp_path):
    pytest.importorskip("pydot")
    captured = graph.capture(model())
    text = captured.to_dot("LR").to_string()
    for part in ('label="lstm"', 'label="head"', "lstm/cell/kernel", "float32[batch"):
        assert part in text
    picture = captured.plot(tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")
    assert picture.path.endswith("graph.dot")
    loop = captured.expand().to_dot().to_string()
    assert "scan: function" in loop and 'label="matmul"' in loop


def test_a_model_is_summed_up_with_its_operations(capsys):
    net = model()
    net.summary(flops=True, line_length=100)
    text = capsys.readouterr().out
    costs = graph.capture(net).costs()
    assert "FLOPs" in text and str(costs.of("head").flops) in text
    assert f"Total FLOPs: {costs.total.flops}" in text
    net.summary()
    assert "FLOPs" not in capsys.readouterr().out


def test_a_subclass_is_summed_up_once_it_was_called(capsys):
    class Net(multinet.Model):
        def __init__(self):
            super().__init__(name="net")
            self.inside = layers.Dense(3, name="inside")

        def call(self, x):
            return self.inside(x)

    net = Net()
    net(np.ones((2, 4), "float32"))
    net.summary(flops=True)
    assert "27 * batch" in capsys.readouterr().out
