"""Modules of PyTorch as layers, and models as modules of PyTorch.

PyTorch is imported when there is one.
"""

from multinet.typing import AnyLayer, Made
from multinet_torch_modules.layer import TorchModuleWrapper
from multinet_torch_modules.loader import iterate_loader

__all__ = ["TorchModuleWrapper", "as_torch_module", "iterate_loader"]


def as_torch_module(model: AnyLayer) -> Made:
    """Return a live `nn.Module` over a model's values: see `LiveModule`."""
    from multinet_torch_modules.module import LiveModule  # which imports PyTorch

    return LiveModule(model)
