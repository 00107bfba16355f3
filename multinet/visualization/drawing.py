"""Boxes and masks drawn into images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, BackendError, DTypeError, ShapeError
from multinet.layers.preprocessing.box_formats import check, convert_format
from multinet.ops.core import host
from multinet.tracebacks import shortening
from multinet.typing import Host, Tensor, Tensors

Color = Sequence[int]


def batch_of(images: Tensor, data_format: str | None) -> Host:
    """Return a batch of images as an array (n, h, w, c)."""
    array = host(images)
    if array.ndim != 4:
        raise ShapeError(f"Expected a batch of images, of 4 axes, got {array.shape}.")
    first = standardize_data_format(data_format) == "channels_first"
    return array.transpose(0, 2, 3, 1) if first else array


@shortening
def draw_bounding_boxes(
    images: Tensor,
    bounding_boxes: Tensors,
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Color = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> Host:
    """Return images (n, h, w, c) as uint8 with the edges of their boxes.

    `bounding_boxes` has `boxes` (n, k, 4) and `labels` (n, k), -1 for none, and perhaps
    `confidences`. The names that `class_mapping` has of labels stand above the boxes.
    Float images up to 1 are taken as within [0, 1].
    """
    drawn = _as_bytes(batch_of(images, data_format))
    check(bounding_boxes)
    height, width = drawn.shape[1:3]
    size: Any = (drawn.shape[1], drawn.shape[2])
    found = convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", *size)
    boxes, labels = host(found).astype(int), host(bounding_boxes["labels"]).astype(int)
    sure = bounding_boxes.get("confidences")
    for i, image in enumerate(drawn):
        for k, (box, label) in enumerate(zip(boxes[i], labels[i])):
            if label == -1:
                continue
            _outline(image, box, color, line_thickness)
            name = (class_mapping or {}).get(int(label))
            if name is not None:
                text = name if sure is None else f"{name} | {host(sure)[i][k]:.2f}"
                _write(image, text, box, color, font_scale, text_thickness)
    return drawn


def _as_bytes(images: Host) -> Host:
    if images.dtype.kind == "f" and images.size:
        images = np.clip(images, 0, 1) * 255 if images.max() <= 1 else images
        images = np.clip(images, 0, 255)
    return images.astype(np.uint8)


def _outline(image: Host, box: Host, color: Color, thickness: int) -> None:
    """Draw the edges of a box, x1 y1 x2 y2, half inside and half outside of it."""
    height, width = image.shape[:2]
    outer, inner = thickness // 2, thickness - thickness // 2
    x1, y1, x2, y2 = (int(part) for part in box)
    rows, columns = np.ogrid[:height, :width]
    tall = (rows >= y1 - outer) & (rows <= y2 + outer)
    wide = (columns >= x1 - outer) & (columns <= x2 + outer)
    below_edge = (rows >= y1 + inner) & (rows <= y2 - inner)
    past_edge = (columns >= x1 + inner) & (columns <= x2 - inner)
    within, hollow = tall & wide, below_edge & past_edge
    image[within & ~hollow] = np.asarray(color, np.uint8)[: image.shape[2]]


def _write(
    image: Host, text: str, box: Host, color: Color, scale: float, thickness: int
) -> None:
    """Write a text above a box, or inside where there is no room above."""
    try:
        from PIL import Image, ImageDraw, ImageFont  # optional
    except ImportError as error:
        raise BackendError(
            "Names of classes are written by Pillow, which is not installed. Install "
            "it with: pip install pillow. Or leave out class_mapping."
        ) from error
    x, y, height = int(box[0]), int(box[1]), max(int(12 * scale), 1)
    place = (x, y - height - 4) if y > height + 4 else (x + 3, y + 3)
    canvas = Image.new("L", (image.shape[1], image.shape[0]))
    font = ImageFont.load_default(height)
    width = (thickness - 1) / 2
    ImageDraw.Draw(canvas).text(place, text, 255, font=font, stroke_width=width)
    image[np.asarray(canvas) > 127] = np.asarray(color, np.uint8)[: image.shape[2]]


@shortening
def draw_segmentation_masks(
    images: Tensor,
    segmentation_masks: Tensor,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> Host:
    """Return images (n, h, w, c) colored by the classes of integer masks (n, h, w, 1).

    `alpha` is the part of the color, of which each class has one. uint8 with `blend`;
    without it the colors alone as float32. Pixels of `ignore_index` stay as they are.
    """
    pictures = batch_of(images, data_format).astype(np.float32)
    masks = batch_of(segmentation_masks, data_format)
    if masks.dtype.kind not in "iu":
        raise DTypeError(
            f"Expected segmentation masks of integers, got {masks.dtype}. Cast them."
        )
    masks = masks[..., 0]
    count = int(masks.max()) + 1 if num_classes is None else num_classes
    colors = _palette(count) if color_mapping is None else _mapped(color_mapping, count)
    known = (masks >= 0) & (masks < count) & (masks != ignore_index)
    drawn = np.where(known[..., None], colors[np.where(known, masks, 0)], pictures)
    if not blend:
        return drawn
    mixed = pictures * (1 - alpha) + drawn * alpha
    return np.where((masks != ignore_index)[..., None], mixed, pictures).astype(
        np.uint8
    )


def _palette(count: int) -> Host:
    """Return colors (count, 3) that differ, black first."""
    primes = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
    return (np.arange(max(count, 1))[:, None] * primes % 255).astype(np.float32)


def _mapped(color_mapping: Mapping[int, Color], count: int) -> Host:
    missing = [i for i in range(count) if i not in color_mapping]
    if missing:
        raise ArgumentError(
            f"Expected color_mapping to have a color for each of {count} classes, "
            f"without {missing}."
        )
    colors: Any = [color_mapping[i] for i in range(count)]
    return np.asarray(colors, np.float32)
