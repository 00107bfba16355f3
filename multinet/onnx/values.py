"""What the nodes of a file compute on: tensors, arrays of the host, and sizes.

A size that is unknown until data arrives is a `Dim`. Arrays that hold some are `Sizes`;
what is computed from shapes alone never becomes a tensor unless a node needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from multinet import dtypes, ops
from multinet.errors import NotWritten
from multinet.ops.core import as_tensor, shape_of
from multinet.symbolic.dims import Dim, Size, evaluated, same, smaller
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import DType, Host, Made, Shape, Tensor

#: Integers of 64 bits are of 32 here, as all data of the host is.
_NARROW = {"int64": "int32", "uint64": "uint32"}


class Sizes(NamedTuple):
    """An array of ints and `Dim`s, and the dtype that the file says it has."""

    array: Host
    dtype: str


def narrow(dtype: DType) -> str:
    """Return the dtype that tensors have for one of a file."""
    name = dtypes.standardize(dtype)
    return _NARROW.get(name, name)


def settled(array: object, dtype: str) -> Host | Sizes:
    """Return an array of objects as numbers, if all are known."""
    array = np.asarray(array, object)
    if any(isinstance(n, Dim) for n in array.flat):
        return Sizes(array, dtype)
    return array.astype(dtypes.to_numpy(dtype))


def is_host(value: object) -> bool:
    """Return whether a value is known without data, but for the sizes of that."""
    return isinstance(value, np.ndarray | Sizes)


def array_of(value: Host | Sizes) -> Host:
    """Return the array of what `is_host` says is one."""
    return value.array if isinstance(value, Sizes) else value


def sizes_of(value: Tensor) -> Shape:
    """Return the shape of a value of any kind."""
    if isinstance(value, KerasTensor):
        return value.array.shape
    return array_of(value).shape if is_host(value) else shape_of(value)


def dtype_of(value: Tensor) -> str:
    """Return the dtype of a value of any kind."""
    if isinstance(value, Sizes):
        return value.dtype
    if isinstance(value, np.ndarray):
        return dtypes.standardize(value.dtype)
    return ops.dtype(value)


def tensor(value: Tensor) -> Made:
    """Return a value as a tensor."""
    if isinstance(value, Sizes):
        dtype = narrow(value.dtype)
        rows = [as_tensor(n, dtype) for n in value.array.flat]
        return ops.reshape(ops.stack(rows), value.array.shape)
    if isinstance(value, np.ndarray):
        return as_tensor(value, narrow(value.dtype))
    return as_tensor(value)


def numbers(value: Tensor, node: str, what: str) -> list[Made]:
    """Return a value as a flat list of numbers and sizes; data has none."""
    if not is_host(value):
        raise NotWritten(
            f"{node} takes {what} from the values of a tensor, so that shapes would "
            "depend on data. Only numbers and the sizes of tensors may say it."
        )
    return array_of(value).ravel().tolist()


def below(x: Size, y: Size) -> bool | None:
    """Return whether x < y; None where that depends on unknown sizes."""
    if same(smaller(x + 1, y), x + 1):
        return True
    return False if same(smaller(x, y), y) else None


# -- as data ---------------------------------------------------------------------------


def array_data(array: Host) -> dict[str, Any]:
    """Return an array as data of a configuration."""
    name = dtypes.standardize(array.dtype)
    wide = array.astype("float64") if dtypes.is_float(name) else array
    if dtypes.is_float(name) and not np.isfinite(wide).all():
        wide = wide.astype(str)  # which JSON has no numbers for
    return {"shape": list(array.shape), "dtype": name, "values": wide.ravel().tolist()}


def array_from(data: dict[str, Any]) -> Host:
    """Return the array of `array_data`."""
    dtype = dtypes.to_numpy(data["dtype"])
    given = np.asarray(data["values"], None if data["values"] else dtype)
    wide = given.astype("float64") if given.dtype.kind == "U" else given
    return wide.astype(dtype).reshape(data["shape"])


def formula(size: Size, place: Callable[[Dim], tuple[int, int]]) -> Made:
    """Return a size as data: an int, or nested lists with places of unknown sizes.

    `place` gives the number of a tensor and the axis that has an unknown size.
    """

    def known(n: Size) -> Any:
        return ["size", *place(n)] if isinstance(n, Dim) else int(n)

    return evaluated(size, known, lambda kind, x, y: [kind, x, y])


def solved(data: Made, shapes: Sequence[Shape]) -> Size:
    """Return the size that a `formula` is for tensors of these shapes."""
    if not isinstance(data, list | tuple):
        return data
    kind, *rest = data
    if kind == "size":
        place, axis = rest
        return shapes[int(place)][int(axis)]
    x, y = rest
    one, other = solved(x, shapes), solved(y, shapes)
    if kind == "minimum":
        return smaller(one, other)
    if kind == "floor_divide":
        return one // other
    return one + other if kind == "add" else one * other
