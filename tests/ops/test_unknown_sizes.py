"""Every op on tensors of unknown sizes: what is found out must fit what data give.

Equal sizes get one unknown, and at the end each unknown gets its number back.
"""

import itertools

import pytest
from cases import ARRAYS, EXPRESSIONS, evaluate, names_in
from test_cases import leaves, needs_values

from multinet import ops
from multinet.errors import MultinetError
from multinet.symbolic.dims import Dim, substitute
from multinet.symbolic.tensor import KerasTensor

# Why an op must know the first size of its arguments.
KNOWN = {
    "as many parts": ("unstack(a)",),
    "the longer of two": ("correlate(",),
}  # fmt: skip

# The weights of convolutions, which are known before data.
WEIGHTS = {"k1", "k2", "k2g", "k3", "kt1", "kt2", "kd", "kp"}


def unknown(names, axes):
    """Return symbolic tensors in place of arrays, and the numbers of their unknowns."""
    dims, arrays = {}, dict(ARRAYS)
    for name in names:
        shape = list(ARRAYS[name].shape)
        for axis in range(0 if name in WEIGHTS else len(shape))[:axes]:
            shape[axis] = dims.setdefault(shape[axis], Dim(f"n{shape[axis]}"))
        arrays[name] = KerasTensor(shape, ARRAYS[name].dtype)
    return arrays, {dim: size for size, dim in dims.items()}


def check(expression, arrays, sizes):
    symbolic = leaves(evaluate(expression, ops, arrays))
    executed = leaves(evaluate(expression, ops, ARRAYS))
    assert len(symbolic) == len(executed)
    for s, e in zip(symbolic, executed):
        assert len(ops.shape(s)) == len(ops.shape(e))
        for n, size in zip(ops.shape(s), ops.shape(e)):
            found = substitute(n, sizes)
            assert isinstance(found, Dim) or found == size, (ops.shape(s), ops.shape(e))
        assert ops.dtype(s) == ops.dtype(e)


WITH_ARRAYS = [e for e in EXPRESSIONS if names_in(e) and not needs_values(e)]


@pytest.mark.parametrize("expression", WITH_ARRAYS)
def test_an_unknown_first_size_gives_the_shape_that_data_have(expression):
    arrays, sizes = unknown(names_in(expression), 1)
    if expression.startswith(tuple(itertools.chain(*KNOWN.values()))):
        with pytest.raises(MultinetError):
            check(expression, arrays, sizes)
        return
    check(expression, arrays, sizes)


@pytest.mark.parametrize("expression", WITH_ARRAYS)
def test_unknown_sizes_are_refused_or_give_the_right_shape(expression):
    arrays, sizes = unknown(names_in(expression), None)
    try:
        check(expression, arrays, sizes)
    except MultinetError as error:
        assert len(str(error)) > 20
