"""The rows of the conformance kit: each method, captured and run again, is itself."""

import numpy as np
import pytest

from multinet import graph
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.registry import current, use_backend

DTYPES = ("float32", "int32", "bool", "complex64")
ROWS = [row for row in {**PRIMITIVES, **FUSED}.values() if row.cases]
#: Methods that tell of a tensor what is no tensor, and that host data need not take.
HOST = {"shape", "dtype", "is_tensor", "to_numpy", "from_numpy", "known", "copy"}


def cases(row):
    """Yield the cases of a row, each in the first of the usual dtypes that it takes."""
    for case in row.cases:
        dtype = next((d for d in DTYPES if d in (case.dtypes or row.dtypes)), None)
        if dtype is not None or not row.dtypes:
            yield case, dtype or "float32"


def programs(row):
    """Yield the cases of a row as functions of their arrays, and these arrays."""
    for case, dtype in cases(row):
        drawn = case.draw(row.name, dtype)
        places = [i for i, x in enumerate(drawn) if isinstance(x, np.ndarray)]
        if not places or row.name in HOST:
            continue

        def program(*tensors, case=case, drawn=drawn, places=places):
            given = list(drawn)
            for i, x in zip(places, tensors, strict=True):
                given[i] = x
            return row.apply(current(), given, case)

        yield program, [np.array(drawn[i]) for i in places]


#: A row of each family, for the backends that compile each method.
SAMPLE = {"multiply", "sum", "matmul", "conv", "take", "cumsum", "softmax", "lstm"}


def runs():
    """Yield rows with backends; what takes long to compile is marked."""
    for name in ("numpy", "torch", "jax", "tensorflow"):
        for row in ROWS:
            quick = name in ("numpy", "torch") or row.name in SAMPLE
            marks = () if quick else pytest.mark.long
            yield pytest.param(name, row, marks=marks, id=f"{name}-{row.name}")


@pytest.mark.parametrize(("name", "row"), list(runs()))
def test_a_row_of_the_kit_is_the_same_as_a_graph(name, row):
    checked = 0
    for program, arrays in programs(row):
        with use_backend("numpy") as backend:
            tensors = [backend.from_numpy(x) for x in arrays]
            captured = graph.capture(program, *tensors, check=False)
        with use_backend(name) as backend:
            tensors = [backend.from_numpy(x) for x in arrays]
            wanted, found = program(*tensors), captured(*tensors)
        for x, y in zip(wanted, found, strict=True):
            x, y = backend.to_numpy(x), backend.to_numpy(y)
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            np.testing.assert_array_equal(x, y)
        checked += 1
    assert checked or row.name in HOST
