"""What Inception networks are made of: convolutions in branches, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from multinet.applications.network import chain, channel_axis
from multinet.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
)
from multinet.symbolic.tensor import KerasTensor

#: Convolutions one after the other: filters, kernel, and the stride if it is not 1.
Branch = tuple[tuple[int, int | tuple[int, int]] | tuple[int, int, int], ...]


def conv(
    x: KerasTensor,
    filters: int,
    size: int | tuple[int, int],
    strides: int = 1,
    padding: str = "same",
    names: tuple[str | None, str | None, str | None] = (None, None, None),
) -> KerasTensor:
    """Return a convolution, a normalization without scale, and ReLU, by their names."""
    first, norm, last = names
    return chain(
        x,
        Conv2D(filters, size, strides, padding, use_bias=False, name=first),
        BatchNormalization(channel_axis(), scale=False, name=norm),
        Activation("relu", name=last),
    )


def branched(x: KerasTensor, branches: Sequence[Branch]) -> list[KerasTensor]:
    """Return what each branch makes of feature maps; strides go without padding."""
    ends = []
    for branch in branches:
        end = x
        for filters, size, *stride in branch:
            strides = stride[0] if stride else 1
            padding = "valid" if stride else "same"
            end = conv(end, filters, size, strides, padding)
        ends.append(end)
    return ends


def concatenated(ends: list[KerasTensor], name: str | None = None) -> KerasTensor:
    """Return the channels of all branches."""
    return Concatenate(channel_axis(), name=name)(ends)


def averaged(
    x: KerasTensor,
    branches: Sequence[Branch],
    filters: int,
    name: str,
    ends: Sequence[KerasTensor] = (),
) -> KerasTensor:
    """Return branches, and one of means around each place; `ends` come before them."""
    ends = [*ends, *branched(x, branches)]
    means = AveragePooling2D(3, strides=1, padding="same")(x)
    return concatenated([*ends, conv(means, filters, 1)], name)


def halved(x: KerasTensor, branches: Sequence[Branch], name: str) -> KerasTensor:
    """Return branches, and one of maxima, all at half the size."""
    ends = branched(x, branches)
    return concatenated([*ends, MaxPooling2D(3, strides=2)(x)], name)


def stem(x: KerasTensor) -> KerasTensor:
    """Return the image, eight times smaller, of 192 channels."""
    x = conv(x, 32, 3, 2, "valid")
    x = conv(x, 32, 3, padding="valid")
    x = conv(x, 64, 3)
    x = MaxPooling2D(3, strides=2)(x)
    x = conv(x, 80, 1, padding="valid")
    x = conv(x, 192, 3, padding="valid")
    return MaxPooling2D(3, strides=2)(x)
