"""Activations as layers: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from __future__ import annotations

from typing import Any

from multinet import activations, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.input_spec import InputSpec
from multinet.layers.positions import masked_softmax
from multinet.ops.activations import warn_of_one
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import (
    Axis,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class ReLU(Layer):
    """Return inputs above `threshold`, else negative_slope * (inputs - threshold).

    At most `max_value`. Source: Nair and Hinton, "Rectified linear units", 2010.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.max_value = max_value
        if max_value is not None:
            _positive("max_value", max_value)
        self.negative_slope = _positive("negative_slope", negative_slope)
        self.threshold = _positive("threshold", threshold)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activation, of the same shape."""
        return activations.relu(
            inputs, self.negative_slope, self.max_value, self.threshold
        )


class LeakyReLU(Layer):
    """Return inputs where positive, else negative_slope * inputs.

    Source: Maas, Hannun and Ng, "Rectifier nonlinearities", 2013.
    """

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        negative_slope = options.pop("alpha", negative_slope)  # the older name
        super().__init__(**options)
        self.negative_slope = _positive("negative_slope", negative_slope)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activation, of the same shape."""
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """Return inputs where positive, else alpha * inputs, alpha trained.

    alpha has the shape of a sample; axes in `shared_axes` share it.

    Source: He et al., "Delving deep into rectifiers", 2015.
    """

    families = ("alpha",)

    def __init__(
        self,
        alpha_initializer: InitializerLike = "Zeros",
        alpha_regularizer: RegularizerLike | None = None,
        alpha_constraint: ConstraintLike | None = None,
        shared_axes: Axis | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if shared_axes is not None:
            alone = not isinstance(shared_axes, list | tuple)
            axes: Any = shared_axes
            shared_axes = [axes] if alone else list(axes)
        self.shared_axes: Any = shared_axes
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create alpha."""
        shape = list(input_shape[1:])
        own = {
            a: n for a, n in enumerate(shape, 1) if a not in (self.shared_axes or ())
        }
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)
        for axis in self.shared_axes or ():
            if not 1 <= axis < len(input_shape):
                raise ShapeError(
                    f"{self.name} has shared_axes={self.shared_axes}, got shape "
                    f"{input_shape}; axes count from 1, after the batch."
                )
            shape[axis - 1] = 1
        self.alpha = self.add_family("alpha", shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activation, of the same shape."""
        below = ops.multiply(ops.relu(ops.negative(inputs)), self.alpha)
        return ops.subtract(ops.relu(inputs), below)


class ELU(Layer):
    """Return inputs where positive, else alpha * (e**inputs - 1). Clevert, 2015."""

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the activation, of the same shape."""
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """Return e**inputs over their sum along `axis`, an int or several."""

    def __init__(self, axis: Axis = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return probabilities, 0 where `mask` (broadcast to inputs) is false."""
        if mask is not None:
            mask = self._fitting(mask, ops.shape(inputs))
        warn_of_one(inputs, self.axis)
        axes: Any = self.axis
        axes = tuple(axes) if isinstance(axes, list | tuple) else (axes,)
        return masked_softmax(inputs, mask, axes)

    def _fitting(self, mask: Any, shape: Any) -> Any:
        given = ops.shape(mask)
        pairs = zip(reversed(given), reversed(shape))
        wrong = any(differ(n, 1) and differ(n, size) for n, size in pairs)
        if wrong or len(given) > len(shape):
            raise ShapeError(
                f"{self.name} expects a mask that broadcasts to its inputs of shape "
                f"{public_shape(shape)}, got {public_shape(given)}."
            )
        return mask if ops.dtype(mask) == "bool" else ops.greater(mask, 0.5)


def _positive(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or value < 0:
        raise ArgumentError(f"Expected {name} to be a number >= 0, got {value!r}.")
    return value
