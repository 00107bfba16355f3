"""Image layers that change colors, pixel by pixel."""

from __future__ import annotations

from typing import Any

from multinet import ops, random
from multinet.config import epsilon
from multinet.errors import ArgumentError
from multinet.layers.arguments import fraction
from multinet.layers.preprocessing.factors import (
    Factor,
    Interval,
    ends_of,
    factor_of,
    kept,
    value_range_of,
)
from multinet.layers.preprocessing.image_layer import (
    RandomImageLayer,
    Sizes,
    chance,
    drawn,
    per_image,
    rescaled,
)
from multinet.typing import Seed, Tensor, Tree

Range = tuple[float, float]


class ColorLayer(RandomImageLayer):
    """A random change of colors; `value_range` has the values of black and white."""

    def __init__(
        self, value_range: Range = (0, 255), seed: Seed = None, **options: Any
    ) -> None:
        super().__init__(seed=seed, **options)
        self.value_range = value_range_of(value_range)

    def _clipped(self, images: Tensor) -> Tensor:
        return ops.clip(images, *self.value_range)

    def _scaled(self, images: Tensor, top: float) -> Tensor:
        """Return images in the range from 0 to `top`."""
        return rescaled(images, self.value_range, (0, top))

    def _restored(self, images: Tensor, top: float) -> Tensor:
        return rescaled(images, (0, top), self.value_range)


