"""SimpleRNN, LSTM and GRU: the layers over sequences of their cells."""

from __future__ import annotations

from typing import Any, ClassVar

from multinet import activations, ops
from multinet.configurable import parameters
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import arguments
from multinet.layers.base import Layer
from multinet.layers.policy import computed
from multinet.layers.recurrent import RNN
from multinet.layers.recurrent_cells import (
    GRUCell,
    LSTMCell,
    RecurrentCell,
    SimpleRNNCell,
)
from multinet.names import snake_case
from multinet.ops.weighted import gru, lstm
from multinet.symbolic.dims import public_shape
from multinet.typing import (
    ActivationLike,
    AnyLayer,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Seed,
    Shape,
    Shapes,
    Tensor,
    Tree,
)


def shown(name: str) -> property:
    """Return a property that reads and sets an attribute of the layer's cell."""

    def read(layer: AnyLayer) -> object:
        return getattr(layer.cell, name)

    def write(layer: AnyLayer, value: object) -> None:
        setattr(layer.cell, name, value)

    return property(read, write, doc=f"The cell's `{name}`.")


_BOTH = {"dtype", "trainable"}  # what a layer and its cell both take


class CellLayer(RNN):
    """A layer that makes its cell, whose arguments it takes beside its own.

    What the cell was made with can be read and set on the layer too.
    """

    cell_class: ClassVar[type[RecurrentCell]]
    cell_name: ClassVar[str] = ""  # by default that of the class
    cell: Any
    _of_cell: ClassVar[set[str]]  # the arguments that the cell takes
    _decided = frozenset({"cell"})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "cell_class" in vars(cls):
            own = parameters(cls.cell_class).keys() - parameters(Layer).keys()
            cls._of_cell = own | _BOTH
            for name in own:
                setattr(cls, name, shown(name))

    def __init__(self, **options: Any) -> None:
        of_cell = {k: v for k, v in options.items() if k in self._of_cell}
        rest = {k: v for k, v in options.items() if k not in of_cell or k in _BOTH}
        name = self.cell_name or snake_case(self.cell_class.__name__)
        super().__init__(self.cell_class(name=name, **of_cell), **rest)

    def build(
        self, sequences_shape: Shape, initial_state_shape: Shapes | None = None
    ) -> None:
        """Build the cell for one step, and make the states of a stateful layer."""
        rank = self.cell_class.rank
        if len(sequences_shape) != rank + 3:
            parts = "features" if not rank else f"channels, {rank} spatial axes"
            raise ShapeError(
                f"{self.name} expects sequences of {rank + 3} axes (batch, time, "
                f"{parts}), got shape {sequences_shape}. A recurrent layer before it "
                "gives them with return_sequences=True."
            )
        super().build(sequences_shape, initial_state_shape)


class SimpleRNN(CellLayer):
    """The fully connected recurrence of `SimpleRNNCell`: (b, t, n) -> (b, units)."""

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        recurrent_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        recurrent_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(**arguments(locals()))


