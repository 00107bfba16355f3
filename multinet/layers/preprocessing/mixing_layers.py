"""Image layers that mix images of a batch, or erase parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops, random
from multinet.errors import ArgumentError
from multinet.layers.preprocessing.box_formats import size_in
from multinet.layers.preprocessing.color_layers import Range
from multinet.layers.preprocessing.factors import Factor, factor_of, value_range_of
from multinet.layers.preprocessing.image_layer import (
    RandomImageLayer,
    Sizes,
    chance,
    drawn,
    per_image,
)
from multinet.typing import Seed, Size, Tensor, Tree


def _windows(
    layer: RandomImageLayer, sizes: Sizes, parts: Sequence[Tensor], seed: Seed
) -> tuple[Tensor, Tensor]:
    """Return masks of a window at a random place of each image, and its area.

    `parts` (n,) are those of the width and of the height that windows have. Masks
    broadcast with images, areas are parts of the image.
    """
    last = layer.data_format == "channels_last"
    inside, area = None, None
    for count, part, axis in ((sizes.w, parts[0], 2), (sizes.h, parts[1], 1)):
        size = size_in(count)
        length = ops.multiply(part, size)
        place = random.uniform((sizes.n,), seed=seed)
        start = ops.multiply(place, ops.subtract(size, length))
        form = [1, 1, 1, 1]
        form[axis if last else axis + 1] = -1
        grid = ops.reshape(ops.arange(count, dtype="float32"), form)
        start, length = per_image(start), per_image(length)
        within = ops.logical_and(
            ops.greater_equal(grid, start), ops.less(grid, ops.add(start, length))
        )
        side = ops.divide(length, size)
        inside = within if inside is None else ops.logical_and(inside, within)
        area = side if area is None else ops.multiply(area, side)
    return inside, area


class CutMix(RandomImageLayer):
    """Paste into each image of a batch a window of another, and mix their labels.

    The part of the image that stays, which is the weight of its label too, is drawn
    from a beta distribution whose both parameters are drawn from `factor`. Labels are
    one-hot or floats.

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers
    with localizable features", 2019.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.factor = factor_of("factor", factor, 0, 1)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        if len(sizes.shape) == 3:
            return None
        alpha = ops.add(drawn((), *self.factor, seed=seed), 1e-6)
        kept = random.beta((sizes.n,), alpha, alpha, seed=seed)
        side = ops.sqrt(ops.subtract(1.0, kept))
        masks, area = _windows(self, sizes, (side, side), seed)
        return {
            "permutation_order": _order(sizes.n, seed),
            "batch_masks": masks,
            "mix_weight": ops.subtract(1.0, area),
        }

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        other = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(transformation["batch_masks"], other, images)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._images(masks, transformation)

    def _labels(self, labels: Tensor, transformation: Tree) -> Tensor:
        return mixed(labels, transformation)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        raise ArgumentError(
            "CutMix has no boxes: parts of two images lie in one. Leave bounding_boxes "
            "out, or use MixUp."
        )


def _order(count: Size, seed: Seed) -> Tensor:
    return random.shuffle(ops.arange(count, dtype="int32"), seed=seed)


def mixed(x: Tensor, transformation: Tree) -> Tensor:
    """Return each of a batch mixed with another; integers become floats."""
    weight = ops.reshape(transformation["mix_weight"], (-1,))
    weight = ops.reshape(weight, (-1, *(1,) * (len(ops.shape(x)) - 1)))
    other = ops.take(x, transformation["permutation_order"], axis=0)
    kept = ops.multiply(weight, x)
    return ops.add(kept, ops.multiply(ops.subtract(1.0, weight), other))


class MixUp(RandomImageLayer):
    """Mix each image of a batch with another, and their labels likewise.

    The weight of an image is drawn from a beta distribution of (alpha, alpha). Labels
    are one-hot or floats; boxes are those of both images.

    Source: Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    """

    _only_batches = True

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.alpha = alpha

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        order = _order(sizes.n, seed)
        weight = random.beta((sizes.n,), self.alpha, self.alpha, seed=seed)
        return {"mix_weight": weight, "permutation_order": order}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        weight = ops.cast(transformation["mix_weight"], self.compute_dtype)
        return mixed(images, {**transformation, "mix_weight": weight})

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return mixed(masks, transformation)

    def _labels(self, labels: Tensor, transformation: Tree) -> Tensor:
        return mixed(labels, transformation)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        order, found = transformation["permutation_order"], dict(bounding_boxes)
        for name in ("boxes", "labels"):
            own = ops.convert_to_tensor(bounding_boxes[name])
            axis = min(1, len(ops.shape(own)) - 1)
            pair = [own, ops.take(own, order, axis=0)]
            found[name] = ops.concatenate(pair, axis=axis)
        return found


class RandomErasing(RandomImageLayer):
    """Erase a window at a random place of some images.

    `factor` is the range of the probability of each image, `scale` that of the part of
    the image, whose sides are drawn apart. `fill_value` is a number, or one for each
    channel; without it the window is filled with normal noise.

    Source: Zhong et al., "Random erasing data augmentation", 2020.
    """

    _only_batches = True

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: Range = (0, 255),
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.factor = factor_of("factor", factor, 0, 1)
        self.scale = factor_of("scale", scale, 0, 1)
        numbers = fill_value if isinstance(fill_value, list | tuple) else [fill_value]
        if fill_value is not None and not all(
            isinstance(number, int | float) for number in numbers
        ):
            raise ArgumentError(
                "Expected fill_value to be a number, or one for each channel, got "
                f"{fill_value!r}."
            )
        self.fill_value = fill_value
        self.value_range = value_range_of(value_range)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        parts = ops.sqrt(drawn((sizes.n, 2), *self.scale, seed=seed))
        masks, _ = _windows(self, sizes, ops.unstack(parts, 2, axis=1), seed)
        return {
            "batch_masks": masks,
            "apply_erasing": chance((sizes.n,), self.factor, seed),
            "fill_value": ops.clip(self._filling(sizes, seed), *self.value_range),
        }

    def _filling(self, sizes: Sizes, seed: Seed) -> Tensor:
        last = self.data_format == "channels_last"
        if self.fill_value is None:
            n, h, w, c, _ = sizes
            shape = (n, h, w, c) if last else (n, c, h, w)
            noise = random.normal(shape, seed=seed)
            return ops.multiply(noise, float(self.value_range[1]))
        if isinstance(self.fill_value, int | float):
            return ops.convert_to_tensor(float(self.fill_value))
        form = (1, 1, 1, -1) if last else (1, -1, 1, 1)
        return ops.reshape(ops.convert_to_tensor(self.fill_value, "float32"), form)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        filling = ops.cast(transformation["fill_value"], self.compute_dtype)
        applied = per_image(transformation["apply_erasing"])
        erased = ops.logical_and(applied, transformation["batch_masks"])
        return ops.where(erased, filling, images)
