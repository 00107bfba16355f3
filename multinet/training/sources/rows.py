"""Sparse data on their way to a step: for each sample as many entries, in two arrays.

So they are shuffled, cut into batches and stacked as any other arrays are, and each
batch has one shape, which a program is compiled for once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.ops.core import as_tensor, host
from multinet.ops.sparse_entries import columns, joined, merged
from multinet.ops.sparse_forms import home_of, native, parted
from multinet.registry import current, use_backend
from multinet.sparse import SparseTensor
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import sparse_array
from multinet.typing import Host, Shape, Tensor, Tree


class Rows:
    """The entries of each sample: `places` (n, k, rank) and `values` (n, k).

    Samples of fewer entries have some of 0 at the place 0. `shape` is that of a sample.
    """

    def __init__(self, places: Tensor, values: Tensor, shape: Shape) -> None:
        self.places, self.values, self.shape = places, values, shape


optree.register_pytree_node(
    Rows,  # type: ignore[arg-type]
    lambda rows: ((rows.places, rows.values), rows.shape),  # type: ignore[arg-type]
    lambda shape, parts: Rows(*parts, shape),  # type: ignore[arg-type]
    namespace=optree.registry.__GLOBAL_NAMESPACE,  # type: ignore[attr-defined]
)


def rows_of(x: Tensor, as_data: Callable[[str], str]) -> Rows | Host:
    """Return a sparse tensor as its rows; `as_data` tells the dtype that data have.

    One of rows, or of one axis, is given as a whole array.
    """
    home = home_of(x)
    with use_backend.scoped(home):
        form = merged(parted(x))
        dtype = dtypes.to_numpy(as_data(form.dtype))
        if not form.of_entries or len(form.shape) < 2:
            return host(form).astype(dtype)
        indices, values = home.to_numpy(form.indices), home.to_numpy(form.values)
    count = form.shape[0]
    order = np.argsort(indices[:, 0], kind="stable")
    sizes = np.bincount(indices[:, 0], minlength=count)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    at = indices[order, 0], np.arange(len(order)) - starts
    # A power of two, so that batches of a stream seldom need other programs.
    most = 1 << max(int(sizes.max(initial=1)) - 1, 0).bit_length()
    places = np.zeros((count, most, len(form.shape) - 1), np.int32)
    entries = np.zeros((count, most), dtype)
    places[at], entries[at] = indices[order, 1:], values[order]
    return Rows(places, entries, form.shape[1:])


def holds_rows(tree: Tree) -> bool:
    """Return whether one of the leaves is sparse."""
    return any(map(_is_rows, optree.tree_leaves(tree, is_leaf=_is_rows)))


def sparse_again(tree: Tree) -> Tree:
    """Return a tree with sparse tensors for the rows in it."""
    return optree.tree_map(
        lambda x: _again(x) if _is_rows(x) else x, tree, is_leaf=_is_rows
    )


def _is_rows(x: Any) -> bool:
    return type(x) is Rows


def _again(rows: Rows) -> Tensor:
    backend, places = current(), as_tensor(rows.places)
    samples, most, axes = backend.shape(places)
    if backend.symbolic:
        dtype = backend.dtype(as_tensor(rows.values))
        return sparse_array(SymbolicArray((samples, *rows.shape), dtype))
    count = backend.arange(0, samples, 1, "int32")
    sample = backend.reshape(
        backend.broadcast_to(backend.expand_dims(count, 1), (samples, most)),
        (samples * most,),
    )
    flat = backend.reshape(places, (samples * most, axes))
    values = backend.reshape(as_tensor(rows.values), (samples * most,))
    indices = joined([sample, *columns(flat)], flat)
    return native(SparseTensor(indices, values, (samples, *rows.shape), True))
