"""The rules of the house: floors, no framework above the waist, light import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "multinet"

# A file imports its own floor or a lower one.
FLOORS = [
    {"errors", "typing", "version"},
    {"absent"},
    {"dtypes", "philox", "tree"},
    {"interface"},
    {"registry", "streams", "scope", "autocast", "calls", "holders", "patterns"}
    | {"operators", "config", "seeds", "names", "saving", "configurable"}
    | {"dtype_policies"},
    {"symbolic"},
    {"ops"},
    {"pending", "variables", "moving"},
    {"capture", "jitting", "transforms", "random", "backend"},
    {"initializers", "regularizers", "constraints", "activations"},
    {"losses", "metrics", "optimizers", "layers", "functional"},
    {"datasets", "mixed_precision", "utils"},
    {"training"},
    {"models", "callbacks"},
    {"conformance"},
    {"cli"},
]
BACKENDS = {path.name for path in (ROOT / "backends").glob("multinet_*")}
FRAMEWORKS = ("jax", "jaxlib", "torch", "tensorflow", "keras")
ALLOWED_IN_BACKENDS = {
    "multinet.interface",
    "multinet.dtypes",
    "multinet.errors",
    "multinet.philox",
}


def floor_of(module: str) -> int:
    """Return the floor of `multinet.<part>...`."""
    part = module.split(".")[1]
    return next(i for i, parts in enumerate(FLOORS) if part in parts)


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, parents of names included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            if module == "multinet":
                found.update(f"multinet.{alias.name}" for alias in node.names)
            else:
                found.add(module)
    return found


def files(folder: Path) -> list[Path]:
    """Return the Python files under a folder."""
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("path", files(PACKAGE), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_its_own_floor_or_lower(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if name == "multinet.__init__":
        return
    own = floor_of(name)
    for module in imports(path):
        if module.startswith("multinet."):
            assert floor_of(module) <= own, f"{path.name} imports {module}"


def test_every_module_has_a_floor():
    parts = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or p.is_dir()}
    parts -= {"__init__", "__pycache__", "py"}
    assert parts == set().union(*FLOORS)


def code_without_docstrings(path: Path) -> str:
    """Return the source of a file with docstrings emptied."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body[0] = ast.Expr(ast.Constant("..."))
    return ast.unparse(tree)


@pytest.mark.parametrize("path", files(PACKAGE), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_framework_is_named_above_the_waist(path):
    code = code_without_docstrings(path)
    named = {f for f in FRAMEWORKS if re.search(rf"\b{f}\b", code)}
    # The name in the file format.
    writes = path == PACKAGE / "saving" / "exports.py"
    assert named <= ({"keras"} if writes else set())


def test_the_backends_are_four():
    names = ("numpy", "jax", "torch", "tensorflow")
    assert BACKENDS == {f"multinet_{name}" for name in names}


@pytest.mark.parametrize(
    "path", files(ROOT / "backends"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_backend_imports_only_the_waist(path):
    own = path.relative_to(ROOT / "backends").parts[0]
    for module in imports(path):
        if module.split(".")[0] == "multinet":
            assert any(
                module == allowed or module.startswith(allowed + ".")
                for allowed in ALLOWED_IN_BACKENDS
            ), f"{path} imports {module}"
        assert module.split(".")[0] not in BACKENDS - {own}


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter, and return what it prints."""
    import os

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


def test_import_brings_in_no_heavy_module():
    heavy = ("scipy", "matplotlib", "h5py", "typer", "rich", "hypothesis", "pytest")
    code = f"import sys, multinet; print([m for m in {heavy} if m in sys.modules])"
    assert run_python(code) == "[]"


@pytest.mark.parametrize("name", ["numpy", "jax", "torch", "tensorflow"])
def test_a_backend_stays_small(name):
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        import sizes
    finally:
        sys.path.pop(0)
    folder = ROOT / "backends" / f"multinet_{name}"
    limits = sizes.LIMITS[f"backends/multinet_{name}"]
    for lines, limit in zip(sizes.parts(folder), limits, strict=True):
        assert lines < limit
