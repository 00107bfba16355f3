"""What a backend tells of its framework's own sparse tensors.

Above the waist each is its parts, and each op on them is a rule over dense tensors, the
same on every backend. So all that is asked of a backend is to take one apart, and to
make one of its parts; a backend whose framework has none has nothing to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from multinet.interface.array import Shape
from multinet.typing import Tensor


class SparseParts(NamedTuple):
    """The entries of a tensor that is 0 elsewhere, by their coordinates.

    `indices` (n, k), int32 or int64, address the first k axes of `shape`; `values` are
    (n, *shape[k:]). So k is the rank for single entries, and 1 for rows. Entries of one
    index add up; `unique` says that at most one of them is not 0.
    """

    indices: Tensor
    values: Tensor
    shape: Shape
    unique: bool


class NativeSparse(ABC):
    """The sparse tensors of a framework."""

    @abstractmethod
    def is_kind(self, cls: type) -> bool:
        """Return whether a class is one of theirs; imports nothing."""

    @abstractmethod
    def parts(self, x: Tensor) -> SparseParts:
        """Return the parts of one, with indices in range."""

    @abstractmethod
    def make(self, parts: SparseParts) -> Tensor | None:
        """Return one of its parts; None where the framework has none of that form."""
