"""The rows cover the interface, and the numeric derivatives they rest on are right."""

from __future__ import annotations

import numpy as np
import pytest

from multinet.conformance.check import Mismatch, compare, relative_error
from multinet.conformance.derivatives import expected_derivatives
from multinet.conformance.row import Case, Row, t
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.interface import fused, primitives


def test_rows_are_exactly_the_primitives():
    assert sorted(PRIMITIVES) == sorted(primitives())


def test_rows_of_fused_methods_are_exactly_the_fused_methods():
    assert sorted(FUSED) == sorted(fused())


@pytest.mark.parametrize("name", sorted({**PRIMITIVES, **FUSED}))
def test_every_row_checks_something_and_its_cases_have_labels_of_their_own(name):
    row = {**PRIMITIVES, **FUSED}[name]
    labels = [case.label for case in row.cases]
    assert row.cases or row.probes
    assert len(labels) == len(set(labels))
    assert (row.oracle is not None) == bool(row.cases)


def test_numeric_derivatives_agree_with_analytic_ones():
    case = Case("product", (t(2, 3, low=0.5), t(3, low=0.5)))
    row = Row("multiply", lambda x, y: np.sin(x) * y, (case,))
    found = expected_derivatives(row, case, "float64", 2)
    (x, y), (c,), (dx, dy) = found.inputs, found.cotangents, found.tangents
    np.testing.assert_allclose(found.gradients[0], c * np.cos(x) * y, rtol=1e-9)
    np.testing.assert_allclose(found.gradients[1], (c * np.sin(x)).sum(0), rtol=1e-9)
    pushed = np.cos(x) * y * dx + np.sin(x) * dy
    np.testing.assert_allclose(found.forward[0], pushed, rtol=1e-9)
    curved = c * (-np.sin(x) * y * dx + np.cos(x) * dy)
    np.testing.assert_allclose(found.curvature[0], curved, rtol=1e-7)


def test_numeric_gradients_follow_the_complex_convention():
    case = Case("z", (t(3),))
    row = Row("square", lambda z: np.abs(z) ** 2, (case,))
    found = expected_derivatives(row, case, "complex64", 2)
    wanted = 2 * found.inputs[0] * found.cotangents[0]
    np.testing.assert_allclose(found.gradients[0], wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        ([1.0, 2.0], [1.0, 2.1]),
        ([1.0, np.nan], [1.0, 2.0]),
        ([1.0, 2.0], [1.0, np.nan]),
        ([1.0, np.inf], [1.0, -np.inf]),
        ([1e-3, 0.0], [0.0, 0.0]),
        ([[1.0, 2.0]], [1.0, 2.0]),
    ],
)
def test_compare_refuses(got, wanted):
    with pytest.raises(Mismatch):
        compare(np.asarray(got, np.float32), wanted, "float32")


def test_compare_refuses_another_dtype():
    with pytest.raises(Mismatch, match="dtype"):
        compare(np.ones(1), [1.0], "float32")


def test_relative_error_is_relative_to_each_element_without_a_floor():
    assert relative_error([1e-10, 1.0], [2e-10, 1.0], 0.0) == 0.5
    assert relative_error([1e-10, 1.0], [2e-10, 1.0], 1.0) < 1e-9
