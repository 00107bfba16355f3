"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: long short-term memory of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from multinet import ops
from multinet.errors import ShapeError
from multinet.layers.arguments import arguments, data_format_of, padding_of, sizes
from multinet.layers.policy import computed
from multinet.layers.recurrent_cells import LSTMCell, Masks
from multinet.layers.recurrent_layers import CellLayer
from multinet.symbolic.dims import public_shape
from multinet.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Seed,
    Shape,
    Size,
    Tensor,
    Tree,
)


class ConvLSTMCell(LSTMCell):
    """A step of `LSTMCell` whose products with the kernels are convolutions.

    (b, *spatial, c), states h and c -> h (b, *spatial', filters). Strides, padding and
    dilation are those of the inputs; the state keeps its size.
    """

    _decided = frozenset({"units"})

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        **options: Any,
    ) -> None:
        super().__init__(units=filters, implementation=1, **options)
        self.filters = self.units
        self.kernel_size = sizes("kernel_size", kernel_size, self.rank)
        self.strides = sizes("strides", strides, self.rank)
        self.padding = padding_of(padding)
        self.data_format = data_format_of(data_format)
        self.dilation_rate = sizes("dilation_rate", dilation_rate, self.rank)
        last = self.data_format == "channels_last"
        self.axis = -1 if last else -1 - self.rank

    def _kernel_shapes(self, input_shape: Shape) -> tuple[Shape, Shape]:
        rest = list(input_shape[1:])
        channels = rest.pop(self.axis)
        if None in rest or channels is None:
            raise ShapeError(
                f"{self.name} expects spatial sizes and channels that are known, got "
                f"shape {public_shape(input_shape)}. Give them in Input."
            )
        self.spatial = tuple(map(self._size, rest, range(self.rank)))
        width = self.gates * self.units
        return (
            (*self.kernel_size, channels, width),
            (*self.kernel_size, self.units, width),
        )

    def _size(self, n: int, axis: int) -> int:
        """Return the size of a spatial axis after the convolution of the inputs."""
        if self.padding == "same":
            return -(-n // self.strides[axis])
        covered = self.dilation_rate[axis] * (self.kernel_size[axis] - 1) + 1
        return (n - covered) // self.strides[axis] + 1

    def state_shape(self, batch_size: Size | None) -> Shape:
        """Return the shape of a state: (batch_size, *spatial, filters)."""
        if self.axis == -1:
            return (batch_size, *self.spatial, self.units)
        return (batch_size, self.units, *self.spatial)

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """Return the convolutions of inputs for all gates, plus the bias.

        (b, *spatial, c) or (b, t, *spatial, c): steps of time are as many images.
        """
        inputs, drop = computed(self, inputs), masks.inputs
        if drop is not None and len(ops.shape(inputs)) > self.rank + 2:
            drop = [ops.expand_dims(mask, 1) for mask in drop]
        y = self._gates(inputs, self.kernel, drop, self._input)
        bias = self.bias
        if bias is None:
            return y
        if self.axis != -1:
            bias = ops.reshape(bias, (bias.shape[0], *(1,) * self.rank))
        return ops.add(y, bias)

    def recur(self, state: Tree, masks: Masks) -> Tensor:
        """Return the convolutions of the state for all gates."""

        def convolve(x: Any, kernel: Any) -> Any:
            return ops.conv(x, kernel, 1, "same", self.data_format)

        return self._gates(state, self.recurrent_kernel, masks.recurrent, convolve)

    def _gates(
        self, x: Any, kernel: Any, drop: Any, convolve: Callable[[Any, Any], Any]
    ) -> Any:
        """Return x convolved, gate beside gate; with dropout each sees its own x."""
        if drop is None:
            return convolve(x, kernel)
        kernels = ops.split(kernel, self.gates, axis=-1)
        parts = [convolve(ops.multiply(x, m), k) for m, k in zip(drop, kernels)]
        return ops.concatenate(parts, self.axis)

    def _input(self, x: Any, kernel: Any) -> Any:
        shape, window = ops.shape(x), (self.strides, self.padding, self.data_format)
        steps = shape[: len(shape) - self.rank - 1]
        count = steps[0] if len(steps) == 1 else steps[0] * steps[1]
        images = ops.reshape(x, (count, *shape[len(steps) :]))
        y = ops.conv(images, kernel, *window, self.dilation_rate)
        return ops.reshape(y, (*steps, *ops.shape(y)[1:]))


class ConvLSTM1DCell(ConvLSTMCell):
    """A step over one spatial axis."""

    rank = 1


class ConvLSTM2DCell(ConvLSTMCell):
    """A step over two spatial axes."""

    rank = 2


class ConvLSTM3DCell(ConvLSTMCell):
    """A step over three spatial axes."""

    rank = 3


class ConvLSTM(CellLayer):
    """The recurrence of a `ConvLSTMCell`, whose sizes must be known."""

    cell_name = "conv_lstm_cell"

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike | None = None,
        recurrent_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        recurrent_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Seed = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**arguments(locals()))


class ConvLSTM1D(ConvLSTM):
    """LSTM of rows, by convolutions: (b, time, n, c) -> (b, n', filters).

    Source: Shi et al., "Convolutional LSTM network", 2015.
    """

    cell_class: ClassVar[type[ConvLSTMCell]] = ConvLSTM1DCell


class ConvLSTM2D(ConvLSTM):
    """LSTM of images, by convolutions: (b, time, h, w, c) -> (b, h', w', filters).

    >>> ConvLSTM2D(16, 3, padding="same", return_sequences=True)(frames).shape
    (4, 10, 32, 32, 16)

    Source: Shi et al., "Convolutional LSTM network", 2015.
    """

    cell_class: ClassVar[type[ConvLSTMCell]] = ConvLSTM2DCell


class ConvLSTM3D(ConvLSTM):
    """LSTM of volumes: (b, time, d, h, w, c) -> (b, d', h', w', filters).

    Source: Shi et al., "Convolutional LSTM network", 2015.
    """

    cell_class: ClassVar[type[ConvLSTMCell]] = ConvLSTM3DCell
