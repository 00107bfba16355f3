"""A backend that looks at what every method of the one in use gives.

It has the tensors of that backend, and its name. A value that is NaN or infinite is
`made` by the first method that gives one for arguments that are finite. What is
differentiated runs once without a derivative, when values can be read everywhere;
then with a zero added to each float argument and result, whose gradients are what
came back to it. So nothing is asked of a framework that the interface has not.
"""

from __future__ import annotations

import abc
import itertools
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import optree

from multinet import tracebacks
from multinet.calls import active
from multinet.errors import NotFinite
from multinet.interface import Backend, fused, primitives
from multinet.interface.program import Function
from multinet.interface.signatures import SIGNATURES
from multinet.interface.step import EagerProgram, Program
from multinet.registry import use_backend
from multinet.typing import Tensors, Tree

# What is one method from outside, on every backend: some trace what it is handed.
_WHOLE = ("cond", "while_loop", "scan", "jvp")
_RETURNED = ("vmap", "checkpoint", "custom_gradient")
_COUNTED = ("int", "uint", "bool")
_BY_DEFAULT = ("common_dtype", "value_and_grad")  # by other methods


@dataclass
class Site:
    """A call of a method: its name, the layers around it, the program's line."""

    op: str
    layer: str | None
    line: str | None
    inputs: int = 0  # the zeros added to its arguments come first, then its results'
    outputs: int = 0
    finite: bool = True  # all that it was given, and gave

    @property
    def where(self) -> str:
        """The layer and the line."""
        where = f"in the layer {self.layer!r}" if self.layer else "outside of layers"
        return where + (f", at {self.line}" if self.line else "")


