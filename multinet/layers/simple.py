"""Layers of one line: Identity, Rescaling."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.config import image_data_format
from multinet.layers.base import Layer
from multinet.layers.policy import computed
from multinet.layers.preprocessing.hosting import hosted
from multinet.ops.core import is_scalar
from multinet.typing import Numbers, Tensor


class Identity(Layer):
    """Return the inputs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs."""
        return inputs


class Rescaling(Layer):
    """Return inputs * `scale` + `offset`: numbers, or arrays that broadcast.

    Where `image_data_format()` is channels_first, a scale is one of channels.

    >>> layers.Rescaling(1 / 255)(np.array([0, 255], "uint8"))  # of images, to [0, 1]
    array([0., 1.], dtype=float32)
    """

    def __init__(self, scale: Numbers, offset: Numbers = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    __call__ = hosted(Layer.__call__)
    autograph_info__ = None  # see `hosted`

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs * scale + offset in the layer's dtype."""
        scale, offset = (
            x if is_scalar(x) else ops.cast(x, self.compute_dtype)
            for x in (self.scale, self.offset)
        )
        if not is_scalar(scale) and image_data_format() == "channels_first":
            shape = ops.shape(scale)
            if 0 < len(shape) < 3:
                scale = ops.reshape(scale, (*shape, *(1,) * (3 - len(shape))))
        return ops.add(ops.multiply(computed(self, inputs), scale), offset)
