"""Normalization: numbers of mean 0 and variance 1, by the statistics of data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import config, dtypes, ops
from multinet.configurable import own_arguments
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.layers.policy import computed
from multinet.layers.preprocessing.adapting import Batches, is_data
from multinet.layers.preprocessing.host import on_host
from multinet.layers.preprocessing.hosting import Preparing
from multinet.registry import current
from multinet.typing import (
    AnyLayer,
    Axis,
    Config,
    Host,
    Numbers,
    Shape,
    Tensor,
    Tree,
    Verbose,
)


class Normalization(Preparing):
    """Return (inputs - mean) / sqrt(variance), with `invert` the way back.

    `mean` and `variance` are given, or `adapt` finds those of data: one for each place
    along `axis` (an axis, several, or None for one of all), kept in weights that are
    not trained.

    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[5.0]]))
    array([[3.]], dtype=float32)
    """

    _unwritten = frozenset({"mean", "variance"})

    def __init__(
        self,
        axis: Axis | None = -1,
        mean: Numbers | None = None,
        variance: Numbers | None = None,
        invert: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if axis is None:
            axis = ()
        self.axis = (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True
        self._shape: Shape | None = None
        self._check()

    def _check(self) -> None:
        mean, variance = self.input_mean, self.input_variance
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"Expected mean and variance, or neither; got mean={mean} and "
                f"variance={variance}."
            )
        if mean is None or variance is None:
            return
        shape = np.shape(mean)
        if shape != np.shape(variance):
            raise ShapeError(
                f"Expected mean and variance of one shape, got {shape} and "
                f"{np.shape(variance)}."
            )
        if len(shape) > len(self.axis):
            raise ShapeError(
                f"Expected mean to have at most an axis for each of axis={self.axis}, "
                f"got shape {shape}."
            )

    def build(self, input_shape: Shape | None) -> None:
        """Create the weights for the statistics, unless they are given."""
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ShapeError(
                f"{self.name} expects axis within [-{rank}, {rank}), got {self.axis}."
            )
        self._axes = tuple(sorted(axis % rank for axis in self.axis))
        if any(input_shape[axis] is None for axis in self._axes):
            raise ShapeError(
                f"{self.name} needs the sizes along axis={self.axis}, got shape "
                f"{tuple(input_shape)}. Give them in Input(shape=...)."
            )
        self._shape = tuple(input_shape)
        sizes = [input_shape[axis] for axis in self._axes]
        if self.input_mean is None:
            options = {"trainable": False, "shape": sizes}
            self.adapt_mean = self.add_weight(
                name="mean", initializer="zeros", **options
            )
            self.adapt_variance = self.add_weight(
                name="variance", initializer="ones", **options
            )
            # Nobody reads it; files of Keras have it.
            self.count = self.add_weight((), "zeros", "int32", False, name="count")
        self.built = True

    @property
    def mean(self) -> Tensor | None:
        """The mean, shaped to broadcast with inputs; None before it is built."""
        return self._statistic("mean")

    @property
    def variance(self) -> Tensor | None:
        """The variance, shaped to broadcast with inputs; None before it is built."""
        return self._statistic("variance")

    def _statistic(self, name: str) -> Tensor | None:
        if self._shape is None:
            return None
        rank = len(self._shape)
        given = getattr(self, f"input_{name}")
        if given is None:
            variable = getattr(self, f"adapt_{name}")
            value = variable
            if variable.backend != current().concrete.name:  # where data are drawn
                value = variable.numpy()
            sizes = [n if i in self._axes else 1 for i, n in enumerate(self._shape)]
            return ops.cast(ops.reshape(value, sizes), self.compute_dtype)
        value = np.asarray(given, dtypes.to_numpy(self.compute_dtype))
        sizes = [1] * rank
        for axis, n in zip(reversed(self._axes), reversed(value.shape)):
            sizes[axis] = n
        shape = [n if i in self._axes else 1 for i, n in enumerate(self._shape)]
        return ops.cast(
            np.broadcast_to(value.reshape(sizes), shape), self.compute_dtype
        )

    # -- adapting ----------------------------------------------------------------------

    def adapt(self, data: Tree, verbose: Verbose = "auto") -> None:
        """Take mean and variance of data: an array, a tensor, or what gives batches.

        A list of arrays, a generator, another iterable or a `Source`. `verbose` is
        whether a stream shows a bar. They are found in float64, so they are the same
        on every backend.
        """
        found = Moments(self)
        if is_data(data, lists=False):
            found.add(on_host(data, self.name))
        else:
            for batch in Batches(data, None, self.name, verbose):
                if not hasattr(batch, "shape"):
                    raise DTypeError(
                        f"{self.name}.adapt expects batches that are arrays, got a "
                        f"{type(batch).__name__}."
                    )
                found.add(on_host(batch, self.name))
        self.take(found)

    def take(self, found: Moments) -> None:
        """Take statistics that were found."""
        self.adapt_mean.assign(found.mean)
        self.adapt_variance.assign(found.variance)

    def finalize_state(self) -> None:
        """Do nothing: the statistics are read from the weights."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs normalized, or as they were before."""
        inputs = computed(self, inputs)
        mean, variance = self.mean, self.variance
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, deviation))
        return ops.divide(ops.subtract(inputs, mean), deviation)

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        given = {"mean": self.input_mean, "variance": self.input_variance}
        return {**super().get_config(), **own_arguments(self)} | {
            name: None if value is None else np.asarray(value).tolist()
            for name, value in given.items()
        }


class Moments:
    """Mean and variance of batches, joined batch by batch.

    Source: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances", 1979.
    """

    def __init__(self, layer: AnyLayer) -> None:
        self.layer, self.count = layer, 0
        self.mean: Any = 0.0
        self.variance: Any = 0.0

    def add(self, batch: Host) -> None:
        """Take the statistics of another batch."""
        batch = self._fitting(batch)
        axes = tuple(i for i in range(batch.ndim) if i not in self.layer._axes)
        mean, variance = batch.mean(axes), batch.var(axes)
        count = math.prod(batch.shape[i] for i in axes)
        self.count += count
        share = count / self.count
        delta = mean - self.mean
        self.variance = (
            self.variance * (1 - share)
            + variance * share
            + delta**2 * share * (1 - share)
        )
        self.mean = self.mean + delta * share

    def _fitting(self, batch: Host) -> Host:
        layer = self.layer
        if not layer.built:
            layer.build(batch.shape)
        if layer.input_mean is not None:
            raise ArgumentError(
                f"{layer.name} was made with mean and variance, so it cannot adapt."
            )
        known: Sequence[Any] = layer._shape
        fits = batch.ndim == len(known)
        if not fits or any(batch.shape[i] != known[i] for i in layer._axes):
            raise ShapeError(
                f"{layer.name} was built for shape {tuple(known)}, adapt got an "
                f"incompatible shape, {batch.shape}."
            )
        return batch.astype(np.float64)
