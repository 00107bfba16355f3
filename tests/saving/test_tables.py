"""Tables of one kind of object by name, which every kind shares."""

import pytest

from multinet import saving
from multinet.configurable import Configurable
from multinet.errors import ArgumentError
from multinet.names import snake_case
from multinet.objects.tables import Table


class Blue(Configurable):
    def __init__(self, depth=1, *, tone="dark"):
        self.depth, self.tone = depth, tone


def shout(x):
    return x


COLOURS = Table("colour", (Blue, shout), {"azure": Blue})


@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "KLDivergence", "R2Score", "AUC", "RMSprop", "L1L2"]
)
def test_snake_case_is_that_of_keras(name):
    from keras.src.utils.naming import to_snake_case

    assert snake_case(name) == to_snake_case(name)


@pytest.mark.parametrize("name", ["Blue", "blue", "azure"])
def test_class_names_give_new_objects(name):
    first, second = COLOURS.get(name), COLOURS.get(name)
    assert type(first) is Blue and first is not second


def test_round_trip_keeps_every_argument():
    config = COLOURS.serialize(Blue(3, tone="light"))
    assert config == {
        "module": __name__,
        "class_name": "Blue",
        "config": {"depth": 3, "tone": "light"},
        "registered_name": "Blue",
    }
    again = COLOURS.deserialize(config)
    assert (again.depth, again.tone) == (3, "light")


def test_registered_class_is_written_and_found_by_its_name(registry):
    @saving.register_keras_serializable("garden")
    class Green(Configurable):
        pass

    config = COLOURS.serialize(Green())
    assert config["registered_name"] == "garden>Green"
    assert type(COLOURS.deserialize(config)) is Green
    assert type(COLOURS.get("Green")) is Green


def test_custom_objects_are_found_first():
    class Blue2(Blue):
        pass

    config = {"class_name": "Blue", "config": {}}
    assert type(COLOURS.deserialize(config, {"Blue": Blue2})) is Blue2


def test_functions_are_their_names_and_keras_form_is_read():
    written = COLOURS.serialize(shout)
    assert written["class_name"] == "function" and written["config"] == "shout"
    assert COLOURS.deserialize(written) is shout


@pytest.mark.parametrize("config", [3, {"config": {}}])
def test_what_is_no_configuration_is_explained(config):
    with pytest.raises(ArgumentError, match="class_name"):
        COLOURS.deserialize(config)
