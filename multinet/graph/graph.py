"""Graph: what a program computes, as values and nodes, apart from any backend."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import optree

from multinet.checks import one_of
from multinet.errors import ArgumentError
from multinet.graph.counting import Costs, count
from multinet.graph.expansion import expanded
from multinet.graph.picture import drawn
from multinet.graph.recording import wholes
from multinet.graph.replay import Replay
from multinet.graph.text import written
from multinet.graph.values import Body, Value
from multinet.graph.waste import Waste, find_waste
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.symbolic.dims import unknowns
from multinet.typing import AnyVariable, Host, Made, Tensor, Tensors, Tree
from multinet.utils import model_plots
from multinet.utils.model_plots import Picture


class Result(NamedTuple):
    """What a run of a graph gives: its outputs, and new values of Variables."""

    outputs: Tensors
    updates: dict[str, Tensor]


@dataclass(eq=False)
class Graph(Body):
    """A program as a graph of calls of the interface.

    `inputs`, `nodes` and `outputs` are those of a `Body`. `variables` has the value
    that stands for each Variable, by its path, and `updates` the value that a Variable
    gets; `constants` the arrays that are part of the program. A graph called on tensors
    or arrays runs on the backend in use, with the values that the Variables have.

    >>> graph = multinet.graph.capture(model)
    >>> with multinet.use_backend("torch"):
    ...     y = graph(x)
    """

    name: str = "graph"
    #: The places of the inputs among all leaves of the arguments, and their tree.
    places: Sequence[int] = ()
    structure: Any = None
    output_structure: Any = None
    variables: dict[str, tuple[Value, AnyVariable]] = field(default_factory=dict)
    updates: dict[str, Value] = field(default_factory=dict)
    constants: list[tuple[Value, Host]] = field(default_factory=list)
    #: The fused methods that are nodes.
    whole: frozenset[str] = frozenset()

    def __call__(self, *args: Tree) -> Tensors:
        """Return the outputs for arguments like those of the capture."""
        return self.run(*args).outputs

    def run(self, *args: Tree) -> Result:
        """Return the outputs, and what Variables would be set to, by their paths."""
        replay = self.replay(self.tensors(args))
        replay.run(self)
        outputs = [replay.values[id(x)] for x in self.outputs]
        updates = {path: replay.values[id(x)] for path, x in self.updates.items()}
        return Result(optree.tree_unflatten(self.output_structure, outputs), updates)

    def replay(self, tensors: Sequence[Tensor], kind: type[Replay] = Replay) -> Replay:
        """Return a run on the backend in use that has inputs, Variables, constants."""
        backend = current()
        replay = kind(backend)
        replay.give(self.inputs, tensors)
        arrays = [array for _, array in self.constants]
        replay.give([x for x, _ in self.constants], map(backend.from_numpy, arrays))
        held = [variable for _, variable in self.variables.values()]
        values = [value for value, _ in self.variables.values()]
        replay.give(values, [_value_on(v, backend) for v in held])
        return replay

    def expand(self, whole: bool | Collection[str] = False) -> Graph:
        """Return the graph with fused methods as the primitives of their bodies.

        All but those named in `whole`.
        """
        return expanded(self, wholes(whole) & self.whole)

    def costs(self) -> Costs:
        """Return what the graph costs, by layer, as formulas of the unknown sizes.

        >>> graph.costs().total.at(batch=32).flops
        3276800
        """
        return count(self)

    def waste(self) -> list[Waste]:
        """Return what the graph could do without, such as a cast there and back.

        >>> for found in graph.waste():
        ...     print(found)
        """
        return find_waste(self)

    def to_dot(self, rankdir: str = "TB") -> Made:
        """Return the graph as one of pydot: a box a node, in a frame for each layer."""
        return drawn(self, one_of(rankdir, "rankdir", ("TB", "LR", "BT", "RL")))

    def plot(
        self, to_file: str | os.PathLike[str] = "graph.svg", rankdir: str = "TB"
    ) -> Picture:
        """Draw the graph into a file, and return a picture that a notebook shows.

        Needs pydot and, but for .dot, Graphviz, as `utils.plot_model` does.
        """
        return model_plots.written(self.to_dot(rankdir), to_file)

    def sizes(self) -> list[str]:
        """Return the names of the sizes that are unknown until data arrives."""
        dims = [d for x in self.inputs for n in x.shape for d in unknowns(n)]
        return list(dict.fromkeys(map(repr, dims)))

    def layers(self) -> list[str]:
        """Return the paths of the layers that called something, in that order."""
        return list(dict.fromkeys(node.layer for node in self.walk()))

    def tensors(self, args: Sequence[Tree]) -> list[Tensor]:
        """Return the tensors of arguments, in the order of the inputs."""
        leaves, structure = optree.tree_flatten(tuple(args))  # type: ignore[arg-type]
        if structure != self.structure:
            raise ArgumentError(
                f"{self.name} was captured on arguments of the structure "
                f"{self.structure}, got {structure}."
            )
        pairs = zip(self.inputs, self.places, strict=True)
        return [as_tensor(leaves[i], value.dtype) for value, i in pairs]

    def __str__(self) -> str:
        return written(self)

    def __repr__(self) -> str:
        count = sum(1 for _ in self.walk())
        return f"<Graph {self.name}: {count} nodes, {len(self.variables)} Variables>"


def _value_on(variable: AnyVariable, backend: Any) -> Tensor:
    if variable.backend == backend.name:
        return variable.uncast()
    return backend.from_numpy(variable.numpy())
