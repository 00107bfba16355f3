"""Shapes and paddings of transposed convolutions."""

from collections.abc import Sequence
from typing import NamedTuple

Sizes = int | Sequence[int]


class _Side(NamedTuple):
    """One dimension of a transposed convolution."""

    size: int
    kernel: int
    stride: int
    dilation: int
    extra: int | None

    def output(self, padding: str) -> int:
        """Return the size of the output."""
        kernel = (self.kernel - 1) * self.dilation + 1
        inner = (self.size - 1) * self.stride
        if padding == "valid":
            gap = max(self.stride - kernel, 0) if self.extra is None else self.extra
            return inner + kernel + gap
        if self.extra is None:
            return self.size * self.stride
        return inner + kernel % 2 + self.extra

    def padding(self, padding: str) -> tuple[int, int]:
        """Return the padding before and after, as JAX counts it."""
        kernel = (self.kernel - 1) * self.dilation + 1
        inner = (self.size - 1) * self.stride + 2 - kernel
        total = self.output(padding) - inner
        before = min((total + 1) // 2, kernel - 1)
        before = kernel - 1 if padding == "valid" else before
        return before, total - before


def _each(value: Sizes | None, rank: int) -> Sequence[int | None]:
    return value if isinstance(value, Sequence) else (value,) * rank


def _sides(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sizes,
    extra: Sizes | None,
    dilation: Sizes,
) -> list[_Side]:
    rank = len(sizes)
    rows = (_each(value, rank) for value in (strides, dilation, extra))
    return [_Side(*row) for row in zip(sizes, kernel[:rank], *rows)]  # type: ignore[arg-type]


def output_shape(
    input_shape: Sequence[int],
    kernel_size: Sequence[int],
    filters: int,
    strides: Sizes,
    padding: str,
    output_padding: Sizes | None = None,
    data_format: str = "channels_last",
    dilation_rate: Sizes = 1,
) -> list[int]:
    """Return the shape of the output."""
    first = data_format == "channels_first"
    sizes = input_shape[2:] if first else input_shape[1:-1]
    sides = _sides(sizes, kernel_size, strides, output_padding, dilation_rate)
    found = [side.output(padding) for side in sides]
    return (
        [input_shape[0], filters, *found]
        if first
        else [input_shape[0], *found, filters]
    )


def padding(
    input_shape: Sequence[int],
    kernel_shape: Sequence[int],
    strides: Sizes,
    padding: str,
    output_padding: Sizes | None,
    dilation_rate: Sizes,
) -> list[tuple[int, int]]:
    """Return the paddings of each dimension."""
    sides = _sides(
        input_shape[1:-1], kernel_shape, strides, output_padding, dilation_rate
    )
    return [side.padding(padding) for side in sides]
