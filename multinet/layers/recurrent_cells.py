"""One step of a recurrence: SimpleRNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from multinet import activations, ops, random
from multinet.errors import ShapeError
from multinet.layers.arguments import fraction, generator_of, positive
from multinet.layers.base import Layer
from multinet.layers.policy import computed
from multinet.ops.core import as_tensor
from multinet.ops.weighted import dense
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
    Tensors,
    Tree,
)


class Masks(NamedTuple):
    """Dropout of a whole sequence: each a tensor, one for each gate, or None."""

    inputs: Any = None
    recurrent: Any = None


class RecurrentCell(Layer):
    """A step whose inputs and state meet a kernel each, gate beside gate.

    A subclass says what becomes of their products, in `step`. `project` is what does
    not depend on the state, so a loop can do it for all steps at once.
    """

    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1
    rank: ClassVar[int] = 0  # the spatial axes of inputs
    axis = -1  # along which the gates lie
    implementation = 2  # 1 draws dropout for each gate apart

    kernel: Any
    recurrent_kernel: Any
    bias_initializer: Any

    def __init__(
        self,
        units: int,
        activation: ActivationLike,
        use_bias: bool,
        dropout: float,
        recurrent_dropout: float,
        seed: Seed,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units = self.output_size = positive("units", units)
        self.state_size: Any = units if self.states == 1 else [units] * self.states
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.dropout = float(fraction("dropout", dropout))
        rate = fraction("recurrent_dropout", recurrent_dropout)
        self.recurrent_dropout = float(rate)
        self.seed = seed
        self.seed_generator = generator_of(seed)
        self.bias: Any = None

    def build(self, input_shape: Shape) -> None:
        """Create the kernels (n, gates * units), (units, gates * units), and bias."""
        kernel, recurrent = self._kernel_shapes(input_shape)
        self.kernel = self.add_family("kernel", kernel)
        self.recurrent_kernel = self.add_family(
            "recurrent", recurrent, name="recurrent_kernel"
        )
        if self.use_bias:
            start = self._bias_start()
            self.bias = self.add_family("bias", self._bias_shape(), initializer=start)

    def _kernel_shapes(self, input_shape: Shape) -> tuple[Shape, Shape]:
        width = self.gates * self.units
        return (input_shape[-1], width), (self.units, width)

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _bias_start(self) -> Any:
        """Return the initializer of the bias."""
        return self.bias_initializer

    def biases(self) -> tuple[Any, Any]:
        """Return the biases of inputs and of the state, None where there is none."""
        return None if self.bias is None else as_tensor(self.bias), None

    def state_shape(self, batch_size: Size | None) -> Shape:
        """Return the shape of a state: (batch_size, units)."""
        return batch_size, self.units

    def get_initial_state(self, batch_size: Size | None = None) -> list[Tensor]:
        """Return zeros (batch_size, units) for each state."""
        shape = self.state_shape(batch_size)
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(self.states)]

    # -- one step ----------------------------------------------------------------------

    def call(
        self, inputs: Tensor, states: Tree, training: bool | None = False
    ) -> Tensors:
        """Return the output (b, units) and the new states, for inputs (b, n).

        While training, each call draws dropout anew; a layer over a sequence draws it
        once.
        """
        nested = isinstance(states, list | tuple)
        old = list(states) if nested else [states]
        masks = self.draw(ops.shape(inputs), training)
        new = self.step(self.project(inputs, masks), old, masks)
        return new[0], list(new) if nested else new[0]

    def project(self, inputs: Tensor, masks: Masks) -> Tensor:
        """Return inputs @ kernel + bias, (..., gates * units): (b, n) or (b, t, n)."""
        inputs = computed(self, inputs)
        shape, wanted = ops.shape(inputs), self.kernel.shape[0]
        if isinstance(shape[-1], int) and shape[-1] != wanted:
            raise ShapeError(
                f"{self.name} expects a last axis of {wanted}, got shape "
                f"{public_shape(shape)}. Was the layer built on other data?"
            )
        drop = masks.inputs
        if drop is not None and len(shape) == 3:
            drop = [ops.expand_dims(mask, 1) for mask in drop]
        return self._product(inputs, self.kernel, self.biases()[0], drop)

    def recur(self, state: Tree, masks: Masks) -> Tensor:
        """Return state @ recurrent_kernel, with the bias of the state if any."""
        bias = self.biases()[1]
        return self._product(state, self.recurrent_kernel, bias, masks.recurrent)

    def _product(self, x: Any, kernel: Any, bias: Any, drop: Any) -> Any:
        """Return x @ kernel + bias, x dropped out: alike for all gates, or each."""
        if drop is None or len(drop) == 1:
            x = x if drop is None else ops.multiply(x, drop[0])
            return dense(x, kernel, bias)
        parts = ops.split(kernel, len(drop), axis=1)
        products = [dense(ops.multiply(x, m), k, None) for m, k in zip(drop, parts)]
        y = ops.concatenate(products, -1)
        return y if bias is None else ops.add(y, bias)

    def step(self, z: Tensor, states: Tree, masks: Masks) -> tuple[Tensor, ...]:
        """Return the new states, the output first, for projected inputs z."""
        raise NotImplementedError

    # -- dropout -----------------------------------------------------------------------

    def draw(self, shape: Shape, training: bool | None) -> Masks:
        """Return the dropout of the inputs of a step, of a shape, and of the state."""
        if not training:
            return Masks()
        inputs, state = self._drawn(shape, self.dropout), self.state_shape(shape[0])
        return Masks(inputs, self._drawn(state, self.recurrent_dropout))

    def _drawn(self, shape: Any, rate: float) -> Any:
        if rate == 0 or (rate == 1 and self.gates > 1):  # as Keras has it
            return None
        ones = ops.ones(shape, dtype=self.compute_dtype)
        count = self.gates if self.implementation == 1 else 1
        return [
            random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)
        ]


class SimpleRNNCell(RecurrentCell):
    """A step h = activation(x @ kernel + h @ recurrent_kernel + bias): (b, n) -> h."""

    families = ("kernel", "recurrent", "bias")

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
        kernel_constraint: ConstraintLike | None = None,
        recurrent_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            use_bias=use_bias,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **options,
        )

    def step(self, z: Tensor, states: Tree, masks: Masks) -> tuple[Tensor, ...]:
        """Return (h,)."""
        return (self.activation(ops.add(z, self.recur(states[0], masks))),)


class GatedCell(RecurrentCell):
    """A step with gates, which have an activation of their own."""

    def __init__(
        self,
        recurrent_activation: ActivationLike,
        implementation: int = 2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.implementation = 1 if self.recurrent_dropout else implementation


class LSTMCell(GatedCell):
    """A step of long short-term memory: (b, n), states h and c -> h (b, units).

    i, f, g, o are the parts of x @ kernel + h @ recurrent_kernel + bias; i, f and o
    pass `recurrent_activation`, g `activation`; then c = f * c + i * g and
    h = o * activation(c). `unit_forget_bias` starts the bias of f at 1.

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    families = ("kernel", "recurrent", "bias")
    gates, states = 4, 2

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
        kernel_constraint: ConstraintLike | None = None,
        recurrent_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **options,
        )
        self.unit_forget_bias = unit_forget_bias

    def _bias_start(self) -> Any:
        return self._forgetting if self.unit_forget_bias else super()._bias_start()

    def _forgetting(self, shape: Any, dtype: Any = None) -> Any:
        """Return a bias of 1 for the forget gate, for the others as they are told."""
        first, m = self.bias_initializer, self.units
        ones = ops.ones((m,), dtype=dtype)
        parts = [first((m,), dtype=dtype), ones, first((2 * m,), dtype=dtype)]
        return ops.concatenate(parts, 0)

    def step(self, z: Tensor, states: Tree, masks: Masks) -> tuple[Tensor, ...]:
        """Return (h, c)."""
        h, c = states
        z = ops.add(z, self.recur(h, masks))
        i, f, g, o = ops.split(z, 4, axis=self.axis)
        i, f, o = (self.recurrent_activation(v) for v in (i, f, o))
        c = ops.add(ops.multiply(f, c), ops.multiply(i, self.activation(g)))
        return ops.multiply(o, self.activation(c)), c


