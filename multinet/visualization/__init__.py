"""Pictures of images with their boxes and masks, under Keras's names.

What draws into images needs NumPy alone, Pillow for the names of classes. What plots
galleries needs matplotlib.
"""

from multinet import surface
from multinet.visualization.drawing import draw_bounding_boxes, draw_segmentation_masks
from multinet.visualization.galleries import (
    plot_bounding_box_gallery,
    plot_image_gallery,
    plot_segmentation_mask_gallery,
)

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]

surface.show(__name__)
