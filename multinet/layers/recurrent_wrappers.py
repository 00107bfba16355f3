"""Bidirectional and TimeDistributed: layers around a layer, over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import optree

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.positions import finite
from multinet.layers.wrapper import Wrapper
from multinet.ops.core import boolean
from multinet.symbolic.dims import differ, public_shape
from multinet.typing import Shape, Shapes, Tensor, Tensors, Tree

_MERGES = ("sum", "mul", "ave", "concat", None)
_COMMON = ("stateful", "return_sequences", "return_state")

# An `RNN`, or any layer that goes over time with the same options.
Recurrent: TypeAlias = Any


class Bidirectional(Layer):
    """Run a recurrent layer forwards and a copy of it backwards; merge the outputs.

    `layer` is the one that runs forwards, `backward_layer` the other, if it is not to
    be a copy, and `weights` are values to begin with. `merge_mode` is "concat", "sum",
    "mul", "ave", or None for both outputs. With `return_state` the forward states
    follow, then the backward ones; `initial_state` has them in the same order.

    Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.

    >>> layers.Bidirectional(layers.LSTM(8))(np.ones((2, 5, 3))).shape
    (2, 16)
    """

    def __init__(
        self,
        layer: Recurrent,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: Recurrent | None = None,
        **options: Any,
    ) -> None:
        for one in (layer, backward_layer or layer):
            if not isinstance(one, Layer):
                raise ArgumentError(f"Bidirectional expects layers, got {one!r}.")
        if merge_mode not in _MERGES:
            raise ArgumentError(
                f"Expected merge_mode to be one of {_MERGES}, got {merge_mode!r}."
            )
        super().__init__(**options)
        self.forward_layer = _copy(layer, "forward_")
        if backward_layer is None:
            backward_layer = _copy(layer, "backward_", go_backwards=True)
        self.backward_layer: Recurrent = backward_layer
        self._check()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self._start_weights = None if weights is None else list(weights)
        for name in _COMMON:
            setattr(self, name, getattr(self.forward_layer, name))
        self.supports_masking = True

    _unwritten = frozenset({"weights"})
    stateful: bool
    return_sequences: bool
    return_state: bool

    @property
    def layer(self) -> Recurrent:
        """The layer that runs forwards."""
        return self.forward_layer

    def _check(self) -> None:
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise ArgumentError(
                "Bidirectional expects layers of different go_backwards, got "
                f"{one.go_backwards} twice."
            )
        for name in _COMMON:
            if getattr(one, name) != getattr(other, name):
                raise ArgumentError(
                    f"Bidirectional expects layers of equal {name}, got "
                    f"{getattr(one, name)} and {getattr(other, name)}."
                )

    def build(
        self, sequences_shape: Shape, initial_state_shape: Shapes | None = None
    ) -> None:
        """Build both layers, and set the weights that were given."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._start_weights is not None:
            self.set_weights(self._start_weights)
            self._start_weights = None
        self.built = True

    def call(
        self,
        sequences: Tensor,
        initial_state: Tree | None = None,
        mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensors:
        """Return the merged output, or two; with `return_state` the states follow."""
        starts: list[Any] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            starts = [list(initial_state[:half]), list(initial_state[half:])]
        outputs, states = [], []
        pair = (self.forward_layer, self.backward_layer)
        for layer, start in zip(pair, starts):
            options: dict[str, Any] = {"initial_state": start, "mask": mask}
            found = layer(sequences, training=training, **options)
            output, *rest = found if self.return_state else (found,)
            outputs.append(output)
            states += rest
        first, second = outputs
        if self.return_sequences:
            second = ops.flip(second, 1)
        merged = self._merge(first, second)
        if not self.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *states)

    def _merge(self, x: Any, y: Any) -> Any:
        if self.merge_mode is None:
            return x, y
        if self.merge_mode == "concat":
            return ops.concatenate([x, y], -1)
        if self.merge_mode == "mul":
            return ops.multiply(x, y)
        total = ops.add(x, y)
        return total if self.merge_mode == "sum" else ops.multiply(total, 0.5)

    def compute_output_shape(
        self, sequences_shape: Shape, initial_state_shape: Shapes | None = None
    ) -> Shapes:
        """Return the shapes of what `call` returns."""
        return self._output_shape(sequences_shape)

    def compute_mask(self, sequences: Tensor, mask: Tensors) -> Tensor | None:
        """Return the mask for sequences of outputs; None for states."""
        masks = optree.tree_leaves(mask)
        mask = masks[0] if masks and self.return_sequences else None
        found = [mask] if self.merge_mode else [mask, mask]
        if self.return_state:
            sizes: Any = (self.forward_layer.state_size, self.backward_layer.state_size)
            found += [None for _ in optree.tree_leaves(sizes)]
        return found if len(found) > 1 else mask

    @property
    def states(self) -> Tree:
        """The states of both layers if they are stateful, else None."""
        one, other = self.forward_layer.states, self.backward_layer.states
        return None if one is None or other is None else (*one, *other)

    def reset_state(self) -> None:
        """Set the states of both layers to zero."""
        if not self.stateful:
            raise ArgumentError(f"{self.name} is not stateful; there is no state.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """Do the same as `reset_state`."""
        self.reset_state()


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    """Return a fresh layer like one; its name says its direction."""
    config = {**layer.get_config(), **changes}
    config["name"] = prefix + layer.name.removeprefix(prefix)
    return type(layer).from_config(config)


class TimeDistributed(Wrapper):
    """Apply a `layer` to every step of time: (b, t, ...) -> (b, t, ...).

    A layer that changes while training, such as one that counts moments, sees one step
    after the other; for others the steps join the batch.

    >>> layers.TimeDistributed(layers.Conv2D(4, 3))(np.ones((2, 5, 8, 8, 1))).shape
    (2, 5, 6, 6, 4)
    """

    def __init__(self, layer: Layer, **options: Any) -> None:
        super().__init__(layer, **options)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Build the layer for one step."""
        if len(input_shape) < 3:
            raise ShapeError(
                f"{self.name} expects inputs (batch, time, ...) of three axes at "
                f"least, got shape {input_shape}."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensors:
        """Return the outputs of all steps."""
        lead = ops.shape(inputs)[:2]
        if mask is not None:
            self._check_mask(mask, ops.shape(inputs))
            inputs = finite(inputs, boolean(mask))
            if "mask" not in self.layer._spec.call:
                mask = None
        changes = bool(training and self.layer.non_trainable_weights)
        if changes and type(lead[1]) is int:
            return self._by_step(inputs, training, mask, lead[1])
        if changes:
            return self._mapped(inputs, mask)

        def joined(x: Any) -> Any:
            return ops.reshape(x, (lead[0] * lead[1], *ops.shape(x)[2:]))

        options = {} if mask is None else {"mask": joined(mask)}
        outputs = self.layer(joined(inputs), training=training, **options)
        return optree.tree_map(
            lambda y: ops.reshape(y, (*lead, *ops.shape(y)[1:])), outputs
        )

    def _by_step(self, inputs: Any, training: Any, mask: Any, length: int) -> Any:
        found = []
        for i in range(length):
            place = (slice(None), i)
            options = {} if mask is None else {"mask": ops.get_item(mask, place)}
            step = ops.get_item(inputs, place)
            found.append(self.layer(step, training=training, **options))
        return optree.tree_map(lambda *ys: ops.stack(ys, 1), *found)

    def _mapped(self, inputs: Any, mask: Any) -> Any:
        """Do the same where nobody knows how many steps there are: in a loop."""

        def step(row: Any) -> Any:
            x, *rest = row
            options = {} if mask is None else {"mask": rest[0]}
            return self.layer(x, training=True, **options)

        given = [inputs] if mask is None else [inputs, mask]
        outputs = ops.map(step, [ops.moveaxis(x, 1, 0) for x in given])
        return optree.tree_map(lambda y: ops.moveaxis(y, 0, 1), outputs)

    def _check_mask(self, mask: Any, shape: Any) -> None:
        """Refuse a mask unless it is over the first axes, time among them."""
        have, lead = ops.shape(mask), ops.shape(mask)[:2]
        fits = 2 <= len(have) <= len(shape) and not any(map(differ, lead, shape))
        rest = zip(have[2:], shape[2:])
        if not fits or any(differ(n, 1) and differ(n, m) for n, m in rest):
            raise ShapeError(
                f"{self.name} expects a mask of shape {public_shape(shape[:2])}, an "
                f"entry for each step of its input; got {public_shape(have)}."
            )
