"""What layers over spatial axes share: where the channels are, and how many axes."""

from __future__ import annotations

from typing import Any

from multinet.errors import ShapeError
from multinet.layers.arguments import data_format_of
from multinet.layers.base import Layer
from multinet.symbolic.dims import public_shape
from multinet.typing import Shape


class Spatial(Layer):
    """A layer over inputs (b, *spatial, c), with channels_first (b, c, *spatial)."""

    rank: int  # the number of spatial axes

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = data_format_of(data_format)

    @property
    def channel_axis(self) -> int:
        """Where the channels are."""
        return -1 if self.data_format == "channels_last" else 1

    @property
    def first_axis(self) -> int:
        """Where the spatial axes begin."""
        return 1 if self.data_format == "channels_last" else 2

    def check_axes(self, shape: Shape) -> None:
        """Raise unless a shape has batch, `rank` spatial axes and channels."""
        if len(shape) != self.rank + 2:
            raise ShapeError(
                f"{self.name} expects {self.rank + 2} axes (batch, {self.rank} spatial "
                f"and channels), got shape {public_shape(shape)}."
            )
