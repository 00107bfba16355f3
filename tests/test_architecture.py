"""The rules of the house: floors, walls, no circles, light import."""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import import_graph
import pytest
from import_graph import files, name_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "multinet"
BACKENDS = {path.name for path in (ROOT / "backends").glob("multinet_*")}
FRAMEWORKS = ("jax", "jaxlib", "torch", "tensorflow", "keras", "pytensor")
OWN_FRAMEWORKS = {
    "multinet_numpy": (),
    "multinet_jax": ("jax", "jaxlib"),
    "multinet_torch": ("torch",),
    "multinet_tensorflow": ("tensorflow",),
    "multinet_pytensor": ("pytensor",),
}
ALLOWED_IN_BACKENDS = {
    "multinet.interface",
    "multinet.dtypes",
    "multinet.errors",
    "multinet.philox",
}
EXAMPLES = [
    ROOT / "examples",
    ROOT / "examples" / "benchmarks",
    ROOT / "examples" / "plugin_backend",
]


def of_each(paths):
    """Parametrize a test over files."""
    ids = [str(path.relative_to(ROOT)) for path in paths]
    return pytest.mark.parametrize("path", paths, ids=ids)


def write(folder, texts):
    """Write files of a made-up house."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@functools.cache
def frontend_of(root):
    """Return the modules of a house's frontend, by name."""
    return {name_of(path, root): path for path in files(root / "multinet")}


# -- floors ----------------------------------------------------------------------------


def floors_in(text):
    """Return the floors that the numbered list of CONTRIBUTING.md draws, lowest first.

    The names before a dash are the modules of a floor.
    """
    section = text.partition("## The house")[2].partition("\n## ")[0]
    items = re.findall(r"^(\d+)\. (.*(?:\n   .*)*)", section, re.MULTILINE)
    assert [int(number) for number, _ in items] == list(range(1, len(items) + 1))
    return [re.findall(r"`(\w+)`", item.partition(" - ")[0]) for _, item in items]


FLOORS = floors_in((ROOT / "CONTRIBUTING.md").read_text())


def floor_of(module):
    """Return the floor of `multinet.<part>...`."""
    part = module.split(".")[1]
    return next(i for i, parts in enumerate(FLOORS) if part in parts)


def test_the_floors_are_read_as_they_are_drawn():
    text = "## The house\n\n1. `a`, `b`\n2. `c`, `d`,\n   `e` - as `x.py` of `y`\n"
    assert floors_in(text + "\n## On\n1. `z`\n") == [["a", "b"], ["c", "d", "e"]]


def test_every_module_has_one_floor():
    parts = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or p.is_dir()}
    parts -= {"__init__", "__pycache__", "py"}
    assert sorted(parts) == sorted(part for floor in FLOORS for part in floor)


@of_each(files(PACKAGE))
def test_a_file_imports_its_own_floor_or_lower(path):
    name = name_of(path, ROOT)
    if name == "multinet":
        return  # the roof
    own = floor_of(name)
    for found in import_graph.imports(path, frontend_of(ROOT)):
        assert found.module != "multinet", f"{path.name} imports the roof"
        if found.module.startswith("multinet."):
            assert floor_of(found.module) <= own, f"{path.name}: {found}"


# -- circles ---------------------------------------------------------------------------


def test_a_circle_is_found(tmp_path):
    write(
        tmp_path,
        {
            "p/__init__.py": "from p.a import x\nfrom p import b\n",
            "p/a.py": "import p.c\n",
            "p/b.py": "def f():\n    if f:\n        from p import a\n    return a\n",
            "p/c.py": "from p.d import x\n",
            "p/d.py": "if TYPE_CHECKING:\n    import p.b\n    import p.a\n",
        },
    )
    modules = {name_of(path, tmp_path): path for path in files(tmp_path)}
    edges = import_graph.graph(modules)
    assert edges == {
        "p": {"p.a", "p.b"},
        "p.a": {"p.c"},
        "p.b": {"p.a"},
        "p.c": {"p.d"},
        "p.d": set(),
    }
    assert import_graph.circle(edges) == []
    write(tmp_path, {"p/d.py": "async def f():\n    from p.b import f as g\n"})
    found = import_graph.circle(import_graph.graph(modules))
    assert found == ["p.a", "p.c", "p.d", "p.b", "p.a"]


