"""Linear algebra, under the names of `keras.ops.linalg`: a selection of the ops."""

# ruff: isort: skip_file
# fmt: off
from multinet import surface
from multinet.ops.catalogue import (
    cholesky, cholesky_inverse, det, eig, eigh, inv, jvp, lstsq, lu_factor, matrix_rank,
    norm, pinv, qr, solve, solve_triangular, svd,
)

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq",
    "lu_factor", "matrix_rank", "norm", "pinv", "qr", "solve", "solve_triangular",
    "svd",
]

surface.show(__name__)
