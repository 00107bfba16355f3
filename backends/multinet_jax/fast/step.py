"""The compiled step: `jax.jit` with donated state, many steps in one dispatch.

The function is traced once for each signature of the batch. What it wrote is donated,
so that XLA updates it in place; what it only read is passed along as it is.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend.core import Jaxpr, Var, subjaxprs

from multinet.interface import Running
from multinet.interface.kernels import noting
from multinet.interface.program import Tensors
from multinet.interface.step import EagerProgram, Program
from multinet_jax.array import Array

Host = np.ndarray[Any, Any]
Signature = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]

KEPT = 16  # signatures whose programs are kept, the last ones used
LARGEST = 1 << 24  # bytes of a chunk of batches; two of them are in flight
SMALL = 1 << 12  # bytes that are faster through the host than by a copy on the device
#: Products of full float32 by cuBLAS alone: XLA tries out its own kernels for them
#: while it compiles. A small Transformer trains after 7 s on an H200, with these after
#: 34 s (on an H100 100 s); its steps take 2.5 and 1.8 ms. Numbers keep their precision.
GPU_OPTIONS = {"xla_gpu_enable_triton_gemm": False}
ALIGNED = 64  # XLA reads host memory aligned like this in place, and copies other


class JaxProgram(Program[Array]):
    """A step compiled by XLA for each signature, its state donated from call to call.

    Only arrays that a run of this program made are donated: those that came from
    `load` and `put`, or went out by `values`, are copied first.
    """

    def __init__(self, *options: Any) -> None:
        super().__init__(*options)
        self.kinds = [np.dtype(name) for name in self.scalars]
        self.forms: OrderedDict[Signature, Form] = OrderedDict()
        self.foreign: set[int] = set()  # entries of the state that others may hold
        self.recent: tuple[Any, Any] = (None, None)
        self.readers: dict[Any, Callable[..., Any]] = {}  # for `one`, by its array
        self.flying: list[Array] = []  # an output of each chunk that may not be done

    # -- state -------------------------------------------------------------------------

    def load(self, values: Sequence[Array]) -> None:
        """Carry on from these values, which are never changed."""
        # A weak type would make the next call another signature: results have none.
        self.held = [self._placed(i, _strong(x)) for i, x in enumerate(values)]
        self.foreign = set(range(len(self.held)))

    def put(self, index: int, value: Array) -> None:
        """Replace one entry of the state by a value, which is never changed."""
        self.held[index] = self._placed(index, _strong(value))
        self.foreign.add(index)

    def values(self) -> list[Array]:
        """Return the state, to keep: later runs do not change it."""
        self.foreign = set(range(len(self.held)))
        return list(self.held)

    def _state(self, form: Form) -> list[Any]:
        """Return the state, copies of what is to be donated but held by others."""
        if self.foreign.isdisjoint(form.written):
            return self.held
        taken = self.foreign.intersection(form.written)
        return [self.copy(x) if i in taken else x for i, x in enumerate(self.held)]

    def copy(self, x: Array) -> Any:
        """Return a copy, to be donated; made by a program, it would be compiled.

        To no device: what is bound to one has another signature, compiled anew.
        """
        return np.array(x) if x.nbytes <= SMALL else jax.device_put(x, may_alias=False)

    # -- running -----------------------------------------------------------------------

    def capacity(self, batch: Sequence[Host | Array], wanted: int) -> int:
        """Return `wanted`, within bounds of memory; 1 for convolutions on a CPU."""
        key = tuple([(x.shape, x.dtype) for x in batch])
        form = self.forms.get(key) or self._build(key)
        size = max(1, sum(x.nbytes for x in batch))
        form.choose(max(1, min(wanted, LARGEST // size)))
        return form.capacity

    def run(
        self, batch: Sequence[Host | Array], scalars: Sequence[Host], count: int
    ) -> Tensors[Array]:
        """Run `count` steps; return the outputs of the last one."""
        key = tuple([(x.shape[1:], x.dtype) for x in batch])
        if key != self.recent[0]:  # hashing dtypes takes longer than the comparison
            form = self.forms.get(key) or self._build(key)
            self.forms.move_to_end(key)
            self.recent = key, form
        form = self.recent[1]
        if form.capacity > 1:
            return self._run_chunks(form, [*batch, *scalars], count)
        outputs: Tensors[Array] = ()
        if count == 1 and not (form.written or form.counts):  # to predict, in haste
            return tuple(form.call(*self.held, *self.row_of(batch, 0)))
        for i in range(count):
            row = self.row_of(batch, i)
            numbers = [x[i] for x in scalars] if form.counts else ()
            results = form.call(*self._state(form), *row, *numbers)
            outputs = self._keep(form, results)
        return outputs

    def one(
        self, row: Sequence[Host], scalars: Callable[[], Sequence[Host]]
    ) -> Tensors[Array]:
        """Run one step on the arrays of one batch; return the outputs.

        One that only reads its state and one array needs no copy of that: it has been
        read when the outputs have been.
        """
        if len(row) != 1:
            return super().one(row, scalars)
        [x] = row
        key = x.shape, x.dtype.num
        call = self.readers.get(key)
        if call is not None:
            return call(*self.held, x)
        outputs, form = super().one(row, scalars), self.recent[1]
        if form.capacity == 1 and not (form.written or form.counts):
            if len(self.readers) == KEPT:
                self.readers.clear()
            self.readers[key] = form.call
        return outputs

    def _run_chunks(
        self, form: Form, arrays: Sequence[Host | Array], count: int
    ) -> Tensors[Array]:
        outputs: Tensors[Array] = ()
        for start in range(0, count, form.capacity):
            size = min(form.capacity, count - start)
            chunk = self.rows_of(form, arrays, start, start + size)
            # JAX would queue 32 calls, each with its chunk: memory for no speed.
            if len(self.flying) == 2:
                self.flying.pop(0).block_until_ready()
            *results, done = form.call(np.uint32(size), *self._state(form), *chunk)
            self.flying.append(done)
            outputs = self._keep(form, results)
        return outputs

    def row_of(self, batch: Sequence[Host | Array], index: int) -> list[Host | Array]:
        """Return the arrays of one step.

        Host arrays are copied: XLA may read its arguments after a call has returned.
        """
        number = np.uint32(index)
        return [
            owned(x[index]) if isinstance(x, np.ndarray) else _on_device(x, number)
            for x in batch
        ]

    def rows_of(
        self, form: Form, arrays: Sequence[Host | Array], start: int, stop: int
    ) -> list[Host | Array]:
        """Return the arrays of several steps, with room for as many as there may be."""
        return [
            rows_of(x, start, stop, form.capacity, kind)
            for x, kind in zip(arrays, form.kinds, strict=True)
        ]

    def _keep(self, form: Form, results: Sequence[Array]) -> Tensors[Array]:
        if not form.written:
            return tuple(results)
        for i, x in zip(form.written, results):
            self.held[i] = x
        self.foreign.difference_update(form.written)
        return tuple(results[len(form.written) :])

    def wait(self) -> None:
        """Return when all steps have been computed."""
        jax.block_until_ready(self.held)

    def _build(self, key: Signature) -> Form:
        scalars = [((), kind) for kind in self.kinds]
        form = Form(self.function, self.held, [*key, *scalars], len(scalars))
        if len(self.forms) == KEPT:
            self.forms.popitem(last=False)
        self.forms[key] = form
        return form

    def explain(self) -> dict[str, str]:
        """Return which path runs and why."""
        told = {"path": "jit on " + platform(), "memory": "state donated"}
        for form in reversed(self.forms.values()):
            told["kernels"] = ", ".join(["XLA's", *sorted(form.kernels)])
            steps = "as many a dispatch as the loop gives, in a loop of XLA"
            told["steps"] = steps if form.capacity > 1 else f"one a call: {form.reason}"
            break
        return told


class UncompiledProgram(EagerProgram[Array]):
    """The program of `compile(jit_compile=False)`."""

    def explain(self) -> dict[str, str]:
        """Return that nothing is compiled."""
        return {"path": "eager: jit_compile=False", "steps": "one a call"}


class Form:
    """The program of one signature: `call(*state, *row)`, or for several steps
    `call(count, *state, *rows)`, of which the first `count` are used.

    Both return the new values of `written`, then the outputs of the last step; that of
    several steps at last a number that is there when all is done.
    """

    def __init__(
        self,
        function: Callable[..., Tensors[Array]],
        state: Sequence[Array],
        row: Sequence[tuple[tuple[int, ...], np.dtype[Any]]],
        scalars: int,
    ) -> None:
        self.size, self.kinds = len(state), [kind for _, kind in row]
        self.row = list(row)
        self.inner = jax.jit(_distinct(function, self.size))
        kinds = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in state]
        kinds += [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in row]
        self.kernels: set[str] = set()
        with noting(self.kernels), Running():
            self.jaxpr: Jaxpr = self.inner.trace(*kinds).jaxpr.jaxpr
        pairs = enumerate(zip(self.jaxpr.invars[: self.size], self.jaxpr.outvars))
        self.written = tuple(i for i, (old, new) in pairs if old is not new)
        self.reason = "no more were asked for"
        used = _used(self.jaxpr)
        self.counts = any(x in used for x in self.jaxpr.invars[len(kinds) - scalars :])
        self._compile(1)

    def choose(self, wanted: int) -> None:
        """Take up to `wanted` steps in a dispatch, where a loop over them pays."""
        if wanted <= self.capacity:
            return
        if platform() == "cpu" and _convolves(self.jaxpr):
            # A ResNet-20 step takes 25 times as long inside a loop.
            self.reason = "XLA's convolutions are slow inside a loop on a CPU"
        else:
            self._compile(wanted)

    def _compile(self, capacity: int) -> None:
        self.capacity, looped = capacity, capacity > 1
        # `inner` is not traced again: JAX keeps what it traced.
        donated = [i + looped for i in self.written]
        self.call = jax.jit(
            (self._once, self._loop)[looped],
            donate_argnums=donated,
            compiler_options=gpu_options() if platform() == "gpu" else None,
        )

    def _once(self, *flat: Array) -> list[Array]:
        # Scalars may come wider than they were asked for.
        row = list(map(lax.convert_element_type, flat[self.size :], self.kinds))
        row += [np.zeros((), kind) for kind in self.kinds[len(row) :]]  # not used
        results = self.inner(*flat[: self.size], *row)
        return [*[results[i] for i in self.written], *results[self.size :]]

    def _loop(self, count: Array, *flat: Array) -> list[Array]:
        state, rows = list(flat[: self.size]), flat[self.size :]

        def body(carry: Any) -> Any:
            i, values, _ = carry
            for place, value in zip(self.written, values, strict=True):
                state[place] = value
            row = [lax.dynamic_index_in_dim(x, i, keepdims=False) for x in rows]
            results = self.inner(*state, *row)
            values = [results[place] for place in self.written]
            return i + np.uint32(1), values, results[self.size :]

        values = [state[i] for i in self.written]
        outputs = [y.aval for y in self.jaxpr.outvars[self.size :]]
        nothing = [jnp.zeros(y.shape, y.dtype) for y in outputs]  # type: ignore
        start = (jnp.zeros_like(count), values, nothing)
        done, values, outputs = lax.while_loop(lambda c: c[0] < count, body, start)
        return [*values, *outputs, done]


def _distinct(
    function: Callable[..., Tensors[Array]], size: int
) -> Callable[..., list[Array]]:
    """Return the function with no result twice, and none that is an argument.

    Except that an entry of the state that was only read is itself.
    """

    def run(*flat: Array) -> list[Array]:
        results = list(function(*flat))
        seen = set(map(id, flat))
        for i, x in enumerate(results):
            if i < size and x is flat[i]:
                continue
            if id(x) in seen or not isinstance(x, Tracer):
                results[i] = jnp.copy(x)
            seen.add(id(x))
        return results

    return run


def platform() -> str:
    """Return what arrays are placed on: cpu, gpu, tpu or another of XLA's."""
    device: Any = jax.config.jax_default_device  # type: ignore[attr-defined]
    name = getattr(device, "platform", device) or jax.default_backend()
    return "gpu" if name == "cuda" else name