def test_no_module_imports_one_that_imports_it():
    modules = frontend_of(ROOT).copy()
    for folder in (ROOT / "backends", ROOT / "bridges", *EXAMPLES[1:]):
        modules |= {name_of(path, folder): path for path in files(folder)}
    modules |= {path.stem: path for path in EXAMPLES[0].glob("*.py")}
    found = import_graph.circle(import_graph.graph(modules))
    assert not found, " imports ".join(found)


def test_no_part_of_multinet_imports_one_that_imports_it():
    edges = {}
    for name, targets in import_graph.graph(frontend_of(ROOT)).items():
        part = ".".join(name.split(".")[:2])
        others = {".".join(target.split(".")[:2]) for target in targets}
        edges.setdefault(part, set()).update(others - {part})
    found = import_graph.circle(edges)
    assert not found, " imports ".join(found)


def test_an_import_in_a_function_without_a_reason_is_found(tmp_path):
    write(
        tmp_path,
        {
            "a.py": """import os

def f():
    import a
    # Slow.
    import b

    from c import (
        d,
    )
    if os:
        import e  # optional
    else:
        import g  # noqa: F401
    try:
        pass
    finally:
        x = 1
        from h import i
"""
        },
    )
    found = [
        line.rpartition(":")[2] for line in import_graph.unexplained(tmp_path / "a.py")
    ]
    assert found == [" import g", " from h import i"]


@of_each(files(PACKAGE, ROOT / "backends", ROOT / "bridges", EXAMPLES[0]))
def test_an_import_in_a_function_has_a_reason(path):
    assert import_graph.unexplained(path) == []


# -- walls -----------------------------------------------------------------------------


def refused(path, root):
    """Return what a file under `root` imports beyond what its kind of room may.

    Backends and bridges are the packages in the folders of these names; all else is the
    frontend.
    """
    kind, own = path.relative_to(root).parts[:2]
    judge = {"backends": _in_backend, "bridges": _in_bridge}.get(kind, _in_frontend)
    found = [each.module for each in import_graph.imports(path, frontend_of(root))]
    return [module for module in found if not judge(module, own)]


def _is_plugin(top):
    return top.startswith("multinet_")


def _in_frontend(module, own):
    top = module.split(".")[0]
    return top not in FRAMEWORKS and not _is_plugin(top)


def _in_backend(module, own):
    top = module.split(".")[0]
    if top == "multinet":
        return any(f"{module}.".startswith(f"{a}.") for a in ALLOWED_IN_BACKENDS)
    others = set(FRAMEWORKS).difference(OWN_FRAMEWORKS.get(own, ()))
    return top not in others and (top == own or not _is_plugin(top))


def _in_bridge(module, own):
    top = module.split(".")[0]
    return top == own or not _is_plugin(top)


def test_each_kind_of_room_has_its_walls(tmp_path):
    waist = "import numpy, multinet.interface.step; from multinet import dtypes"
    layers = "from multinet import layers, Layer"
    house = {
        "multinet/__init__.py": layers,
        "multinet/dtypes.py": "",
        "multinet/layers.py": "def f():\n    import torch.nn",
        "multinet/ops.py": "import multinet_torch; from multinet_x_bridge import y",
        "backends/multinet_torch/a.py": f"{waist}; import torch, multinet_torch.b",
        "backends/multinet_torch/b.py": f"import jax; {layers}",
        "backends/multinet_jax/a.py": "import multinet_torch.a; from torch import nn",
        "backends/multinet_jax/b.py": "import jax.numpy; import multinet.dtypes_x",
        "bridges/multinet_x_bridge/a.py": f"{waist}; {layers}; import torch, jax",
        "bridges/multinet_x_bridge/b.py": "import multinet, multinet_x_bridge.a",
        "bridges/multinet_x_bridge/c.py": "import multinet_torch, multinet_y_bridge",
    }
    write(tmp_path, house)
    found = {name: refused(tmp_path / name, tmp_path) for name in house}
    assert {name: modules for name, modules in found.items() if modules} == {
        "multinet/layers.py": ["torch.nn"],
        "multinet/ops.py": ["multinet_torch", "multinet_x_bridge"],
        "backends/multinet_torch/b.py": ["jax", "multinet.layers", "multinet"],
        "backends/multinet_jax/a.py": ["multinet_torch.a", "torch"],
        "backends/multinet_jax/b.py": ["multinet.dtypes_x"],
        "bridges/multinet_x_bridge/c.py": ["multinet_torch", "multinet_y_bridge"],
    }


