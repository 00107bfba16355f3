"""Program primitives on TensorFlow: contraction to devices, in that order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import tensorflow as tf

from multinet.errors import BackendError
from multinet.interface import Key
from multinet_tensorflow import rules
from multinet_tensorflow.array import ArrayOps, Shape
from multinet_tensorflow.fast.checkpoint import checkpoint
from multinet_tensorflow.fast.trace import Trace
from multinet_tensorflow.numerics import as_int64, differentiable, dims, native
from multinet_tensorflow.windows import (
    convolve,
    max_kernel,
    pad_spatial,
    pool,
    sum_kernel,
)

Pairs = Sequence[tuple[int, int]]
Tensors = tuple[Any, ...]
Function = Callable[..., tuple[Any, ...]]


class _Tapes(threading.local):
    open = 0


class ProgramOps(ArrayOps):
    """Contraction to devices; `TensorflowBackend` is the complete class."""

    _tapes = _Tapes()

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Any, y: Any) -> Any:
        return tf.matmul(x, y) if differentiable(x) else as_int64(tf.matmul, x, y)

    def einsum(self, equation: str, *operands: Any) -> Any:
        def contract(*xs: Any) -> Any:
            return tf.einsum(equation, *xs)

        first = operands[0]
        return (
            contract(*operands)
            if differentiable(first)
            else as_int64(contract, *operands)
        )

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    cholesky = native(tf.linalg.cholesky)
    solve = native(tf.linalg.solve)

    def solve_triangular(self, a: Any, b: Any, lower: bool) -> Any:
        return tf.linalg.triangular_solve(a, b, lower=lower)

    def qr(self, x: Any, full_matrices: bool) -> tuple[Any, Any]:
        q, r = tf.linalg.qr(x, full_matrices)
        return q, r

    def svd(self, x: Any, full_matrices: bool) -> tuple[Any, Any, Any]:
        if x.dtype.is_complex and not full_matrices:
            return rules.complex_svd(x)
        s, u, v = tf.linalg.svd(x, full_matrices)
        return u, s, tf.linalg.adjoint(v)

    def eigh(self, x: Any) -> tuple[Any, Any]:
        values, vectors = tf.linalg.eigh(x)
        return tf.math.real(values), vectors

    def eig(self, x: Any) -> tuple[Any, Any]:
        values, vectors = tf.linalg.eig(x)
        return values, vectors

    def lu_factor(self, x: Any) -> tuple[Any, Any]:
        packed, permutation = tf.linalg.lu(x)
        n = x.shape[-1]
        targets = tf.transpose(tf.reshape(permutation, (-1, n)))
        columns = tf.range(n)[None]

        def swap(carry: Tensors, row: Tensors) -> tuple[Tensors, Tensors]:
            # LAPACK swaps row i with the place where its final row is at that moment.
            (order,), (i, target) = carry, row
            place = tf.argmax(tf.equal(order, target[:, None]), 1, tf.int32)
            moved = tf.gather(order, i, axis=1)[:, None]
            order = tf.where(columns == place[:, None], moved, order)
            return (tf.where(columns == i, target[:, None], order),), (place,)

        start = tf.broadcast_to(columns, (targets.shape[1], n))
        _, (pivots,) = self.scan(swap, (start,), (tf.range(n), targets), n, False)
        return packed, tf.reshape(tf.transpose(pivots), x.shape[:-1])

    slogdet = native(rules.slogdet)

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    fft = native(tf.signal.fft)
    ifft = native(tf.signal.ifft)
    rfft = native(tf.signal.rfft)

    def irfft(self, x: Any, n: int) -> Any:
        return tf.signal.irfft(x, (n,))

    # -- windows (channels last, 1 to 3 spatial axes; floats) --------------------------

    def conv(
        self,
        x: Any,
        kernel: Any,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Any:
        return convolve(x, kernel, strides, padding, dilation, groups)

    def conv_transpose(
        self,
        x: Any,
        kernel: Any,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Any:
        # The gradient applies the transpose; compiled, the forward half is pruned.
        zeros = tf.zeros((x.shape[0], *shape, kernel.shape[-2] * groups), x.dtype)
        with self._taping(tf.GradientTape(watch_accessed_variables=False)) as tape:
            tape.watch(zeros)
            y = self.conv(zeros, kernel, strides, padding, dilation, groups)
        return tape.gradient(y, zeros, x)

    def max_pool(self, x: Any, window: Shape, strides: Shape, padding: Pairs) -> Any:
        return pool(max_kernel, pad_spatial(x, padding, -math.inf), window, strides)

    def sum_pool(self, x: Any, window: Shape, strides: Shape, padding: Pairs) -> Any:
        return pool(sum_kernel, pad_spatial(x, padding, 0.0), window, strides)

    # -- random bits -------------------------------------------------------------------

    def random_bits(self, key: Key, shape: Shape, width: int) -> Any:
        count = math.prod(shape)
        words = _philox(key, tf.zeros((1,), tf.uint64), -(-count * width // 32))
        if width == 16:
            words = tf.reshape(tf.bitcast(words, tf.uint16), (-1,))[:count]
        return tf.reshape(words, shape)

    def fold_in(self, key: Key, data: Any) -> Key:
        low = tf.cast(tf.reshape(data, (1,)), tf.uint64)
        return _philox(key, low + tf.constant(1 << 32, tf.uint64), 2)

    # -- control flow (flat tuples of tensors; functions are pure) ---------------------

    def cond(
        self,
        predicate: Any,
        true_function: Function,
        false_function: Function,
        operands: Sequence[Any],
    ) -> Tensors:
        if not tf.is_symbolic_tensor(predicate):
            return tuple((true_function if predicate else false_function)(*operands))
        branches = [
            lambda f=f: list(f(*operands)) for f in (true_function, false_function)
        ]
        return tuple(tf.cond(predicate, *branches))

    def while_loop(
        self, condition: Callable[..., Any], body: Function, state: Sequence[Any]
    ) -> Tensors:
        if tf.executing_eagerly():
            while condition(*state):
                state = body(*state)
            return tuple(state)
        return tuple(tf.while_loop(condition, lambda *xs: list(body(*xs)), list(state)))

    def scan(
        self,
        function: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]],
        carry: Sequence[Any],
        xs: Sequence[Any],
        length: int,
        reverse: bool,
    ) -> tuple[Tensors, Tensors]:
        steps = range(length)[:: -1 if reverse else 1]
        if not tf.executing_eagerly():
            return _scan_graph(function, tuple(carry), xs, steps)
        carry, rows, ys = tuple(carry), [tf.unstack(x) for x in xs], []
        for i in steps:
            carry, y = function(carry, tuple(row[i] for row in rows))
            ys.append(y)
        ordered = ys[::-1] if reverse else ys
        return tuple(carry), tuple(
            tf.stack(column) for column in zip(*ordered, strict=True)
        )

    # -- transforms (functions of flat positional tensors, returning flat tuples) ------

    def vjp(
        self, function: Function, primals: Sequence[Any]
    ) -> tuple[Tensors, Callable[[Sequence[Any]], Tensors]]:
        # Identities: a tensor given twice, or closed over, is a variable of its own.
        primals = [tf.identity(x) for x in primals]
        sources = [x for x in primals if differentiable(x)]
        tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
        with self._taping(tape):
            tape.watch(sources)
            outputs = tuple(tf.identity(y) for y in function(*primals))

        def pullback(cotangents: Sequence[Any]) -> Tensors:
            targets, seeds = [], []
            for y, g in zip(outputs, cotangents, strict=True):
                if differentiable(y):
                    targets.append(y)
                    seeds.append(g)
            found = iter(_gradient(tape, targets, sources, seeds))
            return tuple(
                next(found) if differentiable(x) else tf.zeros_like(x) for x in primals
            )

        return outputs, pullback

    def jvp(
        self, function: Function, primals: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Tensors, Tensors]:
        # A pullback is linear in its cotangents; the pullback of that map is the jvp.
        outputs, pullback = self.vjp(function, primals)
        with self._taping(tf.GradientTape(watch_accessed_variables=False)) as tape:
            seeds = [tf.zeros_like(y) for y in outputs]
            watched = [g for g in seeds if differentiable(g)]
            tape.watch(watched)
            gradients = pullback(seeds)
        found = iter(_gradient(tape, list(gradients), watched, list(tangents)))
        return outputs, tuple(next(found) if differentiable(g) else g for g in seeds)

    def vmap(self, function: Function, in_axes: Sequence[int | None]) -> Function:
        def mapped(*xs: Any) -> Tensors:
            rows = [x for x, axis in zip(xs, in_axes, strict=True) if axis is not None]

            def step(carry: Tensors, row: Tensors) -> tuple[Tensors, Tensors]:
                left = iter(row)
                full = [
                    x if axis is None else next(left)
                    for x, axis in zip(xs, in_axes, strict=True)
                ]
                return carry, tuple(function(*full))

            count = rows[0].shape[0]
            if count:
                return self.scan(step, (), rows, count, False)[1]
            zeros = [tf.zeros((1, *dims(x)[1:]), x.dtype) for x in rows]
            return tuple(y[:0] for y in self.scan(step, (), zeros, 1, False)[1])

        return mapped

    def jit(self, function: Function, donate: Sequence[int]) -> Function:
        def traced(*xs: Any) -> Tensors:
            with Trace():
                return tuple(function(*xs))

        compiled = tf.function(traced, autograph=False)
        programs: dict[Any, Any] = {}

        def run(*xs: Any) -> Tensors:
            signature = tuple([(x.dtype, x.shape) for x in xs])
            program = programs.get(signature)
            if program is None:
                specs = [tf.TensorSpec(shape, dtype) for dtype, shape in signature]
                program = programs[signature] = compiled.get_concrete_function(*specs)
            if self._tapes.open or not tf.executing_eagerly():
                return tuple(program(*xs))
            # No gradient is recorded: skip the binding, 3 times as costly as the call.
            return tuple(program.inference_fn.call_flat(*xs, *program.captured_inputs))

        return run

    def checkpoint(self, function: Function) -> Function:
        return checkpoint(function, lambda xs, gs: self.vjp(function, xs)[1](gs))

    stop_gradient = native(tf.stop_gradient)

    def custom_gradient(
        self, function: Callable[..., tuple[Tensors, Callable[..., Tensors]]]
    ) -> Function:
        @tf.custom_gradient
        def run(*xs: Any) -> Any:
            outputs, pullback = function(*xs)

            def gradient(*gs: Any) -> list[Any]:
                return [g if differentiable(g) else None for g in pullback(*gs)]

            return tuple(outputs), gradient

        return lambda *xs: tuple(run(*xs))

    # -- devices -----------------------------------------------------------------------

    def devices(self) -> tuple[str, ...]:
        found = [
            d.name.rpartition("device:")[2].lower()
            for d in tf.config.list_logical_devices()
        ]
        return tuple(sorted(found, key=lambda name: name.startswith("cpu")))

    def device(self, name: str) -> AbstractContextManager[Any]:
        if name not in self.devices():
            known = ", ".join(self.devices())
            raise BackendError(
                f"TensorFlow has no device {name!r} here. It has: {known}."
            )
        return tf.device(f"/{name}")

    def synchronize(self, x: Any) -> None:
        tf.test.experimental.sync_devices()

    @contextmanager
    def _taping(self, tape: Any) -> Iterator[Any]:
        """Open a tape, and count it: `jit` must be recorded while one is open."""
        self._tapes.open += 1
        try:
            with tape:
                yield tape
        finally:
            self._tapes.open -= 1


def _gradient(
    tape: Any, targets: list[Any], sources: list[Any], seeds: list[Any]
) -> list[Any]:
    if not targets:
        return [tf.zeros_like(x) for x in sources]
    found = tape.gradient(targets, sources, seeds, tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(g) for g in found]


def _philox(key: Key, low: Any, count: int) -> Any:
    """Return the words of counters (low, key), (low + 1, key) and so on."""
    if isinstance(key, tuple):
        high = tf.constant([key[0] | key[1] << 32], tf.uint64)
    else:
        high = tf.bitcast(tf.reshape(key, (1, 2)), tf.uint64)
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=(count,),
        key=high,
        counter=tf.concat([low, high], 0),
        alg=1,
        dtype=tf.uint32,
    )


def _scan_graph(function: Any, carry: Tensors, xs: Sequence[Any], steps: range) -> Any:
    length, columns = (
        len(steps),
        [tf.TensorArray(x.dtype, len(steps)).unstack(x) for x in xs],
    )
    # The first step runs outside of the loop: it tells the dtypes and shapes of the ys.
    carry, first = function(carry, tuple(x[steps[0]] for x in xs))
    arrays = [
        tf.TensorArray(y.dtype, length, element_shape=y.shape).write(steps[0], y)
        for y in first
    ]

    def body(i: Any, carry: list[Any], arrays: list[Any]) -> Any:
        row = i * steps.step + steps[0]
        carry, ys = function(
            tuple(carry), tuple(column.read(row) for column in columns)
        )
        written = [array.write(row, y) for array, y in zip(arrays, ys, strict=True)]
        return i + 1, list(carry), written

    if length > 1:
        state = (1, list(carry), arrays)
        _, carry, arrays = tf.while_loop(
            lambda i, *_: i < length, body, state, maximum_iterations=length - 1
        )
    stacked = [
        tf.ensure_shape(array.stack(), (length, *dims(y)))
        for array, y in zip(arrays, first, strict=True)
    ]
    return tuple(carry), tuple(stacked)
