"""Noise while training, and penalties of activities."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops, random, regularizers
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.core import Dropout, data_format_of
from multinet.symbolic.dims import public_shape


class BaseSpatialDropout(Dropout):
    """Dropout of whole channels, at all positions at once."""

    rank: int
    has_format = True

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = data_format_of(data_format)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
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

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        config = super().get_config()
        kept = {key: config[key] for key in ("rate", "seed", "name", "dtype")}
        return {**kept, "data_format": self.data_format} if self.has_format else kept


class SpatialDropout1D(BaseSpatialDropout):
    """Dropout of whole channels of sequences (b, t, c).

    Source: Tompson et al., "Efficient object localization", 2015.
    """

    rank, has_format = 1, False

    def __init__(
        self,
        rate: float,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, None, seed, name, dtype, **kwargs)


class SpatialDropout2D(BaseSpatialDropout):
    """Dropout of whole channels of images (b, h, w, c). Source: Tompson, 2015."""

    rank = 2


class SpatialDropout3D(BaseSpatialDropout):
    """Dropout of whole channels of volumes (b, d, h, w, c). Source: Tompson, 2015."""

    rank = 3


class BaseNoise(Layer):
    """Random normals while training, from a stream of its own."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.supports_masking = True
        own = isinstance(seed, random.SeedGenerator)
        self.seed_generator = seed if own else random.SeedGenerator(seed)

    def _normal(self, inputs: Any, mean: float, stddev: float) -> Any:
        return random.normal(
            ops.shape(inputs), mean, stddev, self.dtype, self.seed_generator
        )

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        own = isinstance(self.seed, random.SeedGenerator)
        return {**super().get_config(), "seed": self.seed.seed if own else self.seed}


class GaussianNoise(BaseNoise):
    """While training, add normal noise of a standard deviation."""

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = _fraction("stddev", stddev)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return inputs + noise while training, else inputs."""
        if not training or self.stddev == 0:
            return inputs
        return ops.add(inputs, self._normal(inputs, 0.0, self.stddev))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {**super().get_config(), "stddev": self.stddev}


class GaussianDropout(BaseNoise):
    """While training, multiply by normals around 1 of variance rate / (1 - rate).

    Source: Srivastava et al., "Dropout", 2014.
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = _fraction("rate", rate)
        if rate == 1:
            raise ArgumentError("Expected rate below 1: the noise would be infinite.")

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return inputs * noise while training, else inputs."""
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return ops.multiply(inputs, self._normal(inputs, 1.0, stddev))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {**super().get_config(), "rate": self.rate}


class ActivityRegularization(Layer):
    """Add l1 * sum(|inputs|) + l2 * sum(inputs**2), a sample's mean, to the loss."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs: the regularizer follows from it."""
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer", None)
        return config


def _fraction(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ArgumentError(f"Expected {name} to be within [0, 1], got {value!r}.")
    return value
