"""What model.summary() shows."""

import numpy as np
import pytest

import multinet
from multinet import layers


def text(model, **options):
    """Return the summary of a model."""
    lines = []
    model.summary(print_fn=lines.append, **options)
    return "\n".join(lines)


def model():
    """Return a model with a nested one and a frozen layer."""
    inner = multinet.Sequential(
        [multinet.Input((8,)), layers.Dense(4, name="deep")], name="inner"
    )
    frozen = layers.Dense(8, name="frozen", trainable=False)
    stack = [multinet.Input((16,)), frozen, inner, layers.BatchNormalization(name="bn")]
    return multinet.Sequential(stack, name="whole")


def row(table, name):
    """Return the line that shows a layer."""
    (line,) = [line for line in table.splitlines() if f"{name} (" in line]
    return line


def test_a_summary_shows_shapes_and_numbers_of_weights():
    table = text(model())
    assert 'Model: "whole"' in table
    for name, kind, shape, count in (
        ("frozen", "Dense", "(None, 8)", "136"),
        ("inner", "Sequential", "(None, 4)", "36"),
        ("bn", "BatchNormalization", "(None, 4)", "16"),
    ):
        line = row(table, name)
        assert f"{name} ({kind})" in line and shape in line and count in line
    assert "deep" not in table
    assert "Total params: 188 (752.00 B)" in table
    assert "Trainable params: 44 (176.00 B)" in table
    assert "Non-trainable params: 144 (576.00 B)" in table


def test_nested_layers_and_the_trainable_column_are_shown_on_request():
    table = text(model(), expand_nested=True, show_trainable=True, line_length=100)
    assert "36" in row(table, "deep")
    assert "N" in row(table, "frozen").split()[-2:]
    assert "Y" in row(table, "deep").split()[-2:]
    assert max(map(len, table.splitlines())) <= 100


def test_a_model_that_is_not_built_says_so():
    table = text(multinet.Sequential([layers.Dense(2, name="later")]))
    assert "not built" in row(table, "later")
    assert "Total params: 0" in table


def test_a_subclassed_model_has_a_summary():
    class Net(multinet.Model):
        def __init__(self):
            super().__init__(name="net")
            self.dense = layers.Dense(2, name="only")

        def call(self, inputs):
            return self.dense(inputs)

    net = Net()
    net.build((None, 3))
    table = text(net)
    assert 'Model: "net"' in table and "8" in row(table, "only")


def wired():
    """Return a model of two inputs, a shared layer, an op and a nested model."""
    left, right = (multinet.Input((8,), name=name) for name in ("left", "right"))
    shared = layers.Dense(4, name="shared")
    both = layers.Concatenate(name="both")([shared(left), shared(right)])
    scaled = multinet.ops.multiply(both, 2.0)
    inner = multinet.Sequential(
        [
            multinet.Input((8,)),
            layers.Dense(4, name="deep"),
            layers.Dropout(0.5, name="drop"),
        ],
        name="inner",
    )
    return multinet.Model([left, right], layers.Dense(1, name="last")(inner(scaled)))


def test_a_graph_shows_what_each_is_connected_to():
    table = text(wired(), expand_nested=True, show_trainable=True, line_length=120)
    assert "left, right" in row(table, "shared")
    assert "shared[0], shared[1]" in row(table, "both")
    (scaled,) = [line for line in table.splitlines() if line.startswith("│ multiply")]
    assert "both" in scaled and "(op)" in scaled
    assert "inner" in row(table, "last")
    assert "└ deep" in row(table, "deep") and "Y" in row(table, "deep")
    assert row(table, "drop").split("│")[-2].strip() == "-"  # nothing to train
    assert "Connected to" not in text(model())


def test_a_range_of_layers_is_shown():
    table = text(wired(), layer_range=["shared", "inn"])
    assert [name for name in ("left", "both", "inner", "last") if f"{name} (" in table]
    assert "left (" not in table and "last (" not in table and "inner (" in table
    with pytest.raises(ValueError, match="No layer matches 'nobody'"):
        text(wired(), layer_range=["left", "nobody"])
    with pytest.raises(ValueError, match="two names"):
        text(wired(), layer_range=["left"])


def test_a_summary_fits_80_columns_and_loses_no_letter():
    name = "a_layer_whose_name_is_so_long_that_no_column_of_the_table_could_hold_it"
    inputs = multinet.Input((4,))
    a, b = layers.Dense(2, name=name)(inputs), layers.Dense(2)(inputs)
    table = text(multinet.Model(inputs, [layers.Add()([a, b]), a]))
    assert max(map(len, table.splitlines())) <= 80
    rows = [line for line in table.splitlines() if line.startswith("│")]
    column = "".join(line.split("│")[1].strip() for line in rows)
    assert name in column


def test_a_subclassed_model_shows_shapes_after_its_first_call(backend):
    class Net(multinet.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="first")
            self.drop = layers.Dropout(0.5, name="second")

        def call(self, inputs):
            return self.drop(self.dense(inputs))

    net = Net()
    net(np.ones((2, 5), "float32"))
    for name in ("first", "second"):
        assert "(2, 3)" in row(text(net), name)


def test_the_optimizer_is_counted_once_it_is_built(backend):
    net = multinet.Sequential([multinet.Input((2,)), layers.Dense(3)])
    net.compile("adam", "mse")
    assert "Optimizer" not in text(net)
    net.fit(np.zeros((4, 2)), np.zeros((4, 3)), verbose=0)
    table = text(net)  # two moments of 9 weights, the rate and the count
    assert "Optimizer params: 20 (80.00 B)" in table
    assert "Total params: 29 (116.00 B)" in table


def test_shapes_are_shown_of_layers_that_were_built_or_called_on_several(backend):
    class Net(multinet.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(4, name="first")
            self.later = layers.Dense(4, name="later")
            self.attention = layers.MultiHeadAttention(2, 2, name="attention")

        def build(self, input_shape):
            self.first.build(input_shape)

        def call(self, x):
            return self.attention(x, x, x)

    net = Net()
    net.build((None, 5, 2))
    assert "(None, 5, 4)" in row(text(net), "first") and "?" in row(text(net), "later")
    net(np.ones((1, 5, 2), "float32"))
    assert "(1, 5, 2)" in row(text(net), "attention")
