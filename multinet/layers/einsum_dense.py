"""EinsumDense: a dense layer over any axes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from multinet import activations, initializers, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.lora import Adaptable, Adapted
from multinet.ops.weighted import dense
from multinet.symbolic.dims import public_shape
from multinet.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)

_TERM = r"(\.\.\.)?([a-zA-Z]*)(\.\.\.)?"
_EQUATION = re.compile(rf"{_TERM},([a-zA-Z]+)->{_TERM}")


@dataclass(frozen=True)
class _Plan:
    """An equation read for inputs of some rank: the shapes of the weights, and how."""

    kernel: tuple[Any, ...]
    bias: tuple[Any, ...] | None
    input_axes: list[int]  # of the kernel
    output_axes: list[int]
    contracted: int  # trailing axes of a plain matrix product; 0 if it is none


class EinsumDense(Adaptable):
    """activation(einsum(equation, inputs, kernel) + bias), weights shaped to fit.

    `output_shape` lists the sizes after the batch axis, None for those of the inputs;
    sizes that an ellipsis stands for are left out. `bias_axes` names the output axes
    that the bias has.

    >>> EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")
    """

    families = ("kernel", "bias")
    kernel: Any = Adapted()
    kernel_initializer: Any

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: ActivationLike | None = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(lora_rank=lora_rank, lora_alpha=lora_alpha, **options)
        self.equation = equation
        given = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.output_shape = tuple(given)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.bias = None
        _parse(equation)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel and the bias."""
        plan = _read(self, tuple(input_shape))
        self.contracted = plan.contracted
        start = _with_axes(self.kernel_initializer, plan)
        self.kernel = self.add_family("kernel", plan.kernel, initializer=start)
        if plan.bias is not None:
            self.bias = self.add_family("bias", plan.bias)
        self.adapt()

    def call(self, inputs: Tensor) -> Tensor:
        """Return activation(einsum(equation, inputs, kernel) + bias)."""
        if self.contracted:
            return self.activation(self._product(inputs))
        outputs = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def _product(self, inputs: Any) -> Any:
        """Return the result as one product of matrices, whose gradient is fast too."""
        shape, sizes, n = ops.shape(inputs), self.plain.shape, self.contracted
        if any(isinstance(a, int) and a != b for a, b in zip(shape[-n:], sizes)):
            raise ShapeError(
                f"{self.name} expects last axes of {sizes[:n]}, got shape "
                f"{public_shape(shape)}. Was the layer built on other data?"
            )
        rows, columns = math.prod(sizes[:n]), math.prod(sizes[n:])
        kernel = ops.reshape(self.kernel, (rows, columns))
        bias = None if self.bias is None else ops.reshape(self.bias, (columns,))
        if n > 1:
            inputs = ops.reshape(inputs, (*shape[:-n], rows))
        outputs = dense(inputs, kernel, bias)
        return ops.reshape(outputs, (*shape[:-n], *sizes[n:]))


def _parse(equation: str) -> tuple[str, str, str, str]:
    """Return the letters of inputs, kernel and outputs, and where the ellipsis is."""
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    sides = [match.group(i) for i in (1, 3, 5, 7)] if match else []
    if match is None or sides[:2] != sides[2:] or None not in sides[:2]:
        raise ArgumentError(
            "Expected an equation such as 'ab,bc->ac', '...b,bc->...c' or "
            f"'ab...,bc->ac...', got {equation!r}."
        )
    side = "left" if sides[0] else "right" if sides[1] else ""
    return match.group(2), match.group(4), match.group(6), side


def _read(layer: EinsumDense, shape: tuple[Any, ...]) -> _Plan:
    inputs, kernel, outputs, side = _parse(layer.equation)
    hidden = len(shape) - len(inputs)
    if hidden < 0 or (hidden and not side):
        raise ShapeError(
            f"{layer.name} has the equation {layer.equation!r}, which does not fit "
            f"inputs of shape {public_shape(shape)}."
        )
    sizes = dict(zip(inputs, shape[hidden:] if side == "left" else shape))
    full = [shape[0], *layer.output_shape]
    if side == "left":
        full = [*shape[:hidden], *full[1 if hidden else 0 :]]
    produced = dict(zip(outputs, full[hidden if side == "left" else 0 :]))
    for letter, size in produced.items():
        if sizes.get(letter) is not None and size not in (None, sizes[letter]):
            raise ShapeError(
                f"{layer.name} has output_shape={layer.output_shape}, but axis "
                f"{letter!r} of its inputs has size {sizes[letter]}."
            )
        if sizes.get(letter) is None:
            sizes[letter] = size
    unknown = [letter for letter in kernel if letter not in sizes]
    if unknown or any(letter not in sizes for letter in outputs):
        raise ArgumentError(
            f"{layer.name}: letters {unknown or outputs} of {layer.equation!r} have no "
            f"size in output_shape={layer.output_shape} or the inputs."
        )
    summed = [i for i, letter in enumerate(kernel) if letter not in outputs]
    made = [i for i, letter in enumerate(kernel) if letter in outputs]
    bias = _bias_shape(layer, outputs, sizes, hidden if side == "right" else 0)
    n = len(summed)
    free = outputs[: len(inputs) - n]
    plain = (
        side != "right"
        and summed == list(range(n))
        and not set(free) & set(kernel)
        and (inputs, outputs) == (free + kernel[:n], free + kernel[n:])
        and layer.bias_axes in (None, kernel[n:])
    )
    shape_of_kernel = tuple(sizes[letter] for letter in kernel)
    return _Plan(shape_of_kernel, bias, summed, made, n if plain else 0)


def _bias_shape(
    layer: EinsumDense, outputs: str, sizes: dict[str, Any], trailing: int
) -> tuple[Any, ...] | None:
    axes = layer.bias_axes
    if axes is None:
        return None
    if not axes or any(letter not in outputs for letter in axes):
        raise ArgumentError(
            f"{layer.name} has bias_axes={axes!r}, which are not all among the output "
            f"axes {outputs!r}."
        )
    first = min(outputs.index(letter) for letter in axes)
    kept = [sizes[letter] if letter in axes else 1 for letter in outputs[first:]]
    return (*kept, *[1] * trailing)


def _with_axes(initializer: Any, plan: _Plan) -> Any:
    """Return an initializer that counts the inputs and outputs by the equation."""
    scaling = initializers.VarianceScaling
    if not isinstance(initializer, scaling) or initializer.input_axes is not None:
        return initializer
    return initializer.counting(plan.input_axes, plan.output_axes)
