"""Probes of the rule for indices out of range: -n-1, -n, -1, n-1 and n, each gather."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance.check import Mismatch, compare, expect, fetch
from multinet.conformance.probes_conversion import held
from multinet.conformance.probes_program import tensor
from multinet.conformance.row import Array, Probe
from multinet.errors import OutOfRange
from multinet.interface import Backend, filling

Anything = Backend[Any]
#: Of (backend, x, indices (3,)): the gather along axis 0 of x (4, 2), as (3, 2).
Call = Callable[[Anything, Any, Any], Any]

_ROWS, _WIDTH = 4, 2
_PLACES = (-_ROWS - 1, -_ROWS, -1, _ROWS - 1, _ROWS)
_DTYPES = ("float32", "int32", "bool", "float16", "bfloat16", "uint8", "complex64")


def _along(backend: Anything, x: Any, indices: Any) -> Any:
    column = backend.expand_dims(indices, 1)
    return backend.take_along_axis(x, backend.broadcast_to(column, (3, _WIDTH)), 0)


def _in_columns(backend: Anything, x: Any, indices: Any) -> Any:
    turned = backend.take(backend.transpose(x, (1, 0)), indices, 1)
    return backend.transpose(turned, (1, 0))


_CALLS: dict[str, tuple[Call, ...]] = {
    "take": (lambda b, x, i: b.take(x, i, 0), _in_columns),
    "take_along_axis": (_along,),
    "pick": (lambda b, x, i: b.pick(x, i, 0),),
    "embedding": (lambda b, x, i: b.embedding(x, i),),
}


def _gathers(name: str, backend: Anything) -> None:
    for call in _CALLS[name]:
        for dtype in held(backend, _DTYPES):
            x = np.arange(1, 1 + _ROWS * _WIDTH).reshape(_ROWS, _WIDTH) % 7
            for place in _PLACES:
                _one(name, backend, call, x, dtype, place)


def _one(
    name: str, backend: Anything, call: Call, x: Array, dtype: str, place: int
) -> None:
    given = backend.from_numpy(x.astype(dtypes.to_numpy(dtype)))
    indices = np.array([1, place, 3])
    index = tensor(backend, indices, "int32")
    back = name == "pick" and -_ROWS <= place < 0
    legal = back or 0 <= place < _ROWS
    wanted = x[np.where(legal, indices, [1, 0, 3])].astype(np.float64)
    if not legal:
        wanted[1] = filling(dtype)
    what = f"{name} of {dtype} at {place} of {_ROWS} rows"

    def run(x: Any, i: Any) -> tuple[Any, ...]:
        return (call(backend, x, i),)

    compare(
        fetch(backend, backend.jit(run, ())(given, index)[0]), wanted, dtype, what=what
    )
    eagerly(backend, lambda: call(backend, given, index), index, wanted, legal, what)
    if dtype == "float32":
        _gradient(backend, run, given, index, legal, what)


def eagerly(
    backend: Anything,
    call: Callable[[], Any],
    index: Any,
    wanted: Array,
    legal: bool,
    what: str,
) -> None:
    """Check a call outside of programs: refused where the host knows the index."""
    try:
        got = call()
    except OutOfRange as error:
        expect(not legal, what, "a value", error)
        return
    known = backend.known(index) is not None
    expect(legal or not known, f"{what}, eager", "OutOfRange", got)
    got = fetch(backend, got)
    compare(got, wanted, str(backend.dtype(call())), what=f"{what}, eager")


def _gradient(
    backend: Anything, run: Any, x: Any, index: Any, legal: bool, what: str
) -> None:
    seed = np.array([[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]])

    def gradient(x: Any, i: Any, g: Any) -> tuple[Any, ...]:
        return (backend.vjp(lambda x: run(x, i), (x,))[1]((g,))[0],)

    got = fetch(backend, backend.jit(gradient, ())(x, index, tensor(backend, seed))[0])
    wanted = np.zeros((_ROWS, _WIDTH))
    np.add.at(wanted, [1, 3], seed[[0, 2]])
    if legal:
        wanted[int(fetch(backend, index)[1]) % _ROWS] += seed[1]
    compare(got, wanted, "float32", what=f"gradient of {what}")


def _cross_entropy(backend: Anything) -> None:
    logits = np.array([[0.0, 1.0, -1.0], [2.0, 0.5, 0.0]])
    for label in (-4, -3, -1, 2, 3):
        legal = 0 <= label < 3
        index = tensor(backend, [1, label], "int32")
        powers = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        wanted = -np.log(powers[[0, 1], [1, label if legal else 0]])
        slope = powers - np.eye(3)[[1, label if legal else 0]]
        if not legal:
            wanted[1], slope[1] = np.nan, 0
        what = f"sparse_softmax_cross_entropy of label {label} of 3 classes"
        x = tensor(backend, logits)
        loss = partial(backend.sparse_softmax_cross_entropy, x, index)

        def both(x: Any, i: Any) -> tuple[Any, ...]:
            losses, pull = backend.vjp(
                lambda x: (backend.sparse_softmax_cross_entropy(x, i),), (x,)
            )
            return losses[0], *pull((backend.full((2,), 1.0, "float32"),))

        got = [fetch(backend, y) for y in backend.jit(both, ())(x, index)]
        compare(got[0], wanted, "float32", what=what, floor=1.0)
        compare(got[1], slope, "float32", what=f"gradient of {what}", floor=1.0)
        eagerly(backend, loss, index, wanted, legal, what)


def _hot(backend: Anything, dtype: str, indices: Any) -> Any:
    return backend.one_hot(indices, 3, dtype)


def _one_hot(backend: Anything) -> None:
    for dtype in held(backend, _DTYPES):
        for place in (-4, -3, -1, 2, 3):
            legal = 0 <= place < 3
            index = tensor(backend, [1, place], "int32")
            wanted = np.array([[0.0, 1.0, 0.0], np.arange(3) == place])
            if not legal:
                wanted[1] = filling(dtype)
            what = f"one_hot of {place} of 3 in {dtype}"
            hot = partial(_hot, backend, dtype)
            got = fetch(backend, backend.jit(lambda i: (hot(i),), ())(index)[0])  # noqa: B023
            compare(got, wanted, dtype, what=what)
            eagerly(backend, partial(hot, index), index, wanted, legal, what)


def _known(backend: Anything) -> None:
    index = tensor(backend, [3, 1], "int32")
    values = backend.known(index)
    if values is not None:
        compare(np.asarray(values), [3, 1], "int32", what="known")
    seen: list[Any] = []

    def note(x: Any) -> tuple[Any, ...]:
        seen.append(backend.known(x))
        return (backend.add(x, 1),)

    backend.jit(note, ())(index)
    if seen != [None] * len(seen):
        raise Mismatch("known in a program", None, seen)


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    **{name: (("out of range", partial(_gathers, name)),) for name in _CALLS},
    "sparse_softmax_cross_entropy": (("out of range", _cross_entropy),),
    "one_hot": (("out of range", _one_hot),),
    "known": (("values", _known),),
}
