"""Fourier transforms. Complex numbers go in and out as pairs (real, imaginary)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.checks import at_least, real_floats
from multinet.ops.core import as_tensor, cast_tensor, floating, host, op, shape_of
from multinet.ops.padding import pad
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape, same
from multinet.typing import Host, Tensor


def _complex(x: Any) -> Any:
    """Return a pair (real, imaginary), or a complex tensor, as a complex tensor."""
    backend = current()
    if not isinstance(x, list | tuple):
        x = as_tensor(x)
        if dtypes.is_complex(backend.dtype(x)):
            return x
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ArgumentError("Expected a pair (real, imaginary) or a complex tensor.")
    real, imaginary = (floating(part) for part in x)
    name = dtypes.promote(backend.dtype(real), backend.dtype(imaginary), "float32")
    if len(shape_of(real)) != len(shape_of(imaginary)) or any(
        map(differ, shape_of(real), shape_of(imaginary))
    ):
        raise ShapeError(
            "Expected a real and an imaginary part of one shape, got "
            f"{public_shape(shape_of(real))} and {public_shape(shape_of(imaginary))}."
        )
    return backend.make_complex(cast_tensor(real, name), cast_tensor(imaginary, name))


def _pair(x: Any) -> tuple[Any, Any]:
    return current().real(x), current().imag(x)


@op
def fft(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of the last axis of a pair, as a pair."""
    return _pair(current().fft(_signal(_complex(x), "fft")))


