"""Dense, Activation, Dropout, Flatten, Reshape, and Input."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from multinet import activations, dtypes, ops, random
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.arguments import data_format_of, fraction, generator_of, positive
from multinet.layers.base import Layer
from multinet.layers.lora import Adaptable, Adapted
from multinet.names import unique_name
from multinet.ops.weighted import dense
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import KerasTensor, Node
from multinet.tracebacks import shortening
from multinet.typing import (
    ActivationLike,
    Config,
    ConstraintLike,
    DType,
    InitializerLike,
    RegularizerLike,
    Seed,
    Shape,
    Tensor,
)


class InputLayer(Layer):
    """The layer behind `Input`: it holds the placeholder of a model's input.

    `input_tensor` is a symbolic tensor to be that placeholder, whatever made it.
    """

    _unwritten = frozenset({"shape", "batch_size", "input_tensor", "trainable"})
    #: Whether it was made for the first data, whose sizes others need not have.
    _is_guess = False

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: DType | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        if "input_shape" in options:
            warnings.warn(
                "input_shape= of InputLayer was Keras 2's name; it is shape= now.",
                stacklevel=2,
            )
            shape = options.pop("input_shape")
        if input_tensor is not None:
            given = shape, batch_size, batch_shape, dtype, sparse
            _check_tensor(input_tensor, *given)
            shape, batch_size, batch_shape = None, None, input_tensor.shape
            dtype, sparse = input_tensor.dtype, input_tensor.sparse
        # Data comes in floatx whatever the policy: the layers above cast it.
        dtype = dtypes.floatx() if dtype is None else dtype
        self._is_text = dtypes.is_text(dtype) if isinstance(dtype, str) else False
        kept = None if self._is_text else dtype
        name = name or unique_name("input_layer")
        super().__init__(name=name, dtype=kept, **options)
        whole = batch_shape is not None
        if (shape is None) != whole or (whole and batch_size is not None):
            raise ArgumentError(
                "Input needs one of shape=(...), without the batch axis, and "
                f"batch_shape=(...), with it; got shape={shape}, batch_size="
                f"{batch_size} and batch_shape={batch_shape}."
            )
        if batch_shape is None:
            batch_shape = (batch_size, *_shape_argument(shape))
        self.batch_shape = tuple(batch_shape)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        self._place(input_tensor)
        self.built = True

    def _place(self, tensor: KerasTensor | None = None) -> None:
        if tensor is None:
            tensor = KerasTensor(
                self.batch_shape,
                self.dtype,
                sparse=self.sparse,
                ragged=self.ragged,
                name=self.name,
            )
        tensor.node = Node(self, (), {})
        tensor.node.enter(tensor)

    @property
    def dtype(self) -> str:
        """The dtype of the input, "string" for texts."""
        return dtypes.TEXT if self._is_text else super().dtype

    @property
    def output(self) -> Tensor:
        """The placeholder; a copy makes its own unless its model has."""
        if not self._nodes:
            self._place()
        return super().output

    def call(self) -> Tensor:
        """Return None: a model feeds its inputs itself."""
        return

    def get_config(self) -> Config:
        """Return what `from_config` needs, with a dtype in place of a policy."""
        own = ("batch_shape", "sparse", "ragged", "optional", "dtype")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _check_tensor(
    tensor: Any, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any, sparse: Any
) -> None:
    """Refuse what is no symbolic tensor, and arguments that say another thing."""
    if not isinstance(tensor, KerasTensor):
        raise ArgumentError(
            f"Expected input_tensor to be a symbolic tensor, got {tensor!r}."
        )
    whole = tuple(tensor.shape)
    told = {
        "shape": (shape, shape if shape is None else tuple(shape), whole[1:]),
        "batch_size": (batch_size, batch_size, whole[0] if whole else None),
        "batch_shape": (batch_shape, batch_shape and tuple(batch_shape), whole),
        "dtype": (dtype, dtype and dtypes.standardize(dtype), tensor.dtype),
        "sparse": (sparse, sparse, tensor.sparse),
    }
    for name, (given, value, have) in told.items():
        if given is not None and value != have:
            raise ArgumentError(
                f"The input_tensor has {name}={have!r}, and {name}={given!r} was given "
                "beside it. Leave that out."
            )


def _shape_argument(shape: Any) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        raise ArgumentError(
            f"Expected shape to be a tuple such as ({shape},), got {shape}."
        )
    return tuple(shape)


@shortening
def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: DType | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return the symbolic input of a functional model; `shape` leaves out the batch
    axis.

    A size that is not known is None; `batch_size` gives that of the batch, or
    `batch_shape` both. `tensor` is a symbolic tensor to begin the model at. `sparse`
    says that a sparse tensor comes, `optional` that None may come; `ragged` is refused.

    >>> x = multinet.Input(shape=(28, 28, 1))
    >>> model = multinet.Model(x, layers.Dense(10)(layers.Flatten()(x)))
    >>> model.output_shape
    (None, 10)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.output


class Dense(Adaptable):
    """activation(inputs @ kernel + bias) on the last axis: (..., n) -> (..., units).

    `units` is the size of the outputs; `use_bias=False` leaves the bias out. With
    `lora_rank` the kernel is frozen and a product of two thin matrices is trained
    beside it, times `lora_alpha / lora_rank`. The rest are the arguments of every layer
    with weights (see `Layer`).

    >>> layer = layers.Dense(3, activation="relu")
    >>> layer(np.ones((2, 4))).shape, layer.kernel.shape
    ((2, 3), (4, 3))
    """

    families = ("kernel", "bias")
    kernel: Any = Adapted()

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            activity_regularizer=activity_regularizer,
            **options,
        )
        self.supports_masking = True
        self.units = positive("units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias = None

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (n, units) and the bias (units,)."""
        if len(input_shape) < 1:
            raise ShapeError(f"{self.name} expects at least one axis, got a scalar.")
        self.kernel = self.add_family("kernel", (input_shape[-1], self.units))
        if self.use_bias:
            self.bias = self.add_family("bias", (self.units,))
        self.adapt()

    def call(self, inputs: Tensor) -> Tensor:
        """Return (..., units) for (..., n)."""
        kernel = self.kernel
        try:
            outputs = dense(inputs, kernel, self.bias)
        except ShapeError as error:
            raise ShapeError(
                f"{self.name} expects a last axis of {self.plain.shape[0]}, got shape "
                f"{public_shape(ops.shape(inputs))}. Was the layer built on other data?"
            ) from error
        return outputs if self.activation is None else self.activation(outputs)


