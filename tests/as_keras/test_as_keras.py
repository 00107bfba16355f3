"""Programs that import Keras run on Multinet, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BACKENDS = ("numpy", "jax", "torch", "tensorflow")


def python(*arguments, **environment):
    """Run Python in a process without a backend by name, but for what is given."""
    ours = {k: v for k, v in os.environ.items() if not k.endswith("_BACKEND")}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**ours, **environment},
        capture_output=True,
        text=True,
        cwd=HERE,
    )


def told(done):
    """Return the JSON that a program has printed last."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def error(code):
    """Return the last line that a program has written as it failed."""
    done = python("-c", code)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_that_uses_keras_runs_on_multinet(backend):
    found = told(
        python(
            "-m", "multinet.as_keras", "keras_program.py", "a", KERAS_BACKEND=backend
        )
    )
    assert found.pop("loss") >= 0
    assert found == {
        "version": "3.15.1",
        "backend": backend,
        "made by": "multinet",
        "one class": True,
        "class": "Dense",
        "dtype": "float32",
        "arguments": ["a"],
        "name": "__main__",
    }


def test_a_module_runs_too_and_the_backend_of_multinet_comes_first():
    command = ("-m", "multinet.as_keras", "-m", "keras_program", "-x")
    found = told(python(*command, KERAS_BACKEND="jax", MULTINET_BACKEND="numpy"))
    assert (found["backend"], found["arguments"]) == ("numpy", ["-x"])


def test_the_function_comes_before_the_first_import():
    code = "import multinet; multinet.as_keras(); multinet.as_keras()"
    code += "; import keras_program"
    assert told(python("-c", code))["backend"] == "numpy"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_test_that_uses_keras_runs_on_multinet(tmp_path, backend):
    (tmp_path / "conftest.py").write_text("import keras\n")
    (tmp_path / "test_it.py").write_text(
        "import keras, multinet\n"
        "def test_it():\n"
        "    assert keras.layers is multinet.layers\n"
        f"    assert keras.config.backend() == {backend!r}\n"
    )
    options = ("-q", "-p", "multinet.as_keras.pytest_plugin", "-p", "no:cacheprovider")
    command = ("-m", "pytest", *options, "-c", os.devnull, tmp_path)
    done = python(*command, MULTINET_BACKEND=backend)
    assert "1 passed" in done.stdout


def test_a_command_without_a_program_says_how_it_is_used():
    done = python("-W", "error", "-m", "multinet.as_keras")
    assert done.returncode == 1
    assert done.stderr.startswith("Usage:\n    python -m multinet.as_keras script.py")


def test_it_is_too_late_when_keras_has_been_imported():
    code = "import keras, multinet; multinet.as_keras()"
    assert "has not been imported yet, but it has been" in error(code)


START = "import multinet; multinet.as_keras(); import keras; "


@pytest.mark.parametrize(
    ("use", "kind", "text"),
    [
        ("import keras.src.layers.core.dense", "ModuleNotFoundError", "is internal"),
        ("import keras.src.engine", "ModuleNotFoundError", "is internal"),
        ("from keras.src.layers import nonsense", "ImportError", "is internal"),
        ("keras.src.backend.nonsense", "AttributeError", "is internal"),
        ("import keras.nonsense", "ModuleNotFoundError", "has no nonsense"),
        ("from keras import quantizers", "ImportError", "yet; Keras 3 has it"),
        ("keras.quantizers", "AttributeError", "yet; Keras 3 has it"),
        ("keras.nonsense", "AttributeError", "no attribute 'nonsense'"),
    ],
)
def test_names_that_are_not_there_raise_and_say_so(use, kind, text):
    line = error(START + use)
    assert line.startswith(f"{kind}: ")
    assert text in line


def test_every_name_inside_is_public():
    code = (
        "from multinet.as_keras import inside; import importlib\n"
        "for places in inside.INSIDE.values():\n"
        "    for place, names in places.items():\n"
        "        module = importlib.import_module(place)\n"
        "        assert set(names) <= set(dir(module)), (place, names)\n"
        "for name in inside.INSIDE:\n"
        "    importlib.import_module(f'keras.src.{name}'.rstrip('.'))\n"
    )
    done = python("-c", START + "\n" + code)
    assert done.returncode == 0, done.stderr


def test_the_modules_inside_are_those_of_keras():
    from multinet.as_keras.inside import INSIDE

    found = Path(
        subprocess.check_output([sys.executable, "-c", FIND], text=True).strip()
    )
    for name in INSIDE:
        path = found / "src" / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


FIND = (
    "from importlib.util import find_spec; "
    "print(find_spec('keras').submodule_search_locations[0])"
)
