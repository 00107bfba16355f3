"""Image layers that distort: a change of perspective, and elastic displacements."""

from __future__ import annotations

from typing import Any

from multinet import ops, random
from multinet.layers.arguments import fraction
from multinet.layers.preprocessing.box_formats import columns, joined, size_in
from multinet.layers.preprocessing.box_moves import around
from multinet.layers.preprocessing.factors import (
    FILL_MODES,
    INTERPOLATIONS,
    Factor,
    choice,
    factor_of,
    value_range_of,
)
from multinet.layers.preprocessing.image_layer import (
    RandomImageLayer,
    Sizes,
    chance,
    drawn,
    per_box,
    per_image,
)
from multinet.ops.warping import displaced, homography
from multinet.typing import Seed, Size, Tensor, Tree


class RandomPerspective(RandomImageLayer):
    """Show some images from another side: their corners move by random distances.

    `factor` is the range of the probability of each image, `scale`, within [0, 1], how
    far the corners move.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.factor = factor_of("factor", factor, 0, 1)
        self.scale = fraction("scale", scale)
        self.interpolation = choice("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        applied = chance((sizes.n,), self.factor, seed)
        half = 0.5 * self.scale
        moves = drawn((sizes.n, 4, 2), -half, half, seed=seed)
        x, y = (ops.subtract(size_in(size), 1.0) for size in (sizes.w, sizes.h))
        corners = ops.stack([0.0, 0.0, x, 0.0, 0.0, y, x, y])
        start = ops.broadcast_to(ops.reshape(corners, (1, 4, 2)), (sizes.n, 4, 2))
        return {
            "apply_perspective": applied,
            "start_points": start,
            "end_points": ops.add(start, ops.multiply(start, moves)),
            "input_shape": sizes.shape,
        }

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._seen(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._seen(masks, transformation, "nearest")

    def _seen(self, images: Tensor, transformation: Tree, interpolation: str) -> Tensor:
        moved = ops.image.perspective_transform(
            images,
            transformation["start_points"],
            transformation["end_points"],
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(per_image(transformation["apply_perspective"]), moved, images)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        start, end = (
            ops.cast(transformation[f"{name}_points"], "float32")
            for name in ("start", "end")
        )
        matrix = homography(end, start)  # from start to end, n 8
        parts = [ops.reshape(p, (-1, 1, 1)) for p in ops.split(matrix, 8, axis=1)]

        def seen(boxes: Tensor, height: Size, width: Size) -> Tensor:
            x1, y1, x2, y2 = columns(boxes)
            u, v = _projected(parts, joined(x1, x2, x2, x1), joined(y1, y1, y2, y2))
            applied = per_box(transformation["apply_perspective"], boxes)
            return ops.where(applied, around(u, v), boxes)

        return self._moved(bounding_boxes, seen, transformation["input_shape"])


def _projected(parts: list[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return where points go by the eight numbers of a projection."""
    a0, a1, a2, b0, b1, b2, c0, c1 = parts

    def plane(a: Tensor, b: Tensor, c: Tensor | float) -> Tensor:
        return ops.add(ops.add(ops.multiply(a, x), ops.multiply(b, y)), c)

    scale = plane(c0, c1, 1.0)
    u, v = ops.divide(plane(a0, a1, a2), scale), ops.divide(plane(b0, b1, b2), scale)
    return u, v


class RandomElasticTransform(RandomImageLayer):
    """Displace the pixels of some images smoothly and at random.

    `factor` is the range of the probability of each image, `scale`, within [0, 1], that
    of the strength, which is the same for a batch.

    Source: Simard et al., "Best practices for convolutional neural networks applied to
    visual document analysis", 2003.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: tuple[float, float] = (0, 255),
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.factor = factor_of("factor", factor, 0, 1)
        self.scale = factor_of("scale", scale, 0, 1)
        self.interpolation = choice("interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = choice("fill_mode", fill_mode, (*FILL_MODES, "mirror"))
        self.fill_value = fill_value
        self.value_range = value_range_of(value_range)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        strength = drawn((), *self.scale, seed=seed)
        applied = chance((sizes.n,), self.factor, seed)
        noise = random.normal((sizes.n, sizes.h, sizes.w, 2), seed=seed)
        return {
            "apply_transform": applied,
            "distortion_factor": strength,
            "noise": noise,
        }

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        found = self._displaced(images, transformation, self.interpolation)
        return ops.clip(found, *self.value_range)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._displaced(masks, transformation, "nearest")

    def _displaced(self, images: Any, transformation: Tree, interpolation: str) -> Any:
        height, width = self._image_size(ops.shape(images))
        noise = transformation.get("noise")
        if noise is None:
            shape = (ops.shape(images)[0], height, width, 2)
            noise = random.normal(shape, seed=transformation.get("seed"))
        strength = transformation["distortion_factor"]
        found = displaced(
            images,
            noise,
            alpha=ops.multiply(strength, 0.1 * max(height, width)),
            sigma=ops.multiply(strength, 0.05 * min(height, width)),
            largest=0.05 * min(height, width) * self.scale[1],
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(per_image(transformation["apply_transform"]), found, images)
