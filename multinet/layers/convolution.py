"""Conv1D, Conv2D, Conv3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import activations, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import padding_of, positive, sizes
from multinet.layers.input_spec import InputSpec
from multinet.layers.lora import Adaptable, Adapted
from multinet.layers.policy import computed
from multinet.layers.spatial import Spatial
from multinet.symbolic.dims import public_shape
from multinet.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class Convolving(Spatial):
    """A layer of a window that moves over spatial axes, a bias and an activation."""

    bias: Any = None

    def take(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        dilation_rate: int | Sequence[int],
        activation: ActivationLike | None,
        use_bias: bool,
        allowed: Sequence[str] = ("valid", "same"),
    ) -> None:
        """Check and keep the options that all of them have."""
        self.kernel_size = sizes("kernel_size", kernel_size, self.rank)
        self.strides = sizes("strides", strides, self.rank)
        self.dilation_rate = sizes("dilation_rate", dilation_rate, self.rank)
        self.padding = padding_of(padding, allowed)
        self.activation = activations.get(activation)
        self.use_bias = use_bias

    def known_channels(self, shape: Shape) -> int:
        """Return the number of channels; raise unless a shape fits and has it."""
        self.check_axes(shape)
        channels = shape[self.channel_axis]
        if channels is None:
            raise ShapeError(
                f"{self.name} expects channels whose number is known, got shape "
                f"{public_shape(shape)}."
            )
        return channels

    def finished(self, outputs: Tensor) -> Tensor:
        """Return activation(outputs + bias), with the bias along the channels."""
        bias = self.bias
        if bias is not None and self.data_format == "channels_first":
            bias = ops.reshape(bias, (bias.shape[0], *(1,) * self.rank))
        return self.activation(outputs if bias is None else ops.add(outputs, bias))


class BaseConv(Adaptable, Convolving):
    """activation(convolution(inputs, kernel) + bias), over `rank` spatial axes."""

    families = ("kernel", "bias")
    kernel: Any = Adapted()

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
            data_format=data_format,
            activity_regularizer=activity_regularizer,
            **options,
        )
        self.filters = positive("filters", filters)
        self.groups = positive("groups", groups)
        allowed = ("valid", "same", "causal") if self.rank == 1 else ("valid", "same")
        window = kernel_size, strides, padding, dilation_rate
        self.take(*window, activation, use_bias, allowed)
        if self.filters % self.groups:
            raise ArgumentError(
                f"Expected filters to be a multiple of groups, got {filters} and "
                f"{groups}."
            )

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (*window, channels // groups, filters) and the bias."""
        self.check_axes(input_shape)
        channels = input_shape[self.channel_axis]
        if channels is None or channels % self.groups:
            raise ShapeError(
                f"{self.name} expects channels whose number is known and a multiple of "
                f"groups={self.groups}, got {channels} in shape {tuple(input_shape)}."
            )
        axes = {self.channel_axis: channels}
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes=axes)
        window = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_family("kernel", window)
        if self.use_bias:
            self.bias = self.add_family("bias", (self.filters,))
        self.adapt()

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, *spatial, filters), or filters first with channels_first."""
        outputs = self.convolution_op(computed(self, inputs), self.kernel)
        return self.finished(outputs)

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
    """Convolve sequences: (b, t, c) -> (b, t', filters). Padding may be causal.

    The arguments are those of `Conv2D`, with one number for a pair. `padding="causal"`
    pads before the first step only, so that no output sees a later input.

    >>> layers.Conv1D(8, 3, padding="causal")(np.ones((2, 10, 4))).shape
    (2, 10, 8)
    """

    rank = 1


class Conv2D(BaseConv):
    """Convolve images: (b, h, w, c) -> (b, h', w', filters).

    `filters` is the number of channels that come out; `kernel_size`, `strides` and
    `dilation_rate` are a number for both axes or one for each. `padding` is "valid",
    none, or "same": zeros around the image so that h' = h / stride, rounded up.
    `groups` parts the channels into groups that do not see each other. With
    `data_format="channels_first"` images are (b, c, h, w). `use_bias`, `activation` and
    the rest are those of every layer with weights (see `Layer`).

    >>> layers.Conv2D(32, 3, activation="relu")(np.ones((2, 28, 28, 1))).shape
    (2, 26, 26, 32)
    """

    rank = 2


class Conv3D(BaseConv):
    """Convolve volumes: (b, d, h, w, c) -> (b, d', h', w', filters)."""

    rank = 3
