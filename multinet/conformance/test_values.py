"""Values drawn by Hypothesis, at the fixed shapes of the rows: a fresh one compiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multinet.conformance.plan import check_value
from multinet.conformance.row import Case, Operand
from multinet.conformance.rows import FUSED, PRIMITIVES

STRICT = False  # whether a declared failure shows depends on the values drawn


def _free(case: Case) -> bool:
    """Whether the operands come from an interval and nothing else holds of them."""
    return case.relative is False and all(
        not isinstance(x, Operand)
        or (
            x.values is None
            and x.dtype in (None, "bool")
            and not (x.distinct or x.whole or x.diagonal)
        )
        for x in case.operands
    )


def _case(name: str) -> Case | None:
    row = {**PRIMITIVES, **FUSED}[name]
    dtype_free = (c for c in row.cases if "float32" in (c.dtypes or row.dtypes))
    return next((c for c in dtype_free if _free(c)), None)


ROWS = [name for name in (*PRIMITIVES, *FUSED) if _case(name) is not None]


def _values(operand: Any) -> Any:
    if not isinstance(operand, Operand):
        return st.just(operand)
    if operand.dtype == "bool":
        return hnp.arrays(np.bool_, operand.shape)
    # A grid of 1/64 leaves no room for cancellation that no float32 could survive.
    low, high = int(np.ceil(operand.low * 64)), int(np.floor(operand.high * 64))
    grid = hnp.arrays(np.int64, operand.shape, elements=st.integers(low, high))
    return grid.map(lambda x: (x / 64).astype(np.float32))


def test_values_agree_with_the_oracle(backend, row):
    case = _case(row)
    assert case is not None
    entry = {**PRIMITIVES, **FUSED}[row]

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.tuples(*(_values(x) for x in case.operands)))
    def agrees(drawn: Any) -> None:
        check_value(backend, entry, case, "float32", list(drawn))

    agrees()
