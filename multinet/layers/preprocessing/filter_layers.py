"""Image layers that look at neighbours: sharpness and blur."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet import ops
from multinet.errors import ArgumentError
from multinet.layers.preprocessing.color_layers import ColorLayer, Range
from multinet.layers.preprocessing.factors import Factor, factor_of
from multinet.layers.preprocessing.image_layer import Sizes, chance, drawn, per_image
from multinet.typing import Seed, ShapeLike, Tensor, Tree

# What smooths: a 3x3 window whose middle weighs five times as much as the others.
_SMOOTHING = (np.ones((3, 3)) + np.diag([0, 4, 0])) / 13


class RandomSharpness(ColorLayer):
    """Mix each image with what is smoothed of it, or move it away from that.

    A number f is drawn from `factor`, within [0, 1]: 0 smooths, 0.5 changes nothing, 1
    sharpens.
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, seed=seed, data_format=data_format, **options
        )
        self.factor = factor_of("factor", factor, 0, 1)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return {"factor": drawn((sizes.n,), *self.factor, seed=seed)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        factor = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        smooth = _smoothed(images, self.data_format)
        part = ops.subtract(1.0, ops.multiply(factor, 2.0))
        moved = ops.multiply(part, ops.subtract(smooth, images))
        return self._clipped(ops.add(images, moved))


def _smoothed(images: Tensor, data_format: str) -> Tensor:
    """Return images correlated with the smoothing window, zeros around."""
    channels = ops.shape(images)[1 if data_format == "channels_first" else -1]
    window = np.broadcast_to(_SMOOTHING[:, :, None, None], (3, 3, channels, 1))
    kernel = ops.convert_to_tensor(window, dtype=ops.dtype(images))
    return ops.depthwise_conv(images, kernel, padding="same", data_format=data_format)


class RandomGaussianBlur(ColorLayer):
    """Blur some images with a Gaussian window.

    `factor` is the range of the probability of each, `kernel_size` the odd sizes of the
    window along x and y, and `sigma` the range of its deviation, the same for a batch.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: ShapeLike = 3,
        sigma: Factor = 1.0,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, seed=seed, data_format=data_format, **options
        )
        self.factor = factor_of("factor", factor, 0, 1)
        self.kernel_size = _odd("kernel_size", kernel_size)
        self.sigma = factor_of("sigma", sigma, 0, 1)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        deviation = drawn((2,), *self.sigma, seed=seed)
        return {
            "should_apply_blur": chance((sizes.n,), self.factor, seed),
            "blur_factor": ops.add(deviation, 1e-6),
        }

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        applied = per_image(transformation["should_apply_blur"])
        blurred = ops.image.gaussian_blur(
            images,
            kernel_size=self.kernel_size,
            sigma=transformation["blur_factor"],
            data_format=self.data_format,
        )
        return self._clipped(ops.where(applied, blurred, images))


def _odd(name: str, value: Any) -> tuple[int, int]:
    """Return two odd sizes, given as one for both or as a pair."""
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, int) and n % 2 == 1 for n in pair):
        raise ArgumentError(
            f"Expected {name} to be an odd integer, or a list of two, got {value!r}."
        )
    return pair
