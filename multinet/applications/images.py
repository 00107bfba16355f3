"""The images that a network takes: their shapes, and padding as TensorFlow has it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from multinet.config import image_data_format
from multinet.errors import ArgumentError
from multinet.symbolic.tensor import KerasTensor

#: The shape of an image; None are sizes that may be any.
ImageShape = Sequence[int | None]


def channels_first() -> bool:
    """Return whether the channels of images come before their rows."""
    return image_data_format() == "channels_first"


def only_channels_last(title: str) -> None:
    """Refuse channels that come first, for networks that Keras has not for them."""
    if channels_first():
        raise ArgumentError(
            f"{title} takes images with the channels last, and "
            "config.image_data_format() is channels_first. Say "
            "config.set_image_data_format('channels_last') before it is built."
        )


def placed(rows: int | None, columns: int | None, channels: int | None) -> tuple:
    """Return the shape of an image."""
    if channels_first():
        return channels, rows, columns
    return rows, columns, channels


def parts(shape: Sequence[int | None]) -> tuple[int | None, int | None, int | None]:
    """Return rows, columns and channels of the shape of an image."""
    first, second, third = shape
    return (second, third, first) if channels_first() else (first, second, third)


def image_shape(
    given: ImageShape | None,
    *,
    size: int,
    least: int,
    classifier: bool,
    pretrained: bool,
) -> tuple[int | None, ...]:
    """Return the shape of an image, checked.

    Without one it is that of ImageNet's for a classifier, and any size for features.
    """
    if given is None:
        side = size if classifier else None
        return placed(side, side, 3)
    shape = tuple(given)
    if len(shape) != 3:
        raise ArgumentError(
            "Expected input_shape to have three numbers, such as "
            f"{placed(size, size, 3)}, got {shape}."
        )
    rows, columns, channels = parts(shape)
    _check_channels(channels, pretrained)
    if any(side is not None and side < least for side in (rows, columns)):
        raise ArgumentError(
            f"Expected images of at least {least}x{least}, got input_shape {shape}."
        )
    if classifier and None in shape:
        raise ArgumentError(
            f"Expected all of input_shape to be known, got {shape}. Leave the sizes "
            "open with include_top=False, where no classifier depends on them."
        )
    if classifier and pretrained and (rows, columns) != (size, size):
        raise ArgumentError(
            "The classifier of the weights 'imagenet' is for input_shape "
            f"{placed(size, size, 3)}, got {shape}. Leave input_shape out, or take the "
            "features of other sizes with include_top=False."
        )
    return shape


def _check_channels(channels: int | None, pretrained: bool) -> None:
    if pretrained and channels != 3:
        raise ArgumentError(
            f"The weights 'imagenet' are for images of 3 channels, got {channels}."
        )
    if channels not in (1, 3):
        warnings.warn(
            f"Expected images of 1 or 3 channels, got an input_shape of {channels}. "
            f"By config.image_data_format(), they are {image_data_format()}.",
            stacklevel=2,
        )


def halving_pad(x: KerasTensor, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the zeros around an image that a convolution of stride 2 then needs.

    Those of TensorFlow's "same" padding: an even size has one less before it. A size
    that is unknown counts as even.
    """
    half = kernel // 2
    rows, columns, _ = parts(x.shape[1:])
    before = [half - 1 if n is None or n % 2 == 0 else half for n in (rows, columns)]
    return (before[0], half), (before[1], half)
