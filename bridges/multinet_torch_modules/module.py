"""A live module of PyTorch over the values of a layer or model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from multinet.errors import ArgumentError, BackendError, MultinetError
from multinet.functional import stateless_call
from multinet.registry import use_backend
from multinet.typing import AnyLayer, Tensors
from multinet.variables import Variable
from multinet_torch_modules.homes import TensorHome


class LiveModule(nn.Module):
    """Compute with the values of a built layer or model, which stay its own.

    Each weight that is made to be trained is an `nn.Parameter`, each other one a
    buffer, under the path of the weight. They share memory with the Variables: a step
    of `torch.optim`, `load_state_dict` and `fit` change both. Calls record gradients;
    `train()` and `eval()` say what `training` is. `losses` are those of the last call.
    Attributes that a module does not have are those of the model.

    Errors: `BackendError` if the model does not live on backend torch, `ArgumentError`
    if it is not built, `MultinetError` for a change of dtype or device.
    """

    def __init__(self, model: AnyLayer) -> None:
        super().__init__()
        _check(model)
        self.model = model
        self.losses: list[Tensor] = []
        for path, variable in model.paths().items():
            tensor = _at_home(variable)
            if isinstance(tensor, nn.Parameter):
                self.register_parameter(path, tensor)
            else:
                self.register_buffer(path, tensor)
        self._toggle()

    def _toggle(self) -> None:
        """Let those parameters ask for a gradient that the model trains."""
        trained = set(map(id, self.model.trainable_weights))
        for variable in self.model.weights:
            tensor = _at_home(variable)
            if isinstance(tensor, nn.Parameter):
                tensor.requires_grad_(id(variable) in trained)

    def forward(self, *args: Tensors, **kwargs: Any) -> Tensors:
        """Return model(*args, training=self.training, **kwargs), with gradients."""
        _check(self.model)
        self._toggle()
        # Plain tensors with the gradients of the parameters; copies of what a call may
        # change in place before its gradient is taken.
        trained = [_at_home(v).view(v.shape) for v in self.model.trainable_weights]
        others = self.model.non_trainable_weights
        given = [_at_home(v).detach().clone() for v in others]
        kwargs.setdefault("training", self.training)
        with use_backend("torch"):
            outputs, state, self.losses = stateless_call(
                self.model, trained, given, *args, return_losses=True, **kwargs
            )
            for variable, before, after in zip(others, given, state):
                if after is not before:
                    variable.assign(after.detach())
        return outputs

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattribute__("model"), name)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        """Return what a copy or pickle keeps: the model."""
        return type(self), (self.model,)

    def _apply(self, fn: Callable[..., Tensor], recurse: bool = True) -> Self:
        for tensor in (*self.parameters(), *self.buffers()):
            made = fn(tensor.detach())
            if (made.dtype, made.device) != (tensor.dtype, tensor.device):
                raise MultinetError(
                    "A live module keeps the dtype and the device of its model, got "
                    f"{made.dtype} on {made.device} for {tensor.dtype} on "
                    f"{tensor.device}. Give the model a dtype policy when it is made."
                )
        return self


def _check(model: AnyLayer) -> None:
    if not model.built:
        raise ArgumentError(
            f"{model.name} is not built, so it has no weights yet. Call it on data, or "
            "call build(input_shape), once before."
        )
    if model.backend != "torch":
        raise BackendError(
            f"as_torch_module takes a model on backend torch, and {model.name} lives "
            f'on {model.backend!r}. Move it: model.to_backend("torch").'
        )


def _at_home(variable: Variable) -> Tensor:
    """Return the parameter or buffer that a Variable lives in, made at first."""
    home = variable._home
    if home is not None and variable.at_home:
        return home.share(variable._value)
    value: Tensor = variable._value.clone()
    if variable._made_trainable and value.is_floating_point():
        value = nn.Parameter(value)
    with torch.no_grad():
        variable.move_in(TensorHome(value))
    return value
