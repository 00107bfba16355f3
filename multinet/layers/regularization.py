"""Noise while training, and penalties of activities."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops, random, regularizers
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import data_format_of, fraction, generator_of
from multinet.layers.base import Layer
from multinet.layers.core import Dropout
from multinet.symbolic.dims import public_shape
from multinet.typing import PolicyLike, Seed, Tensor


class BaseSpatialDropout(Dropout):
    """Dropout of whole channels, at all positions at once."""

    rank: int
    _unwritten = frozenset({"trainable"})

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Seed = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = data_format_of(data_format)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return inputs with some channels zeroed while training, else unchanged."""
        shape = ops.shape(inputs)
        if len(shape) != self.rank + 2:
            raise ShapeError(
                f"{self.name} expects {self.rank + 2} axes, got shape "
                f"{public_shape(shape)}."
            )
        if not training or self.rate == 0:
            return inputs
        spatial = (1,) * self.rank
        last = self.data_format == "channels_last"
        noise = (shape[0], *spatial, shape[-1]) if last else (*shape[:2], *spatial)
        return random.dropout(inputs, self.rate, noise, self.seed_generator)


class SpatialDropout1D(BaseSpatialDropout):
    """Dropout of whole channels of sequences (b, t, c).

    Source: Tompson et al., "Efficient object localization", 2015.
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: Seed = None,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        super().__init__(rate, "channels_last", seed=seed, name=name, dtype=dtype)


class SpatialDropout2D(BaseSpatialDropout):
    """Dropout of whole channels of images (b, h, w, c). Source: Tompson, 2015."""

    rank = 2


class SpatialDropout3D(BaseSpatialDropout):
    """Dropout of whole channels of volumes (b, d, h, w, c). Source: Tompson, 2015."""

    rank = 3


# Of SELU: x below 0 goes to -_SATURATION at most.
_SATURATION = 1.6732632423543772 * 1.0507009873554805


class AlphaDropout(Dropout):
    """While training, set inputs to the lower bound of SELU with probability `rate`.

    The result is scaled and shifted, so that inputs of mean 0 and variance 1 keep both.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return inputs with some replaced while training, else unchanged."""
        if not training or self.rate == 0:
            return inputs
        p, low = self.rate, -_SATURATION
        draws = random.uniform(self.noise_of(inputs), seed=self.seed_generator)
        kept = ops.where(ops.greater_equal(draws, p), inputs, low)
        if p == 1:
            return ops.zeros_like(inputs)
        scale = ((1 - p) * (1 + p * low**2)) ** -0.5
        return ops.subtract(ops.multiply(kept, scale), scale * low * p)


class BaseNoise(Layer):
    """Random normals while training, from a stream of its own."""

    def __init__(self, seed: Seed = None, **options: Any) -> None:
        super().__init__(**options)
        self.seed = seed
        self.supports_masking = True
        self.seed_generator = generator_of(seed)

    def _normal(self, inputs: Any, mean: float, stddev: float) -> Any:
        return random.normal(
            ops.shape(inputs), mean, stddev, self.compute_dtype, self.seed_generator
        )


class GaussianNoise(BaseNoise):
    """While training, add normal noise of a standard deviation."""

    def __init__(self, stddev: float, seed: Seed = None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.stddev = fraction("stddev", stddev)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return inputs + noise while training, else inputs."""
        if not training or self.stddev == 0:
            return inputs
        return ops.add(inputs, self._normal(inputs, 0.0, self.stddev))


class GaussianDropout(BaseNoise):
    """While training, multiply by normals around 1 of variance rate / (1 - rate).

    Source: Srivastava et al., "Dropout", 2014.
    """

    def __init__(self, rate: float, seed: Seed = None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.rate = fraction("rate", rate)
        if rate == 1:
            raise ArgumentError("Expected rate below 1: the noise would be infinite.")

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return inputs * noise while training, else inputs."""
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, self._normal(inputs, 1.0, stddev))


class ActivityRegularization(Layer):
    """Add l1 * sum(|inputs|) + l2 * sum(inputs**2), a sample's mean, to the loss."""

    _decided = frozenset({"activity_regularizer"})

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **options)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs."""
        return inputs
