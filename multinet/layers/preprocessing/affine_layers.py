"""Image layers that flip, turn, move, zoom and shear."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops, random
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.preprocessing.box_formats import (
    columns,
    convert_format,
    joined,
    size_in,
)
from multinet.layers.preprocessing.box_moves import affine_transform, clip_to_image_size
from multinet.layers.preprocessing.factors import (
    FILL_MODES,
    INTERPOLATIONS,
    Factor,
    choice,
    ends_of,
    factor_of,
    kept,
)
from multinet.layers.preprocessing.image_layer import (
    RandomImageLayer,
    Sizes,
    drawn,
    per_box,
    per_image,
)
from multinet.typing import Seed, Size, Tensor, Tree

_FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomImageLayer):
    """Mirror half of the images, drawn at random, along one axis or both at once."""

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Seed = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **options)
        self.mode = choice("mode", mode, _FLIPS)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        flips = ops.less_equal(random.uniform((sizes.n, 1, 1, 1), seed=seed), 0.5)
        return {"flips": flips, "input_shape": sizes.shape}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        vertical, horizontal = self._spatial_axes
        pairs = (("horizontal", horizontal), ("vertical", vertical))
        axes = [axis for name, axis in pairs if name in self.mode]
        flips = per_image(transformation["flips"])
        return ops.where(flips, ops.flip(images, axes), images)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._images(masks, transformation)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        flips = per_box(transformation["flips"], bounding_boxes["boxes"])

        def mirrored(boxes: Tensor, height: Size, width: Size) -> Tensor:
            x1, y1, x2, y2 = columns(boxes)
            if "horizontal" in self.mode:
                w = size_in(width)
                x1, x2 = ops.subtract(w, x2), ops.subtract(w, x1)
            if "vertical" in self.mode:
                h = size_in(height)
                y1, y2 = ops.subtract(h, y2), ops.subtract(h, y1)
            return ops.where(flips, joined(x1, y1, x2, y2), boxes)

        return self._moved(bounding_boxes, mirrored, transformation["input_shape"])


class Affine(RandomImageLayer):
    """Move pixels by an affine map, a matrix for each image."""

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fill_mode = choice("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = choice("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _matrix(self, transformation: Tree, height: Size, width: Size) -> Tensor:
        """Return where pixels come from, (n, 8): see `ops.image.affine_transform`."""
        raise MultinetError(f"{type(self).__name__} must define _matrix.")

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._sampled(images, transformation, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._sampled(masks, transformation, "nearest")

    def _sampled(self, images: Any, transformation: Tree, interpolation: str) -> Tensor:
        size = self._image_size(ops.shape(images))
        return ops.image.affine_transform(
            images,
            self._matrix(transformation, *size),
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )


def _rows(*parts: Tensor | float) -> Tensor:
    """Return matrices (n, 8) of tensors (n, 1) and numbers, 0 where none are given."""
    like = next(part for part in parts if not isinstance(part, float))
    entries = [
        ops.full_like(like, part) if isinstance(part, float) else part for part in parts
    ]
    return ops.concatenate([*entries, *[ops.zeros_like(like)] * (8 - len(parts))], 1)


def _half(size: Size) -> Tensor:
    """Return the middle of pixels 0 to size - 1."""
    return ops.multiply(ops.subtract(size_in(size), 1.0), 0.5)


class RandomRotation(Affine):
    """Turn each image about its middle by an angle drawn from `factor` full turns.

    Angles above 0 turn counter-clockwise.
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Seed = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.factor = factor_of("factor", factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        low, high = (360.0 * end for end in self.factor)
        angle = drawn((sizes.n,), low, high, seed=seed)
        return {
            "angle": angle,
            "rotation_matrix": _rotation(angle, sizes.h, sizes.w),
            "image_height": sizes.h,
            "image_width": sizes.w,
            "batch_size": sizes.n,
        }

    def _matrix(self, transformation: Tree, height: Size, width: Size) -> Tensor:
        return ops.reshape(transformation["rotation_matrix"], (-1, 8))

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        angle = transformation["angle"]
        zero, one = ops.zeros_like(angle), ops.ones_like(angle)

        def turned(boxes: Tensor, height: Size, width: Size) -> Tensor:
            given: Any = (angle, zero, zero, one, zero, zero, height, width)
            return affine_transform(boxes, *given)

        height, width = (
            transformation[f"image_{side}"] for side in ("height", "width")
        )
        last = self.data_format == "channels_last"
        shape = (height, width, None) if last else (None, height, width)
        return self._moved(bounding_boxes, turned, shape)


def _rotation(angle: Any, height: Size, width: Size) -> Tensor:
    """Return matrices (n, 8) that turn by angles in degrees about the middle."""
    angle = ops.reshape(ops.multiply(angle, math.pi / 180), (-1, 1))
    cosine, sine = ops.cos(angle), ops.sin(angle)
    x, y = _half(width), _half(height)
    back_x = ops.subtract(ops.multiply(x, cosine), ops.multiply(y, sine))
    back_y = ops.add(ops.multiply(x, sine), ops.multiply(y, cosine))
    return _rows(
        cosine,
        ops.negative(sine),
        ops.subtract(x, back_x),
        sine,
        cosine,
        ops.subtract(y, back_y),
    )


class RandomZoom(Affine):
    """Scale each image about its middle, its height and its width.

    Factors above 0 zoom out, below 0 in: 0.2 shows up to 20% more or less. Without
    `width_factor` both sides scale alike.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Seed = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.height_factor = kept(height_factor)
        self.width_factor = kept(width_factor)
        self._height = _zoom("height_factor", height_factor)
        self._width = None
        if width_factor is not None:
            self._width = _zoom("width_factor", width_factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        def zoom(factor: tuple[float, float]) -> Tensor:
            low, high = (1.0 + end for end in factor)
            return drawn((sizes.n, 1), low, high, seed=seed)

        height = zoom(self._height)
        return {
            "height_zoom": height,
            "width_zoom": height if self._width is None else zoom(self._width),
            "input_shape": sizes.shape,
        }

    def _matrix(self, transformation: Tree, height: Size, width: Size) -> Tensor:
        w, h = (_zooms(transformation, side) for side in ("width", "height"))
        return _rows(w, 0.0, _offset(w, width), 0.0, h, _offset(h, height))

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        w, h = (
            ops.reshape(_zooms(transformation, side), (-1, 1, 1))
            for side in ("width", "height")
        )

        def zoomed(boxes: Tensor, height: Size, width: Size) -> Tensor:
            x, y = _offset(w, width), _offset(h, height)
            pairs = zip(columns(boxes), (x, y, x, y), (w, h, w, h))
            return joined(*(ops.divide(ops.subtract(p, o), z) for p, o, z in pairs))

        return self._moved(bounding_boxes, zoomed, transformation["input_shape"])


def _zoom(name: str, factor: Factor) -> tuple[float, float]:
    ends = factor_of(name, factor, within=True)
    given = factor if isinstance(factor, list | tuple) else [factor]
    if -1 in given:
        raise ArgumentError(
            f"Expected {name} to be above -1, where nothing is left to be seen, got "
            f"{factor!r}."
        )
    return ends


def _zooms(transformation: Tree, side: str) -> Tensor:
    return ops.reshape(ops.cast(transformation[f"{side}_zoom"], "float32"), (-1, 1))


def _offset(zoom: Tensor, size: Size) -> Tensor:
    """Return where pixel 0 comes from, so that the middle stays."""
    return ops.multiply(_half(size), ops.subtract(1.0, zoom))


class RandomTranslation(Affine):
    """Move each image down and to the right, by parts of its height and width.

    Factors below 0 move it up and to the left.
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Seed = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.height_factor = kept(height_factor)
        self.width_factor = kept(width_factor)
        self._height = factor_of("height_factor", height_factor, within=True)
        self._width = factor_of("width_factor", width_factor, within=True)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        parts = [
            ops.multiply(drawn((sizes.n, 1), *factor, seed=seed), size_in(size))
            for factor, size in ((self._height, sizes.h), (self._width, sizes.w))
        ]
        moves = ops.concatenate(parts[::-1], 1)  # n 2, as (x, y)
        return {"translations": moves, "input_shape": sizes.shape}

    def _matrix(self, transformation: Tree, height: Size, width: Size) -> Tensor:
        x, y = _moves(transformation)
        return _rows(1.0, 0.0, ops.negative(x), 0.0, 1.0, ops.negative(y))

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        x, y = (per_box(p, bounding_boxes["boxes"]) for p in _moves(transformation))

        def moved(boxes: Tensor, height: Size, width: Size) -> Tensor:
            pairs = zip(columns(boxes), (x, y, x, y))
            return joined(*(ops.add(part, move) for part, move in pairs))

        return self._moved(bounding_boxes, moved, transformation["input_shape"])


def _moves(transformation: Tree) -> list[Tensor]:
    """Return how far images move along x and y, each (n, 1)."""
    moves = ops.cast(transformation["translations"], "float32")
    return ops.split(ops.reshape(moves, (-1, 2)), 2, axis=1)


class RandomShear(Affine):
    """Slant each image: pixels move along x in proportion to y, and along y to x.

    The factors lie within [0, 1]; the direction is drawn, too.
    """

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **options,
        )
        self.x_factor, self.y_factor = kept(x_factor), kept(y_factor)
        self._x, self._y = _slant("x_factor", x_factor), _slant("y_factor", y_factor)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        shape = (sizes.n, 1)
        sign = ops.where(ops.greater(random.uniform(shape, seed=seed), 0.5), -1.0, 1.0)
        y = drawn(shape, *self._y, seed=seed)
        x = drawn(shape, *self._x, seed=seed)
        factor = ops.multiply(ops.concatenate([x, y], 1), sign)
        return {"shear_factor": factor, "input_shape": sizes.shape}

    def _matrix(self, transformation: Tree, height: Size, width: Size) -> Tensor:
        x, y = _slants(transformation)
        return _rows(1.0, x, 0.0, y, 1.0, 0.0)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        size: Any = self._image_size(transformation["input_shape"])
        known: Any = self.bounding_box_format
        found = convert_format(bounding_boxes, known, "rel_xyxy", *size)
        sx, sy = (ops.reshape(p, (-1, 1, 1)) for p in _slants(transformation))
        x1, y1, x2, y2 = columns(found["boxes"])
        # Each side goes as far as the corner of it that moves outward.
        below, above = ops.less(sx, 0), ops.greater(sy, 0)
        x = [
            ops.where(below, _less(x1, sx, y1), _less(x1, sx, y2)),
            ops.where(below, _less(x2, sx, y2), _less(x2, sx, y1)),
        ]
        y = [
            ops.where(above, _less(y1, sy, x[1]), _less(y1, sy, x[0])),
            ops.where(above, _less(y2, sy, x[0]), _less(y2, sy, x[1])),
        ]
        found["boxes"] = joined(x[0], y[0], x[1], y[1])
        found = clip_to_image_size(found, bounding_box_format="rel_xyxy")
        return convert_format(found, "rel_xyxy", known, *size)


def _slant(name: str, factor: Factor) -> tuple[float, float]:
    """Return the two ends of a factor within [0, 1]; of a number f, -f and f.

    Keras writes those two into a file in place of the number.
    """
    ends = ends_of(factor)
    if ends is not None and isinstance(factor, list | tuple) and ends[0] == -ends[1]:
        factor = ends[1]
    ends = factor_of(name, factor, 0, 1, within=True)
    pair = isinstance(factor, list | tuple)
    return ends if pair else (-ends[1], ends[1])


def _slants(transformation: Tree) -> list[Tensor]:
    """Return how images are slanted along x and y, each (n, 1)."""
    factor = ops.cast(transformation["shear_factor"], "float32")
    return ops.split(ops.reshape(factor, (-1, 2)), 2, axis=1)


def _less(x: Tensor, factor: Tensor, y: Tensor) -> Tensor:
    return ops.subtract(x, ops.multiply(factor, y))
