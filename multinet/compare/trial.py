"""Trial: a model in training, step by step, beside the graph of its step.

The steps are those of `train_on_batch`, compiled as for any user. The graph is the same
program, which tells what the step does not: the loss, each gradient, the sides of the
kinks. It runs on the backend in use, or on NumPy in float64.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import optree

from multinet.compare.kinks import Kink, Watched, digest
from multinet.errors import ArgumentError
from multinet.graph import Graph, capture_step
from multinet.graph.pruning import prune
from multinet.graph.replay import Replay
from multinet.graph.values import Node, Value
from multinet.registry import current
from multinet.streams import OTHER
from multinet.typing import AnyModel, Host, Tensor, Tree

Arrays = tuple[Host, ...]
R = TypeVar("R", bound=Replay)


class Batch(NamedTuple):
    """What one step is given."""

    x: Tree
    y: Tree = None
    sample_weight: Tree = None


class Probed(NamedTuple):
    """What a step computes before its update, at the weights that it has."""

    losses: Arrays
    gradients: Arrays
    sides: tuple[int, ...]


class Trial:
    """A compiled model that trains on batches of one size, with the graph of its step.

    `layers` has the layer of each gradient, `weights` the places of the model's own
    Variables among those of the graph, `kinks` what `Probed.sides` are of.
    """

    def __init__(self, model: AnyModel, batches: Sequence[Batch]) -> None:
        self.model, self.batches = model, [Batch(*batch) for batch in batches]
        _check_sizes(self.batches)
        self.step = 0
        self.graph = capture_step(model, *self.batches[0], check=False)
        self.predicting = capture_step(
            model, self.batches[0].x, kind="predict", check=False
        )
        self.nodes = [n for n in self.graph.nodes if n.op == "value_and_grad"]
        if not self.nodes:
            raise ArgumentError(
                f"The training step of {model.name} takes no gradient by "
                "multinet.value_and_grad or grad, so there is none to compare."
            )
        paths = {id(value): path for path, (value, _) in self.graph.variables.items()}
        primals = [x for node in self.nodes for x in node.arguments["primals"]]
        self.layers = [_layer(str(paths.get(id(x), x.name))) for x in primals]
        own = {id(v) for v in model.weights}
        held = self.graph.variables.items()
        self.weights = {
            path: i for i, (path, (_, v)) in enumerate(held) if id(v) in own
        }
        self.kinks: list[Kink] = []
        self._probes: dict[bool, Callable[..., Any]] = {}

    # -- what the model does -----------------------------------------------------------

    def outputs(self) -> Arrays:
        """Return what the model predicts for the first batch."""
        found: Any = self.model.predict_on_batch(self.batches[0].x)
        return tuple(map(_array, optree.tree_leaves(found)))

    def train(self) -> None:
        """Do one step, as the compiled program does it."""
        batch = self.batches[self.step % len(self.batches)]
        self.model.train_on_batch(*batch)
        self.step += 1

    def state(self) -> Arrays:
        """Return the values of all Variables of the step."""
        return tuple(_array(v.numpy()) for _, v in self.graph.variables.values())

    def own(self, state: Sequence[Host]) -> dict[str, Host]:
        """Return the values of the model's own Variables by their paths."""
        return {path: state[i] for path, i in self.weights.items()}

    def arguments(self) -> Arrays:
        """Return what the next step is given: data, then numbers and the rate."""
        given: Any = self.tree()
        leaves = optree.tree_leaves(given)
        kinds = [x.dtype for x in self.graph.inputs]
        return tuple(
            np.asarray(x).astype(d) for x, d in zip(leaves, kinds, strict=True)
        )

    def tree(self) -> tuple[Tree, ...]:
        """Return the arguments of the graph for the next step, as it takes them."""
        batch = self.batches[self.step % len(self.batches)]
        model, optimizer = self.model, self.model.optimizer
        scalars: list[Any] = [model._trainer.clock.numbers(True, 1)[0]]
        if len(self.graph.inputs) > len(optree.tree_leaves(batch)) + 1:  # type: ignore[arg-type]
            done = 0 if optimizer.skips else int(optimizer._batches.numpy())
            rate = np.ravel(optimizer.rates_at(done, 1))[0]
            scalars += [np.int32(done + 1), np.asarray(rate, optimizer.rate_dtype)]
        return (*batch, *scalars)

    def predicting_arguments(self) -> Arrays:
        """Return what the first step of prediction is given."""
        leaves: Any = optree.tree_leaves(self.batches[0].x)
        kinds = [x.dtype for x in self.predicting.inputs]
        given = (*leaves, OTHER.start + 1)
        return tuple(np.asarray(x).astype(d) for x, d in zip(given, kinds, strict=True))

    # -- what the graph tells ----------------------------------------------------------

    def probe(self, gradients: bool) -> Probed:
        """Return what the next step computes before its update, on this backend.

        Where no `gradients` are asked for, there are none.
        """
        backend = current()
        if gradients not in self._probes:
            self._probes[gradients] = backend.jit(self._traced(gradients), ())
        given = [backend.from_numpy(x) for x in (*self.state(), *self.arguments())]
        found = [backend.to_numpy(x) for x in self._probes[gradients](*given)]
        return self.parted(found, gradients)

    def parted(self, found: Sequence[Host], gradients: bool = True) -> Probed:
        """Return losses, gradients if any, and sides, which come in this order."""
        losses = len(self.nodes)
        ends = losses + len(self.layers) * gradients
        sides = tuple(map(digest, found[ends:]))
        return Probed(tuple(found[:losses]), tuple(found[losses:ends]), sides)

    def kink(self, kink: Kink) -> Kink:
        """Return a kink with the path that its layer has within the model."""
        return Kink(kink.op, self.within(kink.layer))

    def within(self, layer: str) -> str:
        """Return the path that a layer has within the model."""
        return layer.removeprefix(f"{self.model.name}/")

    def _traced(self, grads: bool) -> Callable[..., tuple[Tensor, ...]]:
        ends = [x for node in self.nodes for x in node.outputs]
        nodes = list(self.graph.nodes)
        part = dataclasses.replace(self.graph, outputs=ends, updates={}, nodes=nodes)
        prune(part, ())
        count = len(self.graph.variables)

        def traced(*given: Tensor) -> tuple[Tensor, ...]:
            watched = Watched(current(), grads)
            run = started(self.graph, watched, given[:count], given[count:])
            run.run(part)
            self.kinks = [self.kink(each) for each in run.kinks]
            found = losses_of(run, self.nodes)
            found += gradients_of(run, self.nodes) if grads else []
            return (*found, *run.sides)

        return traced