class _Taps:
    """The calls in one function, with a zero for each of their floats."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.kinds: list[tuple[tuple[int, ...], str]] = []
        self.zeros: list[Any] | None = None  # while they are added
        self.place = 0


class Watching(Backend[Any]):
    """The backend `inner`, with an eye on each result; `eagerly` compiles nothing."""

    name: ClassVar[str] = ""
    interface: ClassVar[tuple[int, int]] = (0, 0)

    def __init__(self, inner: Backend[Any], eagerly: bool) -> None:
        self.inner, self.eagerly = inner, eagerly
        vars(self).update(name=inner.name, interface=inner.interface)
        self.step: int | None = None  # of the program that runs again
        self.taps: _Taps | None = None

    @property
    def trace(self) -> Hashable:
        """What the backend says."""
        return self.inner.trace

    def is_tensor(self, x: object) -> bool:
        """Return what the backend says."""
        return self.inner.is_tensor(x)

    @property
    def differentiates(self) -> bool:
        """Whether a function runs for its derivative, when values may not be read."""
        return self.taps is not None and self.taps.zeros is not None

    # -- looking -----------------------------------------------------------------------

    def call(
        self, op: str, method: Callable[..., Any], args: Tree, kwargs: Tree
    ) -> Tensors:
        """Return what a method gives, having looked at it."""
        taps = self.taps
        if taps is not None and taps.zeros is not None:
            args, kwargs = self._added((args, kwargs))
            return self._added(method(*args, **kwargs))
        result = method(*args, **kwargs)
        outputs = self._floats(result)
        finite = all(map(self._finite, outputs))
        if not finite:
            self._judge(op, (args, kwargs), outputs)
        if taps is not None:
            inputs = self._floats((args, kwargs))
            site = self._site(op)
            site.inputs, site.outputs = len(inputs), len(outputs)
            site.finite = finite and all(map(self._finite, inputs))
            taps.sites.append(site)
            shape, dtype = self.inner.shape, self.inner.dtype
            taps.kinds += [(tuple(shape(x)), dtype(x)) for x in (*inputs, *outputs)]
        return result

    def _judge(self, op: str, given: Any, outputs: list[Any]) -> None:
        if all(map(self._finite, optree.tree_leaves(given))):
            self.refuse(self._site(op), outputs)

    def refuse(self, site: Site, values: Sequence[Any], backward: bool = False) -> None:
        """Raise `NotFinite` for what a call made."""
        isnan = any(bool(np.isnan(self._read(x)).any()) for x in values)
        what = "a NaN" if isnan else "an infinite number"
        who = f"The gradient of {site.op}" if backward else site.op
        step = "" if self.step is None else f", in step {self.step}"
        raise NotFinite(
            f"{who} made {what} of finite numbers, {site.where}{step}. "
            "Keep its arguments where it is finite, with a clip or an epsilon, or in a "
            "wider dtype.",
            op=site.op,
            layer=site.layer,
            step=self.step,
            backward=backward,
        )

    def _site(self, op: str) -> Site:
        context = active.get()
        names = [] if context is None else [part.name for part in context.path]
        return Site(op, "/".join(names) or None, tracebacks.line(sys._getframe(3)))

    def _floats(self, tree: Any) -> list[Any]:
        return [x for x in optree.tree_leaves(tree) if self._is_float(x)]

    def _is_float(self, x: Any) -> bool:
        inner = self.inner
        return inner.is_tensor(x) and not inner.dtype(x).startswith(_COUNTED)

    def _read(self, x: Any) -> np.ndarray[Any, Any]:
        return np.asarray(self.inner.to_numpy(x) if self.inner.is_tensor(x) else x)

    def _finite(self, x: Any) -> bool:
        if self.inner.is_tensor(x):
            return not self._is_float(x) or bool(np.isfinite(self._read(x)).all())
        if isinstance(x, float | complex | np.ndarray | np.generic):
            array = np.asarray(x)
            return array.dtype.kind in "OSU" or bool(np.isfinite(array).all())
        return True

    # -- derivatives -------------------------------------------------------------------

    def vjp(
        self, function: Function[Any], primals: Sequence[Any]
    ) -> tuple[tuple[Any, ...], Callable[[Sequence[Any]], tuple[Any, ...]]]:
        """Return what the backend does, having looked forward; its pullback looks."""
        if self.taps is not None:  # of a derivative inside of another one
            with use_backend.scoped(self.inner):
                return self.inner.vjp(function, primals)
        taps, count = _Taps(), len(primals)
        with self._tapping(taps):
            function(*primals)
        zeros = [self.inner.full(shape, 0, dtype) for shape, dtype in taps.kinds]

        def tapped(*xs: Any) -> Any:
            taps.zeros, taps.place = list(xs[count:]), 0
            with self._tapping(taps):
                return function(*xs[:count])

        outputs, pull = self.inner.vjp(tapped, (*primals, *zeros))

        def pullback(cotangents: Sequence[Any]) -> Any:
            gradients = pull(cotangents)
            self._look_back(taps, gradients[count:])
            return gradients[:count]

        return outputs, pullback

    @contextmanager
    def _tapping(self, taps: _Taps) -> Iterator[None]:
        self.taps = taps
        try:
            yield
        finally:
            self.taps = None

    def _added(self, tree: Any) -> Any:
        taps = self.taps
        assert taps is not None and taps.zeros is not None
        leaves, structure = optree.tree_flatten(tree)
        for i, x in enumerate(leaves):
            if self._is_float(x) and taps.place < len(taps.zeros):
                leaves[i] = self.inner.add(x, taps.zeros[taps.place])
                taps.place += 1
        return optree.tree_unflatten(structure, leaves)

    def _look_back(self, taps: _Taps, gradients: Sequence[Any]) -> None:
        end = len(gradients)
        for site in reversed(taps.sites):
            middle = end - site.outputs
            start = middle - site.inputs
            made = [g for g in gradients[start:middle] if not self._finite(g)]
            came = gradients[middle:end]
            if made and site.finite and all(map(self._finite, came)):
                self.refuse(site, made, backward=True)
            end = start

    # -- programs ----------------------------------------------------------------------

    def jit(self, function: Function[Any], donate: Sequence[int]) -> Function[Any]:
        """Return the function, which just runs."""
        return function

    def _counted(self, function: Any) -> Any:
        steps = itertools.count(1)

        def counted(*flat: Any) -> Any:
            with self.of_step(next(steps)):
                return function(*flat)

        return counted

    @contextmanager
    def of_step(self, step: int) -> Iterator[None]:
        """Say in errors of a block in which step they arose."""
        self.step = step
        try:
            yield
        finally:
            self.step = None

    def program(
        self,
        function: Function[Any],
        consumed: Sequence[int],
        scalars: Sequence[str],
        jit_compile: bool | str,
    ) -> Program[Any]:
        """Return a program that is looked at after each step, or in each."""
        if self.eagerly:
            return EagerProgram(self, self._counted(function), consumed, scalars)
        return WatchedProgram(self, function, consumed, scalars, jit_compile)


class WatchedProgram(Program[Any]):
    """A compiled program; a step that made a NaN runs once more, looked at."""

    backend: Watching

    def __init__(
        self,
        backend: Watching,
        function: Function[Any],
        consumed: Sequence[int],
        scalars: Sequence[str],
        jit: bool | str,
    ) -> None:
        super().__init__(backend, function, consumed, scalars, jit)
        inner = backend.inner

        def plain(*flat: Any) -> Any:
            with use_backend.scoped(inner):
                return function(*flat)

        self.program = inner.program(plain, consumed, scalars, jit)
        self.load, self.put = self.program.load, self.program.put
        self.peek, self.values = self.program.peek, self.program.values
        self.wait, self.steps = self.program.wait, 0

    def run(
        self, batch: Sequence[Any], scalars: Sequence[Any], count: int
    ) -> tuple[Any, ...]:
        """Run one step after the other, and look at the state after each."""
        outputs: Any = ()
        for i in range(count):
            before = self.values()
            row = [self._row(x, i) for x in batch]
            numbers = [x[i : i + 1] for x in scalars]
            columns = [self.backend.inner.expand_dims(x, 0) for x in row]
            outputs = self.program.run(columns, numbers, 1)
            self.steps += 1
            self._look(before, row, numbers, outputs)
        return outputs

    def _look(self, before: Any, row: Any, numbers: Any, outputs: Any) -> None:
        watching, finite = self.backend, self.backend._finite
        pairs = zip(before, self.values())
        spoilt = any(finite(old) and not finite(new) for old, new in pairs)
        if not spoilt and all(map(finite, outputs)):
            return
        self.load(before)  # the model stays as it was before the step
        if not all(map(finite, row)):
            raise NotFinite(
                f"The data of step {self.steps} have a NaN or an infinite number. "
                "Leave those samples out, or replace it.",
                step=self.steps,
            )
        argument = watching.inner.argument
        told = [argument(x.item(), d) for x, d in zip(numbers, self.scalars)]
        with watching.of_step(self.steps):
            self.function(*before, *row, *told)
        if spoilt or all(map(finite, before)):
            raise NotFinite(
                f"Step {self.steps} made a NaN or an infinite number where it was "
                "compiled, and none where it ran once more, op by op.",
                step=self.steps,
            )

    def explain(self) -> dict[str, str]:
        """Return what the program says, and that it is looked at."""
        return {**self.program.explain(), "watched": "each step: multinet.debug"}


def watching(backend: Backend[Any], eagerly: bool) -> Watching:
    """Return the backend that looks at one, which may be such a backend itself."""
    kind: Any = Watching  # whose methods are written below
    inner = backend.inner if isinstance(backend, Watching) else backend
    return kind(inner, eagerly)


# -- the methods -----------------------------------------------------------------------


def _watched(method: str) -> Callable[..., Any]:
    def call(self: Watching, *args: Any, **kwargs: Any) -> Tensors:
        return self.call(method, getattr(self.inner, method), args, kwargs)

    return call


def _whole(method: str) -> Callable[..., Any]:
    def call(self: Watching, *args: Any, **kwargs: Any) -> Tensors:
        def plain(*args: Any, **kwargs: Any) -> Any:
            with use_backend.scoped(self.inner):
                return getattr(self.inner, method)(*args, **kwargs)

        return self.call(method, plain, args, kwargs)

    return call


def _returned(method: str) -> Callable[..., Any]:
    def call(
        self: Watching, function: Function[Any], *rest: Any, **named: Any
    ) -> Tensors:
        mapped = getattr(self.inner, method)(function, *rest, **named)

        def plain(*args: Any) -> Any:
            with use_backend.scoped(self.inner):
                return mapped(*args)

        return lambda *args: self.call(method, plain, args, {})

    return call


def _host(method: str) -> Callable[..., Any]:
    def call(self: Watching, *args: Any, **kwargs: Any) -> Tensors:
        return getattr(self.inner, method)(*args, **kwargs)

    return call


def _wrap(methods: Sequence[str]) -> None:
    for method in methods:
        if method in vars(Watching) or method in _BY_DEFAULT:
            continue
        kind = _whole if method in _WHOLE else _watched
        kind = _returned if method in _RETURNED else kind
        kind = _host if SIGNATURES[method].result == "host" else kind
        wrapped = kind(method)
        wrapped.__name__, wrapped.__doc__ = method, getattr(Backend, method).__doc__
        setattr(Watching, method, wrapped)
    abc.update_abstractmethods(Watching)


_wrap((*primitives(), *fused()))
