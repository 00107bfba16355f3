"""The kit catches what it is there for: each method broken in turn fails its row."""

from __future__ import annotations

import numpy as np
import pytest
from conformance_broken import (
    FLAT,
    PLAIN,
    Base,
    broken,
    wrong_curvature,
    wrong_gradient,
    wrong_value,
)

from multinet import conformance, registry
from multinet.conformance import strict
from multinet.conformance.report import LEVELS
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.errors import BackendError
from multinet.interface import INTERFACE, Backend, Plugin, Program

ROWS = {**PRIMITIVES, **FUSED}
DIFFERENTIABLE = [name for name, row in ROWS.items() if row.differentiable]
# Where a square of the drift vanishes: outputs constant in the inputs.
CURVED = [n for n in DIFFERENTIABLE if n not in FLAT and ROWS[n].order == 2]


@pytest.mark.parametrize("name", list(ROWS))
def test_a_wrong_value_is_caught(name):
    report = conformance.run(wrong_value(name), only=name, gradients=False)
    assert name in {failure.row for failure in report.failures}
    assert not report.ok


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_gradient_one_percent_off_is_caught(name):
    report = conformance.run(wrong_gradient(name), only=name)
    found = [f for f in report.failures if f.row == name]
    # That of a gather is already seen where indices out of range are tried.
    assert any(f.level == "gradients" or "gradient of" in f.message for f in found)
    assert not {f.level for f in found} & {"names", "round trip"}


@pytest.mark.parametrize("name", CURVED)
def test_a_wrong_second_order_is_caught(name):
    report = conformance.run(wrong_curvature(name), only=name)
    messages = [f.message for f in report.failures if f.level == "gradients"]
    assert any("second order" in message for message in messages)


def test_an_intact_backend_passes_with_every_row_counted():
    report = conformance.run("numpy")
    assert report.ok, [f.message for f in report.failures]
    assert set(ROWS) <= set(report.rows)
    assert set(report.passed) == set(LEVELS)


def test_a_missing_primitive_stops_the_run_with_its_name():
    class Partial(Base):
        pass

    Partial.__abstractmethods__ = frozenset({"matmul"})
    backend = object.__new__(Base)
    backend.__class__ = Partial
    report = conformance.run(backend)
    assert "matmul" in report.stopped
    assert not report.ok and not report.failures


@pytest.fixture
def unfinished():
    """A function that registers a backend without the primitives it is given."""

    def lack(*names):
        absent = dict.fromkeys(names, Backend.from_numpy)  # an abstract method
        bodies = {"name": "unfinished", "interface": INTERFACE, **absent}
        cls = type("Unfinished", (Base,), bodies)
        registry.register(Plugin("unfinished", (), "numpy", "", lambda: cls))

    yield lack
    registry.unregister("unfinished")


def test_a_draft_is_checked_as_far_as_it_goes(unfinished):
    unfinished("matmul", "erfinv")
    with pytest.raises(BackendError, match="erfinv, matmul"):
        conformance.run("unfinished")
    report = conformance.run("unfinished", draft=True, gradients=False)
    assert set(report.waiting) == {"matmul", "erfinv"}
    assert not report.failures and not report.ok
    assert report.rows["tanh"] and "erfinv" not in report.rows
    assert "dense" in report.waiting["matmul"]


def test_a_draft_without_conversion_is_told_what_to_write_first(unfinished):
    unfinished("to_numpy")
    report = conformance.run("unfinished", draft=True)
    assert report.stopped == "round trip: write to_numpy first"


def test_a_broken_round_trip_stops_the_run_with_one_message():
    report = conformance.run(wrong_value("from_numpy"))
    assert report.stopped.startswith("round trip: from_numpy")
    assert {failure.level for failure in report.failures} == {"round trip"}


def test_sharing_memory_on_the_way_in_is_caught():
    alias = broken("from_numpy", lambda self, array: array)
    report = conformance.run(alias, only="from_numpy")
    assert "does not alias" in {f.case for f in report.failures}


def test_special_values_are_caught():
    def wrapping(self, x):
        return PLAIN.where(PLAIN.less_equal(0, x), x, PLAIN.negative(x))

    report = conformance.run(broken("abs", wrapping), only="abs at 0")
    assert {f.row for f in report.failures} == {"abs at 0"}


def test_a_declared_failure_is_expected_and_an_unexpected_pass_is_not(tmp_path):
    declared = tmp_path / "conformance_xfail.txt"
    declared.write_text("# known\nsinh  a reason\n")
    report = conformance.run(wrong_value("sinh"), xfail=declared)
    assert {f.row for f in report.failures} == {"sinh"}
    assert report.ok
    report = conformance.run("numpy", xfail=declared)
    assert report.unexpected_passes == ["sinh"]
    assert not report.ok


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("sinh", "without a reason"), ("sinhh for a reason", "sinh")],
)
def test_a_line_of_known_failures_needs_a_method_and_a_reason(
    tmp_path, line, complaint
):
    declared = tmp_path / "conformance_xfail.txt"
    declared.write_text(line)
    with pytest.raises(ValueError, match=complaint):
        conformance.known_failures(registry.get("numpy"), declared)


def test_known_failures_may_be_conventions_whose_names_are_several_words(tmp_path):
    declared = tmp_path / "conformance_xfail.txt"
    declared.write_text("abs at 0  its sign\nabs  its value")
    found = conformance.known_failures(registry.get("numpy"), declared)
    assert found == {"abs at 0": "its sign", "abs": "its value"}


def test_a_file_of_known_failures_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        conformance.run("numpy", only="exp", xfail=tmp_path / "nowhere.txt")


def test_what_fails_at_a_low_level_is_not_checked_at_a_higher_one():
    report = conformance.run(wrong_value("sinh"), only="sinh")
    assert {f.level for f in report.failures} == {"primitives"}


def test_edge_values_are_caught():
    def signless(self, x):
        return PLAIN.add(PLAIN.sqrt(x), 0.0)  # sqrt(-0.0) is -0.0

    report = conformance.run(broken("sqrt", signless), only="sqrt", gradients=False)
    assert {(f.level, f.case) for f in report.failures} == {
        ("special values", "edge values")
    }


def test_a_backend_that_reads_memory_out_of_order_is_caught():
    def careless(self, x):
        return PLAIN.exp(x if x.flags.c_contiguous else PLAIN.multiply(x, 1.01))

    report = conformance.run(broken("exp", careless), only="exp", gradients=False)
    assert {f.case for f in report.failures} == {"matrix, strided"}


def test_a_program_that_misreads_columns_on_the_device_is_caught():
    class Careless(Program):
        def _row(self, column, index):
            return super()._row(column, index if isinstance(column, np.ndarray) else 0)

    class Misreading(strict.StrictBackend):
        def program(self, *arguments):
            return Careless(self, *arguments)

    report = conformance.run(Misreading(), only="program", gradients=False)
    assert {f.case for f in report.failures} == {"columns on the device"}


def test_the_name_of_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="sinhh"):
        conformance.run("numpy", only="sinhh")