def started(
    graph: Graph, run: R, state: Sequence[Tensor], inputs: Sequence[Tensor]
) -> R:
    """Return a run of a graph with its inputs, the values of Variables, constants."""
    run.give(graph.inputs, inputs)
    arrays = [run.backend.from_numpy(array) for _, array in graph.constants]
    run.give([x for x, _ in graph.constants], arrays)
    run.give([value for value, _ in graph.variables.values()], state)
    return run


def losses_of(run: Replay, nodes: Sequence[Node]) -> list[Tensor]:
    """Return what a run has of the values whose gradients nodes take."""
    return [run.values[id(node.outputs[0])] for node in nodes]


def gradients_of(run: Replay, nodes: Sequence[Node]) -> list[Tensor]:
    """Return the gradients that a run has of nodes that take them."""
    return [run.values[id(x)] for node in nodes for x in _grads(node)]


def _grads(node: Node) -> list[Value]:
    return node.outputs[len(node.outputs) - len(node.arguments["primals"]) :]


def _layer(path: str) -> str:
    return path.rpartition("/")[0] or path


def _array(x: Any) -> Host:
    return np.asarray(x)


def _check_sizes(batches: Sequence[Batch]) -> None:
    if not batches:
        raise ArgumentError("Expected at least one batch to compare on, got none.")
    shapes = [
        [np.shape(leaf) for leaf in optree.tree_leaves(tuple(batch))]  # type: ignore[arg-type]
        for batch in batches
    ]
    if any(each != shapes[0] for each in shapes):
        raise ArgumentError(
            "Expected batches of one size, as a graph is of one. Leave out the last "
            "batch if it is smaller."
        )
