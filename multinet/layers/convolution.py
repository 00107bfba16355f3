"""Conv1D, Conv2D, Conv3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import activations, constraints, initializers, ops, regularizers
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.core import data_format_of


def spatial(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """Return `rank` positive ints of an int or a sequence; errors say `name`."""
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank or not all(isinstance(v, int) and v > 0 for v in values):
        raise ArgumentError(
            f"Expected {name} to be a positive integer or {rank} of them, "
            f"got {value!r}."
        )
    return values


def padding_of(value: str, allowed: Sequence[str] = ("valid", "same")) -> str:
    """Return the padding in lower case; an error lists those allowed."""
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ArgumentError(
            f"Expected padding to be {' or '.join(allowed)}, got {value!r}."
        )
    return value.lower()


class BaseConv(Layer):
    """activation(convolution(inputs, kernel) + bias), over `rank` spatial axes."""

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = spatial(filters, 1, "filters")[0]
        self.kernel_size = spatial(kernel_size, self.rank, "kernel_size")
        self.strides = spatial(strides, self.rank, "strides")
        self.dilation_rate = spatial(dilation_rate, self.rank, "dilation_rate")
        self.groups = spatial(groups, 1, "groups")[0]
        allowed = ("valid", "same", "causal") if self.rank == 1 else ("valid", "same")
        self.padding = padding_of(padding, allowed)
        self.data_format = data_format_of(data_format)
        if self.filters % self.groups:
            raise ArgumentError(
                f"Expected filters to be a multiple of groups, got {filters} and "
                f"{groups}."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None

    def build(self, input_shape: Any) -> None:
        """Create the kernel (*window, channels // groups, filters) and the bias."""
        if len(input_shape) != self.rank + 2:
            raise ShapeError(
                f"{self.name} expects {self.rank + 2} axes (batch, {self.rank} spatial "
                f"and channels), got shape {tuple(input_shape)}."
            )
        channels = input_shape[self._channel_axis]
        if channels is None or channels % self.groups:
            raise ShapeError(
                f"{self.name} expects channels whose number is known and a multiple of "
                f"groups={self.groups}, got {channels} in shape {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def call(self, inputs: Any) -> Any:
        """Return (batch, *spatial, filters), or filters first with channels_first."""
        inputs = ops.cast(inputs, self.compute_dtype)
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._pad_causally(inputs), "valid"
        outputs = ops.conv(
            inputs,
            self.kernel,
            self.strides,
            padding,
            self.data_format,
            self.dilation_rate,
        )
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (self.filters, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return self.activation(outputs)

    def _pad_causally(self, inputs: Any) -> Any:
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        widths = [(0, 0), (before, 0), (0, 0)]
        if self.data_format == "channels_first":
            widths = [(0, 0), (0, 0), (before, 0)]
        return ops.pad(inputs, widths)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


class Conv1D(BaseConv):
    """Convolve sequences: (b, t, c) -> (b, t', filters). Padding may be causal."""

    rank = 1


class Conv2D(BaseConv):
    """Convolve images: (b, h, w, c) -> (b, h', w', filters).

    >>> Conv2D(32, 3, activation="relu")(images).shape
    (64, 26, 26, 32)
    """

    rank = 2


class Conv3D(BaseConv):
    """Convolve volumes: (b, d, h, w, c) -> (b, d', h', w', filters)."""

    rank = 3
