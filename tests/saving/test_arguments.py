"""Each argument of each public class survives as data, with any value."""

import json

import argument_cases
import pytest

from multinet import saving

CASES = list(argument_cases.cases())


def through_json(thing):
    text = json.dumps(saving.serialize_keras_object(thing))
    return saving.deserialize_keras_object(json.loads(text))


@pytest.mark.parametrize(
    "cls,name,more", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_argument_survives_json(cls, name, more):
    made = {**argument_cases.required(cls), **more}
    thing = cls(**{key: value for key, value in made.items() if value is not None})
    again = through_json(thing)
    assert type(again) is cls
    config = thing.get_config()
    assert json.dumps(again.get_config()) == json.dumps(config)
    if name not in argument_cases.required(cls):
        default = cls(**argument_cases.required(cls)).get_config()
        assert config[name] != default.get(name, ...)
