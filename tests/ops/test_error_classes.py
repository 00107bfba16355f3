"""Errors of axes and norms are caught as NumPy's and PyTorch's own are."""

import numpy as np
import pytest
import torch

from multinet import KerasTensor, errors, ops


@pytest.mark.parametrize("name", ["sum", "max", "argmax", "sort", "cumsum", "std"])
def test_an_axis_that_is_not_there_is_an_index_error_as_in_numpy(name, backend):
    x = np.ones((2, 3), "float32")
    for error in (ValueError, IndexError):
        with pytest.raises(error):
            getattr(np, name)(x, axis=2)
        with pytest.raises(error):
            getattr(ops, name)(x, axis=2)
        with pytest.raises(error):
            getattr(ops, name)(KerasTensor((2, 3)), axis=-3)


@pytest.mark.parametrize("rank, ord, axis", [(1, "fro", None), (2, "nuc", 0)])
@pytest.mark.parametrize("symbolic", [False, True])
def test_a_norm_of_matrices_over_one_axis_is_refused_as_in_torch(
    rank, ord, axis, symbolic, backend
):
    check(np.ones((5,) * rank, "float32"), ord, axis, symbolic)


@pytest.mark.parametrize("rank, ord, axis", [(2, 3, None), (2, 0, (0, 1))])
@pytest.mark.parametrize("symbolic", [False, True])
def test_an_order_that_no_norm_has_is_refused_as_in_torch(
    rank, ord, axis, symbolic, backend
):
    check(np.ones((5,) * rank, "float32"), ord, axis, symbolic)


def test_a_norm_of_matrices_of_a_vector_is_refused_as_in_torch(backend):
    check(np.ones(5, "float32"), 1, (0, 1), False)


def check(x, ord, axis, symbolic):
    """Check the class that torch's function raises, and Keras's elsewhere."""
    with pytest.raises(RuntimeError):
        torch.linalg.norm(torch.tensor(x), ord, axis)
    for error in (errors.NoNorm, RuntimeError, ValueError):
        with pytest.raises(error):
            ops.norm(KerasTensor(x.shape) if symbolic else x, ord, axis)
