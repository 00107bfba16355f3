"""Images and arrays: what `utils` has, and `smart_resize`."""

from multinet import surface
from multinet.utils.images import (
    array_to_img,
    img_to_array,
    load_img,
    save_img,
    smart_resize,
)

__all__ = [
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
    "smart_resize",
]

surface.show(__name__)
