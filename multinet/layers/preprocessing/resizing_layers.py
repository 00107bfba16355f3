"""Image layers whose outputs have another size: resizing and cropping."""

from __future__ import annotations

from typing import Any

from multinet import ops, random
from multinet.errors import ShapeError
from multinet.layers.arguments import positive
from multinet.layers.preprocessing.box_formats import columns, joined, size_in
from multinet.layers.preprocessing.image_layer import (
    ImageLayer,
    RandomImageLayer,
    Sizes,
)
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import Seed, Size, Tensor, Tensors, Tree


class Resizing(ImageLayer):
    """Resize images to (height, width), in their own dtype.

    With `crop_to_aspect_ratio` what does not fit the shape is cut off, with
    `pad_to_aspect_ratio` it is padded; otherwise images are stretched.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format=data_format, **options)
        self.height = positive("height", height)
        self.width = positive("width", width)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = bool(antialias)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return sizes.h, sizes.w

    def _taken_images(self, images: Tensor) -> Tensor:
        return ops.convert_to_tensor(images)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._resized(images, self.interpolation)

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._resized(masks, "nearest")

    def _resized(self, images: Tensor, interpolation: str) -> Tensor:
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
        empty = [
            ops.all(ops.equal(boxes, value), axis=-1, keepdims=True)
            for value in (-1, 0)
        ]
        filler = ops.logical_or(*empty)

        def resized(boxes: Tensor, height: Size, width: Size) -> Tensor:
            parts = self._scales(height, width)
            pairs = zip(columns(boxes), parts * 2)
            moved = (ops.add(ops.multiply(p, scale), o) for p, (scale, o) in pairs)
            return joined(*moved)

        height, width = transformation
        last = self.data_format == "channels_last"
        shape = (height, width, None) if last else (None, height, width)
        found = self._moved(bounding_boxes, resized, shape, (self.height, self.width))
        found["boxes"] = ops.where(filler, 0.0, found["boxes"])
        return found

    def _scales(self, height: Size, width: Size) -> list[tuple[Any, Any]]:
        """Return the scale and the offset along x and along y."""
        h, w = (size_in(size) for size in (height, width))
        targets = (self.width, self.height)
        scales = [ops.divide(float(t), size) for t, size in zip(targets, (w, h))]
        if not (self.pad_to_aspect_ratio or self.crop_to_aspect_ratio):
            return [(scale, 0.0) for scale in scales]
        both = ops.minimum if self.pad_to_aspect_ratio else ops.maximum
        scale = both(*scales)
        rests = [
            ops.subtract(float(t), ops.multiply(size, scale))
            for t, size in zip(targets, (w, h))
        ]
        if self.pad_to_aspect_ratio:
            return [(scale, ops.floor(ops.divide(rest, 2.0))) for rest in rests]
        halves = [ops.floor(ops.divide(ops.negative(rest), 2.0)) for rest in rests]
        return [(scale, ops.negative(half)) for half in halves]


class CenterCrop(ImageLayer):
    """Cut the middle (height, width) out of images.

    Where one is smaller, its largest middle part of that shape is resized.
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **options: Any
    ) -> None:
        super().__init__(data_format=data_format, **options)
        self.height = positive("height", height)
        self.width = positive("width", width)

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        return {"input_shape": sizes.shape}

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._cropped(images, "bilinear")

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._cropped(masks, "nearest")

    def _cropped(self, images: Tensor, interpolation: str) -> Tensor:
        height, width = self._image_size(ops.shape(images))
        if self._fits(height, width):
            top, left = (height - self.height) // 2, (width - self.width) // 2
            return ops.image.crop_images(
                images,
                top_cropping=top,
                left_cropping=left,
                target_height=self.height,
                target_width=self.width,
                data_format=self.data_format,
            )
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            crop_to_aspect_ratio=True,
            data_format=self.data_format,
        )

    def _fits(self, height: Size, width: Size) -> bool:
        """Return whether the window lies in an image, as one of unknown size may."""
        pairs = ((height, self.height), (width, self.width))
        return all(isinstance(size, Dim) or size >= target for size, target in pairs)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        def cropped(boxes: Tensor, height: Size, width: Size) -> Tensor:
            window = self._window(height, width)
            pairs = zip(columns(boxes), (*window, *window))
            return joined(*(_within(part, *place) for part, place in pairs))

        shape, size = transformation["input_shape"], (self.height, self.width)
        return self._moved(bounding_boxes, cropped, shape, size)

    def _window(self, height: Size, width: Size) -> list[tuple[float, float, float]]:
        """Return the start, the size and the scale of the window along x and y."""
        targets = (self.width, self.height)
        found = []
        fits = self._fits(height, width)
        for place, (size, other) in enumerate(((width, height), (height, width))):
            target, across = targets[place], targets[1 - place]
            part = target
            if not fits:
                part = max(min(size, int(float(other * target) / across)), 1)
            found.append((int((size - part) / 2), part, target / part))
        return found


