"""Shapes of what takes no stand-ins are those of runs on numbers."""

import pytest

from multinet import ops
from multinet.errors import ShapeError
from multinet.symbolic.dims import Dim, public_shape, unknowns
from multinet.symbolic.native import shapes_of
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import shadowing
from multinet.variables import Variable

B, N = Dim("b"), Dim("n")

# Functions whose rules of shapes are known: both ways must lead to the same sizes.
FUNCTIONS = {
    "the same": (lambda x: ops.relu(x), (B, N, 6)),
    "flat": (lambda x: ops.reshape(x, (ops.shape(x)[0], -1)), (B, N, 6)),
    "one axis": (lambda x: ops.reshape(x, (-1, 6)), (B, N, 6)),
    "stride": (lambda x: x[:, ::2], (B, N, 6)),
    "pairs": (
        lambda x: ops.concatenate([x, ops.pad(x, ((0, 0), (0, 1), (0, 0)))], 1),
        (B, N, 6),
    ),
    "window": (lambda x: ops.average_pool(x, 20, 1, "valid"), (B, N, 6)),
    "all known": (lambda x: ops.sum(x, 1), (2, 3)),
    "no axis": (lambda x: ops.sum(x), (B,)),
    "batch alone": (lambda x: ops.tile(x, (1, 3)), (B, 4)),
    "doubled before": (lambda x: ops.repeat(x, 2, 0), (B * 2, 4)),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_sizes_are_those_of_the_rules(case, real_backend):
    function, shape = FUNCTIONS[case]
    x = SymbolicArray(shape, "float32")
    with shadowing():
        expected = function(x)
        found = shapes_of(function, x)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    for size, other in zip(found.shape, expected.shape):
        assert type(size) is type(other) and repr(size) == repr(other)


@pytest.mark.parametrize("cut", [slice(40, None), slice(4), slice(30)])
def test_a_cut_of_an_unknown_size_is_unknown(cut, real_backend):
    with shadowing():
        found = shapes_of(lambda x: x[:, cut], SymbolicArray((B, N), "float32"))
    assert public_shape(found.shape) == (None, None)
    assert found.shape[0] is not None and unknowns(found.shape[1]) not in ([N], [])


def test_a_size_that_depends_on_values_is_unknown(real_backend):
    backend = real_backend

    def chosen(x):
        rows = int(backend.to_numpy(ops.sum(x)) > 0) + 1
        return x[:rows]

    with shadowing():
        found = shapes_of(chosen, SymbolicArray((B, 3), "float32"))
    assert public_shape(found.shape) == (None, 3)


def test_sizes_that_must_be_equal_are_tried_so(real_backend):
    x, y = SymbolicArray((B, 3), "float32"), SymbolicArray((N, 3), "float32")
    with shadowing():
        found = shapes_of(lambda x, y: {"sum": [ops.add(x, y)]}, x, y=y)
    assert found["sum"][0].shape == (B, 3)


def test_variables_have_their_values_and_keep_them(real_backend):
    variable = Variable([1.0, 2.0], name="v")
    seen = []

    def run(x):
        seen.append(variable.numpy().tolist())
        variable.assign([3.0, 4.0])
        return ops.add(x, variable)

    with shadowing():
        assert shapes_of(run, SymbolicArray((B, 2), "float32")).shape == (B, 2)
    assert seen == [[1.0, 2.0]] * 3 and variable.numpy().tolist() == [1.0, 2.0]


def test_the_first_error_is_told_and_ranks_must_agree(real_backend):
    def wrong(x):
        raise KeyError("mine")

    def ragged(x):
        return x if ops.shape(x)[0] > 3 else ops.sum(x)

    with shadowing():
        with pytest.raises(KeyError, match="mine"):
            shapes_of(wrong, SymbolicArray((B, 2), "float32"))
        with pytest.raises(ShapeError, match="one rank"):
            shapes_of(ragged, SymbolicArray((B, 2), "float32"))
