"""`jit`: a function with state as a program of the backend, made anew after edits."""

from __future__ import annotations

import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any, overload

import numpy as np
import optree

from multinet.capture import explore, kind_of
from multinet.errors import ArgumentError, MultinetError
from multinet.holders import Holder, Part, Watch, walk
from multinet.numpy_calls import explain_numpy
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Scope, own_stream
from multinet.streams import JitStream, number, reserve
from multinet.tracebacks import shorten
from multinet.variables import Variable

_KEPT = 64  # programs of one function

Function = Callable[..., Any]


@overload
def jit(fun: Function, *, max_traces: int | None = None) -> Function: ...
@overload
def jit(
    fun: None = None, *, max_traces: int | None = None
) -> Callable[[Function], Function]: ...
def jit(
    fun: Function | None = None, *, max_traces: int | None = None
) -> Callable[..., Any]:
    """Return fun compiled by the backend, once for each signature.

    Tensors, arrays and Variables in its arguments, and the Variables it uses besides,
    are inputs: new values do not compile anew. Everything else, such as numbers,
    strings and None, is part of the signature and must be hashable; so are the edits
    of what it uses, such as a frozen layer or another `dropout.rate`. Variables that
    it assigns are assigned outside. Random draws are those of the plain function. What
    layers add to `losses` is there inside only: return it. Inside another compiled
    function it is a part of that.

    With `max_traces` it is an error to need more programs, which tells why.
    `TraceError` if the function asks for the value of a tensor.

    >>> count = multinet.Variable(0, dtype="int32")
    >>> @multinet.jit
    ... def total(x):
    ...     count.assign_add(1)
    ...     return ops.sum(x)
    >>> float(total(np.ones(3))), float(total(np.ones(3) * 2)), int(count)
    (3.0, 6.0, 2)
    """
    if max_traces is not None and (type(max_traces) is not int or max_traces < 1):
        raise ArgumentError(
            f"Expected max_traces as a positive int or None, got {max_traces!r}."
        )
    if fun is None:
        return functools.partial(jit, max_traces=max_traces)
    function, programs = fun, _Programs(fun, max_traces)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            if current().symbolic or own_stream() is not None:
                return function(*args, **kwargs)
            call = _Call(args, kwargs)
            return programs.find(call)(call.inputs())
        except Exception as error:
            shorten(error)
            raise

    return wrapped


