"""The tool that runs Keras's tests: what it chooses, rewrites and counts."""

import json
import subprocess
import sys

import pytest

from . import page, rewriting, running, scoring, selection, settings


def test_files_that_are_left_out_have_a_reason_and_exist():
    files = selection.files()
    for pattern, reason in selection.LEFT_OUT["files"].items():
        assert reason
        assert any(page.fits(file, pattern) for file in files), pattern


def test_areas_and_patterns_choose_and_slow_files_come_last():
    assert selection.select(["tree"], []) == ["tree/tree_test.py"]
    assert selection.select([], ["ops/nn_*"]) == ["ops/nn_test.py"]
    assert selection.select(["layers"], [])[-1] == "layers/core/einsum_dense_test.py"
    assert not selection.select(["legacy"], [])


def test_imports_and_names_of_namespaces_are_rewritten(monkeypatch):
    monkeypatch.setenv("COMPATIBILITY_TARGET", "multinet")
    text = "import keras\nfrom keras.src import ops\nname = 'keras.layers'\n"
    assert rewriting.rewrite(text) == (
        "import kerastests as keras\nfrom kerastests.src import ops\n"
        "name = 'multinet.layers'\n"
    )
    monkeypatch.setenv("COMPATIBILITY_TARGET", "keras")
    assert "'keras.layers'" in rewriting.rewrite(text)


def test_only_tests_that_keras_passes_count(monkeypatch):
    passed, private = (
        {
            "f/a_test.py": {
                "passed": ["T::a", "T::b", "T::c"],
                "passed_private": ["T::p"],
            }
        },
        ["T::p"],
    )
    monkeypatch.setattr(scoring, "ceiling", lambda backend: passed)
    tests = {"T::a": {"o": "passed"}, "T::b": {"o": "failed", "why": "E: no"}}
    tests |= {"T::x": {"o": "passed"}, "T::p": {"o": "skipped", "why": "later"}}
    info = {"tests": tests, "private": private, "error": None, "status": "timeout"}
    found = list(scoring.ended({"files": {"f/a_test.py": info}}, "numpy"))
    assert [test.why for test in found] == [
        *("", "E: no", "not run (timeout)", "skipped: later"),
    ]
    assert scoring.counts(found) == (1, 4)
    monkeypatch.setitem(scoring.AGAINST_RULES, "f/a_test.py::T::b", "a rule")
    assert scoring.counts(found) == (1, 3)


def test_a_failure_has_the_reason_of_its_test_or_its_error(monkeypatch):
    monkeypatch.setitem(scoring.REASONS["tests"], "f/*::T::b*", "later")
    by_test = scoring.Ended("f/a_test.py", "T::b1", False, "E: no")
    by_error = by_test._replace(
        name="T::c",
        why="AttributeError: multinet.layers has no Foo yet; Keras 3 has it. What",
    )
    assert by_test.reason() == "later"
    assert by_error.reason() == "`multinet.layers.Foo` is not there yet"
    assert by_test._replace(name="T::d").reason() is None


def test_tests_that_quantize_are_an_area_of_their_own():
    file = "dtype_policies/dtype_policy_map_test.py"
    found = {
        name: scoring.Ended(file, f"DTypePolicyMapTest::{name}", False, "").area
        for name in ("test_basic_usage", "test_get", "test_repr")
    }
    assert set(scoring.quantizing(file)) == {"DTypePolicyMapTest"}
    assert found == {
        "test_basic_usage": "quantization",  # calls model.quantize
        "test_get": "quantization",  # makes a QuantizedDTypePolicy
        "test_repr": "dtype_policies",
    }


def test_tests_against_a_rule_are_few_and_in_a_ceiling():
    ceilings = [scoring.ceiling(backend) for backend in settings.BACKENDS]
    known = {
        f"{file}::{name}"
        for ceiling in ceilings
        for file, info in ceiling.items()
        for name in (*info["passed"], *info["passed_private"])
    }
    assert set(scoring.AGAINST_RULES) <= known
    assert len(scoring.AGAINST_RULES) <= len(known) / 100


def test_a_killed_process_has_left_what_it_had(tmp_path):
    path = tmp_path / "records"
    lines = [{"collected": ["T::a"], "private": []}, {"id": "T::a", "o": "passed"}]
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"id": "T::b", "o')

    assert running.records(path)["tests"] == {"T::a": {"o": "passed"}}
    assert running.records(tmp_path / "none")["tests"] == {}


@pytest.mark.parametrize("target", ["keras", "multinet"])
def test_a_ceiling_is_made_of_what_passes(tmp_path, target):
    options = ["--backend", "numpy", "--target", target, "--results", str(tmp_path)]
    command = [sys.executable, "-m", "tests.compatibility"]
    root = settings.HERE.parent.parent
    files = ["--files", "ops/function_test.py", "-k", "serialization or dict_io"]
    subprocess.run([*command, "run", *files, *options], check=True, cwd=root)
    results = running.load(running.results_path(tmp_path, target, "numpy"))
    assert results["files"]["ops/function_test.py"]["status"] == "ok"
    scoring.make_ceiling(results, tmp_path / "numpy.json.gz")
    told = subprocess.run(
        [*command, "score", *options],
        check=True,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert f"{target} on numpy" in told.stdout
