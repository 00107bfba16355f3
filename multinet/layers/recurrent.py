"""RNN, the layer that runs a cell over a sequence, and StackedRNNCells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import optree

from multinet import ops
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.policy import casting
from multinet.layers.positions import checked, zeroed
from multinet.layers.recurrent_cells import RecurrentCell
from multinet.ops.core import as_tensor, boolean
from multinet.symbolic.dims import Dim
from multinet.typing import Shape, Shapes, Size, Tensor, Tensors, Tree
from multinet.variables import Variable

# A `RecurrentCell`, or any object with `call(inputs, states)` and `state_size`.
Cell: TypeAlias = Any


class StackedRNNCells(Layer):
    """Several cells as one, each fed with the output of the one before."""

    def __init__(self, cells: Sequence[Cell], **options: Any) -> None:
        super().__init__(**options)
        for cell in cells:
            check_cell(cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: Size | None = None) -> list[Tensor]:
        """Return the initial states, one tree a cell."""
        return [
            initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells
        ]

    def build(self, input_shape: Shape) -> None:
        """Build the cells, each for the outputs of the one before."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))
        self.built = True

    def call(
        self, inputs: Tensor, states: Tree, training: bool | None = False
    ) -> Tensors:
        """Return the output of the last cell, and the new states of all."""
        drop = draw(self, ops.shape(inputs), training)
        return advance(self, inputs, states, training, drop)


def check_cell(cell: Cell) -> None:
    """Raise unless the object has what a cell has."""
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ArgumentError(
                f"A cell needs call(inputs, states) and state_size; {cell!r} has no "
                f"{name}."
            )


def output_size(cell: Cell) -> Size:
    """Return the size of a cell's output: by default that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        size = size if isinstance(size, int) else size[0]
    return size


def initial_state(cell: Cell, batch: Size, dtype: str) -> Tree:
    """Return the cell's own initial state, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch)
    sizes = cell.state_size
    zeros = [
        ops.zeros((batch, n), dtype=getattr(cell, "compute_dtype", dtype))
        for n in ([sizes] if isinstance(sizes, int) else sizes)
    ]
    return zeros[0] if isinstance(sizes, int) else zeros


def draw(cell: Cell, shape: Shape, training: bool | None) -> Tree:
    """Return the dropout of a cell for a whole sequence of inputs, drawn once."""
    if isinstance(cell, StackedRNNCells):
        drawn = []
        for part in cell.cells:
            drawn.append(draw(part, shape, training))
            shape = (shape[0], output_size(part))
        return drawn
    return cell.draw(shape, training) if _is_plain(cell) else None


def _is_plain(cell: Any) -> bool:
    """Return whether the call of a cell is `project` and `step` of this package."""
    return isinstance(cell, RecurrentCell) and type(cell).call is RecurrentCell.call


def advance(
    cell: Cell, inputs: Tensor, states: Tree, training: bool | None, drop: Tree
) -> tuple[Tensor, Tree]:
    """Return the output and the new states after one step, with given dropout."""
    if isinstance(cell, StackedRNNCells):
        new = []
        for part, state, own in zip(cell.cells, states, drop, strict=True):
            single = not isinstance(state, list | tuple)
            state = [state] if single else list(state)
            inputs, state = advance(part, inputs, state, training, own)
            new.append(state[0] if single else state)
        return inputs, new
    if drop is not None:
        with casting(cell):
            state = cell.step(cell.project(inputs, drop), states, drop)
        return state[0], list(state)
    run: Any = cell if callable(cell) else cell.call
    options: dict[str, Any] = {}
    if isinstance(cell, Layer) and cell._spec.training is not None:
        options["training"] = training
    output, state = run(inputs, states, **options)
    return output, state if isinstance(state, list | tuple) else [state]


