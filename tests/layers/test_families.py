"""Options of weights: resolved from the arguments of the class that declares them."""

import pytest

from multinet import constraints, initializers, layers, regularizers
from multinet.errors import ArgumentError


class Scale(layers.Layer):
    """A layer of a program, with a family of its own."""

    families = ("factor",)

    def __init__(self, factor_initializer="ones", *, factor_constraint=None, **options):
        super().__init__(**options)
        self.seen = self.factor_initializer, self.factor_constraint

    def build(self, input_shape):
        """Create the factor."""
        self.factor = self.add_family("factor", input_shape[-1:])


def test_options_are_objects_before_the_constructor_runs():
    layer = Scale("zeros", factor_constraint="non_neg")
    kinds = initializers.Zeros, constraints.NonNeg
    assert list(map(type, layer.seen)) == list(kinds)
    layer.build((2, 3))
    assert layer.factor.path.endswith("/factor")
    assert layer.factor.numpy().tolist() == [0, 0, 0]
    assert type(layer.factor.constraint) is constraints.NonNeg


def test_a_subclass_hands_on_what_it_wants():
    class Wide(layers.Dense):
        def __init__(self, units, scale=2, kernel_initializer="ones", **options):
            super().__init__(
                units * scale, kernel_initializer=kernel_initializer, **options
            )

    layer = Wide(3, bias_regularizer="l2")
    layer.build((None, 4))
    assert layer.kernel.shape == (4, 6)
    assert type(layer.kernel_initializer) is initializers.Ones
    assert type(layer.bias.regularizer) is regularizers.L2


def test_what_a_call_says_of_a_weight_goes_first():
    layer = Scale()
    weight = layer.add_family("factor", (2,), initializer="zeros", trainable=False)
    assert weight.numpy().tolist() == [0, 0] and not weight.trainable


def test_a_family_without_an_argument_is_an_error():
    with pytest.raises(ArgumentError, match="kernel_initializer"):
        type("Plain", (layers.Layer,), {"families": ("kernel",)})


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_a_recurrent_layer_shares_the_options_of_its_cell(kind):
    layer = kind(2, kernel_initializer="ones", dropout=0.5)
    assert layer.units == layer.cell.units == 2
    assert layer.kernel_initializer is layer.cell.kernel_initializer
    layer.dropout = 0.25
    assert layer.cell.dropout == 0.25
    with pytest.raises(ArgumentError, match="wrong"):
        kind(2, wrong=1)
    with pytest.raises(AttributeError):
        layer.wrong  # noqa: B018


def test_only_fused_layers_choose_a_method():
    with pytest.raises(ArgumentError, match="use_cudnn"):
        layers.SimpleRNN(2, use_cudnn=True)
    with pytest.raises(ArgumentError, match="'auto', True or False"):
        layers.LSTM(2, use_cudnn="yes")
    layer = layers.GRU(2, implementation=1)
    assert layer.implementation == layer.cell.implementation == 1
