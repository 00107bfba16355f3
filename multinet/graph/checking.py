"""Whether a graph computes what its program does, on data of two sets of sizes.

Code that is right for the shapes of unknown sizes can be wrong for values; this finds
it. Where the two differ, the program is captured once more with the sizes known, and
the first node that differs from its counterpart is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import optree

from multinet import dtypes
from multinet.errors import TraceError
from multinet.graph.specs import Arguments
from multinet.graph.tracing import record
from multinet.graph.values import AnyGraph, Node
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Capture
from multinet.symbolic.dims import Dim, substitute, unknowns
from multinet.typing import Host, Tensors

#: What unknown sizes are tried with: small ones first, then wide enough for windows;
#: the two of a pair are odd and even.
_STARTS = ((3, 4), (19, 34), (67, 134))
_STEPS = (2, 3)  # from one unknown size to the next, so that none tells another
_MOST = 2**21  # elements of one input
_CLOSE = 1e-4  # of the largest element: primitives and their fused methods round apart

Sizes = dict[Dim, int]
R = TypeVar("R")


class Run(NamedTuple):
    """What a program gave for some data."""

    data: list[Host]
    outputs: list[Any]


def check_graph(
    program: Callable[..., Tensors], graph: AnyGraph, arguments: Arguments
) -> None:
    """Raise `TraceError` where the graph differs from the program it was made of."""
    for run in _runs(program, graph, arguments):
        replay = graph.replay(list(map(as_tensor, run.data)))
        replay.run(graph)
        values = [*graph.outputs, *graph.updates.values()]
        got = [replay.values[id(x)] for x in values]
        if not all(map(_equal, run.outputs, got)):
            raise TraceError(_difference(program, graph, arguments, run))


def samples(graph: AnyGraph) -> Iterator[Iterator[list[Host]]]:
    """Yield data of two sets of sizes, or one if all are known.

    Each is what to try, in that order, since a program may not take some sizes.
    """
    sizes = [n for x in graph.inputs for n in x.shape]
    dims = list(dict.fromkeys(d for n in sizes for d in unknowns(n)))
    for place in range(2 if dims else 1):
        yield _samples(graph, _tries(dims, place))


def _samples(graph: Any, tries: Iterator[Sizes]) -> Iterator[list[Host]]:
    for sizes in tries:
        shapes = [[substitute(n, sizes) for n in x.shape] for x in graph.inputs]
        if all(math.prod(shape) <= _MOST for shape in shapes):
            kinds = [x.dtype for x in graph.inputs]
            yield [_data(*each, i) for i, each in enumerate(zip(shapes, kinds))]


def _runs(
    program: Callable[..., Tensors], graph: AnyGraph, arguments: Arguments
) -> Iterator[Run]:
    """Yield runs of the program, one for each set of sizes."""
    for tries in samples(graph):
        yield _run(program, graph, arguments, tries)


def _tries(dims: Sequence[Dim], place: int) -> Iterator[Sizes]:
    """Yield sizes to try: all different, then all equal."""
    for apart in (True, False) if len(dims) > 1 else (False,):
        for starts in _STARTS:
            start, step = starts[place], _STEPS[place] * apart
            yield {d: start + i * step for i, d in enumerate(dims)}


def _run(
    program: Callable[..., Tensors],
    graph: Any,
    arguments: Arguments,
    tries: Iterator[list[Host]],
) -> Run:
    """Run the program on data of the first sizes that it takes."""

    def run(data: list[Host]) -> Run:
        return Run(data, _eager(program, graph, arguments, data))

    return first_that_runs(graph.name, tries, run)


def first_that_runs(
    name: str, tries: Iterable[list[Host]], run: Callable[[list[Host]], R]
) -> R:
    """Return what a run gives for the first data that it takes."""
    first: Exception | None = None
    for data in tries:
        try:
            return run(data)
        except Exception as error:  # of any kind: programs are those of users
            first = first or error
    raise TraceError(
        f"{name} was captured, but the program does not run on data to check "
        f"it with: {first}. Capture it with sizes that it takes, or with check=False."
    ) from first


def _eager(
    program: Callable[..., Tensors],
    graph: AnyGraph,
    arguments: Arguments,
    data: list[Host],
) -> list[Any]:
    """Return the outputs of the program, and what it writes, in the graph's order."""
    tensors = list(map(as_tensor, data))
    with Capture(step=0) as scope:
        outputs, _ = tensors_of(program(*arguments.filled(tensors)))
    held = {path: variable for path, (_, variable) in graph.variables.items()}
    return [*outputs, *(scope.values[id(held[path])] for path in graph.updates)]


def _data(shape: Any, dtype: str, seed: int) -> Host:
    """Return data of a shape and a dtype: integers are 0 or 1, so indices are right."""
    random, kind = np.random.default_rng(seed), dtypes.to_numpy(dtype)
    if dtype == "bool" or dtypes.is_integer(dtype):
        return np.asarray(random.integers(0, 2, shape)).astype(kind)
    array = random.uniform(0.1, 0.9, shape)
    if dtypes.is_complex(dtype):
        array = array + 1j * random.uniform(0.1, 0.9, shape)
    return np.asarray(array).astype(kind)


def _equal(wanted: Any, got: Any) -> bool:
    """Return whether two tensors are of one shape and dtype and about equal."""
    backend = current()
    a, b = backend.to_numpy(wanted), backend.to_numpy(got)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if dtypes.standardize(a.dtype) == "bfloat16":
        a, b = a.astype("float32"), b.astype("float32")
    if np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
        return True
    if a.dtype.kind not in "fc":
        return False
    finite = np.abs(a[np.isfinite(a)])
    room = _CLOSE * float(finite.max(initial=1e-30))
    return np.allclose(a, b, rtol=_CLOSE, atol=room, equal_nan=True)


# -- the first difference --------------------------------------------------------------


def _difference(
    program: Callable[..., Tensors], graph: AnyGraph, arguments: Arguments, run: Run
) -> str:
    """Return which node of the graph is the first that differs, as an error says it."""
    known = arguments.of(run.data)
    exact = record(program, known, graph.whole, graph.name)
    pairs = zip(_traced(graph, run), _traced(exact, run))
    shapes = [x.shape for x in run.data]
    head = (
        f"{graph.name} computes something else where sizes are unknown than on data of "
        f"the shapes {shapes}."
    )
    for (node, found), (other, wanted) in pairs:
        same = node.op == other.op and len(found) == len(wanted)
        if not same or not all(map(_equal, wanted, found)):
            where = f" of layer {node.layer}" if node.layer else ""
            instead = "" if same else f", where the program calls {other.op}"
            return (
                f"{head} The first node that differs is {node.op}{where}{instead}: the "
                "code takes another way, or another number, for a size that is not "
                "known. Capture it on sizes that are."
            )
    return f"{head} Capture it on sizes that are known."


def _traced(graph: Any, run: Run) -> Iterator[tuple[Node, list[Any]]]:
    """Yield the outermost nodes of a graph with what they give for the data."""
    replay = graph.replay(list(map(as_tensor, run.data)))
    for node in graph.nodes:
        results: Any = optree.tree_leaves(replay.call(node, replay.values))
        replay.give(node.outputs, results)
        yield node, [x for x in results if current().is_tensor(x)]
