"""Functions on images (h, w, c) and batches of them, as in `keras.ops.image`."""

from multinet import surface
from multinet.ops.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from multinet.ops.cropping import (
    crop_images,
    extract_patches,
    extract_patches_3d,
    pad_images,
)
from multinet.ops.filters import gaussian_blur, sobel_edges, ssim
from multinet.ops.resizing import resize, scale_and_translate
from multinet.ops.warping import (
    affine_transform,
    elastic_transform,
    map_coordinates,
    perspective_transform,
)

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

surface.show(__name__)
