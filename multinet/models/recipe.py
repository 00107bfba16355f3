"""A graph as data: calls and tensors in flat lists, for copies and pickles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import optree

from multinet.symbolic.dims import Dim, substitute
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import KerasTensor, Node
from multinet.typing import Shape, Tensors

Spec: TypeAlias = tuple[Shape, str, str, tuple[Shape, str] | None]


@dataclass(frozen=True, slots=True)
class Ref:
    """What stands for a tensor of a recipe: its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """The calls of a graph, one after the other, with its layers as they are.

    `specs` has the shape, dtype and name of each tensor, and the shape and dtype of its
    mask or None; a call is an operation, its
    arguments and its results, and `inputs` and `outputs` are trees: with a `Ref` for
    each tensor in all of them. However deep the graph, nothing here is nested.
    """

    specs: list[Spec]
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]]
    inputs: Any
    outputs: Any

    @classmethod
    def of(
        cls,
        nodes: Sequence[Node],
        flat_inputs: Sequence[KerasTensor],
        inputs: Tensors,
        outputs: Tensors,
    ) -> Recipe:
        """Return the recipe of a graph's nodes, in their order, and of its inputs."""
        numbers: dict[int, int] = {}
        specs: list[Spec] = []

        def ref(leaf: Any) -> Any:
            if type(leaf) is not KerasTensor:
                return leaf
            if id(leaf) not in numbers:
                numbers[id(leaf)] = len(specs)
                shown = leaf.mask
                mask = None if shown is None else (shown.shape, shown.dtype)
                specs.append((leaf.array.shape, leaf.dtype, leaf.name, mask))
            return Ref(numbers[id(leaf)])

        sources: list[Node] = [x.node for x in flat_inputs if x.node is not None]
        first = {id(node): node for node in sources if not node.inputs}
        calls = []
        for node in (*first.values(), *nodes):
            call = (node.args, node.kwargs, node.outputs)
            parts: Any = optree.tree_map(ref, call)  # type: ignore[arg-type]
            calls.append((node.operation, *parts))
        ends: Any = optree.tree_map(ref, (inputs, outputs))  # type: ignore[arg-type]
        return cls(specs, calls, *ends)

    def tensors(self) -> tuple[Any, Any]:
        """Return new symbolic inputs and outputs, between which the calls lie.

        Sizes that are unknown in the inputs become new unknowns, since those of
        another process may look like some that are here.
        """
        refs: list[Any] = optree.tree_leaves(self.inputs)
        shapes = [self.specs[ref.number][0] for ref in refs]
        sizes = {n: Dim() for shape in shapes for n in shape if isinstance(n, Dim)}
        made = [_tensor(*spec, sizes) for spec in self.specs]

        def tensor(leaf: Any) -> Any:
            if type(leaf) is Ref:
                return made[leaf.number]
            return substitute(leaf, sizes) if isinstance(leaf, Dim) else leaf  # type: ignore[arg-type]

        for operation, *call in self.calls:
            parts: Any = optree.tree_map(tensor, tuple(call))  # type: ignore[arg-type]
            node = Node(operation, *parts[:2])
            made_here: list[Any] = optree.tree_leaves(node.enter(parts[2]))
            for leaf in made_here:
                leaf.node = node
        ends: Any = optree.tree_map(tensor, (self.inputs, self.outputs))  # type: ignore[arg-type]
        return ends


def _tensor(
    shape: Shape, dtype: str, name: str, mask: Any, sizes: dict[Dim, Any]
) -> KerasTensor:
    array = SymbolicArray([substitute(size, sizes) for size in shape], dtype)
    tensor = KerasTensor.__new__(KerasTensor)._set(array, name=name)
    if mask is not None:
        sized = [substitute(size, sizes) for size in mask[0]]
        tensor.mask = SymbolicArray(sized, mask[1])
    return tensor