def _within(x: Tensor, start: float, size: float, scale: float) -> Tensor:
    """Return coordinates in a window of the image, cut at its ends and scaled."""
    return ops.multiply(ops.subtract(ops.clip(x, start, start + size), start), scale)


class RandomCrop(RandomImageLayer):
    """Cut a window (height, width) at a random place out of a batch of images.

    It is the middle at inference. Where images are smaller, what there is is resized.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Seed = None,
        data_format: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, name=name, **options)
        self.height = positive("height", height)
        self.width = positive("width", width)

    def _acts(self, transformation: Tree, training: bool | None) -> bool:
        return True

    def get_random_transformation(
        self, data: Tensors, training: bool | None = True, seed: Seed = None
    ) -> Tree:
        """Return where the window starts, (y, x)."""
        if training:
            return super().get_random_transformation(data, training, seed)
        images = data["images"] if isinstance(data, dict) else data
        return self._middle(*self._known(self._sizes(images)))

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        height, width = self._known(sizes)
        if height <= self.height or width <= self.width:
            return self._middle(height, width)
        return tuple(
            random.randint((), 0, size - target + 1, seed=seed)
            for size, target in ((height, self.height), (width, self.width))
        )

    def _known(self, sizes: Sizes) -> tuple[int, int]:
        if isinstance(sizes.h, Dim) or isinstance(sizes.w, Dim):
            raise ShapeError(
                f"{self.name} needs images of a known height and width, got shape "
                f"{public_shape(sizes.shape)}. Put a Resizing in front of it."
            )
        return sizes.h, sizes.w

    def _middle(self, height: int, width: int) -> tuple[int, int]:
        """Return where the middle window of the shape of the target starts."""
        h = max(min(height, int(float(width * self.height) / self.width)), 1)
        w = max(min(width, int(float(height * self.width) / self.height)), 1)
        return (height - h) // 2, (width - w) // 2

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return self._cropped(images, transformation, "bilinear")

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return self._cropped(masks, transformation, "nearest")

    def _cropped(self, images: Any, transformation: Tree, interpolation: str) -> Any:
        targets = (self.height, self.width)
        for axis, start, target in zip(self._spatial_axes, transformation, targets):
            images = _window(images, axis, start, target)
        if tuple(self._image_size(ops.shape(images))) == targets:
            return images
        return ops.image.resize(
            images,
            targets,
            interpolation=interpolation,
            data_format=self.data_format,
        )

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        top, left = (ops.cast(start, "float32") for start in transformation)

        def cropped(boxes: Tensor, height: Size, width: Size) -> Tensor:
            pairs = zip(columns(boxes), (left, top, left, top))
            return joined(*(ops.subtract(part, start) for part, start in pairs))

        size = (self.height, self.width)
        last = self.data_format == "channels_last"
        shape = (*size, None) if last else (None, *size)
        return self._moved(bounding_boxes, cropped, shape, size)


def _window(images: Tensor, axis: int, start: Tensor | int, size: int) -> Tensor:
    """Return the part of an axis that begins at `start`, as far as there is any."""
    have = ops.shape(images)[axis]
    if isinstance(start, int):
        size = min(size, have - start)
    elif have <= size:
        return images
    places = ops.add(ops.arange(size, dtype="int32"), ops.cast(start, "int32"))
    return ops.take(images, places, axis=axis)
