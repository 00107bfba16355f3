"""Spectrograms of signals: on the mel scale, and by short-time Fourier transform."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from multinet import config, dtypes, initializers, ops
from multinet.errors import ArgumentError, DTypeError, ShapeError, unknown_name
from multinet.layers.arguments import data_format_of
from multinet.layers.base import Layer
from multinet.layers.preprocessing.hosting import Preparing
from multinet.registry import current
from multinet.typing import Host, Shape, Tensor

_BREAK, _SLOPE = 700.0, 1127.0  # of the mel scale, in hertz and mel
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class MelSpectrogram(Preparing):
    """Return the mel spectrogram of signals (..., samples): (..., num_mel_bins, time).

    The magnitudes of a short-time Fourier transform, to the power `mag_exp`, go into
    triangular bands between `min_freq` and `max_freq`; with `power_to_db` they become
    decibels above `ref_power`, the least `top_db` below the greatest of all.

    Source: O'Shaughnessy, "Speech Communication: Human and Machine", 1987 (HTK's mel
    scale).
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ArgumentError(
                f"Expected fft_length of at least sequence_length="
                f"{self.sequence_length}, got {fft_length}."
            )
        self.window, self.sampling_rate = window, sampling_rate
        self.num_mel_bins, self.min_freq = num_mel_bins, min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db = power_to_db, top_db
        self.mag_exp, self.min_power, self.ref_power = mag_exp, min_power, ref_power

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrograms."""
        dtype = self.compute_dtype if self.compute_dtype == "float64" else "float32"
        real, imag = ops.stft(
            ops.cast(inputs, dtype),
            sequence_length=self.sequence_length,
            sequence_stride=self.sequence_stride,
            fft_length=self.fft_length,
            window=self.window,
            center=True,
        )  # ..., t, f
        magnitude = ops.sqrt(ops.add(ops.square(real), ops.square(imag)))
        power = ops.power(magnitude, self.mag_exp)
        bands = self.linear_to_mel_weight_matrix(
            num_mel_bins=self.num_mel_bins,
            num_spectrogram_bins=self.fft_length // 2 + 1,
            sampling_rate=self.sampling_rate,
            lower_edge_hertz=self.min_freq,
            upper_edge_hertz=self.max_freq,
            dtype=dtype,
        )
        mel = ops.matmul(power, bands)  # ..., t, m
        if self.power_to_db:
            mel = self._decibels(mel)
        return ops.cast(ops.swapaxes(mel, -1, -2), self.compute_dtype)

    def _decibels(self, power: Tensor) -> Tensor:
        reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
        found = ops.multiply(10.0, ops.log10(ops.maximum(power, self.min_power)))
        found = ops.subtract(found, reference)
        return ops.maximum(found, ops.subtract(ops.max(found), self.top_db))

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Host:
        """Return the weight of each frequency in each band, (frequencies, bands).

        Frequencies go from 0, which is in no band, to half the sampling rate; the bands
        are triangles, equally spaced on the mel scale.
        """
        frequencies = np.linspace(0, sampling_rate / 2, num_spectrogram_bins)[1:]
        mel = _mel(frequencies)[:, None]
        low, high = _mel(lower_edge_hertz), _mel(upper_edge_hertz)
        edges = np.linspace(low, high, num_mel_bins + 2)
        left, center, right = edges[:-2], edges[1:-1], edges[2:]
        up, down = (mel - left) / (center - left), (right - mel) / (right - center)
        weights = np.maximum(0, np.minimum(up, down))
        return np.pad(weights, ((1, 0), (0, 0))).astype(dtypes.to_numpy(dtype))


def _mel(hertz: Any) -> Any:
    return _SLOPE * np.log(1 + np.asarray(hertz, np.float64) / _BREAK)


class STFTSpectrogram(Layer):
    """Return spectrograms of signals (b, t, c): (b, steps, c * frequencies).

    The transform is a convolution by the waves of an `initializers.STFT`, windows of
    `frame_length` every `frame_step`, `fft_length` a power of two above by default.
    `mode` is "log", "magnitude", "psd" (power density), "real", "imag", "angle", or
    "stft" for real and imaginary parts one after the other. With `expand_dims` they are
    images, (b, steps, frequencies, c). In the format "channels_first" signals are
    (b, c, t), spectrograms (b, c * frequencies, steps) or (b, c, steps, frequencies).
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | Host | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ArgumentError(
                f"Expected frame_step from 1 to frame_length={frame_length}, got "
                f"{frame_step}."
            )
        if fft_length is not None and fft_length < frame_length:
            raise ArgumentError(
                f"Expected fft_length of at least frame_length={frame_length}, got "
                f"{fft_length}."
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(
                f"A power of two as fft_length is faster than {fft_length}.",
                stacklevel=2,
            )
        if mode not in _MODES:
            raise unknown_name("mode", mode, _MODES)
        if padding not in ("valid", "same"):
            raise unknown_name("padding", padding, ("valid", "same"))
        self.mode, self.frame_length, self.frame_step = mode, frame_length, frame_step
        self.fft_length, self.window, self.periodic = fft_length, window, periodic
        self.scaling, self.padding, self.expand_dims = scaling, padding, expand_dims
        self.data_format = data_format_of(data_format)
        self._step = frame_step or frame_length // 2
        self._size = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self._waves("real")  # which refuses an unknown window or scaling

    def _waves(self, side: str) -> initializers.STFT:
        return initializers.STFT(side, self.window, self.scaling, self.periodic)

    def build(self, input_shape: Shape) -> None:
        """Create the waves: (frame_length, 1, frequencies), real, imaginary or both."""
        if len(input_shape) != 3:
            raise ShapeError(
                f"{self.name} expects signals of 3 axes, got shape {input_shape}."
            )
        shape = (self.frame_length, 1, self._size // 2 + 1)
        if self.mode != "imag":
            self.real_kernel = self.add_weight(
                shape, self._waves("real"), name="real_kernel"
            )
        if self.mode != "real":
            self.imag_kernel = self.add_weight(
                shape, self._waves("imag"), name="imag_kernel"
            )
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrograms of float signals."""
        dtype = current().dtype(inputs)
        if not dtypes.is_float(dtype):
            raise DTypeError(f"{self.name} expects floats, got {dtype}.")
        if self.mode == "real":
            return self._arranged(self._parts(inputs, self.real_kernel))
        imag = self._parts(inputs, self.imag_kernel)
        if self.mode == "imag":
            return self._arranged(imag)
        real = self._parts(inputs, self.real_kernel)
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imag], axis=2))
        power = ops.add(ops.square(real), ops.square(imag))  # b c f t
        if self.mode == "psd":
            inner = ops.get_item(power, (slice(None), slice(None), slice(1, -1)))
            inner = ops.pad(inner, ((0, 0), (0, 0), (1, 1), (0, 0)))
            return self._arranged(ops.add(power, inner))
        least = config.epsilon()
        magnitude = self._arranged(ops.sqrt(ops.maximum(power, least)))
        if self.mode == "magnitude":
            return magnitude
        return ops.log(ops.maximum(magnitude, least))

    def _parts(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the products of each channel's frames with the waves: b c f t."""
        if self.data_format == "channels_last":
            inputs = ops.transpose(inputs, (0, 2, 1))
        b, c, t = ops.shape(inputs)
        signals = ops.reshape(inputs, (b * c, t, 1))
        found = ops.conv(
            signals,
            ops.cast(kernel, current().dtype(inputs)),
            strides=self._step,
            padding=self.padding,
            data_format="channels_last",
        )
        found = ops.transpose(found, (0, 2, 1))  # b*c f t
        return ops.reshape(found, (b, c, *ops.shape(found)[1:]))

    def _arranged(self, parts: Tensor) -> Tensor:
        """Return b c f t as the format has it."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(parts, (0, 3, 2, 1) if last else (0, 1, 3, 2))
        b, c, f, t = ops.shape(parts)
        parts = ops.reshape(parts, (b, c * f, t))
        return ops.transpose(parts, (0, 2, 1)) if last else parts
