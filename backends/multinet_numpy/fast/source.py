"""The source of a run: straight-line calls on fixed arrays, in a loop over steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet_numpy.fast.arena import Arena, Layout
from multinet_numpy.fast.plan import Operation, Plan, Planned, planned_in


class Compiled:
    """A plan made runnable: `run(batch, scalars)` and `bind(index, array)`."""

    def __init__(
        self,
        plan: Plan,
        layout: Layout,
        arena: Arena,
        inputs: tuple[Sequence[Planned], Sequence[Planned], Sequence[Planned]],
        outputs: Sequence[Any],
        writes: Sequence[tuple[Planned, Any]],
    ) -> None:
        state, batch, scalars = inputs
        self.offsets = layout.place()
        self.memory = arena.reserve(layout.size)
        self.size = layout.size
        self.names: dict[int, str] = {}
        self.used: set[int] = set()  # buffers that the code reads or writes
        self.kept: list[Any] = []  # so that no id is used twice
        self.space: dict[str, Any] = {"__name__": __name__}
        self.state = {id(x.root): i for i, x in enumerate(state)}
        self.bound: dict[int, list[tuple[str, Any]]] = {}
        body = [self._line(op) for op in plan.code]
        body += [self._line(Operation(_copy, (v,), (x,), "into")) for x, v in writes]
        self._free_locals(plan.code, body, outputs)
        body = [line for line in body if line]
        results = ", ".join(f"array({self._text(y)})" for y in outputs)
        self.space["array"] = np.array
        self._compile(body, batch, scalars, results)
        self.kept.clear()

    def _compile(self, body: list[str], batch: Any, scalars: Any, results: str) -> None:
        heads = [x.root.home for x in batch] + [f"t{i}" for i in range(len(scalars))]
        loop = [
            f"{self._text(x)}[()] = t{i}"
            for i, x in enumerate(scalars)
            if id(x.root) in self.used
        ]
        arguments = ", ".join(f"{h}s" for h in heads)
        tail = "," if len(heads) == 1 else ""
        lines = [
            f"def run({arguments}):",
            f"  for {', '.join(heads)}{tail} in zip({arguments}):",
            *[f"    {line}" for line in [*loop, *body] or ["pass"]],
            f"  return ({results}{',' if results else ''})",
        ]
        self.source = "\n".join(lines)
        exec(compile(self.source, "<plan>", "exec"), self.space)
        self.run: Callable[..., tuple[Any, ...]] = self.space["run"]

    # -- lines -------------------------------------------------------------------------

    def _line(self, op: Operation) -> str:
        if op.kind == "local":
            target = ", ".join(x.root.home for x in op.outs)
            comma = "," if len(op.outs) > 1 or type(op.outs) is list else ""
            return f"{target}{comma} = {self._call(op.call, op.args)}"
        if op.kind == "made":
            columns, settings, now = op.args
            arrays = [[self.space[self._array(x)] for x in c] for c in columns]
            return self._call(op.call(arrays, *settings), now)
        if op.kind == "copy" and self._place(op.args[0]) == self._place(op.outs[0]):
            return ""
        args, outs = op.args, op.outs
        if op.kind in ("each", "copy") and isinstance(op.call, np.ufunc):
            args, outs = self._plain(op)
        if op.call in (np.maximum, np.minimum):
            return self._call(op.call, args, outs)
        return self._call(op.call, (*args, *outs))

    def _plain(self, op: Operation) -> tuple[Any, Any]:
        """Return the arguments of a ufunc in fewer axes, where they all are one run."""
        values = [x for x in (*op.args, *op.outs)]
        shape = op.outs[0].shape
        for x in values:
            if type(x) is Planned and type(x.root.home) is str:
                return op.args, op.outs
            value = x.value if type(x) is Planned else x
            if type(value) is not np.ndarray:
                return op.args, op.outs
            one = value.size == 1
            if not one and (value.shape != shape or not value.flags.c_contiguous):
                return op.args, op.outs
        size = op.outs[0].size

        def flat(x: Any) -> Any:
            if type(x) is Planned:
                new = x.value.reshape(x.value.size if x.value.size == size else 1)
                return Planned(new, x.plan, x.root)
            return np.ascontiguousarray(x).reshape(-1)[: 1 if x.size == 1 else None]

        return tuple(map(flat, op.args)), tuple(map(flat, op.outs))

    def _call(self, call: Any, args: Any, out: Any = ()) -> str:
        parts = [self._text(x) for x in args]
        parts += [f"out={self._text(x)}" for x in out]
        return f"{self._text(call)}({', '.join(parts)})"

    def _text(self, x: Any) -> str:
        if type(x) is Planned:
            home = x.root.home
            return home if type(home) is str else self._array(x)
        if type(x) in (tuple, list) and any(True for _ in planned_in(x)):
            return f"({', '.join(map(self._text, x))},)"
        return self._name(x, lambda: x)

    def _name(self, x: Any, make: Callable[[], Any]) -> str:
        name = self.names.get(id(x))
        if name is None:
            name = self.names[id(x)] = f"v{len(self.names)}"
            self.space[name] = make()
            self.kept.append(x)
        return name

    def _array(self, x: Planned) -> str:
        name = self._name(x, lambda: None)
        if self.space[name] is None:
            self.used.add(id(x.root))
            value, root = x.value, x.root.example
            shift = value.ctypes.data - root.ctypes.data if value.size else 0
            spot = value.shape, value.dtype, value.strides, shift
            index, home = self.state.get(id(x.root)), x.root.chief.home
            if index is not None:
                self.bound.setdefault(index, []).append((name, spot))
            if home is None:
                home, shift = self.memory, shift + self.offsets[id(x.root.chief)]
            self.space[name] = _array_in(home, value.shape, *spot[1:3], shift)
        return name

    def _place(self, x: Any) -> Any:
        """Return the address of a value, to compare."""
        if type(x) is not Planned or type(x.root.home) is str:
            return object()
        view = self.space[self._array(x)]
        return view.ctypes.data, view.shape, view.strides

    def _free_locals(self, code: Any, body: list[str], outputs: Any) -> None:
        """Let go of arrays in locals after their last use."""
        last: dict[str, int] = {}
        for i, op in enumerate(code):
            for x in planned_in((op.args, op.outs)):
                if type(x.root.home) is str and x.root.home[0] == "d":
                    last[x.root.home] = i
        for x in planned_in(outputs):
            last.pop(x.root.home if type(x.root.home) is str else "", None)
        for name, i in last.items():
            body[i] += f"{'; ' if body[i] else ''}{name} = None"

    def bind(self, index: int, array: Any) -> None:
        """Let a state that is not written live in another array from now on."""
        for name, (shape, dtype, strides, shift) in self.bound.get(index, ()):
            self.space[name] = _array_in(array, shape, dtype, strides, shift)


def _array_in(home: Any, shape: Any, dtype: Any, strides: Any, shift: int) -> Any:
    # as bytes, since bfloat16 is not known to the buffer protocol
    return np.ndarray(shape, dtype, home.reshape(-1).view(np.uint8), shift, strides)


def _copy(source: Any, target: Any) -> None:
    np.copyto(target, source)
