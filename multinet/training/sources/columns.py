"""Columns: what arrays of a batch are, and batches stacked along a new first axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.registry import current
from multinet.training.sources.source import Column, Leaf

Signature = list[tuple[Any, ...]]


def shape_of(x: Column) -> tuple[int, ...]:
    """Return the shape of an array."""
    if isinstance(x, np.ndarray):
        return x.shape
    return tuple(map(int, current().shape(x)))


def dtype_of(x: Column) -> str:
    """Return the name of the dtype of an array."""
    if isinstance(x, np.ndarray):
        return dtypes.TEXT if dtypes.is_text(x.dtype) else x.dtype.name
    return current().dtype(x)


def leaf_of(x: Column) -> Leaf:
    """Return shape and dtype of an array, for any number of samples."""
    return Leaf((None, *shape_of(x)[1:]), dtype_of(x))


def signature(batch: Sequence[Column]) -> Signature:
    """Return what batches have in common that can be stacked."""
    return [
        (x.shape, x.dtype)
        if isinstance(x, np.ndarray)
        else (shape_of(x), dtype_of(x), "tensor")
        for x in batch
    ]


def bytes_of(x: Column) -> int:
    """Return the size of an array."""
    if isinstance(x, np.ndarray):
        return x.nbytes
    return math.prod(shape_of(x)) * dtypes.to_numpy(dtype_of(x)).itemsize


def row(x: Column) -> Column:
    """Return an array with a first axis of one step."""
    if isinstance(x, np.ndarray):
        return x[None]
    return current().reshape(x, (1, *shape_of(x)))


class Stack:
    """Arrays of one shape, to be a column of `rows` rows.

    Host arrays are copied at once, since a generator may fill one array again and
    again. Tensors are joined by one call; the last one fills the rows up to a power of
    two, so that columns have few shapes and seldom compile.
    """

    def __init__(self, first: Column, rows: int) -> None:
        self.rows, self.count = rows, 0
        self.buffer: np.ndarray | None = None  # type: ignore[type-arg]
        self.tensors: list[Column] = []
        if isinstance(first, np.ndarray):
            self.buffer = np.empty((rows, *first.shape), first.dtype)
        self.add(first)

    def add(self, x: Column) -> None:
        """Put an array into the next row."""
        if self.buffer is None:
            self.tensors.append(x)
        else:
            self.buffer[self.count] = x
        self.count += 1

    def column(self) -> Column:
        """Return the rows."""
        if self.buffer is not None:
            return self.buffer
        last = self.tensors[-1]
        rows = min(self.rows, 1 << (self.count - 1).bit_length())
        xs = [*self.tensors, *[last] * (rows - self.count)]
        backend = current()
        return backend.reshape(backend.concatenate(xs, 0), (rows, *shape_of(last)))