@cache
def gpu_options() -> dict[str, Any] | None:
    """Return `GPU_OPTIONS`, or nothing where XLA does not know them any more."""
    try:
        jax.jit(jnp.negative, compiler_options=GPU_OPTIONS).lower(1.0).compile()
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" in str(error):
            return None
        raise
    return GPU_OPTIONS


def _used(jaxpr: Jaxpr) -> set[Any]:
    uses = [x for equation in jaxpr.eqns for x in equation.invars]
    return {x for x in (*uses, *jaxpr.outvars) if isinstance(x, Var)}


def _convolves(jaxpr: Jaxpr) -> bool:
    if any(e.primitive is lax.conv_general_dilated_p for e in jaxpr.eqns):
        return True
    return any(map(_convolves, subjaxprs(jaxpr)))


# -- arrays ----------------------------------------------------------------------------


def owned(x: Host) -> Host:
    """Return a copy of which XLA can use the memory."""
    return x.copy() if x.nbytes <= SMALL else padded(x[None], 1, x.dtype)[0]


def rows_of(x: Host | Array, start: int, stop: int, size: int, kind: Any) -> Any:
    """Return `size` rows; those after `stop - start` are not set."""
    if isinstance(x, np.ndarray):
        return padded(x[start:stop], size, kind)
    if start == 0 and len(x) == size:
        return _strong(x)
    return _part(x, np.uint32(start), size)


@jax.jit
def _on_device(x: Array, index: Any) -> Array:
    row = lax.dynamic_index_in_dim(x, index, keepdims=False)
    return lax.convert_element_type(row, x.dtype)  # no weak type


@partial(jax.jit, static_argnums=2)
def _part(x: Array, start: Any, size: int) -> Array:
    room = jnp.pad(x, [(0, size), *[(0, 0)] * (x.ndim - 1)])
    rows = lax.dynamic_slice_in_dim(room, start, size)
    return lax.convert_element_type(rows, x.dtype)


def padded(x: Host, size: int, kind: np.dtype[Any]) -> Host:
    """Return a copy of `size` rows; those after the ones of x are not set."""
    shape = (size, *x.shape[1:])
    count = math.prod(shape) * kind.itemsize
    memory = np.empty(count + ALIGNED, np.uint8)
    start = -memory.ctypes.data % ALIGNED
    room = memory[start : start + count].view(kind).reshape(shape)
    room[: len(x)] = x
    return room


def _strong(x: Array) -> Array:
    return lax.convert_element_type(x, x.dtype) if x.weak_type else x
