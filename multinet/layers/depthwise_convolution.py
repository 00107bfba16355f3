"""DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.layers.arguments import positive
from multinet.layers.convolution import Convolving
from multinet.layers.policy import computed
from multinet.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)


class BaseDepthwiseConv(Convolving):
    """activation(convolution of each channel by itself + bias)."""

    families = ("depthwise", "bias")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        depthwise_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            data_format, activity_regularizer=activity_regularizer, **options
        )
        self.depth_multiplier = positive("depth_multiplier", depth_multiplier)
        window = kernel_size, strides, padding, dilation_rate
        self.take(*window, activation, use_bias)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (*window, channels, depth_multiplier) and the bias."""
        channels = self.known_channels(input_shape)
        window = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_family("depthwise", window, name="kernel")
        if self.use_bias:
            size = channels * self.depth_multiplier
            self.bias = self.add_family("bias", (size,))
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, *spatial, channels * depth_multiplier)."""
        outputs = ops.depthwise_conv(
            computed(self, inputs),
            self.kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self.finished(outputs)


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolve each channel of sequences by itself: (b, t, c) -> (b, t', c * m)."""

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolve each channel of images by itself: (b, h, w, c) -> (b, h', w', c * m).

    Each channel makes `depth_multiplier` channels, m; the kernel is (h, w, c, m), with
    `depthwise_initializer` and the like. The other arguments are those of `Conv2D`.

    Source: Howard et al., "MobileNets", 2017.

    >>> layers.DepthwiseConv2D(3, depth_multiplier=2)(np.ones((1, 8, 8, 3))).shape
    (1, 6, 6, 6)
    """

    rank = 2


class BaseSeparableConv(Convolving):
    """activation(convolution of each channel, then a mixture of channels, + bias)."""

    families = ("depthwise", "pointwise", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike | None = None,
        pointwise_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        depthwise_constraint: ConstraintLike | None = None,
        pointwise_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            data_format, activity_regularizer=activity_regularizer, **options
        )
        self.filters = positive("filters", filters)
        self.depth_multiplier = positive("depth_multiplier", depth_multiplier)
        window = kernel_size, strides, padding, dilation_rate
        self.take(*window, activation, use_bias)

    def build(self, input_shape: Shape) -> None:
        """Create both kernels and the bias.

        They are (*window, channels, depth_multiplier) and
        (*ones, channels * depth_multiplier, filters).
        """
        channels, ones = self.known_channels(input_shape), (1,) * self.rank
        window = (*self.kernel_size, channels, self.depth_multiplier)
        mixture = (*ones, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self.add_family(
            "depthwise", window, name="depthwise_kernel"
        )
        self.pointwise_kernel = self.add_family(
            "pointwise", mixture, name="pointwise_kernel"
        )
        if self.use_bias:
            self.bias = self.add_family("bias", (self.filters,))
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, *spatial, filters), or filters first with channels_first."""
        outputs = ops.separable_conv(
            computed(self, inputs),
            self.depthwise_kernel,
            self.pointwise_kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self.finished(outputs)


class SeparableConv1D(BaseSeparableConv):
    """Convolve channels of sequences, then mix them: (b, t, c) -> (b, t', filters)."""

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """Convolve images channel by channel, then mix: -> (b, h', w', filters).

    First a `DepthwiseConv2D` with `depth_multiplier`, without a bias, then a `Conv2D`
    of `filters` and size 1; the arguments are theirs.

    Source: Chollet, "Xception", 2017.

    >>> layer = layers.SeparableConv2D(16, 3)
    >>> layer(np.ones((1, 8, 8, 3))).shape, layer.count_params()
    ((1, 6, 6, 16), 91)
    """

    rank = 2
