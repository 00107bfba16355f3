"""Shapes and dtypes of the program primitives: contraction to devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, BackendError, DTypeError, ShapeError
from multinet.interface import Key
from multinet.symbolic.array import SymbolicArrayPart
from multinet.symbolic.dims import Size, smaller
from multinet.symbolic.spec import (
    Shape,
    SymbolicArray,
    agree,
    broadcast,
    check_domain,
    check_shape,
    common_dtype,
    known,
    made,
    merge,
    show,
)
from multinet.symbolic.windows import check_kernel, window_sizes
from multinet.typing import Numbers

X = SymbolicArray
Arrays = tuple[SymbolicArray, ...]
Function = Callable[..., Arrays]
Pairs = Sequence[tuple[int, int]]


class SymbolicProgramPart(SymbolicArrayPart):
    """Contraction to devices; mixed into `SymbolicBackend`."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: X, y: X) -> X:
        x, y = self.spec(x), self.spec(y)
        dtype = common_dtype("matmul", x, y)
        short = min(len(x.shape), len(y.shape)) < 2
        if short or not agree(x.shape[-1], y.shape[-2]):
            raise ShapeError(
                f"matmul expects (..., n, k) and (..., k, m); got shapes "
                f"{show(x.shape, y.shape)}. Transpose or reshape one of them."
            )
        batch = broadcast("matmul", x.shape[:-2], y.shape[:-2])
        return SymbolicArray((*batch, x.shape[-2], y.shape[-1]), dtype)

    def einsum(self, equation: str, *operands: X) -> X:
        arrays = [self.spec(x) for x in operands]
        dtype = common_dtype("einsum", *arrays)
        left, arrow, right = equation.replace(" ", "").partition("->")
        terms = left.split(",")
        letters = set("".join(terms)) | set(right)
        plain = all(letter.isalpha() for letter in letters)
        once = len(set(right)) == len(right)
        if not (arrow and plain and once and set(right) <= set("".join(terms))):
            raise ArgumentError(
                f"einsum expects an explicit equation such as 'bij,bjk->bik'; got "
                f"{equation!r}. Write out the ellipsis and the result."
            )
        sizes: dict[str, Size] = {}
        ranks = [len(x.shape) for x in arrays]
        fits = [len(term) for term in terms] == ranks
        for term, x in zip(terms, arrays):
            for letter, size in zip(term, x.shape):
                before = sizes.setdefault(letter, size)
                fits = fits and agree(before, size)
                sizes[letter] = known(before, size)
        if not fits:
            raise ShapeError(
                f"einsum {equation!r} does not fit the shapes "
                f"{show(*(x.shape for x in arrays))}: one letter, one size. "
                "Transpose or reshape the operands."
            )
        return SymbolicArray((sizes[letter] for letter in right), dtype)

    # -- linear algebra ----------------------------------------------------------------

    def _matrix(self, method: str, x: X, square: bool) -> tuple[Shape, Size, Size, str]:
        x = self.spec(x)
        check_domain(method, x.dtype)
        if len(x.shape) < 2 or (square and not agree(x.shape[-2], x.shape[-1])):
            kind = "square matrices (..., n, n)" if square else "matrices (..., n, m)"
            raise ShapeError(
                f"{method} expects {kind}; got shape {show(x.shape)}. Reshape it."
            )
        return x.shape[:-2], x.shape[-2], x.shape[-1], x.dtype

    def cholesky(self, x: X) -> X:
        batch, n, m, dtype = self._matrix("cholesky", x, True)
        return SymbolicArray((*batch, n, m), dtype)

    def solve(self, a: X, b: X) -> X:
        return self._solve("solve", a, b)

    def solve_triangular(self, a: X, b: X, lower: bool) -> X:
        return self._solve("solve_triangular", a, b)

    def _solve(self, method: str, a: X, b: X) -> X:
        batch, n, _, _ = self._matrix(method, a, True)
        common_dtype(method, self.spec(a), self.spec(b))
        batch_b, rows, columns, dtype = self._matrix(method, b, False)
        whole = merge(method, (*batch, n), (*batch_b, rows))
        return SymbolicArray((*whole, columns), dtype)

    def qr(self, x: X, full_matrices: bool) -> tuple[X, X]:
        batch, n, m, dtype = self._matrix("qr", x, False)
        k = n if full_matrices else smaller(n, m)
        return made("qr", dtype, (*batch, n, k), (*batch, k, m))

    def svd(self, x: X, full_matrices: bool) -> tuple[X, X, X]:
        batch, n, m, dtype = self._matrix("svd", x, False)
        k = smaller(n, m)
        left, right = (n, m) if full_matrices else (k, k)
        u, s, vh = (*batch, n, left), (*batch, k), (*batch, right, m)
        return made("svd", dtype, u, s, vh)

    def eigh(self, x: X) -> tuple[X, X]:
        batch, n, m, dtype = self._matrix("eigh", x, True)
        return made("eigh", dtype, (*batch, n), (*batch, n, m))

    def eig(self, x: X) -> tuple[X, X]:
        batch, n, m, dtype = self._matrix("eig", x, True)
        return made("eig", dtype, (*batch, n), (*batch, n, m))

    def lu_factor(self, x: X) -> tuple[X, X]:
        batch, n, m, dtype = self._matrix("lu_factor", x, True)
        return made("lu_factor", dtype, (*batch, n, m), (*batch, n))

    def slogdet(self, x: X) -> tuple[X, X]:
        batch, _, _, dtype = self._matrix("slogdet", x, True)
        return made("slogdet", dtype, batch, batch)

    # -- FFT ---------------------------------------------------------------------------

    def _spectrum(self, method: str, x: X) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        if not x.shape:
            raise ShapeError(f"{method} expects at least one axis; got a scalar.")
        return x

    def fft(self, x: X) -> X:
        x = self._spectrum("fft", x)
        return SymbolicArray(x.shape, x.dtype)

    def ifft(self, x: X) -> X:
        x = self._spectrum("ifft", x)
        return SymbolicArray(x.shape, x.dtype)

    def rfft(self, x: X) -> X:
        x = self._spectrum("rfft", x)
        shape = (*x.shape[:-1], x.shape[-1] // 2 + 1)
        return made("rfft", x.dtype, shape)

    def irfft(self, x: X, n: int) -> X:
        x = self._spectrum("irfft", x)
        if not agree(x.shape[-1], n // 2 + 1):
            raise ShapeError(
                f"irfft to length {n} expects {n // 2 + 1} coefficients on the last "
                f"axis; got shape {show(x.shape)}. Cut or pad it."
            )
        return made("irfft", x.dtype, (*x.shape[:-1], n))

    # -- windows -----------------------------------------------------------------------

    def conv(
        self,
        x: X,
        kernel: X,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> X:
        x, kernel = self.spec(x), self.spec(kernel)
        dtype = common_dtype("conv", x, kernel)
        check_kernel("conv", x, kernel, groups)
        if not agree(x.shape[-1], kernel.shape[-2] * groups):
            raise ShapeError(
                f"conv expects x with {kernel.shape[-2] * groups} channels on the last "
                f"axis, for kernel {show(kernel.shape)} and {groups} groups; got x "
                f"{show(x.shape)}. Build the kernel for these channels."
            )
        sizes = window_sizes("conv", x, kernel.shape[:-2], strides, padding, dilation)
        return SymbolicArray((x.shape[0], *sizes, kernel.shape[-1]), dtype)

    def conv_transpose(
        self,
        x: X,
        kernel: X,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> X:
        x, kernel = self.spec(x), self.spec(kernel)
        dtype = common_dtype("conv_transpose", x, kernel)
        check_kernel("conv_transpose", x, kernel, groups)
        result = (x.shape[0], *shape, kernel.shape[-2] * groups)
        back = self.conv(
            SymbolicArray(result, dtype), kernel, strides, padding, dilation, groups
        )
        if not all(map(agree, back.shape, x.shape)):
            raise ShapeError(
                f"conv_transpose to {show(shape)} expects x of shape "
                f"{show(back.shape)}, what conv makes of {show(result)}; got "
                f"{show(x.shape)}. Change `shape` or the input."
            )
        return SymbolicArray(result, dtype)

    def max_pool(self, x: X, window: Shape, strides: Shape, padding: Pairs) -> X:
        return self._pool("max_pool", x, window, strides, padding)

    def sum_pool(self, x: X, window: Shape, strides: Shape, padding: Pairs) -> X:
        return self._pool("sum_pool", x, window, strides, padding)

    def _pool(
        self, method: str, x: X, window: Shape, strides: Shape, padding: Pairs
    ) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        sizes = window_sizes(method, x, window, strides, padding, (1,) * len(window))
        return SymbolicArray((x.shape[0], *sizes, x.shape[-1]), x.dtype)

    # -- random bits -------------------------------------------------------------------

    def random_bits(self, key: Key, shape: Shape, width: int) -> X:
        if width not in (16, 32):
            raise ArgumentError(
                f"random_bits expects a width of 16 or 32; got {width}."
            )
        return SymbolicArray(check_shape("random_bits", shape), f"uint{width}")

    def fold_in(self, key: Key, data: Numbers) -> Key:
        return SymbolicArray((2,), "uint32")

    # -- control flow ------------------------------------------------------------------

    def cond(
        self,
        predicate: X,
        true_function: Function,
        false_function: Function,
        operands: Sequence[X],
    ) -> Arrays:
        _check_predicate("cond", self.spec(predicate))
        yes = self._run(true_function, *operands)
        no = self._run(false_function, *operands)
        return _unify("cond expects both branches to return", yes, no)

    def while_loop(
        self, condition: Callable[..., X], body: Function, state: Sequence[X]
    ) -> Arrays:
        state = tuple(self.spec(x) for x in state)
        _check_predicate("while_loop", self.spec(condition(*state)))
        after = self._run(body, *state)
        return _unify("while_loop expects the body to keep the state", state, after)

    def scan(
        self,
        function: Callable[[Arrays, Arrays], tuple[Arrays, Arrays]],
        carry: Sequence[X],
        xs: Sequence[X],
        length: int,
        reverse: bool,
    ) -> tuple[Arrays, Arrays]:
        carry = tuple(self.spec(x) for x in carry)
        rows = []
        for x in map(self.spec, xs):
            if not x.shape or not agree(x.shape[0], length):
                raise ShapeError(
                    f"scan expects xs with a first axis of {length}; got shape "
                    f"{show(x.shape)}. Give all xs one length."
                )
            rows.append(SymbolicArray(x.shape[1:], x.dtype))
        after, ys = function(carry, tuple(rows))
        after = tuple(self.spec(x) for x in after)
        carry = _unify("scan expects the function to keep the carry", carry, after)
        stacked = (self.spec(y) for y in ys)
        return carry, tuple(SymbolicArray((length, *y.shape), y.dtype) for y in stacked)

    # -- transforms --------------------------------------------------------------------

    def _run(self, function: Function, *operands: Any) -> Arrays:
        return tuple(self.spec(y) for y in function(*operands))

    def vjp(
        self, function: Function, primals: Sequence[X]
    ) -> tuple[Arrays, Callable[[Sequence[X]], Arrays]]:
        primals = tuple(self.spec(x) for x in primals)
        outputs = self._run(function, *primals)

        def pullback(cotangents: Sequence[X]) -> Arrays:
            given = tuple(self.spec(g) for g in cotangents)
            _unify("The pullback expects cotangents like the outputs", outputs, given)
            return tuple(SymbolicArray(x.shape, x.dtype) for x in primals)

        return outputs, pullback

    def jvp(
        self, function: Function, primals: Sequence[X], tangents: Sequence[X]
    ) -> tuple[Arrays, Arrays]:
        primals = tuple(self.spec(x) for x in primals)
        given = tuple(self.spec(x) for x in tangents)
        _unify("jvp expects tangents like the primals", primals, given)
        outputs = self._run(function, *primals)
        return outputs, tuple(SymbolicArray(y.shape, y.dtype) for y in outputs)

    def vmap(self, function: Function, in_axes: Sequence[int | None]) -> Function:
        def mapped(*operands: X) -> Arrays:
            arrays = [self.spec(x) for x in operands]
            over = [x for x, axis in zip(arrays, in_axes, strict=True) if axis == 0]
            if any(not x.shape for x in over) or not over:
                raise ShapeError(
                    f"vmap expects a first axis on every mapped argument; got shapes "
                    f"{show(*(x.shape for x in arrays))}. Give None for scalars."
                )
            size = over[0].shape[0]
            for x in over[1:]:
                size = merge("vmap over the first axis", (size,), x.shape[:1])[0]
            rows = [
                SymbolicArray(x.shape[1:], x.dtype) if axis == 0 else x
                for x, axis in zip(arrays, in_axes)
            ]
            results = self._run(function, *rows)
            return tuple(SymbolicArray((size, *y.shape), y.dtype) for y in results)

        return mapped

    def jit(self, function: Function, donate: Sequence[int]) -> Function:
        return function

    def checkpoint(self, function: Function) -> Function:
        return function

    def stop_gradient(self, x: X) -> X:
        return self.spec(x)

    def custom_gradient(
        self, function: Callable[..., tuple[Arrays, Callable[..., Arrays]]]
    ) -> Function:
        return lambda *xs: tuple(self.spec(y) for y in function(*xs)[0])

    # -- devices -----------------------------------------------------------------------

    def devices(self) -> tuple[str, ...]:
        return self.concrete.devices()

    def device(self, name: str) -> AbstractContextManager[Any]:
        if name not in self.devices():
            raise BackendError(
                f"There is no device {name!r}. Devices: {', '.join(self.devices())}."
            )
        return nullcontext()

    def synchronize(self, x: X) -> None:
        """Nothing is ever pending: there are no values."""

    # -- program arguments -------------------------------------------------------------

    def argument(self, value: Numbers, dtype: str) -> X:
        return SymbolicArray(np.shape(value), dtypes.standardize(dtype))


def _check_predicate(method: str, x: X) -> None:
    if x.shape or x.dtype != "bool":
        raise DTypeError(
            f"{method} expects a bool scalar as its predicate; got {x!r}. Reduce it "
            "with ops.any or ops.all."
        )


def _unify(rule: str, first: Arrays, second: Arrays) -> Arrays:
    fits = len(first) == len(second) and all(
        a.dtype == b.dtype
        and len(a.shape) == len(b.shape)
        and all(map(agree, a.shape, b.shape))
        for a, b in zip(first, second)
    )
    if not fits:
        raise ShapeError(
            f"{rule}: equal shapes and dtypes. Got {list(first)} and {list(second)}. "
            "Cast or reshape inside the function."
        )
    return tuple(
        SymbolicArray(map(known, a.shape, b.shape), a.dtype)
        for a, b in zip(first, second)
    )
