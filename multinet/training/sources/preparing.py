"""What users pass, as batches: checking, dtypes, splitting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.checks import shown, whole
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.layers.preprocessing.host import on_host
from multinet.ops.core import host, is_array
from multinet.ops.sparse_forms import is_sparse_tensor
from multinet.registry import current, owner
from multinet.training.sources.columns import dtype_of, shape_of
from multinet.training.sources.rows import rows_of
from multinet.training.sources.source import Column, Host, HostBatch, Tree

_SCALAR = "Expected arrays with a first axis of samples, got a scalar."
_PLAIN = frozenset((int, float, bool, complex, str, bytes, type(None)))  # in lists


def prepare(
    x: Tree, y: Tree = None, sample_weight: Tree = None, raw: bool = False
) -> HostBatch:
    """Return a batch of host arrays, floats as floatx and integers as int32.

    Accepts NumPy arrays, tensors, lists of numbers, and trees of them. With `raw` x may
    be texts, too, and keeps its dtypes: it is for the host stage of a model.
    `ShapeError` if the numbers of samples differ.
    """
    if raw:
        batch = HostBatch(_arrays(x, unchanged), _arrays(y), _arrays(sample_weight))
        _check_samples(batch.x, batch.y, batch.sample_weight)
        return batch
    if type(x) is type(y) is np.ndarray and sample_weight is None:
        batch = HostBatch(_array(x), _array(y))
        if len(batch.x) == len(batch.y) > 0:
            return batch
    weights = _arrays(sample_weight, _array)
    batch = HostBatch(_arrays(x), _arrays(y), weights)
    _check_samples(batch.x, batch.y, batch.sample_weight)
    _check_weights(batch.sample_weight)
    if not optree.tree_leaves(batch.x):
        raise ArgumentError(f"Expected x to be data, got {shown(x)}.")
    return batch


def _check_weights(weights: Tree) -> None:
    """Refuse weights of samples that are no real numbers."""
    for leaf in optree.tree_leaves(weights):  # type: ignore[arg-type]
        if dtypes.is_complex(dtype_of(leaf)):
            raise DTypeError(
                f"Expected sample_weight to be real numbers, got {dtype_of(leaf)}."
            )


def _check_samples(*parts: Tree) -> None:
    """Refuse x, y and weights of different numbers of samples, and those of none."""
    shapes = [[*map(shape_of, optree.tree_leaves(part))] for part in parts]  # type: ignore[arg-type]
    sizes = {shape[0] for of_part in shapes for shape in of_part}
    if len(sizes) > 1:
        rows = isinstance(parts[0], list) and len(shapes[0]) > 2
        remedy = (
            " A list has an array for each input; one that has an array for each "
            "sample is made one array by np.stack(x)."
        )
        raise ShapeError(
            "Expected x, y and sample_weight to have the same number of samples (first "
            f"axis), got {_told(shapes)}.{remedy if rows else ''}"
        )
    if 0 in sizes:
        raise ShapeError(f"Expected at least one sample, got {_told(shapes)}.")


def _told(shapes: Sequence[Sequence[tuple[int, ...]]]) -> str:
    """Return the shapes of x, y and weights as text, the first of each."""
    told = []
    for name, of_part in zip(("x", "y", "sample_weight"), shapes):
        more = f" and {len(of_part) - 4} more" if len(of_part) > 4 else ""
        if of_part:
            told.append(f"{name} {', '.join(map(str, of_part[:4]))}{more}")
    return "; ".join(told)


def size_of_batch(value: int | None, name: str = "batch_size") -> int:
    """Return the batch size asked for: 32 by default."""
    return 32 if value is None else whole(value, name)


def validation(given: Tree, raw: bool = False) -> HostBatch:
    """Return what `validation_data` holds: (x, y), or sample weights too."""
    if not isinstance(given, tuple | list | dict):
        _refuse_sources(given)
    if not isinstance(given, tuple | list) or not 2 <= len(given) <= 3:
        raise ArgumentError(
            "Expected validation_data=(x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}."
        )
    try:
        return prepare(*given, raw=raw)
    except ShapeError as error:
        raise ShapeError(f"In validation_data: {error}") from error


def _refuse_sources(x: Tree) -> None:
    """Refuse what NumPy would read item by item, perhaps without end."""
    if isinstance(x, list | tuple):
        for item in x:
            if type(item) not in _PLAIN:
                _refuse_sources(item)
    elif not is_array(x):
        raise ArgumentError(
            "Expected data as arrays, tensors or lists of numbers, or as dicts and "
            f"tuples of them, got {_article(type(x).__name__)}. Batches may come, in "
            "place of x and y, from a generator, a function that returns one, a "
            "PyDataset, a loader or another iterable of them."
        )


def batch_of(given: Tree, raw: bool = False) -> tuple[Tree, list[Column]]:
    """Return (x, y, sample_weight) as a generator gives it: its tree, and its leaves.

    Tensors of the backend in use stay where they are, other leaves become host arrays,
    floats as floatx and integers as int32; x with `raw` as it is.
    """
    if isinstance(given, list) and not raw and _holds_arrays(given):
        raise ArgumentError(
            "Expected a tuple (x, y) or (x, y, sample_weight), or x alone, got a list. "
            "Yield a tuple; for a model of several inputs, ([a, b],) or ([a, b], y)."
        )
    if not isinstance(given, tuple):
        given = (given,)
    if not 1 <= len(given) <= 3:
        raise ArgumentError(
            "Expected a tuple (x,), (x, y) or (x, y, sample_weight), got one of "
            f"{len(given)}."
        )
    first = unchanged if raw else column
    parts: list[Any] = [_arrays(given[0], first)]
    parts += [_arrays(part, column) for part in given[1:]]
    parts += [None] * (3 - len(given))
    tree = tuple(parts)
    leaves: list[Column] = optree.tree_leaves(tree)  # type: ignore[arg-type]
    if not optree.tree_leaves(parts[0]):  # type: ignore[arg-type]
        raise ArgumentError(f"Expected x to be data, got {shown(given[0])}.")
    _check_samples(*parts)
    _check_weights(parts[2])
    return tree, leaves


def unchanged(leaf: Tree) -> Host:
    """Return data for a host stage as an array: texts, or numbers of any dtype."""
    array = on_host(leaf, "a model's host stage")
    if array.ndim == 0:
        raise ShapeError(_SCALAR)
    return array


def column(leaf: Tree) -> Column:
    """Return an array of a batch: a tensor that is on the device, else a host array."""
    backend = current()
    if isinstance(leaf, np.ndarray) or not backend.is_tensor(leaf):
        return _array(leaf)
    if not backend.shape(leaf):
        raise ShapeError(_SCALAR)
    name = backend.dtype(leaf)
    dtype = as_data(name)
    if dtype == name:
        return leaf
    if dtype == "int32" and (values := backend.known(leaf)) is not None:
        _int32(values)  # which refuses those beyond it
    return backend.cast(leaf, dtype)


def as_data(dtype: str) -> str:
    """Return the dtype that data of a dtype have: floatx, int32, bool or complex."""
    if dtypes.is_integer(dtype):
        return "int32"
    if dtype == "bool":
        return dtype
    return dtypes.of_host(dtype) if dtypes.is_complex(dtype) else dtypes.floatx()


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def _arrays(tree: Tree, convert: Callable[[Any], Column] | None = None) -> Any:
    convert = convert or _features
    if type(tree) is np.ndarray:
        return convert(tree)

    def is_leaf(node: Any) -> bool:
        if node is None or isinstance(node, tuple | dict):
            return False
        return not _holds_arrays(node)

    return optree.tree_map(convert, tree, is_leaf=is_leaf)


def _holds_arrays(node: Any) -> bool:
    """Return whether a list is a structure of arrays, rather than rows of numbers."""
    return isinstance(node, list) and any(
        isinstance(item, dict | tuple) or len(getattr(item, "shape", ())) > 0
        for item in node
    )


def _features(leaf: Tree) -> Host:
    """Return an array; a column of a table, as one feature: (samples, 1)."""
    array = _array(leaf)
    return array[:, None] if hasattr(type(leaf), "to_frame") else array


def _array(leaf: Tree) -> Any:
    if type(leaf) is np.ndarray and leaf.ndim:
        kind = leaf.dtype.type
        if kind is np.int32 or kind is np.float32 and dtypes.floatx() == "float32":
            return leaf
    if type(leaf) is np.ndarray:
        array = leaf
    else:
        home = owner(leaf)  # loads the backends whose frameworks were imported
        if is_sparse_tensor(leaf):
            return rows_of(leaf, as_data)
        if home is None:
            _refuse_sources(leaf)
            array = np.asarray(host(leaf))
        else:
            array = home.to_numpy(leaf)
    if array.dtype.kind in "OSUMmV" and array.dtype.name not in dtypes.ALL:
        array = host(leaf)  # which refuses it
    if array.ndim == 0:
        raise ShapeError(_SCALAR)
    kind = array.dtype.kind
    if kind in "iu":
        return _int32(array)
    if kind == "b":
        return array
    if kind == "c":
        return array.astype(dtypes.to_numpy(dtypes.of_host(array.dtype)), copy=False)
    return array.astype(dtypes.to_numpy(dtypes.floatx()), copy=False)


def _int32(array: Host) -> Host:
    info = np.iinfo(np.int32)
    if array.size and (array.max() > info.max or array.min() < info.min):
        raise DTypeError(
            f"Integers given as data become int32, but {array.dtype} values reach from "
            f"{array.min()} to {array.max()}. Convert them to float, or re-number them."
        )
    return array.astype(np.int32, copy=False)


def split(data: HostBatch, fraction: float) -> tuple[HostBatch, HostBatch]:
    """Return training data, and the last `fraction` of samples for validation."""
    size = data.size()
    cut = math.floor(size * (1 - fraction))
    if cut == 0 or cut == size:
        raise ArgumentError(
            f"validation_split={fraction} of {size} samples leaves {cut} for training "
            f"and {size - cut} for validation. Give more samples or another fraction."
        )
    return data.take(slice(0, cut)), data.take(slice(cut, size))