class RandomBrightness(ColorLayer):
    """Add to each image a number drawn from `factor`, in parts of the value range."""

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **options)
        self.factor = factor_of("factor", factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        delta = drawn((sizes.n, 1, 1, 1), *self.factor, seed=seed)
        low, high = self.value_range
        return {"rgb_delta": ops.multiply(delta, float(high - low))}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        delta = ops.cast(transformation["rgb_delta"], self.compute_dtype)
        return self._clipped(ops.add(images, delta))


class RandomContrast(ColorLayer):
    """Scale the distance of pixels from the mean of each channel of their image.

    The scale is drawn from 1 - factor[0] to 1 + factor[1]; a number f stands for
    (0, f).
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Range = (0, 255),
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **options)
        self.factor = factor_of("factor", factor, 0, 1)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        low, high = 1.0 - self.factor[0], 1.0 + self.factor[1]
        shape = (sizes.n, 1, 1, 1)
        return {"contrast_factor": drawn(shape, low, high, seed=seed)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        factor = ops.cast(transformation["contrast_factor"], self.compute_dtype)
        mean = ops.mean(images, axis=self._spatial_axes, keepdims=True)
        scaled = ops.multiply(ops.subtract(images, mean), factor)
        return self._clipped(ops.add(scaled, mean))


class RandomHue(ColorLayer):
    """Turn the hue of each image by up to half a circle times a number of `factor`.

    The factor lies within [0, 1]; the direction is drawn, too.
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
        shape = (sizes.n,)
        sign = ops.where(ops.greater(random.uniform(shape, seed=seed), 0.5), -0.5, 0.5)
        return {"factor": ops.multiply(drawn(shape, *self.factor, seed=seed), sign)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        turn = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        images = self._scaled(images, 1)
        images = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = ops.split(images, 3, axis=self._channel_axis)
        hue = ops.add(hue, turn)
        hue = ops.where(ops.greater(hue, 1.0), ops.subtract(hue, 1.0), hue)
        hue = ops.where(ops.less(hue, 0.0), ops.add(hue, 1.0), hue)
        images = ops.concatenate([hue, saturation, value], axis=self._channel_axis)
        images = ops.image.hsv_to_rgb(images, data_format=self.data_format)
        return self._restored(ops.clip(images, 0.0, 1.0), 1)


class RandomSaturation(ColorLayer):
    """Scale the saturation of each image by f / (1 - f), f drawn from `factor`.

    0.5 changes nothing, 0 leaves shades of gray.
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
        self.factor = factor_of("factor", factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        factor = drawn((sizes.n,), *self.factor, seed=seed)
        rest = ops.add(ops.subtract(1.0, factor), epsilon())
        return {"factor": ops.divide(factor, rest)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        factor = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        images = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = ops.split(images, 3, axis=self._channel_axis)
        saturation = self._clipped(ops.multiply(saturation, factor))
        images = ops.concatenate([hue, saturation, value], axis=self._channel_axis)
        return ops.image.hsv_to_rgb(images, data_format=self.data_format)


class RandomColorJitter(ColorLayer):
    """Change brightness, contrast, saturation and hue, each with a factor of its own.

    A factor that is None leaves its property as it is.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        brightness_factor: Factor | None = None,
        contrast_factor: Factor | None = None,
        saturation_factor: Factor | None = None,
        hue_factor: Factor | None = None,
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, seed=seed, data_format=data_format, **options
        )
        self.brightness_factor = kept(brightness_factor)
        self.contrast_factor = kept(contrast_factor)
        self.saturation_factor = kept(saturation_factor)
        self.hue_factor = kept(hue_factor)
        shared: dict[str, Any] = {
            "value_range": value_range,
            "data_format": data_format,
            "seed": self.generator,
            "dtype": self.dtype_policy,
        }
        self.steps: dict[str, RandomImageLayer] = {
            cls.__name__: cls(factor, **shared)
            for cls, factor in (
                (RandomBrightness, brightness_factor),
                (RandomContrast, contrast_factor),
                (RandomSaturation, saturation_factor),
                (RandomHue, hue_factor),
            )
            if factor is not None
        }

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return {name: step._draw(sizes, seed) for name, step in self.steps.items()}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        for name, step in self.steps.items():
            images = step._images(images, transformation[name])
        return images


class RandomColorDegeneration(ColorLayer):
    """Mix each image with its shades of gray, whose part is drawn from `factor`."""

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
        self.factor = factor_of("factor", factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return {"factor": drawn((sizes.n, 1, 1, 1), *self.factor, seed=seed)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        factor = ops.cast(transformation["factor"], self.compute_dtype)
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        mixed = ops.add(images, ops.multiply(factor, ops.subtract(gray, images)))
        return self._clipped(mixed)


class RandomGrayscale(RandomImageLayer):
    """Turn images into shades of gray, of three channels, with probability `factor`."""

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.factor = fraction("factor", factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return ops.less(random.uniform((sizes.n, 1, 1, 1), seed=seed), self.factor)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(transformation, gray, images)


class RandomInvert(ColorLayer):
    """Invert some images; `factor` is the range of the probability of each."""

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Range = (0, 255),
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, seed=seed, data_format=data_format, **options
        )
        self.factor = factor_of("factor", factor, 0, 1)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return {"apply_inversion": chance((sizes.n,), self.factor, seed)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        applied = per_image(transformation["apply_inversion"])
        inverted = ops.subtract(float(self.value_range[1]), images)
        return ops.where(applied, inverted, images)


class RandomPosterization(ColorLayer):
    """Keep so many of the 8 bits of each channel as are drawn from `factor`.

    A number n stands for the range from 1 to n; the upper end is drawn only where it is
    the lower one, too.
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
        self.factor = factor_of("factor", factor, 1, 8)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        low, high = map(int, self.factor)
        bits = random.randint((sizes.n,), low, max(high, low + 1), seed=seed)
        return {"shift_factor": ops.subtract(8, bits)}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        step = ops.power(2.0, ops.cast(transformation["shift_factor"], "float32"))
        step = per_image(ops.cast(step, self.compute_dtype))
        levels = ops.floor(ops.divide(self._scaled(images, 255), step))
        return self._restored(ops.multiply(levels, step), 255)


class Solarization(ColorLayer):
    """Invert the pixels of each image that are as bright as a threshold.

    What is drawn from `addition_factor` is added before, and `threshold_factor` gives
    the threshold; both lie within [0, 1], and a number f stands for (0, f).
    """

    def __init__(
        self,
        addition_factor: Factor = 0.0,
        threshold_factor: Factor = 0.0,
        value_range: Range = (0, 255),
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **options)
        self.addition_factor = _from_zero("addition_factor", addition_factor)
        self.threshold_factor = _from_zero("threshold_factor", threshold_factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        def level(factor: Interval) -> Tensor:
            shape, (low, high) = (sizes.n, 1, 1, 1), factor
            return drawn(shape, low, max(high * 255, low), seed=seed)

        return {
            "additions": level(self.addition_factor),
            "thresholds": level(self.threshold_factor),
        }

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        added, threshold = (
            ops.cast(transformation[name], self.compute_dtype)
            for name in ("additions", "thresholds")
        )
        images = ops.clip(ops.add(self._scaled(images, 255), added), 0.0, 255.0)
        inverted = ops.subtract(255.0, images)
        images = ops.where(ops.less(images, threshold), images, inverted)
        return self._restored(images, 255)


def _from_zero(name: str, factor: Factor) -> Interval:
    """Return the two ends of a factor within [0, 1], from 0 for a number."""
    ends = ends_of(factor)
    if ends is None or ends[0] < 0 or ends[1] > 1:
        raise ArgumentError(
            f"Expected {name} to be a number within [0, 1], or a list of two, got "
            f"{factor!r}."
        )
    return ends if isinstance(factor, list | tuple) else (0.0, float(ends[1]))
