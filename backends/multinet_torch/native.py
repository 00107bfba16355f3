"""What code of PyTorch's own, such as a loop with `backward`, needs of Variables.

A Variable holds a plain tensor until somebody wants its gradient. From then on it
holds a leaf of autograd, made anew by each write; and once its parameter was given
away, that.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multinet.interface import Native
from multinet.interface.native import Home
from multinet.interface.operands import Valued
from multinet_torch import transforms


class TorchNative(Native):
    """Leaves and parameters."""

    def home(self, variable: Valued) -> Home:
        """Return where a new Variable's value is to live."""
        return TorchHome()

    def plain(self, value: Tensor) -> Tensor:
        """Return a value without the graph of its gradient."""
        return value.detach() if value.requires_grad else value

    def records(self, *inputs: Any) -> bool:
        """Return whether a model that gets these is one of a loop of PyTorch's."""
        given = any(isinstance(x, Tensor) for x in inputs)
        return given and torch.is_grad_enabled() and transforms.is_plain()

    def forget_gradient(self, value: Tensor) -> None:
        """Let a value have no gradient."""
        if value is not None and value.grad is not None:
            value.grad = None


class TorchHome(Home):
    """A tensor that may become a leaf of autograd, and then a parameter."""

    def __init__(self) -> None:
        self.tensor: Any = None
        self.recording = False
        self.shared = False

    def take(self, value: Tensor) -> Tensor:
        """Change to a value: in place if others hold the parameter."""
        if self.shared:
            with torch.no_grad():
                self.tensor.copy_(value)
            return self.tensor
        if self.recording and value.is_floating_point():
            value = value.detach().requires_grad_()
        elif value.requires_grad:  # the graph of its gradient must not live on in it
            value = value.detach()
        self.tensor = value
        return value

    def record(self, value: Tensor, trained: bool) -> Tensor:
        """Let the value be a leaf if it is trained; return what is held from now on."""
        self.recording = trained
        if self.shared:
            self.tensor.requires_grad_(trained and value.is_floating_point())
            return self.tensor
        return self.take(value)

    def share(self, value: Tensor) -> Tensor:
        """Return the parameter that the value lives in from now on, made at first."""
        if not self.shared:
            trained = value.is_floating_point() and self.recording
            self.tensor = nn.Parameter(value.detach().clone(), trained)
            self.shared = True
        return self.tensor

    def seen(self, value: Tensor, leaf: bool) -> Tensor:
        """Return the value of a step, a leaf where that may call `backward`."""
        if leaf and value.grad_fn is None and value.is_floating_point():
            value.requires_grad_()
        return value

    def shown(self, value: Tensor) -> Tensor:
        """Return a copy of the value, with the gradient of the leaf."""
        value = value.detach()
        value.grad = self.tensor.grad
        return value
