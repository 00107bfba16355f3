"""BatchNormalization."""

from __future__ import annotations

from typing import Any

from multinet import constraints, dtypes, initializers, ops, regularizers
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer


class BatchNormalization(Layer):
    """Normalize each channel over the batch while training, by moving moments
    otherwise.

    moving = momentum * moving + (1 - momentum) * batch, with the biased batch variance.
    A layer with `trainable = False` uses and keeps the moving moments.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"Expected momentum within [0, 1], got {momentum!r}.")
        self.supports_masking = True
        self.axis = axis
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None

    def build(self, input_shape: Any) -> None:
        """Create gamma, beta and the moving moments, one of each for every channel."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(
                f"{self.name} has axis={self.axis}, got shape {input_shape}."
            )
        shape = (input_shape[self.axis],)
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        self.moving_mean = self.add_weight(
            name="moving_mean",
            shape=shape,
            initializer=self.moving_mean_initializer,
            trainable=False,
            autocast=False,
        )
        self.moving_variance = self.add_weight(
            name="moving_variance",
            shape=shape,
            initializer=self.moving_variance_initializer,
            trainable=False,
            autocast=False,
        )
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return normalized inputs, of the same shape.

        `mask`, bool over the leading axes, leaves positions out of the batch moments.
        """
        # Half has too little range for moments, and too little precision.
        inputs = ops.cast(inputs, dtypes.promote(ops.dtype(inputs), "float32"))
        if training and self.trainable:
            mean, variance = self._batch_moments(inputs, mask)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        outputs = ops.batch_normalization(
            inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)

    def _batch_moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        rank = len(ops.shape(inputs))
        axes = tuple(a for a in range(rank) if a != self.axis % rank)
        if mask is None:
            return ops.moments(inputs, axes)
        lead = (*ops.shape(mask), *(1,) * (rank - len(ops.shape(mask))))
        weight = ops.cast(ops.reshape(mask, lead), ops.dtype(inputs))
        weight = ops.broadcast_to(weight, ops.shape(inputs))
        count = ops.maximum(ops.sum(weight, axes, keepdims=True), 1e-7)
        mean = ops.divide(
            ops.sum(ops.multiply(inputs, weight), axes, keepdims=True), count
        )
        spread = ops.multiply(ops.square(ops.subtract(inputs, mean)), weight)
        variance = ops.divide(ops.sum(spread, axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _move(self, moving: Any, batch: Any) -> None:
        kept = ops.multiply(moving, self.momentum)
        new = ops.multiply(ops.stop_gradient(batch), 1.0 - self.momentum)
        moving.assign(ops.add(kept, new))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(
                self.moving_mean_initializer
            ),
            "moving_variance_initializer": initializers.serialize(
                self.moving_variance_initializer
            ),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
