"""Random initializers: what `seed` means, and the distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from multinet import dtypes, philox
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.initializers.base import Initializer, is_wide, tensor_of
from multinet.random import host as draw
from multinet.scope import loose_draws
from multinet.seeds import SeedGenerator, key_of, site_key
from multinet.tracebacks import shortening
from multinet.typing import DType, Seed, Tensor

# The standard deviation of a normal distribution cut off at two of its own.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """The base of random initializers, which decides what `seed` means.

    None: new numbers at each call, from the global seed. An int: the same numbers at
    each call. A `SeedGenerator`: the next ones of its stream.
    """

    _site: philox.Key | None = None
    _count = 0

    def __init__(self, seed: Seed = None) -> None:
        if seed is not None and not isinstance(seed, int | np.integer | SeedGenerator):
            raise ArgumentError(
                f"Expected seed to be an int, a SeedGenerator or None, got {seed!r}."
            )
        self.seed = seed

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        raise NotImplementedError(
            f"{type(self).__name__} must define _draw(key, shape)."
        )

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        return self._drawn(tuple(shape), dtypes.standardize(dtype))()

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that draws the value when it is wanted, or None."""
        own = type(self).__call__ is RandomInitializer.__call__
        return self._drawn(shape, dtype) if own and not is_wide(dtype) else None

    def _drawn(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any]:
        if not dtypes.is_float(dtype):
            raise DTypeError(
                f"{type(self).__name__} makes floats, got dtype {dtype!r}. Use one of "
                f"{', '.join(dtypes.FLOATS)}."
            )
        self._check(shape)
        key = self._key()
        return lambda: tensor_of(self._draw(key, shape), dtype)

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
        self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        centre = (self.minval + self.maxval) / 2
        return _uniform(key, shape, self.maxval - self.minval) + centre


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None
    ) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        return draw.normal(key, shape) * self.stddev + self.mean


class TruncatedNormal(RandomInitializer):
    """Normal, conditioned on at most two `stddev` from `mean`."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None
    ) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def _draw(self, key: philox.Key, shape: tuple[int, ...]) -> draw.Array:
        return draw.truncated_normal(key, shape) * self.stddev + self.mean


@shortening
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
        seed: Seed = None,
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

    def counting(self, input_axes: Sequence[int], output_axes: Sequence[int]) -> Self:
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
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.preset, seed, input_axes, output_axes)


class GlorotUniform(_Preset):
    """Uniform of variance 2 / (inputs + outputs). Source: Glorot and Bengio, 2010.

    The sizes of inputs and outputs are those of a kernel, in its last two axes, times
    the places of a convolution; `input_axes` and `output_axes` name others.

    >>> multinet.initializers.GlorotUniform(seed=1)((3, 4)).shape
    (3, 4)
    """

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

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
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
