"""Recurrences by torch's own loops: oneDNN's, cuDNN's, or at least those in C++."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from multinet.errors import BackendError
from multinet_torch import transforms
from multinet_torch.array import Tensor
from multinet_torch.program import ProgramOps

_VF: Any = torch._VF  # type: ignore[attr-defined]
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
        ys, h, c = _run(_VF.lstm, x, (h[None], c[None]), weights)
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
        ys, h = _run(_VF.gru, x, (h[None],), weights)
        return ys.flip(1) if reverse else ys, h[0]


def _run(function: Any, x: Tensor, states: Any, weights: Sequence[Tensor]) -> Any:
    trains = any(v.requires_grad for v in (x, *states, *weights))
    if not x.is_cpu:
        states, weights = [h.contiguous() for h in states], in_one_piece(weights)
        check_contiguous(*states, *weights)
    given = states[0] if function is _VF.gru else states
    return function(x, given, weights, *_OPTIONS, trains, False, True)


def in_one_piece(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return views of one tensor: both matrices, then both biases.

    So cuDNN wants them. Others it copies into such a piece in each call, and torch warns.
    """
    flat = torch.cat([w.reshape(-1) for w in weights])
    pieces = flat.split([w.numel() for w in weights])
    return [piece.view(w.shape) for piece, w in zip(pieces, weights, strict=True)]


def check_contiguous(*tensors: Tensor) -> None:
    """Raise unless all lie in memory as cuDNN reads them."""
    for x in tensors:
        if not x.is_contiguous():
            raise BackendError(
                "Expected states and weights of a recurrence to be contiguous, as cuDNN "
                f"reads them; got shape {tuple(x.shape)} with strides {x.stride()}. "
                "This is a fault of multinet_torch: it must call contiguous() on it."
            )


def _fits(x: Tensor, mask: Tensor | None) -> bool:
    """Return whether torch's loop serves: it has one derivative, and no masks."""
    wide = x.dtype in (torch.float32, torch.float64)
    return mask is None and wide and transforms.is_first_order()
