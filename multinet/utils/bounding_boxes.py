"""Bounding boxes: formats, what moves them with their images, what compares them."""

from multinet import surface
from multinet.layers.preprocessing.box_formats import convert_format
from multinet.layers.preprocessing.box_moves import (
    affine_transform,
    clip_to_image_size,
    crop,
    pad,
)
from multinet.layers.preprocessing.box_pairs import (
    compute_ciou,
    compute_iou,
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]

surface.show(__name__)
