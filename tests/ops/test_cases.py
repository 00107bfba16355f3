"""Every public op: values and dtypes against Keras 3 (or NumPy, SciPy), and shapes."""

import functools
import sys
from pathlib import Path

import keras
import numpy as np
import optree
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases import ARRAYS, EXPRESSIONS, REFERENCES, evaluate, names_in
from references import compiled

from multinet import ops
from multinet.ops.core import PUBLIC
from multinet.symbolic.tensor import KerasTensor

# 64-bit numbers that Keras makes of 32-bit ones only because JAX's x64 is on here.
NARROW = {
    "int64": "int32",
    "uint64": "uint32",
    "float64": "float32",
    "complex128": "complex64",
}
# Ops whose result depends on values, so that symbolic tensors cannot have a shape.
BY_VALUE = ("nonzero(", "where(m)", "get_item(a, m)", "unique(", "bincount(")
BY_VALUE += ("repeat(a, counts", "segment_sum(a, ids)", "take_along_axis(a, [0, 5")
# What Keras computes on the host, so that a compiled program cannot hold it.
NOT_COMPILED = ("blackman(", "hamming(", "hanning(", "bartlett(", "kaiser(")
NOT_COMPILED += ("rearrange(", "image.elastic_transform(")


def needs_values(expression):
    """Return whether the size of the result depends on values."""
    return expression.startswith(BY_VALUE) and "size=" not in expression


def leaves(tree):
    """Return the leaves of a result."""
    if isinstance(tree, np.ndarray):
        return [tree]
    return optree.tree_leaves(tree)


@functools.cache
def program(expression):
    """Return Keras's results of an expression as a function of the arrays it uses."""
    names = names_in(expression)

    def run(*values):
        return leaves(
            evaluate(expression, keras.ops, ARRAYS | dict(zip(names, values)))
        )

    return compiled(run)


def by_keras(expression, arrays):
    """Return the results of an expression by Keras."""
    if needs_values(expression) or expression.startswith(NOT_COMPILED):
        results = leaves(evaluate(expression, keras.ops, arrays))
    else:
        results = program(expression)(*(arrays[n] for n in names_in(expression)))
    return [keras.ops.convert_to_numpy(r) for r in results]


@functools.cache
def expected(expression):
    """Return what the reference computes, as (array, dtype name) pairs."""
    if expression in REFERENCES:
        results = [np.asarray(REFERENCES[expression](ARRAYS))]
    else:
        results = by_keras(expression, ARRAYS)
    wide = "64'" in expression
    return [
        (r, r.dtype.name if wide else NARROW.get(r.dtype.name, r.dtype.name))
        for r in results
    ]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_op_equals_the_reference(expression, backend):
    results = leaves(evaluate(expression, ops, ARRAYS))
    references = expected(expression)
    assert len(results) == len(references)
    for result, (reference, dtype) in zip(results, references):
        assert backend.is_tensor(result), type(result)
        value = ops.convert_to_numpy(result)
        assert value.shape == reference.shape
        if value.dtype.kind in "fc":
            np.testing.assert_allclose(
                value.astype(reference.dtype), reference, rtol=3e-5, atol=3e-6
            )
        else:
            np.testing.assert_array_equal(value, reference)
        assert backend.dtype(result) == dtype


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_symbolic_shape_equals_executed_shape(expression):
    if needs_values(expression):
        return
    names = names_in(expression)
    arrays = dict(ARRAYS)
    for name in names:
        array = ARRAYS[name]
        arrays[name] = KerasTensor(array.shape, array.dtype.name)
    symbolic = leaves(evaluate(expression, ops, arrays))
    executed = leaves(evaluate(expression, ops, ARRAYS))
    assert len(symbolic) == len(executed)
    for s, e in zip(symbolic, executed):
        if names:
            assert isinstance(s, KerasTensor)
        assert tuple(ops.shape(s)) == tuple(ops.shape(e))
        assert ops.dtype(s) == ops.dtype(e)


def test_every_public_op_has_a_case():
    used = {e.partition("(")[0] for e in EXPRESSIONS} | {"qr", "vectorize"}
    elsewhere = {
        "associative_scan", "cond", "custom_gradient", "fori_loop", "jvp", "map",
        "scan", "switch", "vectorized_map", "while_loop",  # test_control.py
        "convert_to_numpy", "dtype", "is_tensor", "ndim", "shape", "size",
        "eig", "argpartition", "empty_like",  # test_properties.py
    }  # fmt: skip
    public = {n for n in PUBLIC if hasattr(ops, n)}
    public |= {f"image.{name}" for name in ops.image.__all__}
    assert public - used - elsewhere == set()
