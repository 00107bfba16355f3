"""The PyTorch backend of Multinet: a plug-in that imports torch when it is loaded."""

from __future__ import annotations

import os
from typing import Any

from multinet.interface import Backend, Plugin, determinism


def load() -> type[Backend[Any]]:
    """Import PyTorch, keep float32 at float32, and return the backend class."""
    # Here: a plug-in that nobody has asked for yet costs no import.
    import torch

    from multinet_torch import native
    from multinet_torch.fused import TorchBackend

    TorchBackend.native = native.TorchNative()
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    determinism.when_asked(_choose_kernels)
    return TorchBackend


def _choose_kernels() -> None:
    """Take the kernels that give the same bits; what has none raises when it runs."""
    import torch  # as in `load`

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)


plugin = Plugin("torch", ("torch",), "torch", "pip install 'multinet-nn[torch]'", load)
