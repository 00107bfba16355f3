"""Recurrences by torch's own loops: oneDNN's, cuDNN's, or at least those in C++."""

from __future__ import annotations

import torch

from multinet_torch import transforms
from multinet_torch.array import Tensor
from multinet_torch.program import ProgramOps

_OPTIONS = (True, 1, 0.0)  # biases, layers, dropout


class SequenceOps(ProgramOps):
    """The fused methods on sequences, where no step is masked."""

    def lstm(
        self,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        kernel: Tensor,
        recurrent: Tensor,
        bias: Tensor | None,
        mask: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not _fits(x, mask):
            same = (kernel, recurrent, bias, mask, reverse)
            return super().lstm(x, h, c, *same)
        none = kernel.new_zeros(kernel.shape[1])
        weights = (kernel.t(), recurrent.t(), none if bias is None else bias, none)
        x = x.flip(1) if reverse else x
        trains = any(v.requires_grad for v in (x, h, c, *weights))
        ys, h, c = torch._VF.lstm(  # type: ignore[attr-defined]
            x, (h[None], c[None]), weights, *_OPTIONS, trains, False, True
        )
        return ys.flip(1) if reverse else ys, h[0], c[0]

    def gru(
        self,
        x: Tensor,
        h: Tensor,
        kernel: Tensor,
        recurrent: Tensor,
        bias: Tensor | None,
        recurrent_bias: Tensor | None,
        mask: Tensor | None,
        reverse: bool,
        reset_after: bool,
    ) -> tuple[Tensor, Tensor]:
        if not (reset_after and _fits(x, mask)):
            biases = (bias, recurrent_bias)
            same = (kernel, recurrent, *biases, mask, reverse, reset_after)
            return super().gru(x, h, *same)
        none = kernel.new_zeros(kernel.shape[1])
        biases = [none if b is None else b for b in (bias, recurrent_bias)]
        # torch has the reset gate first.
        parts = [v.chunk(3, -1) for v in (kernel, recurrent, *biases)]
        weights = [torch.cat((r, z, g), -1).t() for z, r, g in parts]
        x = x.flip(1) if reverse else x
        trains = any(v.requires_grad for v in (x, h, *weights))
        ys, h = torch._VF.gru(  # type: ignore[attr-defined]
            x, h[None], weights, *_OPTIONS, trains, False, True
        )
        return ys.flip(1) if reverse else ys, h[0]


def _fits(x: Tensor, mask: Tensor | None) -> bool:
    """Return whether torch's loop serves: it has one derivative, and no masks."""
    wide = x.dtype in (torch.float32, torch.float64)
    return mask is None and wide and transforms.is_first_order()
