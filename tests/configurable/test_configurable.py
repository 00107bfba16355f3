"""What an object was made with is what it becomes as data."""

import json
import sys
import warnings

import numpy as np
import pytest

import multinet
from multinet import activations, initializers, layers, losses, optimizers
from multinet.configurable import Configurable
from multinet.errors import ArgumentError


class Wide(layers.Dense):
    """Twice as wide as it was told, with an own argument and those of its base."""

    def __init__(self, units, scale=2, **kwargs):
        super().__init__(units * scale, **kwargs)
        self.scale = scale


class Narrow(layers.Layer):
    """A layer whose constructor takes nothing of Layer's."""

    def __init__(self, units):
        super().__init__()
        self.inner = layers.Dense(units)

    def call(self, inputs):
        return self.inner(inputs)


class Around(layers.Layer):
    """A layer that is given a layer, a function and plain data."""

    def __init__(self, inner, shapes, *, function=None, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.function = inner, function

    def call(self, inputs):
        return self.inner(inputs)


def again(thing):
    config = json.loads(json.dumps(thing.get_config()))
    return type(thing).from_config(config)


def test_an_own_constructor_gives_back_what_it_was_passed():
    layer = Wide(3, scale=5, activation="relu", name="wide")
    config = layer.get_config()
    assert (config["units"], config["scale"]) == (3, 5)
    assert list(config)[:3] == ["name", "trainable", "dtype"]
    copy = again(layer)
    assert (copy.units, copy.scale, copy.name) == (15, 5, "wide")
    assert copy.activation is activations.relu
    assert copy.get_config() == config


def test_an_attribute_set_since_is_in_the_configuration():
    layer = Wide(3)
    layer.activation = activations.tanh
    layer.units = 7
    config = layer.get_config()
    assert (config["activation"], config["units"]) == ("tanh", 7)
    dense = layers.Dense(3, activation="relu")
    dense.activation = activations.linear
    dense.trainable = False
    assert dense.get_config()["activation"] == "linear"
    assert again(dense).trainable is False


def test_arguments_that_travel_to_the_base_are_read_from_it():
    layer = Wide(3, kernel_initializer="he_normal")
    config = layer.get_config()
    assert config["kernel_initializer"]["class_name"] == "HeNormal"
    assert "bias_initializer" not in config
    assert type(again(layer).kernel_initializer) is initializers.HeNormal


def test_defaults_are_written_too():
    assert Wide(3).get_config()["scale"] == 2


def test_a_constructor_that_takes_no_name_gets_it_afterwards():
    layer = Narrow(4)
    layer.trainable = False
    copy = again(layer)
    assert (copy.name, copy.trainable) == (layer.name, False)
    assert copy.inner.units == 4


def test_a_layer_passed_is_made_anew(registry):
    layer = Around(layers.Dense(2), (1, (2, 3)), function=activations.selu)
    copy = again(layer)
    assert type(copy.inner) is layers.Dense and copy.inner is not layer.inner
    assert copy.function is activations.selu
    assert copy.get_config()["shapes"] == [1, [2, 3]]


def test_get_config_of_the_base_gives_the_arguments_of_the_base():
    class Written(layers.Dense):
        def __init__(self, units, secret, **kwargs):
            super().__init__(units, **kwargs)
            self.secret = secret

        def get_config(self):
            config = super().get_config()
            config.update(secret=str(self.secret))
            return config

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "secret": complex(config["secret"])})

    layer = Written(3, 1 + 2j)
    assert again(layer).secret == 1 + 2j
    assert again(layer).units == 3


def test_an_inherited_constructor_is_that_of_the_base():
    class Mine(layers.Dense):
        pass

    assert again(Mine(4, use_bias=False)).use_bias is False


def test_two_own_constructors_in_a_row():
    class Wider(Wide):
        def __init__(self, width, **kwargs):
            super().__init__(width + 1, scale=3, **kwargs)

    layer = Wider(4, activation="elu")
    config = layer.get_config()
    assert config["width"] == 4 and "scale" not in config and "units" not in config
    assert again(layer).units == layer.units == 15


def test_arguments_without_a_name_are_refused():
    class Loose(Configurable):
        def __init__(self, *sizes):
            self.sizes = sizes

    assert Loose().get_config() == {}
    with pytest.raises(ArgumentError, match=r"\*sizes"):
        Loose(1, 2).get_config()


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda x: x, 1j])
def test_what_cannot_be_data_is_refused(value):
    class Holder(Configurable):
        def __init__(self, value):
            pass

    with pytest.raises(ArgumentError, match="get_config|lambda"):
        Holder(value).get_config()


def test_losses_and_optimizers_of_the_program_need_no_get_config():
    class Scaled(losses.Loss):
        def __init__(self, factor, name="scaled"):
            super().__init__(name=name)
            self.times = factor

        def call(self, y_true, y_pred):
            return multinet.ops.multiply(y_pred, self.times)

    class Slow(optimizers.SGD):
        def __init__(self, learning_rate=0.1, slowness=10, **kwargs):
            super().__init__(learning_rate / slowness, **kwargs)

    assert again(Scaled(3.0)).times == 3.0
    config = Slow(0.5, momentum=0.9).get_config()
    assert (config["slowness"], config["momentum"]) == (10, 0.9)


def test_the_learning_rate_in_a_configuration_is_the_present_one():
    optimizer = optimizers.Adam(0.5)
    optimizer.learning_rate = 0.25
    assert again(optimizer).get_config()["learning_rate"] == 0.25


def test_arrays_slices_and_bytes_are_data():
    class Holder(Configurable):
        def __init__(self, **kwargs):
            self.kwargs = kwargs

        def get_config(self):
            from multinet.configurable import as_argument

            return {name: as_argument(value) for name, value in self.kwargs.items()}

    values = {
        "array": np.arange(6, dtype="int16").reshape(2, 3),
        "slice": slice(None, 3),
        "bytes": b"abc",
        "rest": Ellipsis,
        "dtype": np.dtype("float32"),
        "number": np.float64(0.5),
    }
    back = again(Holder(**values)).kwargs
    np.testing.assert_array_equal(back["array"], values["array"])
    assert back["array"].dtype == np.int16
    assert back["slice"] == slice(None, 3) and back["bytes"] == b"abc"
    assert back["rest"] is Ellipsis and back["dtype"] == "float32"
    assert back["number"] == 0.5


def test_a_warning_of_an_own_constructor_is_told_of_the_line_that_made_the_object():
    def level():
        """The first frame outside of this module, as libraries look for it."""
        number, frame = 1, sys._getframe(1)
        while frame is not None and frame.f_globals is globals():
            number, frame = number + 1, frame.f_back
        return number

    class Warning_(layers.Layer):
        def __init__(self):
            super().__init__()
            warnings.warn("odd", stacklevel=level())

    code = compile("made()", "the_program.py", "exec")
    with pytest.warns(UserWarning) as record:
        exec(code, {"made": Warning_})
    assert record[0].filename == "the_program.py"
