"""Modules of PyTorch as layers. PyTorch is imported when there is one."""

from multinet_torch_modules.layer import TorchModuleWrapper

__all__ = ["TorchModuleWrapper"]
