"""BatchNormalization."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from multinet import dtypes, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import fraction
from multinet.layers.base import Layer
from multinet.layers.input_spec import InputSpec
from multinet.layers.positions import checked, finite, spread
from multinet.typing import (
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class BatchNormalization(Layer):
    """Normalize each channel over the batch while training, by moving moments
    otherwise.

    The arguments for gamma, beta and the moments are those of every layer with weights
    (see `Layer`). moving = `momentum` * moving + (1 - momentum) * batch, with the
    biased batch variance. Channels lie along `axis`. Then gamma multiplies and beta is
    added, unless `scale` or `center` is False; `epsilon` is added to the variance. A
    layer with `trainable = False` uses and keeps the moving moments.

    `renorm` normalizes by moments that move with `renorm_momentum` while training too:
    by x * r + d for x normalized by the batch, where no gradient flows to r and d,
    which `renorm_clipping` bounds: {"rmin": .., "rmax": .., "dmax": ..}. `synchronized`
    asks for the moments of all devices together; on one it changes nothing.

    Source: Ioffe and Szegedy, "Batch normalization", 2015; Ioffe, "Batch
    renormalization", 2017.

    >>> layer = layers.BatchNormalization()
    >>> y = layer(np.array([[1.0], [3.0]]), training=True)
    >>> [round(float(v), 3) for v in ops.ravel(y)]
    [-1.0, 1.0]
    """

    families = ("gamma", "beta", "moving_mean", "moving_variance")
    moving_variance_initializer: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike | None = None,
        gamma_regularizer: RegularizerLike | None = None,
        beta_constraint: ConstraintLike | None = None,
        gamma_constraint: ConstraintLike | None = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.axis = axis
        self.momentum = float(fraction("momentum", momentum))
        self.epsilon = float(epsilon)
        self.center, self.scale = center, scale
        self.renorm, self.synchronized = renorm, synchronized
        self.renorm_clipping = _checked(renorm_clipping)
        self.renorm_momentum = float(fraction("renorm_momentum", renorm_momentum))
        self.gamma = self.beta = None

    def build(self, input_shape: Shape) -> None:
        """Create gamma, beta and the moving moments, one of each for every channel."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(
                f"{self.name} has axis={self.axis}, got shape {input_shape}."
            )
        shape = (input_shape[self.axis],)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        if self.scale:
            self.gamma = self.add_family("gamma", shape)
        if self.center:
            self.beta = self.add_family("beta", shape)
        self.moving_mean = self._moments("moving_mean", shape)
        self.moving_variance = self._moments("moving_variance", shape)
        if self.renorm:
            deviation = self._deviation
            self.moving_stddev = self._moments(
                "moving_variance", shape, name="moving_stddev", initializer=deviation
            )
            self.renorm_mean = self._moments("moving_mean", shape, name="renorm_mean")
            self.renorm_stddev = self._moments(
                "moving_variance", shape, name="renorm_stddev", initializer=deviation
            )

    def _moments(self, family: str, shape: Any, **options: Any) -> Any:
        return self.add_family(
            family, shape, trainable=False, autocast=False, **options
        )

    def _deviation(self, shape: Any, dtype: Any = None) -> Any:
        """Return the first standard deviations, as an initializer does."""
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return normalized inputs, of the same shape.

        `mask`, bool over the leading axes, leaves positions out of the batch moments.
        """
        # Half has too little range for moments, and too little precision.
        inputs = ops.cast(inputs, dtypes.promote(ops.dtype(inputs), "float32"))
        if mask is not None:
            mask = checked(self.name, mask, ops.shape(inputs)[:-1], exact=False)
            inputs = finite(inputs, mask)
        beta, gamma = self.beta, self.gamma
        if training and self.trainable:
            mean, variance = self._batch_moments(inputs, mask)
            if self.renorm:
                beta, gamma = self._renormed(mean, variance)
            else:
                self._move(self.moving_mean, mean)
                self._move(self.moving_variance, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        outputs = ops.batch_normalization(
            inputs, mean, variance, self.axis, beta, gamma, self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)

    def _batch_moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        rank = len(ops.shape(inputs))
        axes = tuple(a for a in range(rank) if a != self.axis % rank)
        if mask is None:
            return ops.moments(inputs, axes)
        shown = ops.broadcast_to(spread(mask, inputs), ops.shape(inputs))
        weight = ops.cast(shown, ops.dtype(inputs))
        count = ops.maximum(ops.sum(weight, axes, keepdims=True), 1e-7)
        counted = ops.where(shown, inputs, 0.0)
        mean = ops.divide(ops.sum(counted, axes, keepdims=True), count)
        apart = ops.where(shown, ops.subtract(inputs, mean), 0.0)
        variance = ops.divide(ops.sum(ops.square(apart), axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def _renormed(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Return beta and gamma for x * r + d in place of x, and move all moments."""
        stddev = ops.sqrt(ops.add(variance, self.epsilon))
        usual = ops.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
        r = ops.divide(stddev, usual)
        d = ops.divide(ops.subtract(mean, self.renorm_mean), usual)
        bounds = self.renorm_clipping or {}
        if bounds.get("rmin") is not None:
            r = ops.maximum(r, bounds["rmin"])
        if bounds.get("rmax") is not None:
            r = ops.minimum(r, bounds["rmax"])
        if bounds.get("dmax") is not None:
            d = ops.clip(d, -bounds["dmax"], bounds["dmax"])
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, stddev, self.renorm_momentum)
        self._move(self.moving_mean, mean)
        self._move(self.moving_stddev, stddev)
        moved = ops.subtract(ops.square(self.moving_stddev), self.epsilon)
        self.moving_variance.assign(ops.relu(moved))
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        if self.gamma is not None:
            r, d = ops.multiply(r, self.gamma), ops.multiply(d, self.gamma)
        return d if self.beta is None else ops.add(d, self.beta), r

    def _move(self, moving: Any, batch: Any, momentum: float | None = None) -> None:
        momentum = self.momentum if momentum is None else momentum
        kept = ops.multiply(moving, momentum)
        new = ops.multiply(ops.stop_gradient(batch), 1.0 - momentum)
        moving.assign(ops.add(kept, new))


def _checked(clipping: Any) -> dict[str, float] | None:
    """Return the bounds of batch renormalization."""
    if clipping is None:
        return None
    known = ("rmin", "rmax", "dmax")
    if not isinstance(clipping, Mapping) or set(clipping) - set(known):
        raise ArgumentError(
            f"Expected renorm_clipping to be a dictionary with some of {known}, got "
            f"{clipping!r}."
        )
    low, high, most = (clipping.get(name) for name in known)
    if None not in (low, high) and high < low:  # type: ignore[operator]
        raise ArgumentError(f"Expected rmin <= rmax, got {low} and {high}.")
    if most is not None and most < 0:
        raise ArgumentError(f"Expected dmax >= 0, got {most}.")
    return dict(clipping)