class RNN(Layer):
    """Run a cell, or several stacked, over time: (b, t, ...) -> (b, units) or with
    `return_sequences` (b, t, units).

    A cell has `call(inputs, states) -> output, new states` and `state_size`. Where the
    mask (b, t) is false the states stay, and so does the output, which with
    `zero_output_for_mask` is 0. `stateful` layers start where the last call ended, and
    need a batch size. The loop is the backend's; `unroll` writes it out.
    """

    def __init__(
        self,
        cell: Cell,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        check_cell(cell)
        self.cell: Any = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful = go_backwards, stateful
        self.unroll, self.zero_output_for_mask = unroll, zero_output_for_mask
        self.supports_masking = True
        self._memory: Any = None
        size = cell.state_size
        self.single_state = isinstance(size, int)
        self.state_size: Any = [size] if self.single_state else list(size)

    # -- states ------------------------------------------------------------------------

    def build(
        self, sequences_shape: Shape, initial_state_shape: Shapes | None = None
    ) -> None:
        """Build the cell for one step, and make the states of a stateful layer."""
        if len(sequences_shape) < 3:
            raise ShapeError(
                f"{self.name} expects sequences (batch, time, features), got shape "
                f"{sequences_shape}. A recurrent layer before it gives them with "
                "return_sequences=True."
            )
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and self._memory is None:
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"{self.name} is stateful and needs a batch size, got shape "
                    f"{sequences_shape}. Give batch_size or batch_shape to Input."
                )
            zeros: Any = self.get_initial_state(sequences_shape[0])
            self._memory = optree.tree_map(self._memory_for, zeros)
        self.built = True

    def _memory_for(self, value: Any) -> Variable:
        dtype = self.variable_dtype
        return Variable(value, dtype=dtype, trainable=False, name="rnn_state")

    @property
    def states(self) -> Tree:
        """The Variables of a stateful layer, which are no weights; None of others."""
        return self._memory

    def get_initial_state(self, batch_size: Size) -> list[Tensor]:
        """Return the states that a sequence starts from, a list."""
        state = initial_state(self.cell, batch_size, self.compute_dtype)
        return list(state) if isinstance(state, list | tuple) else [state]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for variable in optree.tree_leaves(self._memory):
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def reset_states(self) -> None:
        """Do the same as `reset_state`."""
        self.reset_state()

    def _start(self, given: Any, batch: Any) -> Any:
        if given is None:
            given = self._memory if self.stateful else self.get_initial_state(batch)
        if self.stateful:
            wanted = optree.tree_leaves(self._memory)[0].shape[0]
            if isinstance(batch, int) and batch != wanted:
                raise ShapeError(
                    f"{self.name} is stateful with states of {wanted} sequences, got "
                    f"a batch of {batch}."
                )
        state: Any = list(given) if isinstance(given, list | tuple) else [given]
        if len(state) != len(self.state_size):
            raise ArgumentError(
                f"{self.name} expects {len(self.state_size)} initial states, got "
                f"{len(state)}."
            )
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return optree.tree_map(lambda x: as_tensor(x, dtype), state)

    # -- the loop ----------------------------------------------------------------------

    def call(
        self,
        sequences: Tensor,
        initial_state: Tree | None = None,
        mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Tensors:
        """Return the outputs, and with `return_state` the last states after them."""
        batch, length = ops.shape(sequences)[:2]
        if self.unroll and isinstance(length, Dim):
            raise ShapeError(
                f"{self.name} cannot be unrolled over an unknown number of steps. Give "
                "it in Input, or set unroll=False."
            )
        start = self._start(initial_state, batch)
        masks = optree.tree_leaves(mask)  # type: ignore[arg-type]
        mask = self._steps(masks[0], (batch, length)) if masks else None
        if mask is not None:
            sequences = zeroed(sequences, mask)
        with casting(self.cell):
            last, outputs, states = self.inner_loop(sequences, start, mask, training)
        if self.stateful:
            leaves = zip(optree.tree_leaves(self._memory), optree.tree_leaves(states))
            for variable, value in leaves:
                variable.assign(value)
        output = outputs if self.return_sequences else last
        found: Any = (output, *states) if self.return_state else output
        if (
            getattr(self.cell, "compute_dtype", self.compute_dtype)
            == self.compute_dtype
        ):
            return found
        return optree.tree_map(lambda x: ops.cast(x, self.compute_dtype), found)

    def _steps(self, mask: Any, lead: Any) -> Any:
        """Return which steps count, (b, t); of a mask (b, t, n) those with any true."""
        if len(ops.shape(mask)) == 3:
            mask = ops.any(boolean(mask), -1)
        return ops.broadcast_to(checked(self.name, mask, lead, "its sequences"), lead)

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Tree,
        mask: Tensor | None,
        training: bool | None = False,
    ) -> tuple[Tensor, Tensor, Tree]:
        """Return the last output, all of them in order of time, and the last states."""
        cell: Any = self.cell
        shape = ops.shape(sequences)
        drop = draw(cell, (shape[0], *shape[2:]), training)
        start, structure = optree.tree_flatten(initial_state)
        projected = _is_plain(cell)
        last: Any = -1 if isinstance(self.cell, StackedRNNCells) else 0
        if projected:  # the part without a state, for all steps at once
            sequences = cell.project(sequences, drop)

        def step(leaves: Any, row: Any) -> Any:
            states = optree.tree_unflatten(structure, leaves)
            if projected:
                new = cell.step(row[0], states, drop)
                output = new[0]
            else:
                output, new = advance(cell, row[0], states, training, drop)
            new = optree.tree_leaves(new)
            if mask is None:
                return new, output
            kept = [_where(row[1], a, b) for a, b in zip(new, leaves)]
            idle = optree.tree_leaves(states[last])[0]  # the output before
            if self.zero_output_for_mask:
                idle = ops.zeros_like(output)
            return kept, _where(row[1], output, idle)

        rows = [_time_first(x) for x in (sequences, mask) if x is not None]
        run = _unrolled if self.unroll else ops.scan
        leaves, outputs = run(step, start, rows, reverse=self.go_backwards)
        if self.go_backwards:
            outputs = ops.flip(outputs, 0)
        states: Any = optree.tree_unflatten(structure, leaves)
        return ops.get_item(outputs, -1), _time_first(outputs), states

    # -- shapes, masks, configuration --------------------------------------------------

    def compute_output_shape(
        self, sequences_shape: Shape, initial_state_shape: Shapes | None = None
    ) -> Shapes:
        """Return the shape of the output, with `return_state` those of the states."""
        return self._output_shape(sequences_shape)

    def compute_mask(self, sequences: Tensor, mask: Tensors) -> Tensor | None:
        """Return the mask for a sequence of outputs; None for states."""
        masks = optree.tree_leaves(mask)
        mask = masks[0] if masks and self.return_sequences else None
        if not self.return_state:
            return mask
        return [mask, *[None for _ in optree.tree_leaves(self.state_size)]]


def _time_first(x: Any) -> Any:
    return ops.transpose(x, (1, 0, *range(2, len(ops.shape(x)))))


def _where(kept: Any, new: Any, old: Any) -> Any:
    shape = (ops.shape(kept)[0], *[1 for _ in ops.shape(new)[1:]])
    return ops.where(ops.reshape(kept, shape), new, old)


def _unrolled(step: Any, state: Any, rows: Any, reverse: bool) -> tuple[Any, Any]:
    """Do what `ops.scan` does, written out."""
    length = ops.shape(rows[0])[0]
    found: list[Any] = [None] * length
    for i in reversed(range(length)) if reverse else range(length):
        row = [ops.get_item(x, i) for x in rows]
        state, found[i] = step(state, row)
    return state, ops.stack(found)
