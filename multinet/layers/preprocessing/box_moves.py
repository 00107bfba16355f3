"""Bounding boxes that move with the pixels of their images."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError
from multinet.layers.preprocessing.box_formats import columns, joined, size_in
from multinet.tracebacks import shortening
from multinet.typing import Numbers, Size, Tensor, Tensors


@shortening
def clip_to_image_size(
    bounding_boxes: Tensors,
    height: Size | None = None,
    width: Size | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensors:
    """Return a dict of boxes, xyxy or rel_xyxy, cut at the edges of the image.

    The labels of boxes of which nothing is left become -1.
    """
    relative = _corner_format(bounding_box_format, ("xyxy", "rel_xyxy")) == "rel_xyxy"
    if relative:
        height = width = 1
    elif height is None or width is None:
        raise ArgumentError(
            f"Boxes in pixels are cut to a size, got height={height} and "
            f"width={width}. Pass both."
        )
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    dtype = ops.dtype(boxes)
    w, h = (size_in(size, dtype) for size in (width, height))
    parts = [ops.clip(p, 0, size) for p, size in zip(columns(boxes), (w, h, w, h))]
    found = {**bounding_boxes, "boxes": joined(*parts)}
    labels = bounding_boxes.get("labels")
    if labels is not None:
        x1, y1, x2, y2 = parts
        areas = ops.multiply(ops.subtract(x2, x1), ops.subtract(y2, y1))
        labels = ops.convert_to_tensor(labels)
        kept = ops.greater(ops.squeeze(areas, -1), 0)
        found["labels"] = ops.where(kept, labels, -1)
    return found


def _corner_format(given: str, allowed: tuple[str, ...] = ("xyxy",)) -> str:
    if given not in allowed:
        raise ArgumentError(
            f"Expected bounding_box_format to be {' or '.join(allowed)}, got {given!r}."
            " Convert the boxes with convert_format."
        )
    return given


@shortening
def affine_transform(
    boxes: Tensor,
    angle: Tensor,
    translate_x: Tensor,
    translate_y: Tensor,
    scale: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    height: Size,
    width: Size,
    center_x: Numbers | None = None,
    center_y: Numbers | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return the boxes (n, k, 4) around the corners of xyxy boxes moved with an image.

    For each image: angles and shears in degrees, counter-clockwise, translations as
    parts of the size. The centre is that of the image by default, 0.5.
    """
    _corner_format(bounding_box_format)
    parts = (angle, translate_x, translate_y, scale, shear_x, shear_y)
    angle, tx, ty, scale, sx, sy = (ops.convert_to_tensor(part) for part in parts)
    radians = [ops.multiply(part, -math.pi / 180) for part in (angle, sx, sy)]
    w, h = (ops.subtract(size_in(n), 1.0) for n in (width, height))
    cx = ops.multiply(w, 0.5 if center_x is None else center_x)
    cy = ops.multiply(h, 0.5 if center_y is None else center_y)
    moved = ops.subtract(cx, ops.multiply(tx, w)), ops.subtract(cy, ops.multiply(ty, h))
    rows = _inverse(radians, scale, (cx, cy), moved)
    x1, y1, x2, y2 = columns(ops.cast(boxes, "float32"))
    x, y = joined(x1, x2, x2, x1), joined(y1, y1, y2, y2)  # n k 4
    u, v = (
        ops.add(ops.add(ops.multiply(a, x), ops.multiply(b, y)), c) for a, b, c in rows
    )
    return around(u, v)


def around(x: Tensor, y: Tensor) -> Tensor:
    """Return the xyxy boxes (..., 4) around points whose last axis is of each box."""
    ends = [
        reduce(part, axis=-1, keepdims=True)
        for reduce in (ops.min, ops.max)
        for part in (x, y)
    ]
    return joined(*ends)


def _inverse(
    radians: list[Any], scale: Any, centre: Any, moved: Any
) -> list[tuple[Any, Any, Any]]:
    """Return (a0, a1, a2), (b0, b1, b2): where points go that pixels come from.

    Each is (n, 1, 1); angles are in radians.
    """
    angle, shear_x, shear_y = radians
    turned = ops.subtract(angle, shear_y)
    cosine, tangent = ops.cos(shear_y), ops.tan(shear_x)
    a = ops.divide(ops.cos(turned), cosine)
    b = ops.add(ops.multiply(a, tangent), ops.sin(angle))
    c = ops.divide(ops.negative(ops.sin(turned)), cosine)
    d = ops.subtract(ops.cos(angle), ops.multiply(c, tangent))
    rows = []
    for (p, q), middle in zip(((d, ops.negative(b)), (ops.negative(c), a)), centre):
        p, q = ops.multiply(p, scale), ops.multiply(q, scale)
        carried = ops.add(ops.multiply(p, moved[0]), ops.multiply(q, moved[1]))
        parts = (p, q, ops.subtract(middle, carried))
        rows.append(tuple(ops.reshape(part, (-1, 1, 1)) for part in parts))
    return rows


@shortening
def crop(
    boxes: Tensor,
    top: Numbers,
    left: Numbers,
    height: Numbers,
    width: Numbers,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return xyxy boxes as they lie in a window of the image, cut at its edges."""
    _corner_format(bounding_box_format)
    x1, y1, x2, y2 = columns(ops.convert_to_tensor(boxes))
    x = [ops.clip(ops.subtract(part, left), 0, width) for part in (x1, x2)]
    y = [ops.clip(ops.subtract(part, top), 0, height) for part in (y1, y2)]
    return joined(x[0], y[0], x[1], y[1])


@shortening
def pad(
    boxes: Tensor,
    top: Numbers,
    left: Numbers,
    height: Size | None = None,
    width: Size | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return xyxy boxes as they lie in an image with margins at its top and left."""
    _corner_format(bounding_box_format)
    x1, y1, x2, y2 = columns(ops.convert_to_tensor(boxes))
    x = [ops.add(part, left) for part in (x1, x2)]
    y = [ops.add(part, top) for part in (y1, y2)]
    return joined(x[0], y[0], x[1], y[1])
