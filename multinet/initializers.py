"""Initial values of weights, made on the host: bit-identical on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from multinet import dtypes, philox, variables
from multinet.configurable import Configurable
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.core import host
from multinet.random import host as draw
from multinet.registry import current
from multinet.saving.tables import Table
from multinet.scope import loose_draws
from multinet.seeds import SeedGenerator, key_of, site_key

# The standard deviation of a normal distribution cut off at two of its own.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer(Configurable):
    """The base of initializers: subclass it and write `__call__(shape, dtype=None)`."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, shape, dtype=None)."
        )

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None.

        What can go wrong goes wrong here, and random draws are counted here.
        """
        return None

    def clone(self) -> Any:
        """Return a new initializer of the same configuration."""
        return type(self).from_config(self.get_config())


def _tensor(values: draw.Array, dtype: Any) -> Any:
    name = dtypes.standardize(dtype)
    return current().from_numpy(np.ascontiguousarray(values, dtypes.to_numpy(name)))


def _later(
    initializer: Any, cls: type, shape: tuple[int, ...], dtype: str
) -> Callable[[], Any] | None:
    """Return a call of an initializer of a class that no subclass has replaced."""
    own = type(initializer).__call__ is cls.__call__  # type: ignore[attr-defined]
    return (lambda: initializer(shape, dtype)) if own and not _is_wide(dtype) else None


def _is_wide(dtype: str) -> bool:
    """Return whether a backend may refuse the dtype, which must be known at once."""
    return dtypes.to_numpy(dtype).itemsize > 4


def _fill(shape: Sequence[int], value: Any, dtype: Any) -> Any:
    return current().full(tuple(shape), value, dtypes.standardize(dtype))


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        return _fill(shape, 0, dtype)

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None."""
        return _later(self, Zeros, shape, dtype)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        return _fill(shape, 1, dtype)

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None."""
        return _later(self, Ones, shape, dtype)


class Constant(Initializer):
    """A number everywhere, or an array that broadcasts to the shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        return _tensor(np.broadcast_to(host(self.value), tuple(shape)), dtype)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zeros elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ShapeError(
                f"Identity expects the shape of a matrix, got {tuple(shape)}."
            )
        rows, columns = shape
        return _tensor(self.gain * np.eye(rows, columns), dtype)


class RandomInitializer(Initializer):
    """The base of random initializers, which decides what `seed` means.

    None: new numbers at each call, from the global seed. An int: the same numbers at
    each call. A `SeedGenerator`: the next ones of its stream.
    """

    _site: philox.Key | None = None
    _count = 0

    def __init__(self, seed: Any = None) -> None:
        if seed is not None and not isinstance(seed, int | np.integer | SeedGenerator):
            raise ArgumentError(
                f"Expected seed to be an int, a SeedGenerator or None, got {seed!r}."
            )
        self.seed = seed

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        raise NotImplementedError(
            f"{type(self).__name__} must define _draw(key, shape)."
        )

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        return self._drawn(tuple(shape), dtypes.standardize(dtype))()

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that draws the value when it is wanted, or None."""
        own = type(self).__call__ is RandomInitializer.__call__
        return self._drawn(shape, dtype) if own and not _is_wide(dtype) else None

    def _drawn(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any]:
        if not dtypes.is_float(dtype):
            raise DTypeError(
                f"{type(self).__name__} makes floats, got dtype {dtype!r}. Use one of "
                f"{', '.join(dtypes.FLOATS)}."
            )
        self._check(shape)
        key = self._key()
        return lambda: _tensor(self._draw(key, shape), dtype)

    def _key(self) -> Any:
        if self._site is None:
            with loose_draws():
                return key_of(self.seed)
        self._count += 1
        return philox.fold_in(self._site, self._count)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, which draws the numbers that the original draws:
        without a seed, both go on with a stream of their own.
        """
        if self.seed is None and self._site is None:
            self._site = site_key()
        return vars(self)

    def _check(self, shape: tuple[int, ...]) -> None:
        """Raise `ShapeError` for a shape that cannot be filled."""


def _uniform(key: tuple[int, int], shape: tuple[int, ...], width: float) -> Any:
    return (draw.uniform(key, shape).astype(np.float64) - 0.5) * width


