"""What model.summary() shows."""

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
    assert "Total weights: 188 (752.00 B)" in table
    assert "Trainable: 44 (176.00 B)" in table
    assert "Non-trainable: 144 (576.00 B)" in table


def test_nested_layers_and_the_trainable_column_are_shown_on_request():
    table = text(model(), expand_nested=True, show_trainable=True, line_length=100)
    assert "36" in row(table, "deep")
    assert "no" in row(table, "frozen").split()[-2:]
    assert "yes" in row(table, "deep").split()[-2:]
    assert max(map(len, table.splitlines())) <= 100


def test_a_model_that_is_not_built_says_so():
    table = text(multinet.Sequential([layers.Dense(2, name="later")]))
    assert "not built" in row(table, "later")
    assert "Total weights: 0" in table


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
