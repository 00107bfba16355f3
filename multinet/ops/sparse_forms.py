"""Sparse tensors on their way into an op and out of it: parts, native ones, dense ones.

An op meets one on its general path, where it looks at the classes of its arguments
anyway (`core.py`). If it has a rule (`sparse_rules.py`), that computes with the parts;
else the op gets dense tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import optree

from multinet import dtypes, operators
from multinet.errors import BackendError
from multinet.interface import Backend
from multinet.registry import WATCHED, current, loaded, use_backend
from multinet.sparse import SparseTensor
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import sparse_array
from multinet.typing import Host, Shape, Tensor, Tree


class Rule(NamedTuple):
    """How an op computes with the parts of sparse tensors.

    `compute(op, *args)` takes the arguments of the op and returns a SparseTensor, a
    dense one, or NotImplemented where dense arguments are needed. `keeps(args)` tells
    whether the result is sparse; `always`, whether it computes dense ones, too.
    """

    compute: Callable[..., Any]
    keeps: Callable[[Sequence[Any]], bool]
    always: bool = False


#: The rules by the names of ops; `sparse_rules.py` fills it.
RULES: dict[str, Rule] = {}


def first_sparse(args: Sequence[Any]) -> bool:
    """the first argument is"""
    return type(args[0]) is SparseTensor


def first_alone(args: Sequence[Any]) -> bool:
    """the first argument is, and the second is not"""
    return first_sparse(args) and type(args[1]) is not SparseTensor


def any_sparse(args: Sequence[Any]) -> bool:
    """one of two arguments is"""
    return any(type(x) is SparseTensor for x in args[:2])


def all_sparse(args: Sequence[Any]) -> bool:
    """all tensors are"""
    tensors = args[0] if isinstance(args[0], list | tuple) else args[:2]
    return all(type(x) is SparseTensor for x in tensors)


def sparse_among(kinds: set[type]) -> bool:
    """Return whether one of the classes is one of sparse tensors."""
    return any(WATCHED[kind] == "sparse" for kind in kinds)


def is_sparse_tensor(x: object) -> bool:
    """Return whether `x` is a sparse tensor, in whatever form."""
    return WATCHED[type(x)] == "sparse"


def parted(x: Tensor) -> Tensor:
    """Return a sparse tensor by its parts; anything else as it is."""
    kind = type(x)
    if kind is SparseTensor or WATCHED[kind] != "sparse":
        return x
    if hasattr(x, "tocoo"):
        return _of_scipy(x)
    native = current().concrete.sparse
    if native is None or not native.is_kind(kind):
        other = _owner(kind)
        raise BackendError(
            f"Got a sparse tensor of backend {other.name!r} ({kind.__name__}) while "
            f"backend {current().concrete.name!r} is in use. Work inside `with "
            f"multinet.use_backend({other.name!r})`."
        )
    return SparseTensor(*native.parts(x))


def _owner(kind: type) -> Any:
    return next(b for b in loaded() if b.sparse and b.sparse.is_kind(kind))


def sparse_to_host(x: Tensor) -> Host:
    """Return a sparse tensor of any loaded backend as a whole NumPy array."""
    if hasattr(x, "tocoo"):
        return x.toarray()
    with use_backend.scoped(home_of(x)):
        return np.asarray(parted(x))


def home_of(x: Tensor) -> Backend[Any]:
    """Return the backend of a sparse tensor: the one in use of those of none."""
    alone = type(x) is SparseTensor or hasattr(x, "tocoo")
    return current().concrete if alone else _owner(type(x))


def _of_scipy(x: Any) -> SparseTensor:
    coo = x.tocoo()
    coo.sum_duplicates()
    coords = getattr(coo, "coords", None) or (coo.row, coo.col)
    return _of_host(np.stack(coords, 1), coo.data, coo.shape)


def of_array(array: Host) -> SparseTensor:
    """Return an array of the host as a sparse tensor of what is not 0 in it."""
    indices = np.argwhere(array)
    return _of_host(indices, array[tuple(indices.T)], array.shape)


def _of_host(indices: Host, values: Host, shape: Shape) -> SparseTensor:
    backend = current().concrete
    values = values.astype(dtypes.to_numpy(dtypes.of_host(values.dtype)), copy=False)
    parts = backend.from_numpy(indices.astype(np.int32)), backend.from_numpy(values)
    return SparseTensor(*parts, shape, True)


def native(x: Tensor) -> Tensor:
    """Return what users get for a sparse tensor: the framework's own, if it has any."""
    if type(x) is not SparseTensor or current().symbolic:
        return x
    forms = current().sparse
    if forms is None:
        return x
    made = forms.make(x.parts)
    return dense(x) if made is None else made


def dense(x: Tensor) -> Tensor:
    """Return a sparse tensor as a dense one; anything else as it is."""
    x = parted(x)
    if type(x) is not SparseTensor:
        return x
    backend, values = current(), x.values
    dtype = backend.dtype(values)
    if backend.symbolic:
        return SymbolicArray(x.shape, dtype)
    if dtype == "bool":
        values = backend.cast(values, "int32")
    whole = scattered(x.shape, x.indices, values)
    return backend.cast(whole, dtype)


def scattered(shape: Shape, indices: Tensor, values: Tensor) -> Tensor:
    """Return the sums of values (n, ...) at indices (n, k) of the first k axes."""
    backend = current()
    if backend.shape(indices)[1] == 0:
        return backend.sum(values, (0,), False)
    zeros = backend.full(tuple(shape), 0, backend.dtype(values))
    return backend.scatter(zeros, indices, values, "add")


_signature = functools.cache(inspect.signature)  # of ops, which are so many


def applied(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tree:
    """Return what an op makes of arguments of which some are sparse tensors."""
    rule = RULES.get(function.__name__)
    if rule is None:
        return _of_dense(function, args, kwargs)
    given: Any = args, kwargs
    parts = optree.tree_map(parted, given, none_is_leaf=True)
    bound = _signature(function).bind(*parts[0], **parts[1])
    keeps = rule.keeps(bound.args)
    if current().symbolic:
        result = _of_dense(function, bound.args, bound.kwargs)
        return sparse_array(result) if keeps else result
    if keeps or rule.always:
        public = operators._ops[function.__name__]
        result = rule.compute(public, *bound.args, **bound.kwargs)
        if result is not NotImplemented:
            return native(result)
    return _of_dense(function, bound.args, bound.kwargs)


def _of_dense(function: Callable[..., Any], args: Any, kwargs: Any) -> Tree:
    given: Any = args, kwargs
    args, kwargs = optree.tree_map(dense, given, none_is_leaf=True)
    return function(*args, **kwargs)
