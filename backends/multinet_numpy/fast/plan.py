"""The planner: record a step once, then run it as straight-line code in one arena.

A step is traced with `Planned` values, which have a shape, a dtype and a place but no
numbers; whatever asks for numbers raises `TraceError`, and the step runs on the tape
instead. NumPy ufuncs record themselves; the other kernels hand over through
`plannable`. Views are resolved while planning and cost nothing in a run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from multinet.errors import TraceError
from multinet_numpy.dtypes import SCALARS
from multinet_numpy.operators import Operators

Call = Callable[..., Any]
#: How to plan a kernel: name -> function(plan, *args). The others run as they are.
RECIPES: dict[str, Call] = {}


class Buffer:
    """What values and their views live in.

    `home` is None (a place in the arena, found later), an array, or the name of a local
    of the generated code. `example` has the layout of the memory and no numbers.
    """

    __slots__ = ("example", "home", "keeps", "first", "last", "group", "merged")

    def __init__(self, example: Any, home: Any = None, keeps: Any = ()) -> None:
        self.example, self.home, self.keeps = example, home, keeps
        self.first = self.last = -1
        self.group: Any = None
        self.merged: Buffer | None = None  # the buffer whose memory this one takes over

    @property
    def chief(self) -> Buffer:
        """The buffer whose memory this is."""
        return self if self.merged is None else self.merged.chief


class Planned(Operators):
    """A tensor of a step being planned."""

    __slots__ = ("value", "plan", "root")

    def __init__(self, value: Any, plan: Plan, root: Buffer) -> None:
        self.value, self.plan, self.root = value, plan, root

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **kw: Any) -> Any:
        if (
            method == "__call__"
            and not kw
            and ufunc.nout == 1
            and all(map(_is_own, xs))
        ):
            return self.plan.elementwise(ufunc, xs)
        return super().__array_ufunc__(ufunc, method, *xs, **kw)

    def reshape(self, *shape: Any) -> Any:
        """Return the elements in another shape."""
        return self.plan.view(self, lambda x: x.reshape(*shape), _reshaped)

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, or reverse them."""
        return self.plan.view(self, lambda x: x.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> Any:
        """Exchange two axes."""
        return self.plan.view(self, lambda x: x.swapaxes(first, second))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return the tensor in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype and not copy:
            return self
        return self.plan.emit(_cast, (self,), np.empty_like(self.value, dtype), "each")

    def _item(self, key: Any) -> Any:
        if any(type(k) is Planned for k in (key if type(key) is tuple else (key,))):
            return self.plan.opaque(_getitem, (self, key))
        return self.plan.view(self, lambda x: x[key])

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TraceError(
            "The step reads the numbers of a tensor while it is being planned."
        )

    __array__ = numpy = item = __float__ = __int__ = __bool__ = _refuse
    __index__ = tolist = copy = any = all = _refuse

    def __repr__(self) -> str:
        return f"<planned {self.dtype} {self.shape}>"


def _is_own(x: Any) -> bool:
    return (
        type(x) is Planned
        or type(x) in SCALARS
        or isinstance(x, np.ndarray | np.generic)
    )


def _getitem(x: Any, key: Any) -> Any:
    return x[key]


def _cast(x: Any, out: Any) -> None:
    np.copyto(out, x, casting="unsafe")


def _reshaped(x: Any, out: Any) -> None:
    np.copyto(out.reshape(getattr(x, "shape", ())), x)


class Operation:
    """One call of a run: call(*args, *outs), or a local = call(*args).

    `kind` is "each" (elementwise: outs may lie over dying args), "copy" (an "each" that
    vanishes where out and source share memory), "into", "local", or "made": a run calls
    what call(arrays, *settings) returned when the plan was finished.
    """

    __slots__ = ("call", "args", "outs", "kind")

    def __init__(self, call: Call, args: Any, outs: Any, kind: str) -> None:
        self.call, self.args, self.outs, self.kind = call, args, outs, kind


class Plan:
    """The operations of a step, in the order in which they run."""

    def __init__(self) -> None:
        self.code: list[Operation] = []
        self.groups: list[list[Buffer]] = []  # to lie one after the other in memory
        self.locals = 0
        self.kernels: set[str] = set()  # the names of those it has

    # -- values ------------------------------------------------------------------------

    def given(self, array: Any) -> Planned:
        """Return the value that `array` holds during a run."""
        return Planned(array, self, Buffer(array, array))

    def local(self, example: Any, keeps: Any = ()) -> Planned:
        """Return a value that a local of the code holds."""
        self.locals += 1
        return Planned(example, self, Buffer(example, f"d{self.locals}", keeps))

    def maker(self, x: Any) -> Operation | None:
        """Return the operation that fills all of x, if it is the last one."""
        last = self.code[-1] if self.code else None
        return last if last is not None and any(x is y for y in last.outs) else None

    # -- recording ---------------------------------------------------------------------

    def emit(self, call: Call, args: Any, example: Any, kind: str = "into") -> Planned:
        """Record call(*args, out) and return out, laid out like `example`."""
        return self.emit_all(call, args, (example,), kind)[0]

    def emit_all(
        self, call: Call, args: Any, examples: Any, kind: str = "into"
    ) -> tuple[Planned, ...]:
        """Record a call that fills several arrays."""
        outs = tuple(Planned(x, self, Buffer(x)) for x in examples)
        self.code.append(Operation(call, args, outs, kind))
        return outs

    def prune(self, results: Any) -> None:
        """Drop the operations whose results are not used."""
        used, kept = set(), []

        def use(root: Buffer) -> None:
            used.add(id(root))
            for below in root.keeps:
                use(below)

        for x in planned_in(results):
            use(x.root)
        for op in reversed(self.code):
            if op.kind == "made" or any(id(x.root) in used for x in op.outs):
                kept.append(op)
                for x in planned_in(op.args):
                    use(x.root)
        self.code = kept[::-1]

    def copy(self, x: Any) -> Planned:
        """Return x in memory of its own, which may be taken over from x."""
        example = np.empty(x.shape, x.dtype)
        return self.emit(_cast, (x,), example, "copy")

    def foreign(self, call: Call, args: Any) -> Any:
        """Record a function of the user's, whose results must not depend on values."""
        try:
            found = [call(*[_blank(x, fill) for x in args]) for fill in (0, 1)]
            shapes = [
                [y.shape for y in (y if type(y) is tuple else (y,))] for y in found
            ]
        except Exception as error:
            raise TraceError(f"A function cannot be planned: {error}") from error
        if shapes[0] != shapes[1]:
            raise TraceError("The sizes of a result depend on values.")
        return self.opaque(call, args)

    def opaque(self, call: Call, args: Any) -> Any:
        """Record a kernel that makes new arrays; return its results."""
        blanks = [_blank(x) for x in args]
        with np.errstate(all="ignore"):
            found = call(*blanks)
        several = type(found) is tuple
        results = []
        for y in found if several else (found,):
            keeps = [
                x.root
                for x, blank in zip(args, blanks)
                if type(x) is Planned and np.may_share_memory(blank, y)
            ]
            results.append(self.local(np.empty(y.shape, y.dtype), keeps))
        self.code.append(Operation(call, args, tuple(results), "local"))
        return tuple(results) if several else results[0]

    def view(self, x: Planned, make: Call, into: Call | None = None) -> Planned:
        """Return make(x), which costs nothing in a run where it is a view."""
        value = make(x.value)
        if value.__array_interface__ == x.value.__array_interface__:
            return x
        if type(x.root.home) is str:
            return self.opaque(make, (x,))
        if value.size and np.may_share_memory(value, x.root.example):
            return Planned(value, self, x.root)
        if into is None:
            return self.opaque(make, (x,))
        return self.emit(into, (x,), np.empty(value.shape, value.dtype))

    def kernel(self, name: str, kernel: Call, args: Any) -> Any:
        """Plan a kernel by its recipe, or as it is."""
        self.kernels.add(name)
        recipe = RECIPES.get(name)
        result = NotImplemented if recipe is None else recipe(self, *args)
        return self.opaque(kernel, args) if result is NotImplemented else result

    def elementwise(self, ufunc: Any, xs: Sequence[Any]) -> Any:
        """Record a ufunc, or matmul."""
        if ufunc is np.matmul:
            return RECIPES["matmul"](self, *xs)
        dtypes = [x.dtype for x in xs if type(x) not in SCALARS]
        xs = tuple(_constant(x, dtypes[0]) for x in xs)
        shape = np.broadcast_shapes(*[getattr(x, "shape", ()) for x in xs])
        dtype = _dtype(ufunc, tuple(x if type(x) in SCALARS else x.dtype for x in xs))
        if ufunc in (np.multiply, np.divide):
            for x, y in (xs, xs[::-1])[: 2 if ufunc is np.multiply else 1]:
                if _is_one(y) and x.shape == shape and x.dtype == dtype:
                    return x
        same = [x for x in xs if getattr(x, "shape", ()) == shape]
        return self.emit(ufunc, xs, _like(same, shape, dtype), "each")


def planned_in(args: Any) -> Iterator[Planned]:
    """Yield the planned values among arguments."""
    for x in args:
        if type(x) is Planned:
            yield x
        elif type(x) in (tuple, list):
            yield from planned_in(x)


def _like(xs: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an empty array laid out like the first of `xs` that has no stride 0."""
    for x in xs:
        value = x.value if type(x) is Planned else x
        if all(s or n == 1 for s, n in zip(value.strides, value.shape)):
            return np.empty_like(value, dtype)
    return np.empty(shape, dtype)


def _is_one(x: Any) -> bool:
    return type(x) is np.ndarray and x.size == 1 and x.item() == 1


def _constant(x: Any, dtype: Any) -> Any:
    """Return an operand as an array where that is the same: ufuncs take them faster."""
    if type(x) in SCALARS:
        fits = dtype.kind in ("fc" if type(x) in (float, complex) else "iufc")
        return np.array(x, dtype) if fits and type(x) is not complex else x
    if type(x) is np.ndarray and x.size > 1 and (x == x.flat[0]).all():
        return np.broadcast_to(x.reshape(-1)[:1].reshape((1,) * x.ndim), x.shape)
    return np.asarray(x) if isinstance(x, np.generic) else x


@functools.lru_cache(1024)
def _dtype(ufunc: Any, kinds: tuple[Any, ...]) -> Any:
    with np.errstate(all="ignore"):
        xs = [k if type(k) in SCALARS else np.zeros((), k) for k in kinds]
        return ufunc(*xs).dtype


def _blank(x: Any, fill: int = 0) -> Any:
    """Return one number everywhere in the place of a planned value."""
    if type(x) is Planned:
        return np.broadcast_to(np.full((), fill, x.dtype), x.shape)
    if type(x) in (tuple, list):
        return type(x)([_blank(part, fill) for part in x])
    return x


def plannable(name: str, kernel: Call) -> Call:
    """Return the kernel that records itself where an argument is planned."""

    @functools.wraps(kernel)
    def call(*args: Any) -> Any:
        for x in args:
            if type(x) is Planned:
                return x.plan.kernel(name, kernel, args)
        return kernel(*args)

    return call
