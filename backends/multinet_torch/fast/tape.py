"""A tape of what a step asks of torch, and the straight-line function made of it.

The step runs once under a dispatch mode that sees every operation below autograd, those
of the backward pass too. Replayed, they need neither the frontend nor autograd. What
the host computes from a step's numbers, such as the words of a dropout mask or Adam's
rates, is a line of its own: a call of a function marked `on_host`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils.weak import WeakTensorKeyDictionary

_active: ContextVar[Tape | None] = ContextVar("tape", default=None)
_aten: Any = torch.ops.aten
_SAME = (_aten.detach.default, _aten.lift_fresh.default)
_MOVE = _aten._to_copy.default
_STATIC = "data_dependent_output", "dynamic_output_shape", "inplace_view"
_REFUSED = {getattr(torch.Tag, name): name for name in _STATIC}
_LEAKS = (Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__)
_C: Any = torch._C
_HOMES: tuple[Any, ...] = (_C._VariableFunctions, _C.TensorBase, _C._nn)
_bindings: dict[Any, Callable[..., Any]] = {}


class Line(NamedTuple):
    """One call: its source, the names it sets and reads, whether it may be left out."""

    text: str
    results: list[str]
    reads: set[str]
    pure: bool


def on_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that needs Python numbers: a tape calls it anew in each step.

    It returns a tensor, a key, or None if it works in place.
    """

    @wraps(function)
    def run(*arguments: Any) -> Any:
        tape = _active.get()
        return function(*arguments) if tape is None else tape.call(function, arguments)

    return run


def active() -> Tape | None:
    """Return the tape that records now."""
    return _active.get()


