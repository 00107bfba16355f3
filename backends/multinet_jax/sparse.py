"""JAX's sparse tensors: BCOO, of entries or rows."""

from __future__ import annotations

import sys
from typing import Any

import jax.numpy as jnp

from multinet.interface import NativeSparse, SparseParts

_MODULE = "jax.experimental.sparse"


class Sparse(NativeSparse):
    """BCOO, whose module takes 0.3 s to import: nobody has one before that is done."""

    def is_kind(self, cls: type) -> bool:
        module = sys.modules.get(_MODULE)
        return module is not None and issubclass(cls, module.BCOO)

    def parts(self, x: Any) -> SparseParts:
        from jax.experimental import sparse  # see the class

        if x.n_batch:
            x = sparse.bcoo_update_layout(x, n_batch=0)
        axes = x.indices.shape[1]
        # Entries that fill up have indices out of range.
        inside = (x.indices < jnp.array(x.shape[:axes], x.indices.dtype)).all(1)
        rows = jnp.expand_dims(inside, tuple(range(1, x.data.ndim)))
        indices = jnp.where(inside[:, None], x.indices, 0)
        values = jnp.where(rows, x.data, jnp.zeros((), x.data.dtype))
        return SparseParts(indices, values, x.shape, x.unique_indices)

    def make(self, parts: SparseParts) -> Any:
        from jax.experimental import sparse  # see the class

        data = parts.values, parts.indices
        return sparse.BCOO(data, shape=parts.shape, unique_indices=parts.unique)
