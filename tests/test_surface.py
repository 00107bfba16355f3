"""What users see of a public module: `dir()`, `__all__` and `import *`."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import keras
import pytest

import multinet
from multinet import surface

# For those who write a plug-in; programs reach all others from `multinet`.
FOR_PLUGINS = ("conformance", "dtypes", "interface", "philox", "registry")


def under(module):
    """Yield a module and the public ones in it."""
    yield module
    for name in module.__all__:
        part = getattr(module, name)
        if isinstance(part, ModuleType):
            yield from under(part)


PUBLIC = {module.__name__: module for module in under(multinet)}
for plugin in FOR_PLUGINS:
    name = f"multinet.{plugin}"
    PUBLIC[name] = importlib.import_module(name)
each_module = pytest.mark.parametrize("module", PUBLIC.values(), ids=list(PUBLIC))


def test_the_public_modules_are_those_of_keras_and_few_others():
    names = {name.removeprefix("multinet.") for name in PUBLIC} - {"multinet"}
    ours = {name for name in names if isinstance(reached(keras, name), ModuleType)}
    assert names - ours == {
        "datasets.digits",
        "debug",
        "errors",
        "explain",
        "graph",
        "onnx",
        "sparse",
        *FOR_PLUGINS,
    }
    assert {"layers", "ops.numpy", "optimizers.schedules", "tree"} <= ours


def reached(root, path):
    """Return what a dotted path leads to, or None."""
    for part in path.split("."):
        root = getattr(root, part, None)
    return root


@each_module
def test_dir_shows_what_is_listed_and_nothing_else(module):
    assert dir(module) == sorted(set(module.__all__))
    assert len(module.__all__) == len(set(module.__all__))
    shown = set(dir(module)) - {"__version__"}
    assert shown and not [name for name in shown if name.startswith("_")]
    for name in shown:
        thing = getattr(module, name)
        assert not isinstance(thing, ModuleType) or thing in PUBLIC.values(), name


@each_module
def test_import_of_everything_brings_what_is_listed(module):
    found = {}
    exec(f"from {module.__name__} import *", found)
    del found["__builtins__"]
    assert set(found) == set(module.__all__)
    assert all(found[name] is getattr(module, name) for name in found)


# What a public module defines for the library, or for another public module.
INSIDE = {
    "multinet.config": {"at_most", "standardize_data_format"},
    "multinet.dtype_policies": {"dtype_policy", "set_dtype_policy"},
    "multinet.optimizers.schedules": {"rate_dtype"},
}


@each_module
def test_what_a_public_module_defines_is_public(module):
    defined = {
        name
        for name, thing in vars(module).items()
        if inspect.isroutine(thing) or inspect.isclass(thing)
        if thing.__module__ == module.__name__ and not name.startswith("_")
    }
    inside = INSIDE.get(module.__name__, set())
    assert defined - set(module.__all__) == inside


PAIRS = {
    name: reached(keras, name.removeprefix("multinet."))
    for name in PUBLIC
    if isinstance(reached(keras, name.removeprefix("multinet.")), ModuleType)
} | {"multinet": keras}


@pytest.mark.parametrize("name", PAIRS)
def test_names_of_keras_that_are_here_are_listed(name):
    module, theirs = PUBLIC[name], PAIRS[name]
    names = [n for n in dir(theirs) if not n.startswith("_") and hasattr(module, n)]
    assert names or name == "multinet.datasets"  # Keras's are downloads
    assert [n for n in names if n not in module.__all__] == []


def test_other_names_of_keras_are_among_them():
    assert {"MaxPool2D", "AvgPool1D", "Convolution2D"} <= set(dir(multinet.layers))
    assert {"swish", "hard_swish"} <= set(dir(multinet.activations))
    assert {"l1_l2", "L1L2"} <= set(dir(multinet.regularizers))
    assert multinet.version() == multinet.__version__


def test_a_module_of_another_program_can_do_the_same(monkeypatch):
    module = ModuleType("theirs")
    vars(module).update(__all__=["b", "a"], a=1, b=2, np=3)
    assert "np" in dir(module)
    monkeypatch.setitem(sys.modules, "theirs", module)
    surface.show("theirs")
    assert dir(module) == ["a", "b"] and module.np == 3


def test_it_holds_before_anything_else_is_imported():
    code = "import multinet; print([n for n in dir(multinet.ops) if len(n) < 4][:4])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "['abs', 'add', 'all', 'any']"


PACKAGES = [name for name, module in PUBLIC.items() if hasattr(module, "__path__")]


def run(code):
    """Return what code prints in a fresh process."""
    line = [sys.executable, "-c", code]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize(
    "code",
    [
        "from multinet.layers import RandomFlip, LSTM, SeparableConvolution1D",
        "import multinet.layers.preprocessing.affine_layers as found; found.RandomFlip",
        "import multinet.visualization as found; found.draw_bounding_boxes",
        "import multinet; multinet.utils.legacy.serialize_keras_object(None)",
        "import multinet; multinet.datasets.mnist.load_data",
        "from multinet.utils import FeatureSpace, Sequence, bounding_boxes",
        "from multinet.models import load_model",
        "from multinet import callbacks; callbacks.TensorBoard",
        "from multinet import *; layers.GRU, saving.load_model, visualization",
    ],
)
def test_what_comes_later_comes_when_asked_for(code):
    run(code)


@pytest.mark.parametrize(
    "read",
    [
        "layers.deserialize({'class_name': 'RandomFlip', 'config': {}})",
        "layers.deserialize({'class_name': 'LSTM', 'config': {'units': 3}})",
        "saving.deserialize_keras_object({'module': 'keras.layers', "
        "'class_name': 'LSTM', 'config': {'units': 3}, 'registered_name': None})",
        "saving.deserialize_keras_object({'module': 'keras.layers', "
        "'class_name': 'Hashing', 'config': {'num_bins': 3}, 'registered_name': None})",
    ],
)
def test_a_configuration_names_what_nobody_asked_for_yet(read):
    run(f"import multinet; multinet.{read}")


def test_what_has_come_is_kept():
    run(
        "import multinet\n"
        "assert 'RandomFlip' not in vars(multinet.layers)\n"
        "found = multinet.layers.RandomFlip\n"
        "assert vars(multinet.layers)['RandomFlip'] is found\n"
    )


def test_a_name_that_is_not_listed_brings_nothing():
    run(
        "import sys, multinet\n"
        "assert not hasattr(multinet.layers, 'RandomFlap')\n"
        "assert not hasattr(multinet.utils, '__wrapped__')\n"
        "assert 'multinet.layers.catalogue' not in sys.modules\n"
        "assert 'multinet.utils.catalogue' not in sys.modules\n"
    )


def test_a_listed_name_that_is_nowhere_is_told(monkeypatch):
    module = ModuleType("theirs")
    vars(module).update(__all__=["lost"])
    monkeypatch.setitem(sys.modules, "theirs", module)
    surface.show("theirs", "multinet.tree")
    with pytest.raises(AttributeError, match="theirs lists lost"):
        _ = module.lost


@pytest.mark.parametrize("name", PACKAGES)
def test_what_comes_later_has_the_name_of_no_other_module(name):
    """A module takes the place of its name in a package whenever it is imported."""
    listed = set(PUBLIC[name].__all__)
    inside = {module.name for module in pkgutil.iter_modules(PUBLIC[name].__path__)}
    code = f"import sys, {name}; print(*vars(sys.modules[{name!r}]))"
    later = listed - set(run(code).split())
    for both in inside & later:
        assert isinstance(getattr(PUBLIC[name], both), ModuleType)
