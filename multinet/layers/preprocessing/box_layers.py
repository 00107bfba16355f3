"""Image layers that change bounding boxes alone."""

from __future__ import annotations

from typing import Any

from multinet import ops
from multinet.layers.arguments import positive
from multinet.layers.preprocessing.image_layer import ImageLayer
from multinet.typing import Tensor, Tree


class MaxNumBoundingBoxes(ImageLayer):
    """Give each image `max_number` boxes: its first ones, then some of `fill_value`."""

    def __init__(self, max_number: int, fill_value: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.max_number = positive("max_number", int(max_number))
        self.fill_value = int(fill_value)

    def _taken_images(self, images: Tensor) -> Tensor:
        return ops.convert_to_tensor(images)

    def _boxes(
        self, bounding_boxes: dict[str, Tensor], transformation: Tree
    ) -> dict[str, Tensor]:
        found = dict(bounding_boxes)
        for name in ("boxes", "labels"):
            part = ops.convert_to_tensor(bounding_boxes[name])
            part = ops.get_item(part, (slice(None), slice(self.max_number)))
            shape = ops.shape(part)
            widths = [(0, 0)] * len(shape)
            widths[1] = (0, self.max_number - shape[1])
            found[name] = ops.pad(part, widths, constant_values=self.fill_value)
        return found
