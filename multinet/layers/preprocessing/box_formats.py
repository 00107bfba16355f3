"""The formats of bounding boxes.

Boxes are tensors (..., 4), or a dict of such `boxes` and their `labels`. A format names
the four numbers: corners xyxy and yxyx, a corner and a size xywh, a centre and a size
center_xywh and center_yxhw. With rel_ in front they are parts of the height and width
of the image, else pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.ops.core import as_tensor
from multinet.symbolic.dims import differ, public_shape
from multinet.tracebacks import shortening
from multinet.typing import DType, Shape, Size, Tensor, Tensors

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def columns(boxes: Tensor) -> list[Tensor]:
    """Return the four numbers of boxes, each (..., 1)."""
    return ops.split(boxes, 4, axis=-1)


def joined(*parts: Tensor) -> Tensor:
    """Return boxes of four numbers (..., 1)."""
    return ops.concatenate(parts, axis=-1)


def size_in(size: Size, dtype: DType = "float32") -> Tensor:
    """Return a size as a tensor."""
    return as_tensor(size, dtype)


def image_size(image_shape: Shape | None) -> tuple[Any, Any]:
    """Return the height and width of an image shape (h, w, c); None of None."""
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])


@shortening
def convert_format(
    boxes: Tensors,
    source: str,
    target: str,
    height: Size | None = None,
    width: Size | None = None,
    dtype: DType = "float32",
) -> Tensors:
    """Return boxes in another format; of a dict, one with them in place of `boxes`.

    `height` and `width` of the images are needed between pixels and rel_ formats.
    """
    if isinstance(boxes, Mapping):
        found = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": found}
    source, target = source.lower(), target.lower()
    for name, given in (("source", source), ("target", target)):
        if given not in FORMATS:
            raise unknown_name(f"{name} format of boxes", given, FORMATS)
    boxes = ops.cast(boxes, dtype)
    if differ(ops.shape(boxes)[-1], 4):
        raise ShapeError(
            f"Expected boxes of shape (..., 4), got {public_shape(ops.shape(boxes))}."
        )
    if source == target:
        return boxes
    relative = [name.startswith("rel_") for name in (source, target)]
    if any(relative) and (height is None or width is None):
        raise ArgumentError(
            f"Boxes go from {source} to {target} by the size of the image, got "
            f"height={height} and width={width}. Pass both."
        )
    corners = _to_corners(columns(boxes), source.removeprefix("rel_"))
    if relative == [True, False]:
        corners = _scaled(ops.multiply, corners, height, width, dtype)
    elif relative == [False, True]:
        corners = _scaled(ops.divide, corners, height, width, dtype)
    return joined(*_of_corners(corners, target.removeprefix("rel_")))


def _scaled(
    operation: Any, corners: list[Any], height: Any, width: Any, dtype: Any
) -> list[Any]:
    w, h = (size_in(size, dtype) for size in (width, height))
    return [operation(part, size) for part, size in zip(corners, (w, h, w, h))]


def _to_corners(parts: list[Any], layout: str) -> list[Any]:
    """Return x1, y1, x2, y2 of the numbers of a layout."""
    a, b, c, d = parts
    if layout == "xyxy":
        return parts
    if layout == "yxyx":
        return [b, a, d, c]
    if layout == "xywh":
        return [a, b, ops.add(a, c), ops.add(b, d)]
    x, y, w, h = (b, a, d, c) if layout == "center_yxhw" else (a, b, c, d)
    half_w, half_h = ops.divide(w, 2.0), ops.divide(h, 2.0)
    return [
        ops.subtract(x, half_w),
        ops.subtract(y, half_h),
        ops.add(x, half_w),
        ops.add(y, half_h),
    ]


def _of_corners(corners: list[Any], layout: str) -> list[Any]:
    """Return the numbers of a layout of x1, y1, x2, y2."""
    x1, y1, x2, y2 = corners
    if layout == "xyxy":
        return corners
    if layout == "yxyx":
        return [y1, x1, y2, x2]
    w, h = ops.subtract(x2, x1), ops.subtract(y2, y1)
    if layout == "xywh":
        return [x1, y1, w, h]
    x, y = ops.add(x1, ops.divide(w, 2.0)), ops.add(y1, ops.divide(h, 2.0))
    return [y, x, h, w] if layout == "center_yxhw" else [x, y, w, h]


def check(bounding_boxes: Tensors) -> None:
    """Refuse what is no dict of boxes and as many labels."""
    needed = ("boxes", "labels")
    if not isinstance(bounding_boxes, Mapping) or any(
        name not in bounding_boxes for name in needed
    ):
        raise ArgumentError(
            f"Expected bounding boxes as a dict with {needed[0]} and {needed[1]}, got "
            f"{bounding_boxes!r}."
        )


def dense(bounding_boxes: Tensors) -> dict[str, Any]:
    """Return boxes (..., k, 4) in float32 and labels (..., k) as tensors.

    Of lists that differ in length, one for each image, the shorter are filled up with
    boxes of 0 and labels of -1.
    """
    check(bounding_boxes)
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, list) and boxes and isinstance(boxes[0], list):
        if boxes[0] and isinstance(boxes[0][0], list | tuple):
            most = max(map(len, boxes))
            boxes = [[*b, *[[0.0] * 4] * (most - len(b))] for b in boxes]
            labels = [[*row, *[-1] * (most - len(row))] for row in labels]
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float32")
    labels = ops.convert_to_tensor(labels)
    ranks = len(ops.shape(boxes)), len(ops.shape(labels))
    if ranks[0] not in (2, 3) or ranks[1] - ranks[0] not in (-1, 0):
        raise ShapeError(
            "Expected boxes of shape (k, 4) or (n, k, 4) and labels (k,) or (n, k), "
            f"got {public_shape(ops.shape(boxes))} and "
            f"{public_shape(ops.shape(labels))}."
        )
    return {**bounding_boxes, "boxes": boxes, "labels": labels}
