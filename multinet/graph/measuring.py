"""How far results are off, in units of what the condition of a node allows.

A node gives its exact results on exact inputs, but for rounding: of the result, of what
it is a sum of, and of what happens on the way. How large the last may become is what
noise of a known size on its inputs shows, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from multinet import dtypes
from multinet.graph.following import Call, wide_results
from multinet.graph.operations import elements, operations
from multinet.graph.widening import (
    Noisy,
    Wide,
    eps,
    factors,
    is_inexact,
    rounded,
    tiny,
    widen,
)
from multinet.interface import Backend
from multinet.interface.signatures import SIGNATURES
from multinet.typing import Host

#: Units of rounding that any node is allowed: of the wide dtypes, of the low ones.
_UNITS, _LOW = 16.0, 4.0
_INSIDE = 4.0  # times as many for one with bodies, or with primitives, inside
_FLOOR = 2.0**-6  # of the largest element: below it errors count as absolute
_SURE = 0.1  # of what is allowed: without a look at the condition
_NOISE = 2.0**-26  # relative, on what a node reads
_RUNS = 3  # with noise
_TIES = 8  # runs with noise of the size of rounding, to see whether results jump
#: Sums of products, in which what is summed without signs tells what rounding does.
_SUMS = frozenset(
    "sum mean matmul einsum conv conv_transpose sum_pool mean_pool cumsum dense".split()
)


class Worst(NamedTuple):
    """The element of the results of a call that is furthest off.

    `error` counts in what is allowed: 1 is the most. `jumps` is whether each element
    that is beyond it is one where rounding decides between two results.
    """

    error: float
    output: int
    element: tuple[int, ...]
    got: Any
    expected: Any
    jumps: bool = False


def measure(call: Call, got: Sequence[Host], backend: Backend[Any]) -> Worst:
    """Return the worst element of what a call gave; `backend` computes in float64."""
    unit = _unit(call)
    errors = [
        _error(x, wanted, value.dtype, unit * _sizes(wanted))
        for x, wanted, value in zip(got, call.wanted, call.outputs, strict=True)
    ]
    if any(_most(x) > _SURE for x in errors):
        scales = condition(call, backend)
        errors = [
            _error(x, wanted, value.dtype, unit * scale)
            for x, wanted, value, scale in zip(got, call.wanted, call.outputs, scales)
        ]
    output = max(range(len(errors)), key=lambda i: _most(errors[i]), default=0)
    if not errors or not errors[output].size:
        return Worst(0.0, output, (), None, None)
    place = np.unravel_index(np.argmax(errors[output]), errors[output].shape)
    worst = float(errors[output][place])
    exact = rounded(call.wanted[output], call.outputs[output].dtype)
    jumps = worst > 1 and _jumps(call, got, errors, backend)
    element = tuple(map(int, place))
    return Worst(worst, output, element, got[output][place], exact[place], jumps)


def condition(call: Call, backend: Backend[Any]) -> list[Host]:
    """Return the size of each result beside that of what it is made of.

    Of a sum that is the sum without signs; of any other node how much its results move
    with what it reads, and with each result inside of its bodies.
    """
    sizes = [_sizes(x) for x in call.wanted]
    if call.node.op in _SUMS:
        plain = [np.abs(x) if x.dtype.kind not in "biu" else x for x in call.arrays]
        moved = [_sizes(x) for x in wide_results(call, backend, Wide, plain)]
    else:
        moved = _slopes(call, backend)
    return [a + _FLOOR * a.max(initial=0.0) + b for a, b in zip(sizes, moved)]


def _slopes(call: Call, backend: Backend[Any]) -> list[Host]:
    """Return how far each result moves for small noise, in units of it.

    Where it jumps, which is as far for less noise, that counts as nothing.
    """
    found = []
    for size in (_NOISE, _NOISE / 16):
        found.append([x / size for x in _moved(call, backend, size, _RUNS)])
    smooth = [
        np.where(np.isfinite(x) & (less < 4 * x), x, 0.0) for x, less in zip(*found)
    ]
    return [np.sqrt(np.mean(np.square(x), 0)) for x in smooth]


def _moved(
    call: Call, backend: Backend[Any], size: float, runs: int, still: float = 0.0
) -> list[Host]:
    """Return how far each result moves under noise, in each of some runs.

    `still` is the noise of zeros, in units of an element of the usual size.
    """
    found = []
    for run in range(runs):
        random = np.random.default_rng(run)
        arrays = [_noisy(x, random, size, still) for x in call.arrays]
        made = partial(Noisy, random=random, size=size) if call.node.bodies else Wide
        results = wide_results(call, backend, made, arrays)
        found.append([_distance(x, y) for x, y in zip(results, call.wanted)])
    return [np.stack(each) for each in zip(*found)]


def _noisy(array: Host, random: np.random.Generator, size: float, still: float) -> Host:
    if not is_inexact(dtypes.standardize(array.dtype)):
        return array
    array = widen(array)
    noise = factors(array.shape, random, size)
    sizes = _sizes(array)
    usual = float(np.median(sizes[sizes > 0])) if sizes.any() else 1.0
    with np.errstate(all="ignore"):
        return np.where(array == 0, still * usual * (noise - 1), array * noise)


def _jumps(
    call: Call, got: Sequence[Host], errors: Sequence[Host], backend: Backend[Any]
) -> bool:
    """Return whether all that is beyond what is allowed moves so far by rounding."""
    unit = max(eps(x.dtype) for x in (*call.reads, *call.outputs))
    moved = _moved(call, backend, 8 * unit, _TIES, 1.0)
    for x, wanted, far, error in zip(got, call.wanted, moved, errors):
        beyond = error > 1
        distance = _distance(widen(x), wanted)[beyond]
        if not np.all(far.max(0)[beyond] >= 0.25 * distance):
            return False
    return True


def _error(got: Host, wanted: Host, dtype: str, allowed: Host) -> Host:
    """Return the errors of all elements in units of what is allowed."""
    if got.shape != wanted.shape or dtypes.standardize(got.dtype) != dtype:
        return np.full((1,) * got.ndim, np.inf)
    if not is_inexact(dtype):
        return np.where(got == wanted, 0.0, np.inf)
    far = _distance(widen(got), wanted)
    near = rounded(wanted, dtype)
    odd = ~(np.isfinite(near) & np.isfinite(got))
    same = (near == got) | (np.isnan(near) & np.isnan(got))
    with np.errstate(all="ignore"):
        error = far / np.maximum(allowed, _UNITS * tiny(dtype))
    return np.where(odd, np.where(same, 0.0, np.inf), error)


def _distance(x: Host, y: Host) -> Host:
    """Return how far apart elements are; equal ones and NaN are not, ints 0 or 1."""
    if x.dtype.kind in "biu":
        return (x != y).astype(float)
    with np.errstate(all="ignore"):
        far = np.abs(x - y)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    return np.where(same, 0.0, np.where(np.isnan(far), np.inf, far))


def _sizes(x: Host) -> Host:
    """Return the sizes of elements, 0 for what is not finite."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(x), np.abs(x), 0.0).astype(float)


def _most(errors: Host) -> float:
    return float(errors.max(initial=0.0))


def _unit(call: Call) -> float:
    """Return the relative error that a call is allowed for a condition of 1."""
    step = max((eps(x.dtype) for x in (*call.reads, *call.outputs)), default=0.0)
    units = _UNITS if step < 1e-4 else _LOW
    node = call.node
    if node.bodies or node.op not in SIGNATURES or not _plain(node):
        return step * units * _INSIDE
    return step * (units + math.sqrt(_terms(call)))


def _plain(node: Any) -> bool:
    return getattr(getattr(Backend, node.op), "__isabstractmethod__", False)


def _terms(call: Call) -> float:
    """Return how many operations there are for each result of a primitive."""
    count, made = operations(call.node), sum(map(elements, call.node.outputs))
    return (
        count / made
        if isinstance(count, int) and isinstance(made, int) and made
        else 1.0
    )