class FusedLayer(CellLayer):
    """A layer that a method of the backend computes, where the options allow it."""

    def __init__(
        self, use_cudnn: bool | str, implementation: int = 2, **options: Any
    ) -> None:
        if use_cudnn not in ("auto", True, False):
            raise ArgumentError(
                f"Expected use_cudnn to be 'auto', True or False, got {use_cudnn!r}."
            )
        super().__init__(implementation=implementation, **options)
        self.use_cudnn = use_cudnn

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Tree,
        mask: Tensor | None,
        training: bool | None = False,
    ) -> tuple[Tensor, Tensor, Tree]:
        """Return the last output, all of them in order of time, and the last states."""
        if not self._is_fused(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell, x = self.cell, computed(self.cell, sequences)
        shape = ops.shape(x)
        self._check(shape, initial_state)
        (drop, _) = cell.draw((shape[0], shape[2]), training)
        if drop is not None:
            x = ops.multiply(x, ops.expand_dims(drop[0], 1))
        weights = [cell.kernel, cell.recurrent_kernel]
        ys, *states = self._fused(x, initial_state, weights, mask)
        last = states[0]
        if mask is not None and self.zero_output_for_mask:
            ys = ops.where(ops.expand_dims(mask, 2), ys, 0.0)
            end = 0 if self.go_backwards else -1
            last = ops.get_item(ys, (slice(None), end))
        if self.go_backwards and self.return_sequences:
            ys = ops.flip(ys, 1)
        return last, ys, states

    def _is_fused(self, training: Any) -> bool:
        """Return whether the backend's own method computes this layer."""
        cell = self.cell
        wanted = self.use_cudnn is not False
        fits = wanted and (
            cell.activation in (activations.tanh, ops.tanh)
            and cell.recurrent_activation in (activations.sigmoid, ops.sigmoid)
            and not (training and (cell.recurrent_dropout or self._dropped_apart()))
        )
        if self.use_cudnn is True and wanted and not fits:
            raise ArgumentError(
                f"{self.name} has use_cudnn=True, which takes activation='tanh', "
                "recurrent_activation='sigmoid' and no recurrent_dropout. Leave it at "
                "'auto'."
            )
        return bool(fits)

    def _dropped_apart(self) -> bool:
        return self.cell.implementation == 1 and self.cell.dropout > 0

    def _check(self, shape: Any, states: Any) -> None:
        wanted = self.cell.kernel.shape[0]
        if isinstance(shape[2], int) and shape[2] != wanted:
            raise ShapeError(
                f"{self.name} expects a last axis of {wanted}, got shape "
                f"{public_shape(shape)}. Was the layer built on other data?"
            )
        for state in states:
            have = public_shape(ops.shape(state))
            batch = public_shape(shape)[0]
            fits = len(have) == 2 and have[1] == self.cell.units
            if not fits or (None not in (have[0], batch) and have[0] != batch):
                raise ShapeError(
                    f"{self.name} expects initial states of shape "
                    f"{(batch, self.cell.units)}, got {have}."
                )

    def _fused(self, x: Any, states: Any, weights: Any, mask: Any) -> Any:
        """Return all outputs and the last states, by a method of the backend."""
        raise NotImplementedError


class LSTM(FusedLayer):
    """Long short-term memory, as in `LSTMCell`: (b, t, n) -> (b, units).

    The output is that of the last step, of all steps with `return_sequences`, (b, t,
    `units`), and with `return_state` the last states follow: h and c, each (b, units).
    `dropout` is the share of inputs to drop while training, `recurrent_dropout` that of
    states; `unit_forget_bias` begins the forget gate's bias at 1. `go_backwards`,
    `stateful` and `unroll` are those of `RNN`, the others those of every layer with
    weights (see `Layer`), for the kernels of inputs and of states.

    With the default `activation` and `recurrent_activation` and without recurrent
    dropout the backend's own method runs the whole sequence; `use_cudnn=False` keeps to
    the loop over the cell.

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.

    >>> lstm = layers.LSTM(8, return_sequences=True, return_state=True)
    >>> outputs, h, c = lstm(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 8), (2, 8), (2, 8))
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(**arguments(locals()))

    def _fused(self, x: Any, states: Any, weights: Any, mask: Any) -> Any:
        bias, _ = self.cell.biases()
        (h, c), (kernel, recurrent) = states, weights
        backwards = self.go_backwards
        return lstm(x, h, c, kernel, recurrent, bias, mask, backwards)


class GRU(FusedLayer):
    """Gated recurrent units, as in `GRUCell`: (b, t, n) -> (b, units).

    The arguments are those of `LSTM`; its one state is its output. `reset_after=False`
    resets the state before the product with the kernel, as the paper does.

    With the default activations and without recurrent dropout the backend's own method
    runs the whole sequence; `use_cudnn=False` keeps to the loop over the cell.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder",
    2014.

    >>> layers.GRU(8, return_sequences=True)(np.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    cell_class = GRUCell
    cell: Any

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(**arguments(locals()))

    def _fused(self, x: Any, states: Any, weights: Any, mask: Any) -> Any:
        options: Any = (mask, self.go_backwards, self.cell.reset_after)
        inputs: Any = (x, *states, *weights, *self.cell.biases())
        return gru(*inputs, *options)
