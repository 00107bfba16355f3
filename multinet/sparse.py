"""Sparse tensors: the form in which ops see them, whatever the framework."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multinet import surface
from multinet.interface import SparseParts
from multinet.operators import Operators
from multinet.registry import current
from multinet.typing import DType, Host, Tensor

__all__ = ["SparseTensor"]

surface.show(__name__)


class SparseTensor(Operators):
    """A tensor of which only some entries are stored; the others are 0.

    `indices` (n, k) address the first k axes of `shape`, `values` are (n, *shape[k:]):
    single entries where k is the rank, rows where it is 1. Entries of one index add up;
    `unique` says that at most one of them is not 0. Ops return one where the framework
    in use has no sparse tensors of its own; NumPy reads it as the whole array.

    >>> x = ops.convert_to_tensor(scipy.sparse.eye(1000))
    >>> ops.matmul(x, kernel)
    """

    __slots__ = ("__weakref__", "_keras_mask", "indices", "shape", "unique", "values")
    __multinet_sparse__ = True

    def __init__(
        self,
        indices: Tensor,
        values: Tensor,
        shape: Sequence[int],
        unique: bool = False,
    ) -> None:
        self.indices, self.values = indices, values
        self.shape, self.unique = tuple(shape), unique

    @property
    def parts(self) -> SparseParts:
        """The four parts, as the interface names them."""
        return SparseParts(self.indices, self.values, self.shape, self.unique)

    @property
    def dtype(self) -> str:
        """The name of the dtype of the values."""
        return current().dtype(self.values)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def of_entries(self) -> bool:
        """Whether it has single entries, rather than rows."""
        return current().shape(self.indices)[1] == len(self.shape)

    def with_values(self, values: Tensor) -> SparseTensor:
        """Return one with other values at the same indices."""
        return SparseTensor(self.indices, values, self.shape, self.unique)

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Host:
        """Return the whole array."""
        backend = current()
        places, values = backend.to_numpy(self.indices), backend.to_numpy(self.values)
        whole = np.zeros((1, *self.shape), values.dtype)
        np.add.at(whole, (np.zeros(len(places), int), *places.T), values)
        whole = whole.reshape(self.shape)
        return whole if dtype is None else whole.astype(dtype)

    def __repr__(self) -> str:
        return f"<SparseTensor shape={self.shape}, dtype={self.dtype}>"
