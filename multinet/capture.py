"""What a function reads, writes and uses, found by a run on shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from multinet.interface import Backend
from multinet.numpy_calls import explain_numpy
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Capture
from multinet.streams import Entry, StepStream, Stream
from multinet.symbolic.native import rerun
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.variables import Variable


def discover(
    function: Callable[..., Any], args: Sequence[Any]
) -> tuple[list[Variable], list[Variable]]:
    """Return the Variables that function(*args) reads and writes, run on shapes alone.

    Layers that are not built yet are built. A function that takes no stand-ins, since
    it calls those of the framework, runs on zeros.
    """
    scope = explore(function, args, StepStream(1))
    return list((scope.reads | scope.writes).values()), list(scope.writes.values())


def explore(
    function: Callable[..., Any], args: Sequence[Any], draws: Stream
) -> Capture:
    """Return the scope of a run on shapes alone."""
    backend = current()
    leaves, structure = optree.tree_flatten(tuple(args))  # type: ignore[arg-type]
    kinds = [kind_of(leaf, backend) for leaf in leaves]
    before = Entry(draws)
    with shadowing(), Capture(stream=draws) as scope:
        filled = [
            leaf
            if kind is None or isinstance(leaf, Variable)
            else symbolic_array(*kind)
            for leaf, kind in zip(leaves, kinds, strict=True)
        ]
        given: Any = optree.tree_unflatten(structure, filled)
        try:
            function(*given)
        except Exception as error:
            try:
                rerun(error, function, *given, draws=before, once=True)
            except Exception as second:
                explain_numpy(second)
                raise
    return scope


def kind_of(leaf: object, backend: Backend[Any]) -> tuple[tuple[int, ...], str] | None:
    """Return shape and dtype of what is traced: a tensor or array; None of the rest."""
    if isinstance(leaf, Variable):
        return leaf.shape, leaf.dtype
    if backend.is_tensor(leaf) or isinstance(leaf, np.ndarray | np.generic):
        x = leaf if backend.is_tensor(leaf) else as_tensor(leaf)
        return tuple(backend.shape(x)), backend.dtype(x)
    return None
