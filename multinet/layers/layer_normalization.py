"""Normalization of each sample over its own features: layer, RMS, group and unit."""

from __future__ import annotations

from typing import Any

from multinet import dtypes, ops
from multinet.errors import ArgumentError, ShapeError, WrongType
from multinet.layers.base import Layer
from multinet.symbolic.dims import public_shape
from multinet.typing import (
    Axis,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


def _axes_in(layer: Any, shape: Any) -> list[int]:
    """Return the layer's axes, non-negative and ascending."""
    given = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    rank = len(shape)
    if any(not -rank <= axis < rank for axis in given):
        raise ShapeError(
            f"{layer.name} has axis={layer.axis}, got shape {public_shape(shape)}."
        )
    return sorted(axis % rank for axis in given)


def _axis_argument(axis: Any) -> Any:
    if isinstance(axis, list | tuple) and all(isinstance(a, int) for a in axis):
        return list(axis)
    if not isinstance(axis, int):
        raise WrongType(f"Expected axis to be an int or ints, got {axis!r}.")
    return axis


class BaseScaling(Layer):
    """A layer with the weights gamma, a factor, and beta, an offset, if wanted.

    The constructors of subclasses take the options of both.
    """

    def __init__(
        self,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.gamma = self.beta = None
        self.supports_masking = True
        self.autocast = False  # moments of wide inputs are worth their width

    def _add_weights(self, shape: Any, scale: bool, center: bool) -> None:
        if scale:
            self.gamma = self.add_family("gamma", shape)
        if center:
            self.beta = self.add_family("beta", shape)


class LayerNormalization(BaseScaling):
    """Normalize each sample over `axis` to mean 0 and variance 1, then scale and shift.

    gamma and beta (see `Layer` for their arguments) have the sizes of the normalized
    axes, and are left out where `scale` or `center` is False; `epsilon` is added to the
    variance. `rms_scaling` leaves the mean in and beta out: x * gamma / sqrt(variance +
    epsilon); `RMSNormalization` divides by the root of the mean square instead.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    >>> y = layers.LayerNormalization()(np.array([[1.0, 2.0, 3.0]]))
    >>> [round(float(v), 3) for v in y[0]]
    [-1.224, 0.0, 1.224]
    """

    families = ("gamma", "beta")

    def __init__(
        self,
        axis: Axis = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike | None = None,
        gamma_regularizer: RegularizerLike | None = None,
        beta_constraint: ConstraintLike | None = None,
        gamma_constraint: ConstraintLike | None = None,
        *,
        rms_scaling: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(epsilon, center, scale, **options)
        self.axis = _axis_argument(axis)
        self.rms_scaling = rms_scaling

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta, of the sizes of the normalized axes."""
        shape = tuple(input_shape[axis] for axis in _axes_in(self, input_shape))
        scale, center = self.scale or self.rms_scaling, self.center
        self._add_weights(shape, scale, center and not self.rms_scaling)

    def call(self, inputs: Tensor) -> Tensor:
        """Return normalized inputs, of the same shape."""
        axes = _axes_in(self, ops.shape(inputs))
        if self.rms_scaling:
            return ops.cast(self._scaled(inputs, axes), self.compute_dtype)
        outputs = ops.layer_normalization(
            inputs, self.gamma, self.beta, axes, self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)

    def _scaled(self, inputs: Any, axes: list[int]) -> Any:
        inputs = ops.cast(inputs, dtypes.promote(ops.dtype(inputs), "float32"))
        variance = ops.moments(inputs, axes, keepdims=True)[1]
        factor = ops.rsqrt(ops.add(variance, self.epsilon))
        sizes = [n if i in axes else 1 for i, n in enumerate(ops.shape(inputs))]
        gamma = ops.cast(ops.reshape(self.gamma, sizes), ops.dtype(factor))
        return ops.multiply(inputs, ops.multiply(factor, gamma))


class RMSNormalization(Layer):
    """Divide each sample by the root of its mean square over `axis`, times a scale.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """

    def __init__(self, axis: Axis = -1, epsilon: float = 1e-6, **options: Any) -> None:
        super().__init__(**options)
        self.axis, self.epsilon = _axis_argument(axis), epsilon

    def build(self, input_shape: Shape) -> None:
        """Create the scale, of the sizes of the normalized axes."""
        shape = tuple(input_shape[axis] for axis in _axes_in(self, input_shape))
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, inputs: Tensor) -> Tensor:
        """Return normalized inputs, of the same shape."""
        axes = _axes_in(self, ops.shape(inputs))
        return ops.rms_normalization(inputs, self.scale, axes, self.epsilon)


class GroupNormalization(BaseScaling):
    """Normalize each sample over groups of channels and all positions.

    `groups` divides the size of `axis`; -1 makes each channel a group (instance
    normalization).

    Source: Wu and He, "Group normalization", 2018.
    """

    families = ("gamma", "beta")

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike | None = None,
        gamma_regularizer: RegularizerLike | None = None,
        beta_constraint: ConstraintLike | None = None,
        gamma_constraint: ConstraintLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(epsilon, center, scale, **options)
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ArgumentError(
                f"Expected groups to be positive, or -1 for one a channel, got "
                f"{groups!r}."
            )
        self.groups, self.axis = groups, axis

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta, one of each for every channel."""
        (axis,) = _axes_in(self, input_shape)
        channels = input_shape[axis]
        if channels is not None and channels % self.groups:
            raise ShapeError(
                f"{self.name} has {self.groups} groups, which do not divide the "
                f"{channels} channels of shape {input_shape}."
            )
        self._add_weights((channels,), self.scale, self.center)

    def call(self, inputs: Tensor) -> Tensor:
        """Return normalized inputs, of the same shape."""
        shape = ops.shape(inputs)
        (axis,) = _axes_in(self, shape)
        channels = shape[axis]
        groups = channels if self.groups == -1 else self.groups
        split = (*shape[:axis], groups, channels // groups, *shape[axis + 1 :])
        wide = dtypes.promote(ops.dtype(inputs), "float32")
        x = ops.reshape(ops.cast(inputs, wide), split)  # the axis becomes two
        axes = [a for a in range(1, len(split)) if a != axis]
        mean, variance = ops.moments(x, axes, keepdims=True)
        sizes = [n if a in (axis, axis + 1) else 1 for a, n in enumerate(split)]
        beta, gamma = (
            None if weight is None else ops.reshape(weight, sizes)
            for weight in (self.beta, self.gamma)
        )
        y = ops.batch_normalization(x, mean, variance, axis, beta, gamma, self.epsilon)
        return ops.cast(ops.reshape(y, shape), self.compute_dtype)


class UnitNormalization(Layer):
    """Divide each sample by its Euclidean norm over `axis`."""

    def __init__(self, axis: Axis = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = _axis_argument(axis)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs of norm 1, of the same shape; zeros stay zeros."""
        axes = _axes_in(self, ops.shape(inputs))
        return ops.normalize(inputs, axis=axes, order=2, epsilon=1e-12)
