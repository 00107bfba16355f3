"""Sizes of convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence

from multinet.errors import ShapeError
from multinet.symbolic.dims import Dim, Size
from multinet.symbolic.spec import Shape, SymbolicArray, show

X = SymbolicArray
Pairs = Sequence[tuple[int, int]]


def check_kernel(method: str, x: X, kernel: X, groups: int) -> None:
    """Refuse x and kernel of ranks that no conv has, and uneven groups."""
    rank = len(x.shape)
    fits = 3 <= rank <= 5 and len(kernel.shape) == rank
    if not fits or _uneven(kernel.shape[-1], groups):
        raise ShapeError(
            f"{method} expects x (n, *spatial, channels) with 1 to 3 spatial axes, and "
            "a kernel (*window, channels // groups, out) with out a multiple of "
            f"{groups} groups; got x {show(x.shape)} and kernel {show(kernel.shape)}. "
            "Reshape them."
        )


def _uneven(channels: Size, groups: int) -> bool:
    rest = channels % groups
    return not isinstance(rest, Dim) and rest != 0


def window_sizes(
    method: str,
    x: X,
    window: Shape,
    strides: Shape,
    padding: Pairs,
    dilation: Shape,
) -> list[Size]:
    """Return the spatial sizes after windows have been laid over x."""
    spatial = x.shape[1:-1]
    lengths = {len(part) for part in (spatial, window, strides, padding, dilation)}
    if len(lengths) != 1:
        raise ShapeError(
            f"{method} expects a window, stride, padding pair and dilation for each "
            f"spatial axis of x {show(x.shape)}; got window {window}, strides "
            f"{strides}, padding {padding}, dilation {dilation}."
        )
    sizes = []
    for n, k, s, pair, d in zip(spatial, window, strides, padding, dilation):
        room = n + pair[0] + pair[1] - (d * (k - 1) + 1)
        if not isinstance(room, Dim) and room < 0:
            raise ShapeError(
                f"{method} with window {tuple(window)} and dilation {tuple(dilation)} "
                f"does not fit into x {show(x.shape)} with padding {tuple(padding)}. "
                "Use a smaller window, padding, or a larger input."
            )
        sizes.append(room // s + 1)
    return sizes
