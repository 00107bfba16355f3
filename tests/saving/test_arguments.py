"""Each argument of each public class survives as data, with any value."""

import inspect
import json

import argument_cases
import pytest

from multinet import saving
from multinet.configurable import parameters

CASES = list(argument_cases.cases())


@pytest.mark.parametrize(
    "cls,name", [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_argument_survives_json(cls, name):
    thing = cls(**argument_cases.arguments(cls, name))
    text = json.dumps(saving.serialize_keras_object(thing))
    again = saving.deserialize_keras_object(json.loads(text))
    assert type(again) is cls
    config = thing.get_config()
    assert json.dumps(again.get_config()) == json.dumps(config)
    if parameters(cls)[name].default is not inspect.Parameter.empty:
        plain = cls(**argument_cases.required(cls)).get_config()
        assert config[name] != plain.get(name, ...)
