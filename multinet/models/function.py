"""Function: the operations between symbolic tensors, as one operation."""

from __future__ import annotations

from typing import Any

import optree

from multinet.errors import ArgumentError, NotWritten, ShapeError
from multinet.models.graph import Graph
from multinet.operation import Operation
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Config, Shapes, Tensors, Tree


class Function(Operation):
    """What leads from `inputs` to `outputs`, trees of symbolic tensors, as a function.

    Its arguments have the structure, the ranks and the sizes of `inputs`, else that is
    an error. A `Model` is the same, and a layer with weights, files and training.

    >>> x = KerasTensor((None, 3))
    >>> double = Function(x, x * 2)
    """

    _private = frozenset({"_graph"})

    def __init__(
        self, inputs: Tensors, outputs: Tensors, name: str | None = None
    ) -> None:
        super().__init__(name)
        self._graph = Graph(inputs, outputs)

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops, each once, in Keras's order."""
        return self._graph.operations

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return list(self._graph.flat_inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return list(self._graph.flat_outputs)

    @property
    def input(self) -> Tree:
        """The symbolic input, in the structure it was given."""
        return self._graph.inputs

    @property
    def output(self) -> Tree:
        """The symbolic output, in the structure it was given."""
        return self._graph.outputs

    def call(self, inputs: Tensors) -> Tensors:
        """Compute the outputs, in the structure of the symbolic ones."""
        given = self._checked(inputs)
        return self._graph.run(optree.tree_unflatten(self._graph.input_spec, given))

    def _checked(self, inputs: Any) -> list[Any]:
        wanted, backend = self._graph.flat_inputs, current()
        leaves, spec = optree.tree_flatten(inputs)
        if spec != self._graph.input_spec:
            names = optree.tree_map(lambda slot: slot.name, self._graph.inputs)
            raise ArgumentError(
                f"{self.name} expects inputs in the structure {names}, got {spec}."
            )
        tensors = [as_tensor(leaf) for leaf in leaves]
        for slot, tensor in zip(wanted, tensors):
            shape = public_shape(backend.shape(tensor))
            pairs = zip(slot.shape, shape)
            off = [n for n, m in pairs if n is not None and m is not None and n != m]
            if len(shape) != len(slot.shape) or off:
                raise ShapeError(
                    f"Input {slot.name!r} of {self.name} expects shape {slot.shape}, "
                    f"got {shape}."
                )
        return tensors

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the shapes of the outputs for those of the inputs."""
        shapes = optree.tree_leaves(
            input_shape,
            is_leaf=lambda x: isinstance(x, tuple | list) and not any(map(_nested, x)),
            none_is_leaf=True,
        )
        slots = self._graph.flat_inputs
        tensors = [KerasTensor(s, x.dtype) for s, x in zip(shapes, slots, strict=True)]
        given = optree.tree_unflatten(self._graph.input_spec, tensors)
        outputs: Any = self.compute_output_spec(given)
        return optree.tree_map(lambda tensor: tensor.shape, outputs)

    def get_config(self) -> Config:
        """Raise `NotWritten`: a graph without a model is not written."""
        raise NotWritten(
            f"{self.name} is a Function, which has no configuration. Make a Model of "
            "the same inputs and outputs, which has."
        )


def _nested(part: Any) -> bool:
    return isinstance(part, tuple | list | dict)
