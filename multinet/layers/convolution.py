"""Conv1D, Conv2D, Conv3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import activations, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import padding_of, positive, sizes
from multinet.layers.policy import computed
from multinet.layers.spatial import Spatial
from multinet.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class BaseConv(Spatial):
    """activation(convolution(inputs, kernel) + bias), over `rank` spatial axes."""

    families = ("kernel", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            data_format, activity_regularizer=activity_regularizer, **options
        )
        self.filters = positive("filters", filters)
        self.kernel_size = sizes("kernel_size", kernel_size, self.rank)
        self.strides = sizes("strides", strides, self.rank)
        self.dilation_rate = sizes("dilation_rate", dilation_rate, self.rank)
        self.groups = positive("groups", groups)
        allowed = ("valid", "same", "causal") if self.rank == 1 else ("valid", "same")
        self.padding = padding_of(padding, allowed)
        if self.filters % self.groups:
            raise ArgumentError(
                f"Expected filters to be a multiple of groups, got {filters} and "
                f"{groups}."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias = None

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (*window, channels // groups, filters) and the bias."""
        self.check_axes(input_shape)
        channels = input_shape[self.channel_axis]
        if channels is None or channels % self.groups:
            raise ShapeError(
                f"{self.name} expects channels whose number is known and a multiple of "
                f"groups={self.groups}, got {channels} in shape {tuple(input_shape)}."
            )
        window = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_family("kernel", window)
        if self.use_bias:
            self.bias = self.add_family("bias", (self.filters,))
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, *spatial, filters), or filters first with channels_first."""
        outputs = self.convolution_op(computed(self, inputs), self.kernel)
        return self.activation(self.with_bias(outputs))

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return inputs convolved with a kernel as the layer is set; `call` uses it.

        A subclass may override it to use another kernel, made of the layer's.
        """
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._pad_causally(inputs), "valid"
        return ops.conv(
            inputs, kernel, self.strides, padding, self.data_format, self.dilation_rate
        )

    def _pad_causally(self, inputs: Any) -> Any:
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        widths = [(0, 0), (before, 0), (0, 0)]
        if self.data_format == "channels_first":
            widths = [(0, 0), (0, 0), (before, 0)]
        return ops.pad(inputs, widths)


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
