"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError
from multinet.layers.arguments import arguments, positive
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


class BaseConvTranspose(Convolving):
    """activation(transposed convolution + bias), over `rank` spatial axes.

    A size becomes size * stride with padding "same", plus max(window - stride, 0) with
    "valid"; with `output_padding` it becomes (size - 1) * stride + window +
    output_padding, less the even part of the window with "same".
    """

    families = ("kernel", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        window = kernel_size, strides, padding, dilation_rate
        self.take(*window, activation, use_bias)
        self.output_padding = self._extra(output_padding)

    def _extra(self, value: int | Sequence[int] | None) -> tuple[int, ...] | None:
        if value is None:
            return None
        extra = (value,) * self.rank if isinstance(value, int) else tuple(value)
        fits = len(extra) == self.rank and all(isinstance(n, int) for n in extra)
        if not fits or not all(0 <= n < s for n, s in zip(extra, self.strides)):
            raise ArgumentError(
                f"Expected output_padding to be an integer or {self.rank} of them, at "
                f"least 0 and below strides {self.strides}, got {value!r}."
            )
        return extra

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (*window, filters, channels) and the bias."""
        channels = self.known_channels(input_shape)
        self.kernel = self.add_family(
            "kernel", (*self.kernel_size, self.filters, channels)
        )
        if self.use_bias:
            self.bias = self.add_family("bias", (self.filters,))
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, *spatial, filters), or filters first with channels_first."""
        outputs = ops.conv_transpose(
            computed(self, inputs),
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self.finished(outputs)


class Conv1DTranspose(BaseConvTranspose):
    """Lengthen sequences: (b, t, c) -> (b, t * stride, filters)."""

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """Enlarge images: (b, h, w, c) -> (b, h * stride, w * stride, filters).

    The transpose of the linear map that `Conv2D` of these arguments is.
    `output_padding` adds rows and columns at the end, to choose among the sizes that a
    convolution with `strides` would have made the same.

    >>> layer = layers.Conv2DTranspose(8, 3, strides=2, padding="same")
    >>> layer(np.ones((2, 28, 28, 1))).shape
    (2, 56, 56, 8)
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Enlarge volumes: (b, d, h, w, c) -> (b, d * stride, ..., filters)."""

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,  # here it comes later
        dilation_rate: int | Sequence[int] = 1,
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
        super().__init__(**arguments(locals()))
