"""The program half of the backend: contraction to devices, in the interface's order."""

from __future__ import annotations

import contextlib
import functools
import math
from typing import Any

import numpy as np

from multinet import philox
from multinet.errors import BackendError
from multinet.interface import Running
from multinet_numpy import transforms
from multinet_numpy.array import ArrayBackend
from multinet_numpy.fast.plan import plannable
from multinet_numpy.primitives import traced
from multinet_numpy.tape import Traced, quiet, strip


def _host_key(key: Any) -> philox.Key:
    return key if type(key) is tuple else (int(key[0]), int(key[1]))


@functools.partial(plannable, "random_bits")
def _random_bits(key: Any, shape: Any, width: int) -> Any:
    draw = philox.words if width == 32 else philox.half_words
    return draw(_host_key(key), math.prod(shape)).reshape(shape)


@functools.partial(plannable, "dropout_mask")
def _dropout_mask(key: Any, shape: Any, threshold: int) -> Any:
    lanes = philox.half_words(_host_key(key), math.prod(shape))
    return np.greater_equal(lanes, np.uint16(threshold)).reshape(shape)


@functools.partial(plannable, "fold_in")
def _fold_in(key: Any, data: Any) -> Any:
    return np.array(philox.fold_in(_host_key(key), int(data)), np.uint32)


class ProgramBackend(ArrayBackend):
    """Contraction to devices."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x, y):
        return traced.matmul(x, y)

    def einsum(self, equation, *operands):
        return traced.einsum(*operands, equation)

    # -- linear algebra ----------------------------------------------------------------

    def cholesky(self, x):
        return traced.cholesky(x)

    def solve(self, a, b):
        return traced.solve(a, b)

    def solve_triangular(self, a, b, lower):
        return traced.solve_triangular(a, b, lower)

    def qr(self, x, full_matrices):
        return traced.qr(x, full_matrices)

    def svd(self, x, full_matrices):
        return traced.svd(x, full_matrices)

    def eigh(self, x):
        return traced.eigh(x)

    def eig(self, x):
        return traced.eig(x)

    def lu_factor(self, x):
        return traced.lu_factor(x)

    def slogdet(self, x):
        return traced.slogdet(x)

    # -- FFT ---------------------------------------------------------------------------

    def fft(self, x):
        return traced.fft(x)

    def ifft(self, x):
        return traced.ifft(x)

    def rfft(self, x):
        return traced.rfft(x)

    def irfft(self, x, n):
        return traced.irfft(x, n)

    # -- windows -----------------------------------------------------------------------

    def conv(self, x, kernel, strides, padding, dilation, groups):
        return traced.conv(x, kernel, strides, padding, dilation, groups)

    def conv_transpose(self, x, kernel, shape, strides, padding, dilation, groups):
        same = (strides, padding, dilation, groups)
        return traced.conv_transpose(x, kernel, shape, *same)

    def max_pool(self, x, window, strides, padding):
        return traced.max_pool(x, window, strides, padding)

    def sum_pool(self, x, window, strides, padding):
        return traced.sum_pool(x, window, strides, padding)

    # -- random bits -------------------------------------------------------------------

    def random_bits(self, key, shape, width):
        return _random_bits(key, shape, width)

    def dropout_mask(self, key, shape, rate):
        return _dropout_mask(key, shape, min(round(rate * 65536), 65535))

    def fold_in(self, key, data):
        return _fold_in(key, data)

    # -- control flow ------------------------------------------------------------------

    def cond(self, predicate, true_function, false_function, operands):
        return tuple((true_function if predicate else false_function)(*operands))

    def while_loop(self, condition, body, state):
        def loop(*state: Any) -> Any:
            while condition(*state):
                state = tuple(body(*state))
            return state, transforms.refuse

        return transforms.custom_gradient(loop)(*state)

    def scan(self, function, carry, xs, length, reverse):
        carry, rows = tuple(carry), []
        for i in reversed(range(length)) if reverse else range(length):
            carry, ys = function(carry, tuple(traced.getitem(x, i) for x in xs))
            rows.append(ys)
        if reverse:
            rows.reverse()
        return tuple(carry), tuple(traced.stack(*column) for column in zip(*rows))

    # -- transforms --------------------------------------------------------------------

    def vjp(self, function, primals):
        return transforms.vjp(function, primals)

    def jvp(self, function, primals, tangents):
        return transforms.jvp(function, primals, tangents)

    def vmap(self, function, in_axes):
        return transforms.vmap(function, in_axes)

    def jit(self, function, donate):
        @functools.wraps(function)
        def run(*args: Any) -> Any:
            with quiet(), Running():
                return _unshared(function(*args), args)

        return run

    def checkpoint(self, function):
        return transforms.checkpoint(function)

    def stop_gradient(self, x):
        return strip(x)

    def custom_gradient(self, function):
        return transforms.custom_gradient(function)

    # -- devices -----------------------------------------------------------------------

    def devices(self):
        return ("cpu:0",)

    def device(self, name):
        if name not in self.devices():
            raise BackendError(f"NumPy has no device {name!r}. Its devices: cpu:0.")
        return contextlib.nullcontext()

    def synchronize(self, x):
        return None


def _unshared(results: Any, args: Any) -> Any:
    """Copy the results that are views, arguments or one another."""
    seen = {id(x) for x in args}
    own = []
    for y in results:
        plain = type(y) is not Traced
        if plain and (id(y) in seen or getattr(y, "base", None) is not None):
            y = np.array(y)
        seen.add(id(y))
        own.append(y)
    return tuple(own)
