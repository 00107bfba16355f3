"""Convolution and pooling on torch: channels last outside, torch's order inside.

Only views are permuted, so memory stays channels last. Uneven padding becomes a pad.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from multinet_torch.array import Shape, in_float32

Pairs = Sequence[tuple[int, int]]

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_SUM_POOL = {2: F.avg_pool2d, 3: F.avg_pool3d}


def conv(
    x: Tensor,
    kernel: Tensor,
    strides: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> Tensor:
    """Cross-correlate x (n, *spatial, c) with kernel (*window, c // groups, out)."""
    x, even = _padded(_channels_first(x), padding, None, 0.0)
    if math.prod(kernel.shape[:-2]) == 1 and not any(even):
        # Windows of one element with strides: on channels-last memory the gradient of
        # the kernel is wrong in oneDNN, and writes to memory that is not its own.
        steps = [slice(None, None, stride) for stride in strides]
        x, strides = x[(slice(None), slice(None), *steps)], (1,) * len(strides)
    apply = _CONV[len(strides)]
    y = apply(x, _weight(kernel), None, strides, even, dilation, groups)
    return _channels_last(y)


def conv_transpose(
    x: Tensor,
    kernel: Tensor,
    shape: Shape,
    strides: Shape,
    padding: Pairs,
    dilation: Shape,
    groups: int,
) -> Tensor:
    """Apply the transpose of `conv` to x (n, *spatial, out)."""
    # torch crops evenly: crop the smaller side there and the rest of the larger here.
    even = [min(pair) for pair in padding]
    extra = []
    for i, (before, after) in enumerate(padding):
        reached = (
            (x.shape[i + 1] - 1) * strides[i] + dilation[i] * (kernel.shape[i] - 1) + 1
        )
        extra.append(shape[i] + before + after - reached)
    apply = _CONV_TRANSPOSE[len(shape)]
    arguments = (None, strides, even, extra, groups, dilation)
    y = _channels_last(apply(_channels_first(x), _weight(kernel), *arguments))
    for i, (before, _) in enumerate(padding):
        y = y.narrow(i + 1, before - even[i], shape[i])
    return y


def max_pool(x: Tensor, window: Shape, strides: Shape, padding: Pairs) -> Tensor:
    """Return the maximum of each window of x (n, *spatial, c)."""
    x, even = _padded(_channels_first(x), padding, _halves(window), -math.inf)
    return _channels_last(_MAX_POOL[len(window)](x, window, strides, even))


def sum_pool(x: Tensor, window: Shape, strides: Shape, padding: Pairs) -> Tensor:
    """Return the sum of each window of x (n, *spatial, c)."""
    if len(window) == 1:  # torch's one-dimensional mean takes no divisor
        y = sum_pool(x.unsqueeze(1), (1, *window), (1, *strides), [(0, 0), *padding])
        return y.squeeze(1)
    # On CUDA its gradient of padded, channels-last input is wrong in releases of 2026:
    # https://github.com/pytorch/pytorch/issues/188344
    # In three axes its kernel refuses windows that are wider than the input.
    wider = any(n < size for n, size in zip(x.shape[1:-1], window))
    fits = _halves(window) if x.is_cpu and not wider else (0,) * len(window)
    x, even = _padded(_channels_first(x), padding, fits, 0.0)
    pool = partial(_SUM_POOL[len(window)], divisor_override=1)
    return _channels_last(in_float32(pool, x, window, strides, even))


def laid_out(x: Tensor) -> Tensor:
    """Return x in the order of memory that its users want: its last axis first in
    kernels of convolutions, which is what oneDNN reads 5 to 15% faster.
    """
    if x.dim() < 4:
        return x.contiguous()
    return x.movedim(-1, 0).contiguous().movedim(0, -1)


def _halves(window: Shape) -> Shape:
    return tuple(size // 2 for size in window)


def _padded(
    x: Tensor, padding: Pairs, most: Shape | None, value: float
) -> tuple[Tensor, list[int]]:
    """Pad x unless torch's own padding will do: even, and at most so much if given."""
    even = [before for before, after in padding if before == after]
    fits = most is None or all(p <= limit for p, limit in zip(even, most))
    if len(even) == len(padding) and fits:
        return x, even
    flat = [width for pair in reversed(padding) for width in pair]
    return torch.constant_pad_nd(x, flat, value), [0] * len(padding)


def _weight(kernel: Tensor) -> Tensor:
    """Permute (*window, c // groups, out) to (out, c // groups, *window)."""
    last = kernel.dim() - 1
    return kernel.permute(last, last - 1, *range(last - 1))


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, x.dim() - 1, *range(1, x.dim() - 1))


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, *range(2, x.dim()), 1)
