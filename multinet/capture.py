"""What a function reads and writes, found by a run on shapes; and `jit`."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from multinet.ops.control import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Capture, Scope, own_stream
from multinet.streams import JitStream, StepStream, Stream, number, reserve
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.variables import Variable

_KEPT = 64  # signatures of one compiled function


def discover(
    function: Callable[..., Any], args: Sequence[Any]
) -> tuple[list[Variable], list[Variable]]:
    """Return the Variables that function(*args) reads and writes, run on shapes alone.

    `TraceError` if it asks for values. Layers that are not built yet are built.
    """
    scope = _explore(function, args, StepStream(1))
    return list((scope.reads | scope.writes).values()), list(scope.writes.values())


def _explore(
    function: Callable[..., Any], args: Sequence[Any], draws: Stream
) -> Capture:
    """Return the scope of a run on shapes alone."""
    backend = current()
    leaves, structure = optree.tree_flatten(tuple(args))  # type: ignore[arg-type]
    kinds = [_kind(leaf, backend) for leaf in leaves]
    with shadowing(), Capture(stream=draws) as scope:
        filled = [
            leaf
            if kind is None or isinstance(leaf, Variable)
            else symbolic_array(*kind)
            for leaf, kind in zip(leaves, kinds, strict=True)
        ]
        function(*optree.tree_unflatten(structure, filled))
    return scope


def _kind(leaf: Any, backend: Any) -> tuple[tuple[int, ...], str] | None:
    """Return shape and dtype of what is traced: a tensor or array; None of the rest."""
    if isinstance(leaf, Variable):
        return leaf.shape, leaf.dtype
    if backend.is_tensor(leaf) or isinstance(leaf, np.ndarray | np.generic):
        x = leaf if backend.is_tensor(leaf) else as_tensor(leaf)
        return tuple(backend.shape(x)), backend.dtype(x)
    return None


def jit(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return fun compiled by the backend, once for each signature.

    Tensors, arrays and Variables in its arguments, and the Variables it uses besides,
    are inputs: new values do not compile anew. Everything else, such as numbers,
    strings and None, is part of the signature and must be hashable. Variables that it
    assigns are assigned outside; a `SeedGenerator` draws anew at each call. Inside
    another compiled function it is a part of that.

    `TraceError` if it asks for the value of a tensor.

    >>> @jit
    ... def step(x, y):
    ...     value, grads = value_and_grad(loss)(model.trainable_variables, x, y)
    ...     optimizer.apply(grads, model.trainable_variables)
    ...     return value
    """
    programs: OrderedDict[Any, _Compiled] = OrderedDict()

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        backend = current()
        if backend.symbolic or own_stream() is not None:
            return fun(*args, **kwargs)
        leaves, structure = optree.tree_flatten((args, kwargs))  # type: ignore[arg-type]
        kinds = [_kind(leaf, backend) for leaf in leaves]
        key = (
            backend.name,
            structure,
            *[
                (
                    leaf
                    if kind is None
                    else id(leaf)
                    if isinstance(leaf, Variable)
                    else kind
                )
                for leaf, kind in zip(leaves, kinds, strict=True)
            ],
        )
        program = programs.get(key)
        if program is None:
            program = programs[key] = _Compiled(fun, args, kwargs)
            if len(programs) > _KEPT:
                programs.popitem(last=False)
        return program([leaf for leaf, kind in zip(leaves, kinds) if kind is not None])

    return wrapped


class _Compiled:
    """One signature of a compiled function: what it reads, and what it writes."""

    def __init__(self, fun: Callable[..., Any], args: Any, kwargs: Any) -> None:
        backend = current()
        self.fun = fun
        self.leaves, self.structure = optree.tree_flatten((args, kwargs))  # type: ignore[arg-type]
        kinds = [_kind(leaf, backend) for leaf in self.leaves]
        self.places = [i for i, kind in enumerate(kinds) if kind is not None]
        for i in self.places:  # only their kind matters: hold no data
            if not isinstance(self.leaves[i], Variable):
                self.leaves[i] = None
        draws = JitStream()
        scope = _explore(lambda g, named: fun(*g, **named), (args, kwargs), draws)
        self.reads = list((scope.reads | scope.writes).values())
        self.writes = list(scope.writes.values())
        self.draws = draws.counts  # how many each site makes in a call
        self.output: Any = None
        self.function = backend.jit(self._flat, ())

    def __call__(self, leaves: Sequence[Any]) -> Any:
        backend = current()
        numbers: list[Any] = []
        for site, count in self.draws.items():
            first = number(site.numbers, reserve(site, count))
            numbers.append(backend.from_numpy(np.array(site.key, np.uint32)))
            numbers.append(backend.argument(first, "uint32"))
        results = self.function(
            *[as_tensor(leaf) for leaf in leaves],
            *[v.__multinet_tensor__() for v in self.reads],
            *numbers,
        )
        cut = len(results) - len(self.writes)
        for variable, value in zip(self.writes, results[cut:], strict=True):
            variable.assign(value)
        return optree.tree_unflatten(self.output, results[:cut])

    def _flat(self, *flat: Any) -> tuple[Any, ...]:
        count = len(self.places)
        leaves = list(self.leaves)
        for i, x in zip(self.places, flat):
            if not isinstance(leaves[i], Variable):
                leaves[i] = x
        args, kwargs = optree.tree_unflatten(self.structure, leaves)
        cut = count + len(self.reads)
        pairs = zip(flat[cut::2], flat[cut + 1 :: 2], strict=True)
        draws = JitStream(dict(zip(self.draws, pairs, strict=True)))
        with Scope(self.reads, flat[count:cut], stream=draws) as scope:
            outputs, self.output = tensors_of(self.fun(*args, **kwargs))
            return (*outputs, *scope.values_of(self.writes))
