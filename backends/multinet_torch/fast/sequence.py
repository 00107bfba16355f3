"""Recurrences by torch's own loops: oneDNN's, cuDNN's, or at least those in C++."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from multinet.errors import BackendError
from multinet.interface.kernels import used
from multinet_torch import transforms
from multinet_torch.array import Tensor
from multinet_torch.program import ProgramOps

_VF: Any = torch._VF  # type: ignore[attr-defined]
_LSTM, _GRU = 2, 3  # as cuDNN numbers them
_ROCM = torch.version.hip is not None


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
        used("lstm")
        none = kernel.new_zeros(kernel.shape[1])
        weights = (kernel.t(), recurrent.t(), none if bias is None else bias, none)
        x = x.flip(1) if reverse else x
        ys, h, c = _run(_LSTM, x, (h[None], c[None]), weights)
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
        used("gru")
        none = kernel.new_zeros(kernel.shape[1])
        biases = [none if b is None else b for b in (bias, recurrent_bias)]
        # torch has the reset gate first.
        parts = [v.chunk(3, -1) for v in (kernel, recurrent, *biases)]
        weights = [torch.cat((r, z, g), -1).t() for z, r, g in parts]
        x = x.flip(1) if reverse else x
        ys, h = _run(_GRU, x, (h[None],), weights)
        return ys.flip(1) if reverse else ys, h[0]


def _run(mode: int, x: Tensor, states: Sequence[Tensor], weights: Any) -> Any:
    """Return h of every step, then the last states, with an axis of layers."""
    trains = any(v.requires_grad for v in (x, *states, *weights))
    if not (x.is_cpu or _ROCM) and x.numel():
        return _cudnn(mode, x, [h.contiguous() for h in states], weights, trains)
    options = (True, 1, 0.0, trains, False, True)
    if mode == _GRU:
        return _VF.gru(x, states[0], weights, *options)
    return _VF.lstm(x, states, weights, *options)


def _cudnn(
    mode: int, x: Tensor, states: Sequence[Tensor], weights: Any, trains: bool
) -> Any:
    # Called by itself, since what torch.lstm does around it cannot be recorded: it
    # looks for such a piece in the storage of the weights, by a set_ in place.
    flat, weights = in_one_piece(weights)
    check_contiguous(*states, *weights)
    h, c = states if mode == _LSTM else (*states, None)
    sizes = (h.shape[2], 0, 1)  # of h, of its projection; layers
    rest = (True, 0.0, trains, False, (), None)
    found = torch._cudnn_rnn(x, weights, 4, flat.detach(), h, c, mode, *sizes, *rest)
    return found[: len(states) + 1]


def in_one_piece(weights: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return them in one tensor, both matrices before both biases, and their views.

    So cuDNN wants them: others it copies into such a piece, and torch warns of it.
    """
    flat = torch.cat([w.reshape(-1) for w in weights])
    pieces = flat.split([w.numel() for w in weights])
    return flat, [p.view(w.shape) for p, w in zip(pieces, weights, strict=True)]


def check_contiguous(*tensors: Tensor) -> None:
    """Raise unless all lie in memory as cuDNN reads them."""
    for x in tensors:
        if not x.is_contiguous():
            raise BackendError(
                "Expected states and weights of a recurrence to be contiguous, as "
                f"cuDNN reads them; got {tuple(x.shape)} with strides {x.stride()}. "
                "This is a fault of multinet_torch: it must call contiguous() on it."
            )


def _fits(x: Tensor, mask: Tensor | None) -> bool:
    """Return whether torch's loop serves: it has one derivative, and no masks."""
    wide = x.dtype in (torch.float32, torch.float64)
    return mask is None and wide and transforms.is_first_order()
