"""Shapes of what only a framework can compute: by runs on numbers.

Functions and modules of a framework take its own tensors, and no stand-ins. So shapes
are those of runs on zeros and ones, with a number for each unknown size, or of what the
framework does on shapes alone (`Native.kinds`). A size that comes out equal for numbers
and values that differ is known; another is an expression of those of the arguments that
a third run confirms, or else a new unknown size.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
import optree

from multinet import dtypes
from multinet.errors import MultinetError, NoValue, ShapeError, UnknownSize
from multinet.interface import Native
from multinet.registry import current, packages, use_backend
from multinet.scope import Scope, own_stream
from multinet.streams import Entry, StepStream, Stream
from multinet.symbolic.dims import Dim, Size, substitute, unknowns
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import AnyVariable, Shape, Tensor, Tensors, Tree

# Sizes far from each other, since those of a result may be cut at a length: small ones
# first, wide enough for a window at last; odd and even ones, as a stride of 2 rounds.
_RUNS = ((2, 18, 41), (66, 132, 257))
_MOST = 24  # sizes of which products are tried: they are 280,000 of 120
_STEPS = (1, 7, 3)  # from one unknown size to the next, so that none tells another
# What tensors are full of in the runs, and if that does not do: one, or an identity.
_VALUES = (0, 1, 2), (1, 1, 1), (0, 0, 0), (None, None, None)

_Row: TypeAlias = Mapping[Dim, int]
_Found: TypeAlias = list[tuple[tuple[Any, ...], str]]


class Rehearsal(Scope):
    """A scope whose Variables have their values, and from which nothing leaves.

    The scopes around learn what is read. `written` are the Variables that got values.
    """

    __slots__ = ("written",)

    def __init__(self, stream: Stream | None = None) -> None:
        super().__init__(stream=StepStream(0) if stream is None else stream)
        self.written: dict[int, AnyVariable] = {}

    def look(self, variable: AnyVariable) -> Tensor:
        """Return the value, although what runs around has only a stand-in of it."""
        value = super().look(variable)
        if value is not None and not isinstance(value, SymbolicArray):
            return value
        return variable._value if variable.backend == current().name else None

    def write(self, variable: AnyVariable, value: Tensor) -> bool:
        """Keep a value until the block ends."""
        self.values[id(variable)] = value
        self.written[id(variable)] = variable
        return True


def needs_values(error: Exception) -> bool:
    """Return whether an error may be due to stand-ins: a run on numbers will tell.

    Those of the library are not, but where NumPy got a stand-in, where an unknown size
    was used as a number, or where the code of a framework looked at one. Nor is an
    argument that an op could not read.
    """
    if isinstance(error, NoValue | UnknownSize):
        return True
    frames = traceback.walk_tb(error.__traceback__)
    names = [str(f.f_globals.get("__name__")) for f, _ in frames]
    if not isinstance(error, MultinetError):
        by_op = isinstance(error, ValueError) and names[-1].startswith("multinet.ops.")
        return not by_op
    _, frameworks = packages()
    return any(name.partition(".")[0] in frameworks for name in names)


def rerun(
    error: Exception,
    run: Callable[..., Tensors],
    *args: Tree,
    draws: Entry | None = None,
    once: bool = False,
) -> Tensors:
    """Return stand-ins for what `run(*args)` gives, which failed on stand-ins.

    Raise the error again where it is none of those that a run on numbers avoids, and
    that of this run where it fails, too. `draws` is where these stood before.
    """
    if not (getattr(current(), "reruns", False) and needs_values(error)):
        raise error
    try:
        return shapes_of(run, *args, draws=draws, once=once)
    except Exception as second:
        if (type(second), str(second)) == (type(error), str(error)):
            raise error from None
        raise second from None


def shapes_of(
    run: Callable[..., Tensors],
    *args: Tree,
    draws: Entry | None = None,
    once: bool = False,
    **kwargs: Tree,
) -> Tensors:
    """Return stand-ins for what `run(*args, **kwargs)` gives, which takes tensors.

    Stand-ins and unknown sizes among the arguments become tensors and numbers; the rest
    is given as it is. `run` is called one to three times, `once` where nobody asks for
    sizes. What it writes to Variables goes to the scope around as stand-ins.
    `ShapeError` if the results have different ranks.
    """
    runs = _Runs(run, (args, kwargs), draws)
    rows, found = runs.first_that_run(once)
    kept = [*runs.dims, *(n for n in runs.sizes if isinstance(n, Dim))]
    shapes = [[shape for shape, _ in kinds] for kinds in found]
    stand_ins = iter(
        [
            SymbolicArray(_sizes(rows, each, kept), dtype)
            for (_, dtype), *each in zip(found[0], *shapes)
        ]
    )
    shadow: Any = current()
    for variable in runs.written.values():
        variable._write(shadow.placeholder(variable), shadow)
    leaves = [next(stand_ins) if x is None else x for x in runs.static]
    return optree.tree_unflatten(runs.structure, leaves)


class _Runs:
    """The runs of a function on tensors in place of stand-ins.

    `structure` is the tree of the results, `static` the leaves that are no tensors,
    with None for the others.
    """

    def __init__(self, run: Callable[..., Any], given: Tree, draws: Any) -> None:
        self.run, self.backend = run, current().concrete
        self.leaves, self.tree = optree.tree_flatten(given, none_is_leaf=True)  # type: ignore[arg-type]
        self.stand_ins = [x for x in self.leaves if isinstance(x, SymbolicArray)]
        self.sizes = [n for x in self.stand_ins for n in x.shape]
        self.sizes += [n for n in self.leaves if isinstance(n, Dim)]
        self.dims = list(dict.fromkeys(d for n in self.sizes for d in unknowns(n)))
        own = own_stream()
        self.draws = Entry(own) if draws is None and own is not None else draws
        self.structure: Any = None
        self.static: list[Any] = []
        self.written: dict[int, Any] = {}

    def first_that_run(self, once: bool) -> tuple[list[_Row], list[_Found]]:
        """Return the first sizes with which the runs succeed, and what these gave."""
        first: Exception | None = None
        empty = None
        for rows, values, native in self._tries():
            try:
                found = [self._kinds(native, rows[0], values[0])]
                if once or not (self.dims or native.by_values):
                    return rows[:1], found
                found.append(self._kinds(native, rows[1], values[1]))
                if found[0] != found[1]:
                    found.append(self._kinds(native, rows[2], values[2]))
            except Exception as error:  # of any kind: it comes from code of a framework
                first = first or error
                continue
            if not self.dims or not _is_empty(found):
                return rows, found
            empty = empty or (rows, found)  # perhaps cut at a length: take larger sizes
        if empty is not None:
            return empty
        assert first is not None
        raise first

    def _tries(self) -> Iterator[tuple[list[_Row], Sequence[int | None], Native]]:
        """Yield sizes, values and the way to run: on shapes alone if that can be."""
        sizes = list(_numberings(self.dims))
        for native in {type(x): x for x in (self.backend.native, Native())}.values():
            yield from ((rows, _VALUES[0], native) for rows in sizes)
        yield from ((sizes[0], values, Native()) for values in _VALUES[1:])

    def _kinds(self, native: Native, numbers: _Row, fill: int | None) -> _Found:
        kinds: Any = [
            (tuple([substitute(n, numbers) for n in x.shape]), x.dtype)
            for x in self.stand_ins
        ]
        return native.kinds(
            self.backend,
            lambda *tensors: self._outputs(tensors, numbers),
            kinds,
            lambda shape, dtype: self._tensor(shape, dtype, fill),
        )

    def _outputs(self, tensors: Sequence[Any], numbers: _Row) -> list[Any]:
        """Run the function, and return the tensors of what it gives."""
        each = iter(tensors)
        numbered = [substitute(x, numbers) for x in self.leaves]
        given = [next(each) if isinstance(x, SymbolicArray) else x for x in numbered]
        args: Any
        kwargs: Any
        args, kwargs = self.tree.unflatten(given)
        stream = None if self.draws is None else self.draws.again()
        with use_backend.scoped(self.backend), Rehearsal(stream) as scope:
            with np.errstate(all="ignore"):  # the numbers are of no matter
                result = self.run(*args, **kwargs)
        self.written |= scope.written
        leaves, self.structure = optree.tree_flatten(result)
        leaves = [self._as_tensor(x) for x in leaves]
        self.static = [None if self.backend.is_tensor(x) else x for x in leaves]
        return [x for x in leaves if self.backend.is_tensor(x)]

    def _as_tensor(self, leaf: Any) -> Any:
        """Return host data in the dtype that they become as a tensor."""
        if self.backend.is_tensor(leaf) or not isinstance(
            leaf, np.ndarray | np.generic
        ):
            return leaf
        dtype = dtypes.of_host(leaf.dtype)
        return self.backend.from_numpy(np.asarray(leaf, dtypes.to_numpy(dtype)))

    def _tensor(self, shape: Shape, dtype: str, fill: int | None) -> Any:
        if fill is not None or len(shape) < 2:
            return self.backend.full(shape, 1 if fill is None else fill, dtype)
        eye = np.broadcast_to(np.eye(*shape[-2:]), shape)
        return self.backend.from_numpy(eye.astype(dtypes.to_numpy(dtype)))


def _is_empty(found: Sequence[_Found]) -> bool:
    """Return whether a size is 0 in every run."""
    shapes = zip(*([shape for shape, _ in kinds] for kinds in found))
    return any(set(sizes) == {0} for each in shapes for sizes in zip(*each))


def _numberings(dims: Sequence[Dim]) -> Iterator[list[_Row]]:
    """Yield what unknown sizes may be in the runs: all different, then all equal."""
    if not dims:
        yield [{}, {}, {}]
        return
    for apart in (True, False) if len(dims) > 1 else (False,):
        for starts in _RUNS:
            yield [
                {d: start + i * step * apart for i, d in enumerate(dims)}
                for start, step in zip(starts, _STEPS)
            ]


def _sizes(
    rows: Sequence[_Row],
    shapes: Sequence[tuple[Any, ...]],
    known: Sequence[Dim],
) -> Iterator[Size]:
    """Yield the sizes of a result with these shapes in the runs."""
    ranks = set(map(len, shapes))
    if len(ranks) > 1:
        raise ShapeError(
            f"Expected results of one rank, got those of shapes {list(shapes)} for "
            "inputs that differ in their sizes alone."
        )
    for numbers in zip(*shapes):
        yield Dim() if None in numbers else _size(rows, numbers, known)


def _size(rows: Sequence[_Row], numbers: Sequence[int], known: Sequence[Dim]) -> Size:
    if len(set(numbers)) == 1:
        return numbers[0]
    values = [[substitute(size, row) for row in rows] for size in known]
    for count in (1, 2, 3) if len(known) <= _MOST else (1,):
        for some in combinations(range(len(known)), count):
            x = [math.prod(column) for column in zip(*[values[i] for i in some])]
            if _expression(0, x, numbers) is not None:
                product = math.prod([known[i] for i in some])
                found = _expression(product, x, numbers)
                assert found is not None
                return found
    return Dim()


def _expression(size: Any, x: Sequence[Any], y: Sequence[int]) -> Size | None:
    """Return what y is of a size that is x in the runs: a * x + c or about x // 2."""
    rise, run = y[1] - y[0], x[1] - x[0]
    if run and rise % run == 0 and y[2] - y[1] == (x[2] - x[1]) * (rise // run):
        return size * (rise // run) + (y[0] - x[0] * (rise // run))
    for more in (0, 1):
        rest = {b - (a + more) // 2 for a, b in zip(x, y)}
        if len(rest) == 1:
            return (size + more) // 2 + rest.pop()
    return None
