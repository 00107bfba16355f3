"""A name that Keras has and Multinet lacks is answered with one sentence."""

import copy
import importlib
import inspect
import json
import pickle
import re
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import multinet
from multinet import absent, layers

ROOT = Path(multinet.__file__).parent.parent
MODULES = absent.known()["modules"]
CLASSES = absent.known()["classes"]


def test_the_table_is_what_keras_has_and_multinet_lacks():
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        found = importlib.import_module("absent").find()
    finally:
        sys.path.pop(0)
    expected = json.loads(json.dumps(found))
    assert absent.known() == expected, (
        "Names came or went. Write the table anew with: "
        "KERAS_BACKEND=jax python .ci/absent.py"
    )


def namespaces(ours, theirs):
    """Yield the modules of Multinet that Keras has too."""
    yield ours
    for name in dir(theirs):
        pair = getattr(ours, name, None), getattr(theirs, name)
        if all(isinstance(part, types.ModuleType) for part in pair):
            yield from namespaces(*pair)


@pytest.mark.parametrize(
    "module", list(namespaces(multinet, keras)), ids=lambda module: module.__name__
)
def test_every_namespace_answers(module):
    name = module.__name__
    for lacking in MODULES.get(name, ()):
        assert not hasattr(module, lacking) and lacking not in dir(module)
        sentence = f"^{re.escape(name)} has no {lacking} yet; Keras 3 has it\\."
        with pytest.raises(AttributeError, match=sentence):
            getattr(module, lacking)
        with pytest.raises(ImportError, match=sentence):
            exec(f"from {name} import {lacking}")
    known = [n for n in getattr(module, "__all__", dir(module)) if len(n) > 4][0]
    wrong = known + "x"
    with pytest.raises(AttributeError, match=f"Did you mean: '{known}'") as caught:
        getattr(module, wrong)
    assert str(caught.value).startswith(f"module {name!r} has no attribute {wrong!r}")
    with pytest.raises(ImportError, match=f"cannot import.*Did you mean: '{known}'"):
        exec(f"from {name} import {wrong}")
    for nowhere in ("qqqqqq", "_hidden", "__path_to__"):
        with pytest.raises(AttributeError, match=f"no attribute '{nowhere}'$"):
            getattr(module, nowhere)


def test_keras_has_no_namespace_that_is_not_answered():
    for name in dir(keras):
        whole = isinstance(getattr(keras, name), types.ModuleType)
        if whole and not name.startswith("_") and name != "src":
            there = isinstance(getattr(multinet, name, None), types.ModuleType)
            assert there or name in MODULES["multinet"], name


def test_a_module_of_our_own_is_still_imported_by_name():
    from multinet import conformance, training  # not among the public names

    assert conformance.__name__ == "multinet.conformance" and training


def test_imports_in_a_function_and_with_another_name_are_told():
    with pytest.raises(ImportError, match="multinet.callbacks has no OrbaxCheckpoint"):
        from multinet.callbacks import History
        from multinet.callbacks import OrbaxCheckpoint as Function

        print(History, Function)
    with pytest.raises(ImportError, match="^multinet has no quantizers yet"):
        from multinet import quantizers

        print(quantizers)


def model():
    model = multinet.Sequential([multinet.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


OBJECTS = {
    "Model": model,
    "Layer": lambda: layers.Dropout(0.1),
    "Dense": lambda: layers.Dense(1),
    "Metric": lambda: multinet.metrics.Mean(),
    "Optimizer": lambda: multinet.optimizers.Adam(),
    "KerasTensor": lambda: multinet.Input((2,)),
    "Variable": lambda: multinet.Variable(1.0),
    "GRUCell": lambda: layers.GRUCell(2),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_methods_that_are_absent_are_told(kind):
    thing = OBJECTS[kind]()
    for name in CLASSES.get(kind, ()):
        assert not hasattr(thing, name) and name not in dir(thing)
        sentence = f"^{type(thing).__name__} has no {name} yet; Keras 3 has it"
        with pytest.raises(AttributeError, match=sentence):
            getattr(thing, name)
    for nowhere in ("qqqqqq", "_hidden", "__path_to__"):
        text = f"^'{type(thing).__name__}' object has no attribute '{nowhere}'$"
        with pytest.raises(AttributeError, match=text):
            getattr(thing, nowhere)
    known = max((n for n in dir(thing) if not n.startswith("_")), key=len)
    with pytest.raises(AttributeError, match=f"Did you mean: '{known}'"):
        getattr(thing, known + "x")


def test_what_is_named_instead_exists():
    absent_names = {n for names in (MODULES | CLASSES).values() for n in names}
    for name, text in absent.INSTEAD.items():
        assert name in absent_names, name
        for path in re.findall(r"multinet(?:\.\w+)+", text):
            thing = multinet
            for part in path.split(".")[1:]:
                thing = getattr(thing, part)
    for name in ("get_weights", "set_weights", "stop_training", "fit"):
        assert hasattr(multinet.Model, name)
    assert not isinstance(model().optimizer.learning_rate, property)


class Failing(layers.Layer):
    @property
    def derived(self):
        return self.never_set


def test_a_property_that_fails_keeps_its_own_error():
    with pytest.raises(AttributeError, match="no attribute 'never_set'"):
        _ = Failing().derived


class Quantizes:
    def quantize(self):
        return "quantized"


def test_classes_of_the_program_may_have_these_names():
    class Mixed(multinet.Model, Quantizes):
        def export(self):
            return "exported"

    mixed = Mixed()
    assert (mixed.quantize(), mixed.export()) == ("quantized", "exported")

    class Layer(Quantizes):  # a name of ours, and not our class
        pass

    with pytest.raises(AttributeError, match="no attribute 'export'"):
        _ = Layer().export


def test_objects_are_copied_and_pickled_as_before():
    layer = layers.Dense(2)
    layer.build((None, 3))
    for other in (copy.deepcopy(layer), copy.copy(layer)):
        np.testing.assert_array_equal(other.get_weights()[0], layer.get_weights()[0])
    metric = pickle.loads(pickle.dumps(absent.known()))
    assert metric == absent.known()


def test_options_of_summary_are_refused():
    with pytest.raises(ValueError, match="summary has no option positions yet"):
        model().summary(positions=[0.5])
    ours, theirs = (
        list(inspect.signature(lib.Model.summary).parameters)
        for lib in (multinet, keras)
    )
    assert ours == [*theirs, "flops"]


def test_the_table_is_read_only_for_an_error():
    import subprocess

    code = (
        "import multinet\n"
        "from multinet import absent, callbacks, layers\n"
        "layers.Dense(1).name\n"
        "assert absent.known.cache_info().currsize == 0\n"
        "assert not hasattr(callbacks, 'OrbaxCheckpoint')\n"
        "assert absent.known.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_class_with_an_answer_of_its_own_goes_on_to_this_one():
    layer = layers.LSTM(2)
    assert layer.units == 2
    with pytest.raises(AttributeError, match="^LSTM has no quantize yet"):
        _ = layer.quantize
