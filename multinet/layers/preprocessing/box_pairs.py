"""Bounding boxes in relation to others: offsets from anchors, and overlaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from multinet import ops
from multinet.config import epsilon
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.preprocessing.box_formats import (
    columns,
    convert_format,
    image_size,
    joined,
)
from multinet.symbolic.dims import public_shape
from multinet.tracebacks import shortening
from multinet.typing import Shape, Tensor, Tensors


@shortening
def encode_box_to_deltas(
    anchors: Tensor,
    boxes: Tensor,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Tensor | None = None,
    image_shape: Shape | None = None,
) -> Tensor:
    """Return boxes as offsets from anchors: of the centres in sizes of the anchor, and
    the logarithms of the ratios of the sizes; divided by `variance`, four numbers.

    Source: Girshick et al., "Rich feature hierarchies for accurate object detection and
    semantic segmentation", 2014.
    """
    variance, height, width = _encoding(encoding_format, variance, image_shape)
    size: Any = (height, width)
    anchors = convert_format(anchors, anchor_format, encoding_format, *size)
    boxes = convert_format(boxes, box_format, encoding_format, *size)
    (a, a_size), (b, b_size) = (ops.split(x, 2, axis=-1) for x in (anchors, boxes))
    a_size, b_size = (ops.maximum(x, epsilon()) for x in (a_size, b_size))
    deltas = joined(
        ops.divide(ops.subtract(b, a), a_size), ops.log(ops.divide(b_size, a_size))
    )
    return deltas if variance is None else ops.divide(deltas, variance)


@shortening
def decode_deltas_to_boxes(
    anchors: Tensors,
    boxes_delta: Tensors,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Tensor | None = None,
    image_shape: Shape | None = None,
) -> Tensors:
    """Return the boxes of offsets from anchors: the inverse of `encode_box_to_deltas`.

    Dicts of anchors and offsets, one for each level, give a dict of boxes.
    """
    variance, height, width = _encoding(encoded_format, variance, image_shape)
    size: Any = (height, width)

    def decode(anchor: Any, delta: Any) -> Any:
        anchor = convert_format(anchor, anchor_format, encoded_format, *size)
        delta = ops.convert_to_tensor(delta)
        if variance is not None:
            delta = ops.multiply(delta, variance)
        (a, a_size), (d, d_size) = (ops.split(x, 2, axis=-1) for x in (anchor, delta))
        box = joined(
            ops.add(ops.multiply(d, a_size), a), ops.multiply(ops.exp(d_size), a_size)
        )
        return convert_format(box, encoded_format, box_format, *size)

    if isinstance(anchors, Mapping) and isinstance(boxes_delta, Mapping):
        return {level: decode(a, boxes_delta[level]) for level, a in anchors.items()}
    return decode(anchors, boxes_delta)


def _encoding(encoding: str, variance: Any, image_shape: Any) -> tuple[Any, Any, Any]:
    """Check the options of an encoding; return the variance, the height and width."""
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ArgumentError(
            f"Expected the encoding to be center_xywh or center_yxhw, got {encoding!r}."
        )
    if variance is not None:
        variance = ops.cast(variance, "float32")
        if ops.shape(variance)[-1] != 4:
            raise ShapeError(
                f"Expected variance as 4 numbers, got shape {ops.shape(variance)}."
            )
    return variance, *image_size(image_shape)


# -- overlap ---------------------------------------------------------------------------


@shortening
def compute_iou(
    boxes1: Tensor,
    boxes2: Tensor,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Shape | None = None,
) -> Tensor:
    """Return the intersection over union of each pair: (..., n, 4), (..., m, 4) ->
    (..., n, m).

    With `use_masking` pairs with a box whose numbers are all below 0 get `mask_val`.
    """
    size: Any = image_size(image_shape)
    given = [
        convert_format(boxes, bounding_box_format, "xyxy", *size)
        for boxes in (boxes1, boxes2)
    ]
    for boxes in given:
        if len(ops.shape(boxes)) not in (2, 3):
            raise ShapeError(
                "Expected boxes of shape (k, 4) or (n, k, 4), got "
                f"{public_shape(ops.shape(boxes))}."
            )
    first, second = (
        columns(ops.expand_dims(x, axis)) for x, axis in zip(given, (-2, -3))
    )
    shared, total = _overlap(first, second)
    total = ops.add(total, epsilon())
    found = ops.squeeze(ops.divide(shared, total), -1)
    if not use_masking:
        return found
    tops = [ops.max(boxes, axis=-1) for boxes in given]
    left, right = (ops.less(top, 0.0) for top in tops)
    masked = ops.logical_or(ops.expand_dims(left, -1), ops.expand_dims(right, -2))
    return ops.where(masked, ops.cast(mask_val, "float32"), found)


def _overlap(first: list[Any], second: list[Any]) -> tuple[Any, Any]:
    """Return the areas of the intersection and of the union of boxes by columns."""
    sides = []
    for low, high in ((0, 2), (1, 3)):
        end = ops.minimum(first[high], second[high])
        start = ops.maximum(first[low], second[low])
        sides.append(ops.maximum(ops.subtract(end, start), 0))
    shared = ops.multiply(*sides)
    areas = [
        ops.multiply(ops.subtract(x2, x1), ops.subtract(y2, y1))
        for x1, y1, x2, y2 in (first, second)
    ]
    return shared, ops.subtract(ops.add(*areas), shared)


@shortening
def compute_ciou(
    boxes1: Tensor,
    boxes2: Tensor,
    bounding_box_format: str,
    image_shape: Shape | None = None,
) -> Tensor:
    """Return the complete intersection over union of boxes (..., 4), row by row.

    The IoU less the squared distance of the centres by that of the corners of the box
    around both, less how much the aspect ratios differ.

    Source: Zheng et al., "Distance-IoU loss: faster and better learning for bounding
    box regression", 2020.
    """
    size: Any = image_size(image_shape)
    first, second = (
        columns(convert_format(boxes, bounding_box_format, "xyxy", *size))
        for boxes in (boxes1, boxes2)
    )
    tiny = epsilon()
    (w1, h1), (w2, h2) = (_sides(box) for box in (first, second))
    h1, h2 = ops.add(h1, tiny), ops.add(h2, tiny)
    shared, _ = _overlap(first, second)
    both = ops.add(ops.multiply(w1, h1), ops.multiply(w2, h2))
    union = ops.add(ops.subtract(both, shared), tiny)
    iou = ops.divide(shared, ops.add(union, tiny))
    hull = [
        ops.subtract(
            ops.maximum(first[high], second[high]), ops.minimum(first[low], second[low])
        )
        for low, high in ((0, 2), (1, 3))
    ]
    diagonal = ops.add(ops.add(*map(ops.square, hull)), tiny)
    gaps = [
        ops.divide(
            ops.subtract(
                ops.add(first[low], first[high]), ops.add(second[low], second[high])
            ),
            2.0,
        )
        for low, high in ((0, 2), (1, 3))
    ]
    distance = ops.divide(ops.add(*map(ops.square, gaps)), diagonal)
    angles = [ops.arctan(ops.divide(w, h)) for w, h in ((w2, h2), (w1, h1))]
    v = ops.multiply(ops.square(ops.subtract(*angles)), 4 / math.pi**2)
    alpha = ops.divide(v, ops.add(ops.subtract(v, iou), 1 + tiny))
    penalty = ops.add(distance, ops.multiply(v, alpha))
    return ops.squeeze(ops.subtract(iou, penalty), -1)


def _sides(box: list[Any]) -> tuple[Any, Any]:
    x1, y1, x2, y2 = box
    return ops.subtract(x2, x1), ops.subtract(y2, y1)