class Activation(Layer):
    """Apply an `activation`, given by name or as a function, elementwise.

    >>> layers.Activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: ActivationLike, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return activation(inputs)."""
        return self.activation(inputs)


class Dropout(Layer):
    """While training, set inputs to 0 with probability `rate`, scaling the rest to
    match.

    `noise_shape` is the shape of the mask, 1 or None for axes: (None, 1, 8) drops a
    feature at all steps of time. The masks depend on the seed and the step alone: equal
    on every backend.

    Source: Srivastava et al., "Dropout", 2014.

    >>> drop = layers.Dropout(0.5, seed=1)
    >>> x = np.ones((1, 1000))
    >>> float(ops.max(drop(x, training=True))), float(ops.max(drop(x)))
    (2.0, 1.0)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: Seed = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.rate = fraction("rate", rate)
        self.noise_shape = _noise_of(noise_shape)
        self.seed = seed
        self.seed_generator = generator_of(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return inputs with some zeroed while training, else unchanged."""
        if not training or self.rate == 0:
            return inputs
        noise = self.noise_of(inputs)
        return random.dropout(inputs, self.rate, noise, self.seed_generator)

    def noise_of(self, inputs: Tensor) -> Shape:
        """Return the shape of the draws for inputs."""
        sizes, noise = ops.shape(inputs), self.noise_shape
        if noise is None:
            return sizes
        if len(sizes) != len(noise):
            raise ShapeError(
                f"{self.name} has noise_shape={noise}, which needs an entry for each "
                f"axis of its input, got shape {public_shape(sizes)}."
            )
        return tuple(n if m is None else m for n, m in zip(sizes, noise))


def _noise_of(shape: Any) -> tuple[int | None, ...] | None:
    """Return the noise_shape of a constructor, checked."""
    if shape is None:
        return None
    fits = isinstance(shape, list | tuple) and all(
        n is None or (isinstance(n, int) and not isinstance(n, bool) and n > 0)
        for n in shape
    )
    if not fits:
        raise ArgumentError(
            "Expected noise_shape to be a tuple of positive integers, and of None for "
            f"the sizes of the input, got {shape!r}."
        )
    return tuple(shape)


class Flatten(Layer):
    """Join all axes but the batch: (b, ...) -> (b, n).

    >>> layers.Flatten()(np.ones((2, 8, 8, 3))).shape
    (2, 192)
    """

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = data_format_of(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, n); channels_first inputs are read channels last, as in Keras."""
        rank = len(ops.shape(inputs))
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        size = 1
        for n in ops.shape(inputs)[1:]:
            size = n * size
        return ops.reshape(inputs, (ops.shape(inputs)[0], size))


class Reshape(Layer):
    """Give each sample another shape; one size may be -1.

    `target_shape` leaves out the batch axis.

    >>> layers.Reshape((4, -1))(np.ones((2, 8, 3))).shape
    (2, 4, 6)
    """

    def __init__(self, target_shape: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = tuple(target_shape)
        if self.target_shape.count(-1) > 1:
            raise ArgumentError(f"Expected at most one -1, got {self.target_shape}.")
        if any(isinstance(n, int) and n < -1 for n in self.target_shape):
            raise ArgumentError(
                "Expected target_shape to have sizes of at least 0 and at most one -1, "
                f"got {self.target_shape}."
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, *target_shape)."""
        shape = ops.shape(inputs)
        target = self.target_shape
        if -1 in target:
            size, known = 1, 1
            for n in shape[1:]:
                size = n * size
            for n in target:
                known *= n if n != -1 else 1
            target = tuple(size // known if n == -1 else n for n in target)
        return ops.reshape(inputs, (shape[0], *target))
