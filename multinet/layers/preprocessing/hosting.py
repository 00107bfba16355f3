"""Methods that run where their data are.

A framework's pipeline of data may call a layer once, with tensors that have no values,
to make a graph. There the layer puts a call of the host into the graph: it runs on the
NumPy backend, whichever backend is in use, and draws anew for each batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import optree

from multinet import dtypes
from multinet.drawing import is_drawing
from multinet.interface import Backend, in_program
from multinet.layers.base import Layer
from multinet.ops.core import host
from multinet.ops.sparse_forms import dense
from multinet.registry import current, get, owner, use_backend
from multinet.scope import own_stream
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.tracebacks import shorten
from multinet.typing import Host, Tree

F = TypeVar("F", bound=Callable[..., Any])


def hosted(method: F) -> F:
    """Let a method of a layer run on the host in the pipelines of a framework.

    So it does where data are drawn for a model (`drawing`): it gives arrays for arrays.
    It takes and returns tensors and trees of them; numbers come back as tensors. The
    attribute `autograph_info__` keeps a framework from writing its source anew, with
    all that it calls, before it traces it; a layer that is called has it, too.
    """

    @functools.wraps(method)
    def placed(self: Any, *args: Any, **kwargs: Any) -> Any:
        leaves: list[Any] = optree.tree_leaves((args, kwargs))  # type: ignore[arg-type]
        try:
            if is_drawing() and all(map(_is_host, leaves)):
                with use_backend.scoped(get("numpy")):
                    return method(self, *args, **kwargs)
            home = _pipeline(leaves)
            if home is None:
                return method(self, *args, **kwargs)
            return _postponed(home, functools.partial(method, self), (args, kwargs))
        except Exception as error:
            shorten(error)
            raise

    placed.autograph_info__ = None  # type: ignore[attr-defined]
    return placed  # type: ignore[return-value]


class Preparing(Layer):
    """A layer of numbers that prepares data: in a model, and in front of one."""

    __call__ = hosted(Layer.__call__)
    autograph_info__ = None  # see `hosted`


def at_hand(make: Callable[[], Tree]) -> Tree:
    """Return what `make` returns, made by NumPy if nothing is compiled or traced.

    Draws are equal on every backend, and a framework that compiles each shape anew, and
    each loop of a rejection, takes seconds for a few numbers.
    """
    backend = current()
    if backend.symbolic or own_stream() is not None or in_program():
        return make()
    numpy = get("numpy")
    with use_backend.scoped(numpy):
        made = make()
    if backend is numpy:
        return made
    return optree.tree_map(
        lambda x: backend.from_numpy(np.asarray(x)) if numpy.is_tensor(x) else x, made
    )


def _pipeline(leaves: list[Any]) -> Backend[Any] | None:
    """Return the backend in whose pipeline tensors are, if any is."""
    if current().symbolic or own_stream() is not None:
        return None
    for leaf in leaves:
        home = _home(leaf)
        if home is not None and home.host_call is not None:
            return home
    return None


def _is_host(leaf: object) -> bool:
    """Return whether a leaf is an array of NumPy, or a plain value."""
    return isinstance(leaf, np.ndarray | np.generic | bool | int | float | str | bytes)


def _home(leaf: object) -> Backend[Any] | None:
    """Return the backend of a tensor, None of anything else."""
    if _is_host(leaf):
        return None
    backend = current()
    return backend if backend.is_tensor(leaf) else owner(leaf)


def _postponed(
    home: Backend[Any], method: Callable[..., Any], arguments: tuple[Any, Any]
) -> Tree:
    """Return the tensors of a method that runs with the pipeline."""
    leaves, tree = optree.tree_flatten(arguments)  # type: ignore[arg-type]
    given = [home.is_tensor(leaf) for leaf in leaves]
    moving = [leaf for leaf, moves in zip(leaves, given) if moves]
    fixed = [
        host(leaf) if not moves and _home(leaf) is not None else leaf
        for leaf, moves in zip(leaves, given)
    ]

    def run(arrays: Any) -> Any:
        rest = iter(arrays)
        values = [next(rest) if moves else x for x, moves in zip(fixed, given)]
        args, kwargs = cast(Any, optree.tree_unflatten(tree, values))
        # A pipeline's graph has dense tensors alone.
        return optree.tree_map(dense, method(*args, **kwargs))

    def shape_of(x: Any) -> Any:
        dtype = home.dtype(x)
        dtype = dtype if dtypes.is_text(dtype) else dtypes.of_host(dtype)
        return symbolic_array(tuple(home.shape(x)), dtype)

    numpy = get("numpy")
    with use_backend.scoped(numpy), shadowing():
        found, form = optree.tree_flatten(run(map(shape_of, moving)))
        results = [_spec(leaf) for leaf in found]

    def on_host(*arrays: Host) -> list[Host]:
        with use_backend.scoped(numpy):
            outputs = optree.tree_leaves(run(arrays))
            return [np.asarray(host(y), d) for y, (_, d) in zip(outputs, results)]

    call: Any = home.host_call
    return optree.tree_unflatten(form, call(on_host, moving, results))


def _spec(leaf: Any) -> tuple[Any, str]:
    """Return the shape and dtype of a result; sizes and numbers are scalars."""
    if current().is_tensor(leaf):
        return public_shape(current().shape(leaf)), current().dtype(leaf)
    return (), "float32" if isinstance(leaf, float) else "int32"