class GRUCell(GatedCell):
    """A step of a gated recurrent unit: (b, n), state h -> h (b, units).

    z and r pass `recurrent_activation`, the candidate g `activation`; then
    h = z * h + (1 - z) * g. With `reset_after` r scales the product of h and its
    kernel, and there are two biases (2, 3 * units); without it r scales h.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder",
    2014.
    """

    families = ("kernel", "recurrent", "bias")
    gates = 3

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
        kernel_constraint: ConstraintLike | None = None,
        recurrent_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **options,
        )
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def biases(self) -> tuple[Any, Any]:
        """Return the biases of inputs and of the state, None where there is none."""
        if self.bias is None or not self.reset_after:
            return super().biases()
        first, second = ops.split(self.bias, 2, axis=0)
        return ops.squeeze(first, 0), ops.squeeze(second, 0)

    def step(self, z: Tensor, states: Tree, masks: Masks) -> tuple[Tensor, ...]:
        """Return (h,)."""
        (h,), drop = states, masks.recurrent
        xz, xr, xg = ops.split(z, 3, axis=-1)
        if self.reset_after:
            hz, hr, hg = ops.split(self.recur(h, masks), 3, axis=-1)
        else:
            gates, last = ops.split(self.recurrent_kernel, [2 * self.units], axis=1)
            both = self._product(h, gates, None, drop and drop[:2])
            hz, hr = ops.split(both, 2, axis=-1)
        z, r = (
            self.recurrent_activation(ops.add(a, b)) for a, b in ((xz, hz), (xr, hr))
        )
        if self.reset_after:
            hg = ops.multiply(r, hg)
        else:
            hg = self._product(ops.multiply(r, h), last, None, drop and drop[2:])
        g = self.activation(ops.add(xg, hg))
        return (ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1.0, z), g)),)
