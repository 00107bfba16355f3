"""The PyTorch backend of Multinet: a plug-in that imports torch when it is loaded."""

from __future__ import annotations

from typing import Any

from multinet.interface import Backend, Plugin


def load() -> type[Backend[Any]]:
    """Import PyTorch, keep float32 at float32, and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    import torch

    from multinet_torch.fused import TorchBackend

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    return TorchBackend


plugin = Plugin("torch", ("torch",), "torch", "pip install 'multinet-nn[torch]'", load)