@op
def fft2(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of the last two axes of a pair, as a pair."""
    return _pair(_on_two(current().fft, _complex(x)))


@op
def ifft2(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inverse Fourier transform of the last two axes of a pair, as a
    pair.
    """
    return _pair(_on_two(current().ifft, _complex(x)))


def _signal(x: Any, what: str) -> Any:
    """Return x, which must have values along a last axis."""
    shape = shape_of(x)
    if not shape or (isinstance(shape[-1], int) and shape[-1] == 0):
        raise ShapeError(
            f"ops.{what} expects a last axis that is not empty, got shape "
            f"{public_shape(shape)}."
        )
    return x


def _on_two(function: Any, x: Any) -> Any:
    backend, rank = current(), len(shape_of(x))
    if rank < 2:
        raise ShapeError(
            f"Expected at least 2 axes, got shape {public_shape(shape_of(x))}."
        )
    turn = (*range(rank - 2), rank - 1, rank - 2)
    x = backend.transpose(function(x), turn)
    return backend.transpose(function(x), turn)


@op
def rfft(x: Tensor, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the first n // 2 + 1 coefficients of a real signal, as a pair.

    `fft_length` n cuts the last axis or fills it with zeros.
    """
    x = _signal(real_floats("ops.rfft", x), "rfft")
    if current().dtype(x) in ("float16", "bfloat16"):
        x = cast_tensor(x, "float32")
    if fft_length is not None:
        x = _sized(x, at_least(fft_length, 1, "fft_length"))
    return _pair(current().rfft(x))


@op
def irfft(x: Tensor, fft_length: int | None = None) -> Tensor:
    """Return the real signal of a pair of coefficients, of length `fft_length`."""
    x = _signal(_complex(x), "irfft")
    n = 2 * (shape_of(x)[-1] - 1) if fft_length is None else fft_length
    n = at_least(n, 1, "fft_length")
    return current().irfft(_sized(x, n // 2 + 1), n)


def _sized(x: Any, size: int) -> Any:
    """Return x with the last axis cut, or filled with zeros, to a size."""
    backend, shape = current(), shape_of(x)
    n = shape[-1]
    if same(n, size):
        return x
    unknown = isinstance(n, Dim) or isinstance(size, Dim)
    if unknown or n < size:
        more = size if unknown else size - n
        x = backend.pad(x, [(0, 0)] * (len(shape) - 1) + [(0, more)], 0)
    start, step = (0,) * len(shape), (1,) * len(shape)
    return backend.slice(x, start, (*shape[:-1], size), step)


@op
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Return windows of the last axis: (..., n) -> (..., count, sequence_length)."""
    x, backend = _signal(as_tensor(x), "extract_sequences"), current()
    n = shape_of(x)[-1]
    at_least(sequence_length, 1, "sequence_length")
    at_least(sequence_stride, 1, "sequence_stride")
    if type(n) is type(sequence_length) is int and sequence_length > n:
        raise ShapeError(
            f"Expected a sequence_length of at most {n}, the size of the last axis, "
            f"got {sequence_length}."
        )
    count = (n - sequence_length) // sequence_stride + 1
    start = backend.multiply(backend.arange(0, count, 1, "int32"), sequence_stride)
    within = backend.arange(0, sequence_length, 1, "int32")
    places = backend.add(backend.expand_dims(start, 1), within)
    return backend.take(x, places, len(shape_of(x)) - 1)


def _window_values(window: Any, length: int, size: int, dtype: str) -> Any:
    """Return a window by name (periodic), or given, centred in `size` values."""
    if window is None:
        values = np.ones(length)
    elif isinstance(window, str):
        terms = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}.get(window)
        if terms is None:
            raise ArgumentError(f"Expected window 'hann' or 'hamming', got {window!r}.")
        angle = 2 * math.pi * np.arange(length) / length
        values = terms[0] - terms[1] * np.cos(angle)
    else:
        values = host(window)
        if values.shape != (length,):
            raise ShapeError(f"Expected a window of ({length},), got {values.shape}.")
    before = (size - length) // 2
    values = np.pad(values, (before, size - length - before))
    return values.astype(dtypes.to_numpy(dtype))


def _check_lengths(sequence: Any, stride: Any, fft: Any) -> None:
    at_least(sequence, 1, "sequence_length")
    at_least(stride, 1, "sequence_stride")
    at_least(fft, sequence, "fft_length")


@op
def stft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | Tensor | None = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return the Fourier transforms of windows of the last axis, as a pair.

    (..., n) -> (..., windows, fft_length // 2 + 1); `center` first reflects
    fft_length // 2 values at each end.
    """
    x, backend = _signal(real_floats("ops.stft", x), "stft"), current()
    _check_lengths(sequence_length, sequence_stride, fft_length)
    if center:
        around = [(0, 0)] * (len(shape_of(x)) - 1) + [(fft_length // 2,) * 2]
        x = pad(x, around, "reflect")
    values = _window_values(window, sequence_length, fft_length, backend.dtype(x))
    rows = extract_sequences(x, fft_length, sequence_stride)
    return rfft(backend.multiply(rows, backend.from_numpy(values)), fft_length)


@op
def istft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | Tensor | None = "hann",
    center: bool = True,
) -> Tensor:
    """Return the signal whose `stft` is the pair x, cut to `length`.

    Where `window` is None the parts that overlap are added up, as in Keras, and not
    divided by how many they are.
    """
    _check_lengths(sequence_length, sequence_stride, fft_length)
    rows, backend = irfft(x, fft_length), current()  # ... windows fft_length
    dtype, shape = backend.dtype(rows), shape_of(rows)
    if length is not None:
        at_least(length, 1, "length")
    if len(shape) < 2:
        raise ShapeError(
            "ops.istft expects coefficients of 2 axes or more, (..., windows, "
            f"fft_length // 2 + 1), got shape {public_shape(shape_of(_complex(x)))}."
        )
    values = _window_values(window, sequence_length, fft_length, dtype)
    count, size = shape[-2], (shape[-2] - 1) * sequence_stride + fft_length
    rows = backend.multiply(rows, backend.from_numpy(values))
    flat = backend.reshape(rows, (*shape[:-2], count * fft_length))
    lead = math.prod(shape[:-2])
    index, weight = _overlap(count, size, sequence_stride, values)
    flat = backend.transpose(backend.reshape(flat, (lead, count * fft_length)), (1, 0))
    total = backend.scatter(backend.full((size, lead), 0, dtype), index, flat, "add")
    total = total if window is None else backend.divide(total, weight)
    signal = backend.reshape(backend.transpose(total, (1, 0)), (*shape[:-2], size))
    first = fft_length // 2 if center else 0
    last = size - (fft_length // 2 if center else 0)
    last = last if length is None else first + length
    missing = last - size
    if isinstance(missing, Dim) or missing > 0:
        signal = _sized(signal, last)
    step = (1,) * (len(shape) - 1)
    return backend.slice(
        signal, (0,) * (len(shape) - 2) + (first,), (*shape[:-2], last), step
    )


def _unknown_overlap(
    count: Any, size: Any, stride: int, window: Host
) -> tuple[Any, Any]:
    """Return the same for a number of windows that nobody knows yet."""
    backend, length = current(), len(window)
    begin = backend.multiply(backend.arange(0, count, 1, "int32"), stride)
    place = backend.add(
        backend.expand_dims(begin, 1), backend.arange(0, length, 1, "int32")
    )
    index = backend.reshape(place, (count * length, 1))
    squares = backend.from_numpy(np.square(window))
    spread = backend.broadcast_to(squares, (count, length))
    spread = backend.reshape(spread, (count * length,))
    empty = backend.full((size,), 0, backend.dtype(squares))
    weight = backend.scatter(empty, index, spread, "add")
    weight = backend.where(backend.less(1e-10, weight), weight, 1.0)
    return index, backend.expand_dims(weight, 1)


def _overlap(count: Any, size: Any, stride: int, window: Host) -> tuple[Any, Any]:
    """Return where the elements of `count` windows go in a signal, and the squares of
    the window that meet at each place of it (1 where none do).
    """
    backend, length = current(), len(window)
    if isinstance(count, Dim):
        return _unknown_overlap(count, size, stride, window)
    start = np.arange(count)[:, None] * stride + np.arange(length)
    squares = np.tile(np.asarray(window, np.float64) ** 2, count)
    weight = np.bincount(start.reshape(-1), squares, size)
    weight = np.where(weight > 1e-10, weight, 1.0).astype(window.dtype)
    index = backend.from_numpy(start.reshape(-1, 1).astype(np.int32))
    return index, backend.from_numpy(weight[:, None])
