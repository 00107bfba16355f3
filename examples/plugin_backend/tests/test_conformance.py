"""The kit on this backend, and the proof that it would notice."""

import pytensor.scalar.basic as ps
import pytest
from multinet_pytensor import slopes

from multinet import conformance, registry
from multinet.interface import fused, primitives


@pytest.fixture(scope="module")
def report():
    return conformance.run("pytensor")


def test_every_check_of_the_kit_passes(report):
    found = [f"{f.row}, {f.case} {f.dtype}: {f.message}" for f in report.failures]
    assert found == [] and not report.stopped


def test_every_method_is_checked_and_none_is_excused(report):
    assert {*primitives(), *fused()} - set(report.rows) == set()
    assert report.expected_failures == {} and report.ok


def test_the_kit_catches_a_primitive_that_is_one_percent_wrong():
    right = type(registry.get("pytensor"))

    class Wrong(right):
        def tanh(self, x):
            return self.multiply(super().tanh(x), 1.01)

    assert not conformance.run(Wrong(), only="tanh").ok
    assert conformance.run(right(), only="tanh").ok


def test_the_kit_catches_a_gradient_that_is_one_percent_wrong(monkeypatch):
    right = slopes.SLOPES[ps.Tanh]
    wrong = lambda x, y: [slope * 1.01 for slope in right(x, y)]  # noqa: E731
    monkeypatch.setitem(slopes.SLOPES, ps.Tanh, wrong)
    assert not conformance.run("pytensor", only="tanh").ok