def line(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Return function(*arguments), which a tape calls by one line, unseen inside."""
    tape = _active.get()
    return function(*arguments) if tape is None else tape.line(function, arguments)


def is_known(x: Any) -> bool:
    """Return whether the host knows the value: it is none of a tensor's."""
    tape = _active.get()
    return not isinstance(x, Tensor) or tape is not None and x in tape.hosted


class Tape(TorchDispatchMode):
    """Records operations while entered; `function` returns what replays them.

    With `compiled`, torch.compile gets what lies between the calls of host functions.
    Keys that are needed as tensors lie on `device`.
    """

    def __init__(self, device: torch.device, compiled: bool) -> None:
        super().__init__()
        self.device, self.compiled = device, compiled
        self.lines: list[Line] = []
        self.constants: dict[str, Any] = {}
        self.names: Any = WeakTensorKeyDictionary()
        self.hosted: Any = WeakTensorKeyDictionary()  # names and values of stand-ins
        self.refused = ""
        self._count = 0

    def __enter__(self) -> Any:
        self._token = _active.set(self)
        self._watch = _Watch(self)
        self._watch.__enter__()
        return super().__enter__()

    def __exit__(self, *exc: Any) -> Any:
        _active.reset(self._token)
        super().__exit__(*exc)
        return self._watch.__exit__(*exc)

    # -- recording ---------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and write it down."""
        kwargs = kwargs or {}
        if func in _SAME:
            out = func(*args)
            self.names[out] = self.name(args[0])
            return out
        for tag in func.tags:
            if tag in _REFUSED:
                self.refused = f"{func} has {_REFUSED[tag]}"
        call, out = (
            (_uncompiled.get(func, func), func(*args, **kwargs))
            if self.compiled
            else _bound(func, args, kwargs)
        )
        if func is _MOVE and self._moves_constant(args[0], out):
            return out  # a constant too: it goes to its device once, not in each step
        seeded = torch.Tag.nondeterministic_seeded in func.tags
        self._write(call, args, kwargs, out, not func._schema.is_mutable and not seeded)
        return out

    def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Run a function of the host on the values that stand-ins stand for."""
        known = [self.hosted[x][1] if self._stands_in(x) else x for x in args]
        with _disable_current_modes():
            out = function(*known)
            key = _as_tensor(out, self.device) if isinstance(out, tuple) else None
        self._write(
            function, args, {}, out if key is None else 0, out is not None, True
        )
        if key is None:
            return out
        self.hosted[key] = self.lines[-1].results[0], out
        return key

    def line(self, function: Callable[..., Tensor], args: Sequence[Any]) -> Tensor:
        """Run a function of tensors, and write it down as one call."""
        with _disable_current_modes():
            out = function(*args)
        self._write(function, args, {}, out, True)
        return out

    def _moves_constant(self, x: Tensor, moved: Tensor) -> bool:
        name = self.hosted.get(x) or self.names.get(x)
        constant = name is None or name in self.constants
        return constant and x.device != moved.device

    def _stands_in(self, x: Any) -> bool:
        return isinstance(x, Tensor) and x in self.hosted

    def _write(
        self,
        call: Any,
        args: Any,
        kwargs: Any,
        out: Any,
        pure: bool,
        host: bool = False,
    ) -> None:
        reads: set[str] = set()
        results: list[str] = []
        text = self._texts(args, reads, host)
        for key, x in kwargs.items():
            text += f", {key}={self._text(x, reads)}"
        text = f"{self._constant(call)}({text})"
        if not (out is None or isinstance(out, Tensor) and out in self.names):
            text = f"{self._pattern(out, results)} = {text}"
        self.lines.append(Line(text, results, reads, pure))

    def _pattern(self, out: Any, results: list[str]) -> str:
        if isinstance(out, list | tuple):
            return f"[{', '.join(self._pattern(x, results) for x in out)}]"
        results.append(self._new())
        if isinstance(out, Tensor):
            self.names[out] = results[-1]
        return results[-1]

    # -- names -------------------------------------------------------------------------

    def name(self, x: Tensor) -> str:
        """Return the name of a tensor: one of unknown origin is a constant."""
        name = self.names.get(x)
        if name is None and x in self.hosted:  # a key, for once needed as a tensor
            name, source = self._new(), self.hosted[x][0]
            made, device = self._constant(_as_tensor), self._constant(self.device)
            text = f"{name} = {made}({source}, {device})"
            self.lines.append(Line(text, [name], {source}, True))
        elif name is None:
            name = self._constant(x)
        self.names[x] = name
        return name

    def _new(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def _constant(self, x: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = x
        return name

    def _texts(self, xs: Any, reads: set[str], host: bool) -> str:
        return ", ".join(self._text(x, reads, host) for x in xs)

    def _text(self, x: Any, reads: set[str], host: bool = False) -> str:
        if isinstance(x, Tensor):
            name = self.hosted[x][0] if host and x in self.hosted else self.name(x)
            reads.add(name)
            return name
        if isinstance(x, list | tuple):
            return f"[{self._texts(x, reads, host)}]"
        return repr(x) if x is None or isinstance(x, int) else self._constant(x)

    # -- replaying ---------------------------------------------------------------------

    def function(
        self,
        arguments: list[str],
        optional: Sequence[str],
        written: dict[int, str],
        outputs: Sequence[str],
    ) -> Any:
        """Return `step(S, *arguments)`: it sets entries of S, and returns outputs.

        Its `needs` are the indices of those `optional` arguments that it takes too.
        """
        live = {*written.values(), *outputs}
        body = [f"return ({''.join(name + ', ' for name in outputs)})"]
        body += [f"S[{i}] = {name}" for i, name in written.items()]
        for text, results, reads, pure in reversed(self.lines):
            if pure and live.isdisjoint(results):
                continue
            ended = [n for n in {*results, *reads} - live if n.startswith("t")]
            body.append(f"{text}; del {', '.join(ended)}" if ended else text)
            live |= reads
        needs = [i for i, name in enumerate(optional) if name in live]
        head = f"def step(S, {', '.join([*arguments, *(optional[i] for i in needs)])}):"
        scope = {"__name__": __name__, **self.constants}
        for name, value in scope.items() if self.compiled else ():
            if isinstance(value, FunctionType):
                scope[name] = torch.compiler.disable(value)
        exec("\n ".join([head, *reversed(body)]), scope)
        step = torch.compile(scope["step"]) if self.compiled else scope["step"]
        step.needs, step.calls = needs, len(body) - len(written) - 1
        return step


def _lstm(*args: Any) -> Any:
    """Run oneDNN's LSTM, which keeps nothing for its backward pass without grad mode.

    What torch.compile makes runs without it: so this lies around what is compiled.
    """
    with torch.enable_grad():
        return _aten.mkldnn_rnn_layer.default(*args)


_uncompiled = {_aten.mkldnn_rnn_layer.default: _lstm}


def _as_tensor(key: tuple[int, int], device: torch.device) -> Tensor:
    return torch.tensor(key, dtype=torch.int64).to(device, torch.uint32)


class _Watch(TorchFunctionMode):
    """Sees values leave torch, which dispatch does not."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in _LEAKS:
            self.tape.refused = f"it calls {func.__name__} of a tensor"
        return func(*args, **(kwargs or {}))


class _Probe(TorchDispatchMode):
    """Notes which operations a call comes to."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


def _bound(func: Any, args: Any, kwargs: Any) -> tuple[Callable[..., Any], Any]:
    """Run an operation; return the fastest callable for it, and the result.

    torch's own bindings cost half of what the registry's do.
    """
    key = (func, *map(type, args), *kwargs)
    if key in _bindings:
        return _bindings[key], _bindings[key](*args, **kwargs)
    name = func._schema.name.removeprefix("aten::")
    for home in _HOMES if not func._schema.is_mutable else ():
        if call := getattr(home, name, None):
            try:
                with _Probe() as probe:
                    out = call(*args, **kwargs)
            except (TypeError, RuntimeError):
                continue
            if probe.seen == [func]:
                _bindings[key] = call
                return call, out
    _bindings[key] = func._op
    return func._op, func(*args, **kwargs)