class RandomUniform(RandomInitializer):
    """Uniform between `minval` and `maxval`."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        centre = (self.minval + self.maxval) / 2
        return _uniform(key, shape, self.maxval - self.minval) + centre


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        return draw.normal(key, shape) * self.stddev + self.mean


class TruncatedNormal(RandomInitializer):
    """Normal, conditioned on at most two `stddev` from `mean`."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None
    ) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        return draw.truncated_normal(key, shape) * self.stddev + self.mean


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Return how many inputs and outputs a unit of a kernel of this shape has.

    A kernel is (..., inputs, outputs), the axes before are the receptive field; or
    `input_axes` and `output_axes` say which axes count.
    """
    shape = tuple(int(n) for n in shape)
    if input_axes is not None and output_axes is not None:
        fan_in = math.prod(shape[axis] for axis in input_axes)
        return fan_in, math.prod(shape[axis] for axis in output_axes)
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")


class VarianceScaling(RandomInitializer):
    """Random values of variance `scale` / n, n by `mode` the inputs, outputs or their
    mean.

    `distribution` is "truncated_normal", "untruncated_normal" or "uniform".

    Source: He et al., "Delving deep into rectifiers", 2015; Glorot and Bengio, 2010.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ArgumentError(f"Expected scale > 0, got {scale!r}.")
        if mode not in _MODES:
            raise ArgumentError(f"Expected mode among {_MODES}, got {mode!r}.")
        distribution = distribution.lower()
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        if distribution not in _DISTRIBUTIONS:
            raise ArgumentError(
                f"Expected distribution among {_DISTRIBUTIONS}, got {distribution!r}."
            )
        if (input_axes is None) != (output_axes is None):
            raise ArgumentError("Give input_axes and output_axes together, or neither.")
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def counting(self, input_axes: Sequence[int], output_axes: Sequence[int]) -> Any:
        """Return an initializer with other axes that goes on with this one's draws."""
        other = object.__new__(type(self))
        axes = {"input_axes": input_axes, "output_axes": output_axes}
        vars(other).update({**vars(self), **axes, "_key": self._key})
        return other

    def _check(self, shape: tuple[int, ...]) -> None:
        compute_fans(shape, self.input_axes, self.output_axes)

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        stddev = math.sqrt(self.scale / max(1.0, fans[self.mode]))
        if self.distribution == "uniform":
            return _uniform(key, shape, 2 * math.sqrt(3) * stddev)
        if self.distribution == "untruncated_normal":
            return draw.normal(key, shape) * stddev
        return draw.truncated_normal(key, shape) * (stddev / _TRUNCATED_STDDEV)


class _Preset(VarianceScaling):
    preset: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.preset, seed, input_axes, output_axes)


class GlorotUniform(_Preset):
    """Uniform of variance 2 / (inputs + outputs). Source: Glorot and Bengio, 2010."""

    preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (inputs + outputs). Source: Glorot, 2010."""

    preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform of variance 2 / inputs. Source: He et al., 2015."""

    preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / inputs. Source: He et al., 2015."""

    preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform of variance 1 / inputs. Source: LeCun, "Efficient backprop", 1998."""

    preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / inputs. Source: LeCun et al., 1998."""

    preset = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """`gain` times a matrix of orthonormal rows or columns, the axes but the last
    merged.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning", 2013.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def _check(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2:
            raise ShapeError(
                f"Orthogonal expects at least two axes, got shape {shape}."
            )

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = draw.normal(key, (max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.where(
            np.diagonal(r) < 0, -1.0, 1.0
        )  # else not uniformly distributed
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


class STFT(Initializer):
    """The kernel (window, 1, frequencies) whose convolution is a Fourier transform.

    `side` is "real" or "imag"; `window` "hann", "hamming", "blackman", "bartlett", an
    array or None; `scaling` divides by the root of the sum of squares ("density") or by
    the sum ("spectrum") of the window.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
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

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
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
        return _tensor((waves * self._weights(length)[:, None])[:, None], dtype)

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


_WINDOWS: dict[str, Any] = {
    "hann": np.hanning,
    "hamming": np.hamming,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
}

_CLASSES = (
    Zeros,
    Ones,
    Constant,
    Identity,
    RandomUniform,
    RandomNormal,
    TruncatedNormal,
    VarianceScaling,
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    Orthogonal,
    STFT,
)
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
_table = Table(
    "initializer",
    _CLASSES,
    {
        **{
            "zero": Zeros,
            "one": Ones,
            "normal": RandomNormal,
            "uniform": RandomUniform,
        },
        **{f"{cls.__name__}Initializer": cls for cls in (Identity, Orthogonal, STFT)},
    },
)
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_uniform, random_normal = RandomUniform, RandomNormal
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
orthogonal, stft = Orthogonal, STFT


def get(identifier: Any) -> Any:
    """Return the initializer of a name, a configuration, or the object itself."""
    if isinstance(identifier, int | float | np.ndarray):
        return Constant(identifier)
    return _table.get(identifier)


def serialize(initializer: Any) -> Any:
    """Return the configuration of an initializer."""
    return _table.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the initializer of a configuration."""
    return _table.deserialize(config, custom_objects)


variables.install(get)
