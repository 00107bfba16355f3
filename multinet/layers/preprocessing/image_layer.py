"""What image layers share: images alone or with labels, boxes and masks, in a batch or
single, in either data format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from multinet import ops, random
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import data_format_of
from multinet.layers.base import Layer
from multinet.layers.policy import computed
from multinet.layers.preprocessing.box_formats import convert_format, dense
from multinet.layers.preprocessing.box_moves import clip_to_image_size
from multinet.layers.preprocessing.hosting import at_hand, hosted
from multinet.ops.core import host
from multinet.symbolic.dims import public_shape
from multinet.typing import Seed, Shape, Size, Tensor, Tensors, Tree


class Sizes(NamedTuple):
    """The sizes of a batch of images, n is 1 for a single one, and the shape it has."""

    n: Size
    h: Size
    w: Size
    c: Size
    shape: Shape


class ImageLayer(Layer):
    """A layer on images (n, h, w, c), or single ones (h, w, c).

    Inputs are images, or a dict of `images` with what belongs to them: `labels`,
    `bounding_boxes`, a dict of `boxes` in the layer's `bounding_box_format` and their
    `labels`, and `segmentation_masks`, of the rank of the images.

    One transformation is made for all of them: `get_random_transformation` returns it,
    `transform_images` and the like apply it. A subclass says what it draws, `_draw`,
    and what that does to a batch: `_images`, and where they change, too, `_labels`,
    `_boxes` and `_masks`.
    """

    _only_batches = False  # whether `transform_images` makes a batch of a single one

    def __init__(
        self,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.bounding_box_format = bounding_box_format
        self.data_format = data_format_of(data_format)

    __call__ = hosted(Layer.__call__)
    autograph_info__ = None  # see `hosted`

    # -- what a subclass writes --------------------------------------------------------

    def _draw(self, sizes: Sizes, seed: Seed) -> Tree:
        """Return the transformation of a batch; nothing by default."""
        return None

    def _acts(self, transformation: Tree, training: bool | None) -> bool:
        """Return whether there is anything to do."""
        return True

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        return images

    def _masks(self, masks: Tensor, transformation: Tree) -> Tensor:
        return masks

    def _labels(self, labels: Tensor, transformation: Tree) -> Tensor:
        return labels

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        return bounding_boxes

    # -- the parts of a sample ---------------------------------------------------------

    @hosted
    def get_random_transformation(
        self, data: Tensors, training: bool | None = True, seed: Seed = None
    ) -> Tree:
        """Return what the layer does to data: tensors that are equal on every backend.

        None where it does nothing.
        """
        images = data["images"] if isinstance(data, Mapping) else data
        return self._draw(self._sizes(images), seed)

    @hosted
    def transform_images(
        self,
        images: Tensor,
        transformation: Tree = None,
        training: bool | None = True,
    ) -> Tensor:
        """Return images transformed, in the layer's dtype."""
        images = self._taken_images(images)
        if not self._acts(transformation, training):
            return images
        return self._each(self._images, images, transformation)

    @hosted
    def transform_labels(
        self,
        labels: Tensor,
        transformation: Tree = None,
        training: bool | None = True,
    ) -> Tensor:
        """Return the labels of transformed images."""
        labels = ops.convert_to_tensor(labels)
        if not self._acts(transformation, training):
            return labels
        return self._labels(labels, transformation)

    @hosted
    def transform_bounding_boxes(
        self,
        bounding_boxes: Tensors,
        transformation: Tree = None,
        training: bool | None = True,
    ) -> Tensors:
        """Return the boxes of transformed images; -1 is the label of one that is gone.

        A dict of `boxes` (n, k, 4), in the layer's format, and `labels` (n, k).
        """
        if not self._acts(transformation, training):
            return bounding_boxes
        return self._boxes(dict(bounding_boxes), transformation)

    @hosted
    def transform_segmentation_masks(
        self,
        segmentation_masks: Tensor,
        transformation: Tree = None,
        training: bool | None = True,
    ) -> Tensor:
        """Return the masks of transformed images, in their dtype."""
        masks = ops.convert_to_tensor(segmentation_masks)
        if not self._acts(transformation, training):
            return masks
        return self._each(self._masks, masks, transformation)

    def transform_single_image(
        self, image: Tensor, transformation: Tree, training: bool | None = True
    ) -> Tensor:
        """Return one image (h, w, c) transformed."""
        return self._alone(self.transform_images, image, transformation, training)

    def transform_single_label(
        self, label: Tensor, transformation: Tree, training: bool | None = True
    ) -> Tensor:
        """Return the label of one image."""
        return self._alone(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: Tensors, transformation: Tree, training: bool | None = True
    ) -> Tensors:
        """Return the boxes (k, 4) and labels (k,) of one image."""
        change = self.transform_bounding_boxes
        return self._alone(change, bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self,
        segmentation_mask: Tensor,
        transformation: Tree,
        training: bool | None = True,
    ) -> Tensor:
        """Return the mask of one image."""
        change = self.transform_segmentation_masks
        return self._alone(change, segmentation_mask, transformation, training)

    # -- calls -------------------------------------------------------------------------

    def call(self, data: Tensors, training: bool | None = True) -> Tensors:
        """Return images transformed, or a dict of all their parts."""
        transformation = self.get_random_transformation(data, training=training)
        plain = not isinstance(data, Mapping)
        single = len(ops.shape(data if plain else data["images"])) == 3
        if plain:
            change = self.transform_single_image if single else self.transform_images
            return change(data, transformation, training)
        found = {**data, **self._checked(data)}
        for name, (whole, alone) in _PARTS.items():
            if name in found:
                change = getattr(self, alone if single else whole)
                found[name] = change(found[name], transformation, training=training)
        return found

    def _checked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse parts that do not fit the images; return the boxes as tensors."""
        rank = len(self._sizes(data["images"]).shape)
        masks = data.get("segmentation_masks")
        if masks is not None and len(ops.shape(masks)) != rank:
            raise ShapeError(
                "Expected segmentation masks of the rank of the images, with channels, "
                f"got masks {public_shape(ops.shape(masks))} for images "
                f"{public_shape(ops.shape(data['images']))}."
            )
        if "bounding_boxes" not in data:
            return {}
        if self.bounding_box_format is None:
            raise ArgumentError(
                f"{self.name} got bounding boxes and no format of them. Pass "
                f"bounding_box_format to {type(self).__name__}, such as 'xyxy'."
            )
        return {"bounding_boxes": dense(data["bounding_boxes"])}

    def _taken_images(self, images: Tensor) -> Tensor:
        return ops.cast(computed(self, images), self.compute_dtype)

    def _each(
        self, change: Callable[..., Tensor], images: Tensor, transformation: Tree
    ) -> Tensor:
        """Return what a change of batches makes of one, or of a single image."""
        if len(ops.shape(images)) == 4:
            return change(images, transformation)
        found = change(ops.expand_dims(images, 0), transformation)
        return found if self._only_batches else ops.squeeze(found, 0)

    def _alone(
        self,
        change: Callable[..., Tensors],
        data: Tensors,
        transformation: Tree,
        training: bool | None,
    ) -> Tensors:
        """Return what a change of batches makes of a single one."""
        if isinstance(data, Mapping):
            data = {name: ops.expand_dims(part, 0) for name, part in data.items()}
            found = change(data, transformation, training=training)
            return {name: ops.squeeze(part, 0) for name, part in found.items()}
        found = change(ops.expand_dims(data, 0), transformation, training=training)
        return ops.squeeze(found, 0)

    def convert_weight(self, weight: Tensor) -> Tensor:
        """Return a weight as a tensor of the backend in use."""
        return ops.convert_to_tensor(host(weight))

    # -- sizes -------------------------------------------------------------------------

    def _sizes(self, images: Tensor) -> Sizes:
        """Return the sizes of a batch of images, or of one."""
        shape = tuple(ops.shape(images))
        if len(shape) not in (3, 4):
            raise ShapeError(
                f"{self.name} expects images of 3 axes, or a batch of them of 4, got "
                f"shape {public_shape(shape)}."
            )
        h, w = self._image_size(shape)
        channels = shape[-1] if self.data_format == "channels_last" else shape[-3]
        return Sizes(shape[0] if len(shape) == 4 else 1, h, w, channels, shape)

    def _image_size(self, shape: Shape) -> tuple[Size, Size]:
        """Return the height and the width of images of a shape."""
        last = self.data_format == "channels_last"
        return (shape[-3], shape[-2]) if last else (shape[-2], shape[-1])

    @property
    def _spatial_axes(self) -> tuple[int, int]:
        return (-3, -2) if self.data_format == "channels_last" else (-2, -1)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -3

    # -- boxes -------------------------------------------------------------------------

    def _moved(
        self,
        bounding_boxes: dict[str, Tensor],
        move: Callable[[Tensor, Size, Size], Tensor],
        shape: Shape,
        size: tuple[Size, Size] | None = None,
    ) -> dict[str, Tensor]:
        """Return boxes moved, as xyxy, from images of a shape to those of a size.

        The size stays the same by default. What leaves the images is cut off.
        """
        height, width = self._image_size(shape)
        target = (height, width) if size is None else size
        known: Any = self.bounding_box_format
        found = convert_format(bounding_boxes, known, "xyxy", height, width)
        found["boxes"] = move(found["boxes"], height, width)
        found = clip_to_image_size(found, *target)
        return convert_format(found, "xyxy", known, *target)


# The parts of a sample, and the methods that transform a batch of them and one alone.
_PARTS = {
    "images": ("transform_images", "transform_single_image"),
    "labels": ("transform_labels", "transform_single_label"),
    "bounding_boxes": ("transform_bounding_boxes", "transform_single_bounding_box"),
    "segmentation_masks": (
        "transform_segmentation_masks",
        "transform_single_segmentation_mask",
    ),
}


class RandomImageLayer(ImageLayer):
    """An image layer that draws, for each image, and only while training.

    It acts in a call by itself, too, and not with `training=False`.
    """

    def __init__(self, seed: Seed = None, **options: Any) -> None:
        super().__init__(**options)
        self.seed = seed
        given = isinstance(seed, random.SeedGenerator)
        self.generator = seed if given else random.SeedGenerator(seed)

    def _acts(self, transformation: Tree, training: bool | None) -> bool:
        return bool(training) and transformation is not None

    @hosted
    def get_random_transformation(
        self, data: Tensors, training: bool | None = True, seed: Seed = None
    ) -> Tree:
        """Return what the layer does to data: tensors that are equal on every backend.

        None where it does nothing. `seed` takes the place of the layer's own.
        """
        if not training:
            return None
        images = data["images"] if isinstance(data, Mapping) else data
        sizes, seed = self._sizes(images), self.generator if seed is None else seed
        return at_hand(lambda: self._draw(sizes, seed))


def per_image(x: Tensor) -> Tensor:
    """Return numbers of images, one each, so that they broadcast with a batch."""
    return ops.reshape(x, (-1, 1, 1, 1))


def per_box(x: Tensor, boxes: Tensor) -> Tensor:
    """Return numbers of images, one each, so that they broadcast with their boxes."""
    return ops.reshape(x, (-1, *(1,) * (len(ops.shape(boxes)) - 1)))


def drawn(shape: Shape, low: float, high: float, seed: Seed) -> Tensor:
    """Return uniform numbers of a range, which may be one number."""
    if low == high:
        return ops.full(shape, float(low), "float32")
    return random.uniform(shape, low, high, seed=seed)


def chance(shape: Shape, factor: tuple[float, float], seed: Seed) -> Tensor:
    """Return whether each of some things happens, each with a probability of its own.

    The probabilities are drawn from the range `factor`.
    """
    probability = drawn(shape, *factor, seed=seed)
    return ops.less(random.uniform(shape, seed=seed), probability)


def rescaled(
    images: Tensor, source: Sequence[float], target: Sequence[float]
) -> Tensor:
    """Return images of one range of values in another."""
    (a, b), (c, d) = source, target
    if (a, b) == (c, d):
        return images
    part = ops.divide(ops.subtract(images, float(a)), float(b - a))
    return ops.add(ops.multiply(part, float(d - c)), float(c))
