"""Program primitives: contraction to devices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from multinet.interface.array import ArrayPrimitives, Shape, T
from multinet.typing import Numbers

Key = Any  # tuple[int, int] of uint32 values, or a tensor: uint32 of shape (2,)
Pairs = Sequence[tuple[int, int]]
Tensors = tuple[T, ...]
Function = Callable[..., tuple[T, ...]]


class ProgramPrimitives(ArrayPrimitives[T]):
    """Contraction to devices. See the package docstring for the shared conventions."""

    # -- contraction -------------------------------------------------------------------

    @abstractmethod
    def matmul(self, x: T, y: T) -> T:
        """Multiply matrices: (..., n, k) @ (..., k, m) -> (..., n, m); batches
        broadcast.

        Integers, floats, complex; both operands have at least two axes.
        """

    @abstractmethod
    def einsum(self, equation: str, *operands: T) -> T:
        """Contract by an explicit equation such as `"bij,bjk->bik"`.

        The ellipsis is expanded and the arrow present; a letter may repeat in one
        operand (a diagonal). Floats and complex, integers too.
        """

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    @abstractmethod
    def cholesky(self, x: T) -> T:
        """Return lower L with L @ L^H = x, of a Hermitian positive matrix (its lower
        half).

        NaN, or the framework's error, where x is not positive definite.
        """

    @abstractmethod
    def solve(self, a: T, b: T) -> T:
        """Return x with a @ x = b: a (..., n, n), b (..., n, m), equal batch axes."""

    @abstractmethod
    def solve_triangular(self, a: T, b: T, lower: bool) -> T:
        """Return x with a @ x = b for triangular a; its other half is not read."""

    @abstractmethod
    def qr(self, x: T, full_matrices: bool) -> tuple[T, T]:
        """Return Q, R: reduced (..., n, k), (..., k, m), k = min(n, m), or Q square.

        The signs are the framework's; the gradient is required of reduced n >= m.
        """

    @abstractmethod
    def svd(self, x: T, full_matrices: bool) -> tuple[T, T, T]:
        """Return U, S, V^H with S descending.

        The gradient is required of reduced ones.
        """

    @abstractmethod
    def eigh(self, x: T) -> tuple[T, T]:
        """Return eigenvalues (ascending, real) and eigenvectors of a Hermitian matrix.

        The lower half is read.
        """

    @abstractmethod
    def eig(self, x: T) -> tuple[T, T]:
        """Return complex eigenvalues and unit eigenvectors of a square matrix. No
        gradient.

        The order and the phases are the framework's.
        """

    @abstractmethod
    def lu_factor(self, x: T) -> tuple[T, T]:
        """Return packed L\\U and int32 row pivots (LAPACK's, from 0) of a square
        matrix.

        No gradient is required.
        """

    @abstractmethod
    def slogdet(self, x: T) -> tuple[T, T]:
        """Return the sign and the log of the modulus of the determinant.

        0 and -inf for a singular matrix.
        """

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    @abstractmethod
    def fft(self, x: T) -> T:
        """Return the discrete Fourier transform of complex x, unscaled."""

    @abstractmethod
    def ifft(self, x: T) -> T:
        """Return the inverse transform of complex x, scaled by 1/n."""

    @abstractmethod
    def rfft(self, x: T) -> T:
        """Return the first n // 2 + 1 Fourier coefficients of real x."""

    @abstractmethod
    def irfft(self, x: T, n: int) -> T:
        """Return the real signal of length n of n // 2 + 1 coefficients, scaled by 1/n.

        Imaginary parts of the first and, for even n, the last coefficient are ignored.
        """

    # -- windows (channels last, 1 to 3 spatial axes; floats) --------------------------

    @abstractmethod
    def conv(
        self,
        x: T,
        kernel: T,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> T:
        """Cross-correlate x (n, *spatial, c) with kernel (*window, c // groups, out).

        `padding` is (before, after) zeros for each spatial axis; returns
        (n, *((spatial + padding - dilated window) // strides + 1), out). The window
        fits into the padded input.
        """

    @abstractmethod
    def conv_transpose(
        self,
        x: T,
        kernel: T,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> T:
        """Apply the transpose of `conv`, the linear map, to x (n, *spatial, out).

        `kernel`, `strides`, `padding`, `dilation` and `groups` are those of the `conv`
        whose input had spatial `shape`; returns (n, *shape, c).
        """

    @abstractmethod
    def max_pool(self, x: T, window: Shape, strides: Shape, padding: Pairs) -> T:
        """Return the maximum of each window of x (n, *spatial, c); padding never wins.

        NaN propagates; in the gradient the first of equals takes all.
        """

    @abstractmethod
    def sum_pool(self, x: T, window: Shape, strides: Shape, padding: Pairs) -> T:
        """Return the sum of each window of x (n, *spatial, c); padding counts as 0."""

    # -- random bits -------------------------------------------------------------------

    @abstractmethod
    def random_bits(self, key: Key, shape: Shape, width: int) -> T:
        """Return Philox-4x32-10 words of `key` as uint32 (`width` 32) or uint16 (16).

        Word i, in row-major order, is lane i % 4 of counter (i // 4, 0, k0, k1); at
        width 16 each word gives its low, then its high half. `multinet.philox` is the
        reference; equal bit for bit, eager and compiled. A vmapped key yields its
        unbatched words.
        """

    @abstractmethod
    def fold_in(self, key: Key, data: Numbers) -> Key:
        """Return lanes 0 and 1 of counter (data, 1, k0, k1): a key, as a uint32 tensor.

        `data` is an int or a scalar integer tensor within [0, 2**32). Called only where
        one of the two is a tensor; `multinet.philox.fold_in` serves host keys.
        """

    # -- control flow (flat tuples of tensors; functions are pure) ---------------------

    @abstractmethod
    def cond(
        self,
        predicate: T,
        true_function: Function[T],
        false_function: Function[T],
        operands: Sequence[T],
    ) -> Tensors[T]:
        """Return one branch applied to operands; both give equal shapes and dtypes.

        `predicate` is a bool scalar. Differentiable in the operands.
        """

    @abstractmethod
    def while_loop(
        self, condition: Callable[..., T], body: Function[T], state: Sequence[T]
    ) -> Tensors[T]:
        """Repeat state = body(*state) while condition(*state), a bool scalar.

        Shapes and dtypes of the state are fixed. Forward only: no gradient.
        """

    @abstractmethod
    def scan(
        self,
        function: Callable[[Tensors[T], Tensors[T]], tuple[Tensors[T], Tensors[T]]],
        carry: Sequence[T],
        xs: Sequence[T],
        length: int,
        reverse: bool,
    ) -> tuple[Tensors[T], Tensors[T]]:
        """Run carry, y = function(carry, x) along the first axis of xs; stack the ys.

        `length` is that axis, given since xs may be empty; `reverse` goes from the last
        row to the first, and ys keep their rows. Differentiable in carry, xs, and in
        what the function closes over. `length` is at least 1.
        """

    # -- transforms (functions of flat positional tensors, returning flat tuples) ------

    @abstractmethod
    def vjp(
        self, function: Function[T], primals: Sequence[T]
    ) -> tuple[Tensors[T], Callable[[Sequence[T]], Tensors[T]]]:
        """Return function(*primals) and its pullback: cotangents of outputs to inputs.

        One cotangent per output, of its shape and dtype (those of integer outputs are
        ignored); one result per primal, zeros where it has no influence. The pullback
        may be called more than once and is itself differentiable. A function of NumPy
        that gets a tensor inside raises an error, or is differentiated as well.
        """

    @abstractmethod
    def jvp(
        self, function: Function[T], primals: Sequence[T], tangents: Sequence[T]
    ) -> tuple[Tensors[T], Tensors[T]]:
        """Return function(*primals) and its directional derivative along `tangents`.

        Primals are floats or complex. Tangents of integer outputs are zeros.
        """

    @abstractmethod
    def vmap(self, function: Function[T], in_axes: Sequence[int | None]) -> Function[T]:
        """Map over the first axis of the arguments whose entry is 0; None is shared.

        Results carry the mapped axis first.
        """

    @abstractmethod
    def jit(self, function: Function[T], donate: Sequence[int]) -> Function[T]:
        """Compile a pure function, once for each signature; arguments at `donate` are
        consumed.

        Arguments are tensors or values made by `argument`. Results alias nothing.
        Called while another trace runs, it is part of that. A backend without a
        compiler returns a function that just runs.
        """

    @abstractmethod
    def checkpoint(self, function: Function[T]) -> Function[T]:
        """Return the function that recomputes its intermediates in the backward pass.

        The results are the same, random draws included; so are the gradients, of what
        the function closes over too. It saves memory where it can.
        """

    @abstractmethod
    def stop_gradient(self, x: T) -> T:
        """Return x as a constant: gradients do not flow through."""

    @abstractmethod
    def custom_gradient(
        self,
        function: Callable[..., tuple[Tensors[T], Callable[..., Tensors[T]]]],
    ) -> Function[T]:
        """Return a function whose reverse rule the caller wrote.

        `function(*xs)` returns (outputs, pullback) with pullback(*cotangents) -> one
        cotangent per input. Neither may close over values being differentiated.
        """

    # -- devices -----------------------------------------------------------------------

    @abstractmethod
    def devices(self) -> tuple[str, ...]:
        """Return the devices, such as `("cpu:0", "gpu:0")`, the default one first."""

    @abstractmethod
    def device(self, name: str) -> AbstractContextManager[Any]:
        """Return a context in which new tensors are placed on the device named.

        `BackendError` lists the devices if there is none of that name.
        """

    @abstractmethod
    def synchronize(self, x: T) -> None:
        """Wait until x has been computed."""
