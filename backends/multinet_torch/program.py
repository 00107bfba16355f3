"""Program primitives on torch: contraction to devices, in the interface's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from multinet.errors import BackendError
from multinet.interface import Key
from multinet_torch import contraction, random, transforms, windows
from multinet_torch.array import ArrayOps, Shape, Tensor, direct, placement
from multinet_torch.fast.tape import is_known
from multinet_torch.transforms import is_batched, unwrap
from multinet_torch.widening import modular

Pairs = Sequence[tuple[int, int]]
Tensors = tuple[Tensor, ...]
Function = Callable[..., Tensors]


class ProgramOps(ArrayOps):
    """Contraction to devices."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return modular(contraction.matmul, x, y)

    def einsum(self, equation: str, *operands: Tensor) -> Tensor:
        return modular(lambda *xs: contraction.einsum(equation, *xs), *operands)

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    cholesky = direct(torch.linalg.cholesky)
    solve = direct(torch.linalg.solve)

    def solve_triangular(self, a: Tensor, b: Tensor, lower: bool) -> Tensor:
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    def qr(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor]:
        q, r = torch.linalg.qr(x, "complete" if full_matrices else "reduced")
        return q, r

    def svd(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
        u, s, vh = torch.linalg.svd(x, full_matrices)
        return u, s, vh

    def eigh(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(x, "L")
        return values, vectors

    def eig(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eig(x.detach())
        return values, vectors

    def lu_factor(self, x: Tensor) -> tuple[Tensor, Tensor]:
        packed, pivots = torch.linalg.lu_factor(x)
        return packed, pivots - 1

    def slogdet(self, x: Tensor) -> tuple[Tensor, Tensor]:
        sign, log_modulus = torch.linalg.slogdet(x)
        return sign, log_modulus

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    fft = direct(torch.fft.fft)
    ifft = direct(torch.fft.ifft)
    rfft = direct(torch.fft.rfft)
    irfft = direct(torch.fft.irfft)

    # -- windows (channels last, 1 to 3 spatial axes; floats) --------------------------

    conv = direct(windows.conv)
    conv_transpose = direct(windows.conv_transpose)
    max_pool = direct(windows.max_pool)
    sum_pool = direct(windows.sum_pool)

    # -- random bits -------------------------------------------------------------------

    def random_bits(self, key: Key, shape: Shape, width: int) -> Tensor:
        draw = random.words if width == 32 else random.half_words
        dtype = torch.uint32 if width == 32 else torch.uint16
        return draw(key, _size(shape)).to(dtype).reshape(shape)

    def fold_in(self, key: Key, data: Any) -> Key:
        if is_known(key) and is_known(data):
            return random.fold_in(key, data)
        k0, k1 = random.lanes(key)
        counter = data.to(torch.int64) if isinstance(data, Tensor) else data
        words = random.rounds((counter, 1, k0, k1), (k0, k1))
        return torch.stack(words[:2]).to(torch.uint32)

    # -- control flow (flat tuples of tensors; functions are pure) ---------------------

    def cond(
        self,
        predicate: Tensor,
        true_function: Function,
        false_function: Function,
        operands: Sequence[Tensor],
    ) -> Tensors:
        if not is_batched(predicate):
            return (true_function if unwrap(predicate) else false_function)(*operands)
        pairs = zip(true_function(*operands), false_function(*operands), strict=True)
        return tuple(torch.where(predicate, x, y) for x, y in pairs)

    def while_loop(
        self, condition: Callable[..., Tensor], body: Function, state: Sequence[Tensor]
    ) -> Tensors:
        state = tuple(state)
        active = condition(*state)
        while unwrap(active).any():
            pairs = zip(body(*state), state, strict=True)
            if is_batched(active):
                state = tuple(torch.where(active, new, old) for new, old in pairs)
                active = active & condition(*state)
            else:
                state = tuple(new for new, _ in pairs)
                active = condition(*state)
        return state

    def scan(
        self,
        function: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]],
        carry: Sequence[Tensor],
        xs: Sequence[Tensor],
        length: int,
        reverse: bool,
    ) -> tuple[Tensors, Tensors]:
        rows = [x.unbind(0) for x in xs]
        order = range(length - 1, -1, -1) if reverse else range(length)
        carry, found = tuple(carry), []
        for i in order:
            carry, y = function(carry, tuple(row[i] for row in rows))
            found.append(y)
        if reverse:
            found.reverse()
        return tuple(carry), tuple(torch.stack(y) for y in zip(*found, strict=True))

    # -- transforms (functions of flat positional tensors, returning flat tuples) ------

    vjp = direct(transforms.vjp)
    jvp = direct(transforms.jvp)

    def vmap(self, function: Function, in_axes: Sequence[int | None]) -> Function:
        return torch.func.vmap(_flat(function), tuple(in_axes))

    jit = direct(transforms.jit)
    checkpoint = direct(transforms.checkpoint)

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x.detach()

    custom_gradient = direct(transforms.custom_gradient)

    # -- devices -----------------------------------------------------------------------

    def devices(self) -> tuple[str, ...]:
        return (*[f"gpu:{i}" for i in range(torch.cuda.device_count())], "cpu:0")

    def device(self, name: str) -> AbstractContextManager[Any]:
        if name not in self.devices():
            raise BackendError(
                f"PyTorch has no device {name!r} here. Choose one of {self.devices()}."
            )
        return _placed(torch.device("cpu") if name == "cpu:0" else _gpu(name))

    def synchronize(self, x: Tensor) -> None:
        if x.is_cuda:
            torch.cuda.synchronize(x.device)


def _gpu(name: str) -> torch.device:
    return torch.device(name.replace("gpu", "cuda"))


@contextmanager
def _placed(device: torch.device) -> Iterator[None]:
    token = placement.set(device)
    try:
        yield
    finally:
        placement.reset(token)


def _flat(function: Function) -> Function:
    return lambda *xs: tuple(function(*xs))


def _size(shape: Shape) -> int:
    return torch.Size(shape).numel()