@of_each(files(PACKAGE, ROOT / "backends", ROOT / "bridges"))
def test_a_file_imports_what_its_room_may(path):
    assert refused(path, ROOT) == []


def test_the_plugin_of_the_examples_is_a_backend_like_any():
    folder = ROOT / "examples" / "plugin_backend" / "multinet_pytensor"
    for path in files(folder):
        found = [each.module for each in import_graph.imports(path, frontend_of(ROOT))]
        assert [m for m in found if not _in_backend(m, folder.name)] == [], path


def test_the_backends_are_four():
    names = ("numpy", "jax", "torch", "tensorflow")
    assert BACKENDS == {f"multinet_{name}" for name in names}
    assert set(OWN_FRAMEWORKS) == BACKENDS | {"multinet_pytensor"}


def code_without_docstrings(path):
    """Return the source of a file with docstrings emptied."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body[0] = ast.Expr(ast.Constant("..."))
    return ast.unparse(tree)


@of_each(files(PACKAGE))
def test_no_framework_is_named_above_the_waist(path):
    code = code_without_docstrings(path)
    names = (*FRAMEWORKS, r"multinet_\w+")
    named = {name for name in names if re.search(rf"\b{name}\b", code)}
    # The names in file formats, and the one that programs import.
    formats = (PACKAGE / "objects" / "exports.py", *files(PACKAGE / "saving"))
    allowed = {"keras", "torch"} if path in formats else set()
    allowed |= {"keras"} if path.parent.name == "as_keras" else set()
    # Keras's name for a way of scaling pixels.
    allowed |= {"torch"} if path.name == "imagenet_utils.py" else set()
    assert named <= allowed


# -- weight ----------------------------------------------------------------------------


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter, and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_numpy_training_imports_no_framework():
    code = """
import sys
import numpy as np
import multinet as keras
before = sorted(m for m in ("jax", "torch", "tensorflow", "keras") if m in sys.modules)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=1, verbose=0)
after = sorted(m for m in ("jax", "torch", "tensorflow", "keras") if m in sys.modules)
print(before, after)
"""
    assert run_python(code, MULTINET_BACKEND="numpy") == "[] []"


# What takes long to import, and what few programs need.
HEAVY = (*FRAMEWORKS, "scipy", "matplotlib", "h5py", "safetensors", "PIL", "typer")
HEAVY += ("sklearn", "rich", "hypothesis", "pytest", "urllib.request", "http.client")
HEAVY += ("ssl", "email", "hashlib", "zipfile", "tempfile", "shutil", "csv", "logging")
HEAVY += ("concurrent.futures", "importlib.metadata", "importlib.resources", "pathlib")
LATER = ("callbacks", "datasets", "debug", "feature_space", "features", "preprocessing")
LATER += ("saving.archive", "saving.hdf5", "saving.model", "utils.catalogue")
LATER += ("utils.downloads", "visualization", "wrappers", "layers.conv_lstm")
LATER += ("layers.catalogue", "layers.recurrent_layers")
LATER += ("layers.preprocessing.catalogue", "layers.preprocessing.image_layer")
LATER += ("layers.preprocessing.text_vectorization",)


def test_models_bring_in_no_heavy_module():
    named = [*HEAVY, *(f"multinet.{name}" for name in LATER)]
    code = (
        "import sys, multinet\nmultinet.Sequential([multinet.layers.Dense(1)])\n"
        f"print([m for m in {named} if m in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_import_brings_in_the_registry_and_what_it_needs():
    """All else comes when it is asked for; numpy is nearly all of the time."""
    code = "import sys, multinet; print(*sys.modules)"
    names = [n for n in run_python(code).split() if n.startswith("multinet.")]
    parts = {name.split(".")[1] for name in names}
    assert {"ops", "layers", "models", "training", "catalogue"}.isdisjoint(parts)


def test_the_modules_that_come_later_are_there():
    for name in LATER:
        assert f"multinet.{name}" in frontend_of(ROOT)


@pytest.mark.parametrize("name", ["numpy", "jax", "torch", "tensorflow"])
def test_a_backend_stays_small(name):
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        import sizes
    finally:
        sys.path.pop(0)
    folder = ROOT / "backends" / f"multinet_{name}"
    limits = sizes.LIMITS[f"backends/multinet_{name}"]
    required, _, native = sizes.parts(folder)
    assert required < limits[0] and native < limits[2]
    assert limits[1] is None  # what is for speed is measured, not counted
