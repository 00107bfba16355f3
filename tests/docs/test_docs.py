"""The pages under docs say what is so."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from multinet import conformance, registry
from multinet.conformance import publish
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.interface import fused, primitives
from multinet.ops.sparse_forms import RULES

DOCS = Path(__file__).parents[2] / "docs"


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


def test_the_table_of_sparse_ops_is_that_of_the_rules():
    groups = {}
    for op, rule in RULES.items():
        if op != "dense":  # of layers, no op of users
            groups.setdefault(rule.keeps.__doc__, []).append(op)
    shown = {k: ", ".join(f"`{op}`" for op in sorted(ops)) for k, ops in groups.items()}
    rows = [f"| {ops} | {when} |" for when, ops in shown.items()]
    assert "\n".join(rows) in page("sparse.md")


def test_the_names_of_keras_are_those_of_today(monkeypatch):
    monkeypatch.syspath_prepend(DOCS.parent / ".ci")
    made = importlib.import_module("names").page()
    assert page("names.md") == made, (
        "Names or arguments came or went. Write the page anew with: "
        "KERAS_BACKEND=jax python .ci/names.py"
    )