class _Call:
    """The arguments of one call: its leaves, their kinds, and the signature."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        backend = current()
        self.backend = backend.name
        self.leaves, self.structure = optree.tree_flatten((args, kwargs))  # type: ignore[arg-type]
        self.kinds = [kind_of(leaf, backend) for leaf in self.leaves]
        self.kind = type(backend)  # `debug` looks at one through another of its name
        self.signed = tuple(map(_signed, self.leaves, self.kinds))
        self.key = (self.backend, self.kind, self.structure, self.signed)

    def inputs(self) -> list[Any]:
        """Return the leaves that are inputs of the program."""
        return [x for x, kind in zip(self.leaves, self.kinds) if kind is not None]

    def forget(self) -> None:
        """Hold no data: only its kind matters."""
        for i, kind in enumerate(self.kinds):
            if kind is not None and not isinstance(self.leaves[i], Variable):
                self.leaves[i] = None


def _signed(leaf: Any, kind: Any) -> Any:
    """Return what tells a leaf from others of another program."""
    if isinstance(leaf, Variable):
        return id(leaf)  # the program holds it
    return (type(leaf), leaf) if kind is None else kind


class _Programs:
    """The programs of one function, by signature and edits, the latest last."""

    def __init__(self, fun: Function, most: int | None) -> None:
        self.fun, self.most = fun, most
        self.by_key: OrderedDict[Any, list[_Compiled]] = OrderedDict()
        self.traces = 0
        self.last: _Compiled | None = None

    def find(self, call: _Call) -> _Compiled:
        """Return the program for a call, made if there is none."""
        known = self.by_key.get(call.key, [])
        if not known or not known[-1].watch.valid():
            found = next((p for p in known if p.is_back()), None)
            if found is None:
                found = self._make(call)
                # What was edited otherwise than by `trainable` does not come back.
                known = [p for p in known if p.watch.alike(found.watch)]
            known = [*(p for p in known if p is not found), found]
            self.by_key[call.key] = known
            if len(self.by_key) > _KEPT:
                self.by_key.popitem(last=False)
        self.last = known[-1]
        return self.last

    def _make(self, call: _Call) -> _Compiled:
        if self.most is not None and self.traces >= self.most:
            name = getattr(self.fun, "__name__", type(self.fun).__name__)
            many = "once" if self.most == 1 else f"{self.most} times"
            raise MultinetError(
                f"{name} may be traced {many} (max_traces={self.most}), and this call "
                f"needs another program: {self._reason(call)}. Keep shapes, dtypes and "
                "other arguments the same, pass numbers that change as tensors, or "
                "raise max_traces."
            )
        made = _Compiled(self.fun, call)
        self.traces += 1
        return made

    def _reason(self, call: _Call) -> str:
        """Return what tells a call from the last one, or from one of its signature."""
        known = self.by_key.get(call.key)
        if known:
            edits = known[-1].watch.edits()
            return ", ".join(f"{_label(part)}.{name} was set" for part, name in edits)
        assert self.last is not None
        before = self.last.call
        if before.backend != call.backend:
            return f"the backend is {call.backend!r}, it was {before.backend!r}"
        if before.kind is not call.kind:
            return "multinet.debug looks at the backend now, or no longer"
        if before.structure != call.structure:
            return (
                f"the arguments have the structure {call.structure}, it was "
                f"{before.structure}"
            )
        names = _leaf_names(self.fun, call)
        pairs = zip(names, before.signed, call.signed, strict=True)
        changes = [
            f"{name} is {_shown(b)}, it was {_shown(a)}"
            for name, a, b in pairs
            if a != b
        ]
        return "; ".join(changes)


def _label(part: Any) -> str:
    return getattr(part, "name", None) or type(part).__name__


def _shown(signed: Any) -> str:
    if isinstance(signed, int):
        return "another Variable"
    first, second = signed
    return repr(second) if isinstance(first, type) else f"{second} of shape {first}"


def _leaf_names(fun: Function, call: _Call) -> list[str]:
    """Return the argument that each leaf is or belongs to: `x`, `batch['y'][0]`."""
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    names = []
    for kind, first, *rest in optree.treespec_paths(call.structure):
        if kind == 0 and first < len(named):
            first = named[first]
        top = first if isinstance(first, str) else f"argument {first}"
        names.append(top + "".join(f"[{key!r}]" for key in rest))
    return names


class _Compiled:
    """One program of a function: what it reads, writes, draws and uses."""

    def __init__(self, fun: Function, call: _Call) -> None:
        self.fun, self.call = fun, call
        args, kwargs = optree.tree_unflatten(call.structure, call.leaves)
        draws = JitStream()
        scope = explore(lambda g, named: fun(*g, **named), (args, kwargs), draws)
        self.reads = list((scope.reads | scope.writes).values())
        self.writes = list(scope.writes.values())
        self.draws = draws.counts  # how many each site makes in a call
        self.watch = Watch(
            _parts(fun, call.leaves, [*scope.uses.values(), *self.reads])
        )
        self.trained = self._trained()
        self.inputs = [i for i, kind in enumerate(call.kinds) if kind is not None]
        self.output: Any = None
        self.function = current().jit(self._flat, ())

    def _trained(self) -> list[Any]:
        return [getattr(part, "trainable", None) for part in self.watch.parts]

    def is_back(self) -> bool:
        """Return whether all is as it was, but for `trainable` set and set back."""
        now = Watch(self.watch.parts)
        back = self.watch.alike(now) and self.trained == self._trained()
        if back:
            self.watch = now
        return back

    def __call__(self, leaves: Sequence[Any]) -> Any:
        self.call.forget()
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
        leaves = list(self.call.leaves)
        for i, x in zip(self.inputs, flat):
            if not isinstance(leaves[i], Variable):
                leaves[i] = x
        args, kwargs = optree.tree_unflatten(self.call.structure, leaves)
        count = len(self.inputs)
        cut = count + len(self.reads)
        pairs = zip(flat[cut::2], flat[cut + 1 :: 2], strict=True)
        draws = JitStream(dict(zip(self.draws, pairs, strict=True)))
        with Scope(self.reads, flat[count:cut], stream=draws) as scope:
            try:
                result = self.fun(*args, **kwargs)
            except Exception as error:
                explain_numpy(error)
                raise
            outputs, self.output = tensors_of(result)
            return (*outputs, *scope.values_of(self.writes))


# -- what a function uses --------------------------------------------------------------


def _parts(fun: Function, leaves: Sequence[Any], used: Sequence[Part]) -> list[Part]:
    """Return the parts whose edits a program must see, each once.

    Those that the function met when it ran, and what is held by the objects that it
    names.
    """
    found = {id(part): part for part in used}
    for root in [*_named_by(fun), *leaves]:
        if isinstance(root, Holder):
            found.update((id(part), part) for _, part in walk(root))
    return list(found.values())


def _named_by(fun: Any) -> Iterator[Any]:
    """Yield what a function, and functions that it names, have at hand by a name.

    Among globals those of its own package.
    """
    stack, seen, package = [fun], set(), _package(inspect.unwrap(fun))
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        yield x
        if isinstance(x, MethodType):
            stack += [x.__self__, x.__func__]
            if not isinstance(x.__self__, Holder):
                stack += getattr(x.__self__, "__dict__", {}).values()
        elif isinstance(x, functools.partial):
            stack += [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, list | tuple):
            stack += x
        elif isinstance(x, dict):
            stack += x.values()
        elif isinstance(x, FunctionType):
            stack += _cells(x)
            if _package(x) == package:
                names = x.__globals__.keys() & set(_names(x.__code__))
                stack += [x.__globals__[name] for name in names]


def _cells(fun: FunctionType) -> list[Any]:
    cells = []
    for cell in fun.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # a name without a value as yet
            continue
    return [*cells, *(fun.__defaults__ or ()), *(fun.__kwdefaults__ or {}).values()]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _package(fun: Any) -> str:
    return (getattr(fun, "__module__", None) or "").partition(".")[0]
