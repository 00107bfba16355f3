"""All rows: one for each primitive and one for each fused method."""

from __future__ import annotations

from multinet.conformance import (
    rows_arrays,
    rows_elementwise,
    rows_fused,
    rows_linalg,
    rows_networks,
    rows_program,
    rows_reductions,
    rows_sequence,
    rows_windows,
)
from multinet.conformance.row import Row

PRIMITIVES: dict[str, Row] = {
    row.name: row
    for module in (
        rows_arrays,
        rows_elementwise,
        rows_reductions,
        rows_linalg,
        rows_windows,
        rows_program,
    )
    for row in module.ROWS
}
FUSED: dict[str, Row] = {
    row.name: row
    for module in (rows_fused, rows_networks, rows_sequence)
    for row in module.ROWS
}
