"""What is passed to a layer as tensors, the floats among them in its dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.layers.context import masks_in, set_mask
from multinet.layers.signatures import is_number_tree
from multinet.ops.core import as_tensor, cast_tensor, in_dtype
from multinet.ops.sparse_forms import is_sparse_tensor, native, parted
from multinet.registry import current


class Converting:
    """A layer, as far as it takes host data, tensors and trees of them."""

    autocast: bool
    input_dtype: str
    _compute_dtype: str

    def _converted(self, args: Any, kwargs: dict[str, Any]) -> tuple[Any, Any]:
        args = tuple([self._convert(value) for value in args])
        if kwargs:
            kwargs = {
                name: x if x is None or x is True or x is False else self._convert(x)
                for name, x in kwargs.items()
            }
        return args, kwargs

    def _convert(self, value: Any) -> Any:
        if type(value) is np.ndarray and value.dtype.kind in "USO":
            return value  # texts, for a layer inside that works on the host
        backend = current()
        if backend.is_tensor(value):
            if self.autocast:
                dtype = backend.dtype(value)
                if dtype != self._compute_dtype and dtypes.is_float(dtype):
                    cast = cast_tensor(value, self.input_dtype)
                    set_mask(cast, masks_in(value))
                    return cast
            return value
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list | tuple | dict):
            if isinstance(value, list) and value and is_number_tree(value):
                return self._taken(value)
            return optree.tree_map(self._convert, value)  # type: ignore[arg-type]
        if is_sparse_tensor(value):
            return self._of_entries(parted(value))
        if hasattr(value, "__array__") or hasattr(value, "__multinet_tensor__"):
            return self._taken(value)
        return value

    def _of_entries(self, x: Any) -> Any:
        """Return a sparse tensor as one of the framework, its floats as of others."""
        dtype = x.dtype
        if self.autocast and dtype != self._compute_dtype and dtypes.is_float(dtype):
            x = x.with_values(cast_tensor(x.values, self.input_dtype))
        return native(x)

    def _taken(self, value: Any) -> Any:
        """Return host data as a tensor: floats in the dtype of inputs, straight."""
        return in_dtype(value, self.input_dtype) if self.autocast else as_tensor(value)
