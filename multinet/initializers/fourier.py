"""STFT: the kernel of a convolution that is a short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, ShapeError
from multinet.initializers.base import Initializer, tensor_of
from multinet.ops.core import host
from multinet.random import host as draw
from multinet.typing import DType, Host, Tensor


class STFT(Initializer):
    """The kernel (window, 1, frequencies) whose convolution is a Fourier transform.

    `side` is "real" or "imag"; `window` "hann", "hamming", "blackman", "bartlett",
    "tukey", "boxcar", an array or None; `scaling` divides by the root of the sum of
    squares ("density") or by the sum ("spectrum") of the window.
    """

    def __init__(
        self,
        side: str = "real",
        window: str | Host | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ArgumentError(f"Expected side 'real' or 'imag', got {side!r}.")
        if isinstance(window, str) and window not in _WINDOWS:
            raise ArgumentError(
                f"Expected window among {tuple(_WINDOWS)}, an array or None, got "
                f"{window!r}."
            )
        if scaling not in ("density", "spectrum", None):
            raise ArgumentError(
                f"Expected scaling 'density', 'spectrum' or None, got {scaling!r}."
            )
        self.side, self.window = side, window
        self.scaling, self.periodic = scaling, periodic

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        if len(shape) != 3 or shape[1] != 1:
            raise ShapeError(
                f"STFT expects a shape (window, 1, frequencies), got {tuple(shape)}."
            )
        length, _, frequencies = shape
        size = 2 * (frequencies - 1)
        if length > size:
            raise ShapeError(
                f"STFT expects a window of at most 2 * (frequencies - 1) = {size} "
                f"samples, got {length}."
            )
        steps = np.outer(np.arange(length), np.arange(frequencies))
        angles = 2 * np.pi * steps / size
        waves = np.cos(angles) if self.side == "real" else -np.sin(angles)
        return tensor_of((waves * self._weights(length)[:, None])[:, None], dtype)

    def _weights(self, length: int) -> draw.Array:
        if self.window is None:
            return np.ones(length)
        if isinstance(self.window, str):
            weights = _WINDOWS[self.window](length + self.periodic)[:length]
        else:
            weights = np.asarray(host(self.window), np.float64)
        if weights.shape != (length,):
            raise ShapeError(f"Expected {length} window values, got {weights.shape}.")
        if self.scaling == "density":
            return weights / np.sqrt(np.sum(weights**2))
        return weights / np.sum(weights) if self.scaling else weights


def _tukey(length: int) -> draw.Array:
    """Return a window that is 1 in its middle half, and of cosines beside it."""
    edge = np.minimum(np.arange(length), np.arange(length)[::-1])
    share = np.minimum(4 * edge / max(length - 1, 1), 1)
    return 0.5 * (1 - np.cos(np.pi * share))


_WINDOWS: dict[str, Any] = {
    "boxcar": np.ones,
    "tukey": _tukey,
    "hann": np.hanning,
    "hamming": np.hamming,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
}
