"""What is explained: a score for each row of a batch, as a function of arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes, ops
from multinet.checks import whole
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.explain.cutting import Cut, layer_of, output_of
from multinet.graph import Graph, Value, capture
from multinet.ops.core import as_tensor
from multinet.transforms import value_and_grad
from multinet.typing import AnyLayer, Host, Tensor, Tensors, Tree

Target = (
    int | tuple[int, ...] | Sequence[int] | Host | Callable[[Tensors], Tensor] | None
)
Program = Callable[..., Tensor]


class Question:
    """The scores of a model for the rows of x, and what they are explained by.

    `inputs` are the arrays that are explained: the leaves of x, those of floats alone
    where `smooth`, or the output of a layer where `at` names one. Functions take such
    arrays of any number of rows, and `rows`, which row of x each belongs to; what is
    not explained is that of x. At most `batch_size` rows run at once.
    """

    def __init__(
        self,
        model: Callable[[Tree], Tensors],
        x: Tree,
        target: Target = None,
        at: AnyLayer | str | None = None,
        smooth: bool = True,
        batch_size: int = 64,
    ) -> None:
        self.model, self.batch_size = model, whole(batch_size, "batch_size")
        found: Any = optree.tree_flatten(x)
        self.leaves: list[Host] = [ops.convert_to_numpy(as_tensor(v)) for v in found[0]]
        self.structure: Any = found[1]
        self.count = self._rows()
        self._target = target if callable(target) else None
        self.index = np.zeros(self.count, "int32")
        if not callable(target):
            self.index = _places(target, self._outputs(), self.count)
        self._graphs: dict[int, Graph] = {}
        self.path = None if at is None else layer_of(self.graph(), at)
        if self.path is not None:
            self.places: list[int] = []
            self.inputs = self.activations(self.leaves, self.index)
        else:
            self.places = _explained(self.leaves, smooth)
            self.inputs = [self.leaves[i] for i in self.places]

    # -- the function ------------------------------------------------------------------

    def scores(self, inputs: Sequence[Host], rows: Host | None = None) -> Host:
        """Return the scores of rows, of float64."""
        parts = []
        for part, place in self._batches(len(inputs[0]), rows):
            score = self.program(place)(*[as_tensor(v[part]) for v in inputs])
            parts.append(ops.convert_to_numpy(score).astype("float64"))
        return np.concatenate(parts)

    def gradients(self, inputs: Sequence[Host], rows: Host | None = None) -> list[Host]:
        """Return the derivatives of the scores by the arrays, each of float64."""
        parts = []
        for part, place in self._batches(len(inputs[0]), rows):
            gradient = value_and_grad(_summed(self.program(place)))
            _, found = gradient([as_tensor(v[part]) for v in inputs])
            parts.append([ops.convert_to_numpy(g).astype("float64") for g in found])
        return [np.concatenate(each) for each in zip(*parts)]

    def program(self, rows: Host) -> Program:
        """Return the scores as a function of tensors for these rows of x."""
        rest = [as_tensor(v[rows]) for v in self.leaves]
        index = as_tensor(self.index[rows])
        if self.path is not None:
            return functools.partial(self._from_layer, rest, index)

        def score(*inputs: Tensor) -> Tensor:
            leaves: list[Any] = list(rest)
            for place, tensor in zip(self.places, inputs):
                leaves[place] = tensor
            return self._score(optree.tree_unflatten(self.structure, leaves), index)

        return score

    def _score(self, x: Tree, index: Tensor) -> Tensor:
        y = self.model(x)
        if self._target is not None:
            return self._target(y)
        flat = ops.reshape(_only(y), (ops.shape(index)[0], -1))
        picked = ops.take_along_axis(flat, ops.expand_dims(index, 1), axis=1)
        return ops.squeeze(picked, 1)

    def _outputs(self) -> Host:
        parts = []
        for part, _ in self._batches(self.count, None):
            leaves: list[Any] = [as_tensor(v[part]) for v in self.leaves]
            y = self.model(optree.tree_unflatten(self.structure, leaves))
            parts.append(ops.convert_to_numpy(_only(y)))
        return np.concatenate(parts)

    def _batches(self, count: int, rows: Host | None) -> Iterator[tuple[Host, Host]]:
        every = np.arange(count)
        rows = every if rows is None else rows
        for start in range(0, count, self.batch_size):
            part = every[start : start + self.batch_size]
            yield part, rows[part]

    # -- graphs ------------------------------------------------------------------------

    def graph(self, count: int | None = None) -> Graph:
        """Return the graph of the scores of a number of rows, all of x unless told."""
        count = self.count if count is None else count
        if count not in self._graphs:
            rows = np.resize(np.arange(self.count), count)
            leaves: list[Any] = [v[rows] for v in self.leaves]
            # All sizes are known, so there is nothing to check.
            self._graphs[count] = capture(
                self._score,
                optree.tree_unflatten(self.structure, leaves),
                self.index[rows],
                check=False,
            )
        return self._graphs[count]

    def explained(self, graph: Graph) -> list[Value]:
        """Return the values of a graph that are explained."""
        if self.path is not None:
            return [output_of(graph, self.path)]
        return [graph.inputs[i] for i in self.places]

    def activations(self, leaves: Sequence[Host], index: Host) -> list[Host]:
        """Return the output of the layer for inputs."""
        graph = self.graph(len(index))
        replay = graph.replay(list(map(as_tensor, (*leaves, index))))
        replay.run(graph)
        return [
            ops.convert_to_numpy(replay.values[id(x)]) for x in self.explained(graph)
        ]

    def _from_layer(
        self, rest: list[Tensor], index: Tensor, activation: Tensor
    ) -> Tensor:
        graph = self.graph(ops.shape(index)[0])
        given = {id(x): activation for x in self.explained(graph)}
        kind: Any = functools.partial(Cut, given)
        replay = graph.replay([*rest, index], kind)
        return replay.run(graph)[0]

    # -- arrays ------------------------------------------------------------------------

    def tree(self, arrays: Sequence[Host]) -> Tree:
        """Return arrays in the structure of x, None for leaves that are not explained.

        The output of a layer is an array alone.
        """
        if self.path is not None:
            return arrays[0]
        leaves: list[Any] = [None] * len(self.leaves)
        for place, array in zip(self.places, arrays):
            leaves[place] = array
        return optree.tree_unflatten(self.structure, leaves)

    def starts(self, baseline: Tree) -> list[Host]:
        """Return the arrays of a baseline: zeros, a number, or a tree like x.

        Where the output of a layer is explained, a tree like x stands for what the
        layer gives for it.
        """
        if baseline is None or isinstance(baseline, int | float):
            return [np.full_like(v, baseline or 0) for v in self.inputs]
        found: Any = optree.tree_flatten(baseline)
        if found[1] != self.structure:
            raise ArgumentError(
                "Expected a baseline that is None, a number or of the structure of x, "
                f"{self.structure}, got {found[1]}."
            )
        arrays = [
            _like(ops.convert_to_numpy(as_tensor(b)), v)
            for b, v in zip(found[0], self.leaves)
        ]
        if self.path is not None:
            return self.activations(arrays, self.index)
        return [arrays[i] for i in self.places]

    def _rows(self) -> int:
        sizes = {v.shape[0] if v.ndim else 0 for v in self.leaves}
        if len(sizes) != 1 or sizes == {0}:
            shapes = [v.shape for v in self.leaves]
            raise ShapeError(
                "Expected arrays whose first axis is the batch, of one size and not "
                f"empty, got the shapes {shapes}. One row is x[None]."
            )
        return sizes.pop()


def _summed(program: Program) -> Program:
    return lambda inputs: ops.sum(program(*inputs))


def _explained(leaves: Sequence[Host], smooth: bool) -> list[int]:
    places = [
        i for i, v in enumerate(leaves) if not smooth or dtypes.is_float(str(v.dtype))
    ]
    if not places:
        raise DTypeError(
            f"Expected inputs of floats to differentiate for, got {leaves[0].dtype}. "
            "Name the layer that makes floats of them, as in at='embedding'."
        )
    return places


def _like(baseline: Host, x: Host) -> Host:
    try:
        return np.broadcast_to(baseline, x.shape).astype(x.dtype)
    except ValueError:
        raise ShapeError(
            f"Expected a baseline that broadcasts to the shape {x.shape} of x, got "
            f"{baseline.shape}."
        ) from None


def _only(y: Tensors) -> Tensor:
    leaves: Any = optree.tree_leaves(y)
    if len(leaves) != 1:
        raise ArgumentError(
            f"The model has {len(leaves)} outputs. Tell which number to explain by a "
            "function of them, as in target=lambda outputs: outputs[0][:, 1]."
        )
    return leaves[0]


def _places(target: Any, outputs: Host, count: int) -> Host:
    """Return which number of each row is explained, of the row laid out flat."""
    shape = outputs.shape[1:]
    size = math.prod(shape)
    if target is None:
        if size == 1:
            return np.zeros(count, "int32")
        if len(shape) == 1:
            return np.argmax(outputs, axis=-1).astype("int32")
        raise ArgumentError(
            f"The model gives rows of shape {shape}. Tell which number to explain by "
            "its place, as in target=(0, 2), or by a function of the outputs."
        )
    place = np.asarray(target)
    if place.dtype.kind not in "iu":
        raise ArgumentError(
            "Expected target to be an integer, a tuple of integers, an integer for "
            f"each row or a function of the outputs, got {target!r}."
        )
    if isinstance(target, tuple):
        place = place[None]  # one place, for all rows
    elif len(shape) == 1 and place.shape in ((), (count,)):
        place = place.reshape(-1, 1)
    if place.shape != (len(place), len(shape)) or not len(place):
        raise ArgumentError(
            f"Expected a target within rows of shape {shape}, got {target!r}."
        )
    if np.any(place >= shape) or np.any(place < 0):
        raise ArgumentError(
            f"Expected a target within rows of shape {shape}, got {target!r}."
        )
    flat = np.ravel_multi_index(tuple(place.T), shape) if shape else np.zeros(1, int)
    return np.broadcast_to(flat, count).astype("int32")
