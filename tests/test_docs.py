"""The pages under docs say what is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from multinet import conformance, dtype_policies, registry
from multinet.conformance import publish
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.interface import fused, primitives
from multinet.ops.sparse_forms import RULES

DOCS = Path(__file__).parents[1] / "docs"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture
def backend_of_the_page(tmp_path, monkeypatch):
    """The plug-in that docs/backends.md writes, registered."""
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", page("backends.md"), re.S)
    assert len(blocks) == 3
    for path, code in blocks:
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(file.read_text() + code if file.exists() else code)
    monkeypatch.syspath_prepend(tmp_path)
    from multinet_mine import plugin  # pyright: ignore[reportMissingImports]

    registry.register(plugin)
    yield plugin.name
    registry.unregister(plugin.name)
    for module in ("multinet_mine", "multinet_mine.backend"):
        sys.modules.pop(module, None)


def test_the_backend_of_the_page_passes_as_far_as_it_is_written(backend_of_the_page):
    report = conformance.run(backend_of_the_page, draft=True)
    assert [f for f in report.failures] == []
    assert report.passed["round trip"] == 8
    assert set(report.missing) == {"uint64", "bfloat16", "complex128"}
    for method in ("tanh", "sum", "transpose"):
        assert report.rows[method] and method not in report.waiting
    written = {"from_numpy", "to_numpy", "is_tensor", "shape", "dtype"}
    written |= {"tanh", "sum", "transpose"}
    assert written.isdisjoint(report.waiting)


def test_the_page_counts_the_methods_right():
    assert f"{len(primitives())} primitives" in page("backends.md")
    assert f"the {len(fused())}\nfused methods" in page("backends.md")


def test_the_published_table_names_every_method_and_the_four_backends():
    text = page("conformance.md")
    assert "| method | numpy | jax | torch | tensorflow |" in text
    assert "does not conform" not in text and "passes what was checked" not in text
    named = set(re.findall(r"`(\w+)`", text))
    for name, row in {**PRIMITIVES, **FUSED}.items():
        if row.cases and not set(row.dtypes).isdisjoint(publish.INEXACT):
            assert name in named


def test_the_code_on_mixed_precision_runs():
    names: dict = {}
    try:
        for block in re.findall(
            r"```python\n(.*?)```", page("mixed-precision.md"), re.S
        ):
            exec(block, names)
    finally:
        dtype_policies._global = None
    model = names["model"]
    assert [layer.compute_dtype for layer in model.layers] == ["float16", "float32"]
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert type(model.optimizer) is type(names["optimizer"])
    assert int(names["optimizer"].iterations) == 1


def test_the_code_on_modules_of_frameworks_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page("native.md"), re.S):
        exec(block, names)
    assert int(names["layer"].state.numpy()) == 2
    mine, theirs = names["model"].get_weights(), names["again"].get_weights()
    assert len(mine) == len(theirs) == 9
    assert all((a == b).all() for a, b in zip(mine, theirs))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_code_on_debugging_runs_and_finds_what_the_page_says(capsys):
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page("debugging.md"), re.S):
        exec(block, names)
    found, behind = names["found"], names["behind"]
    assert (found.op, found.layer, found.step) == ("log", "net/scale", 1)
    assert (behind.op, behind.backward) == ("sqrt", True)
    said = capsys.readouterr().out
    assert "log made a NaN of finite numbers, in the layer 'net/scale'" in said
    for text in (str(names["failed"]), str(names["asked"])):
        assert text == "shares must not be negative"


@pytest.mark.parametrize("name", ["data.md", "training.md"])
def test_the_code_on_training_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    space = {}
    for block in re.findall(r"```python\n(.*?)```", page(name), re.S):
        exec(block, space)
    assert space["model"].history.history["loss"][-1] >= 0


def test_the_table_of_sparse_ops_is_that_of_the_rules():
    groups = {}
    for op, rule in RULES.items():
        if op != "dense":  # of layers, no op of users
            groups.setdefault(rule.keeps.__doc__, []).append(op)
    shown = {k: ", ".join(f"`{op}`" for op in sorted(ops)) for k, ops in groups.items()}
    rows = [f"| {ops} | {when} |" for when, ops in shown.items()]
    assert "\n".join(rows) in page("sparse.md")
