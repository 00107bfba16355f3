"""Task: what `compile` was told. Matched: the same, once the outputs are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import optree

from multinet import metrics
from multinet.calls import Within
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.registry import current
from multinet.training.compiled import CompiledLoss, CompiledMetrics
from multinet.training.matching import Structure, beside, per_output
from multinet.training.terms import Terms
from multinet.typing import Config, Making, Tensor, Tree

#: What Keras writes of the arguments of compile, in its order.
_WRITTEN = (
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
)


@dataclass(frozen=True)
class Task:
    """The arguments of `compile`, as they were given."""

    optimizer: Making = None
    loss: Tree = None
    loss_weights: Tree = None
    metrics: Tree = None
    weighted_metrics: Tree = None
    run_eagerly: bool = False
    steps_per_execution: int | str = 1
    jit_compile: bool | str = "auto"
    auto_scale_loss: bool = True

    def __post_init__(self) -> None:
        steps = self.steps_per_execution
        if steps != "auto" and (not isinstance(steps, int) or steps < 1):
            raise ArgumentError(
                "Expected steps_per_execution to be an int >= 1 or 'auto', got "
                f"{steps!r}."
            )
        if self.jit_compile not in ("auto", True, False):
            raise ArgumentError(
                f"Expected jit_compile auto or a bool, got {self.jit_compile!r}."
            )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments by name, to compile another model alike."""
        return dict(vars(self))

    def config(self, optimizer: Making) -> Config:
        """Return the arguments as Keras writes them: the optimizer as an object."""
        kept = {name: value for name, value in vars(self).items() if name in _WRITTEN}
        return {**kept, "optimizer": optimizer}

    def steps(self) -> int:
        """Return the steps of an execution that were asked for, 1 for "auto"."""
        asked = self.steps_per_execution
        return 1 if isinstance(asked, str) else asked

    def objects(self) -> list[metrics.Metric]:
        """Return the metrics that were given as objects, before the others are made."""
        given: Tree = (self.metrics, self.weighted_metrics)
        leaves: list[Any] = optree.tree_leaves(given)  # type: ignore[arg-type]
        return [leaf for leaf in leaves if isinstance(leaf, metrics.Metric)]

    def measures(self) -> bool:
        """Return whether there is anything to compute of outputs and targets."""
        return bool(self.loss is not None or self.metrics or self.weighted_metrics)


class Output(NamedTuple):
    """An output of a model: its shape, and whether it has a mask."""

    shape: Sequence[Any]
    masked: bool


class Matched(Holder):
    """A task matched with the names and shapes of a model's outputs.

    `loss` is the sum of the outputs' losses, or None; `tracker` and `trackers` are the
    means of it and of each; `metrics` are those of all outputs.
    """

    def __init__(
        self,
        task: Task,
        names: Sequence[str],
        outputs: Tree,
        y: Tree,
        masked: Sequence[bool],
        shows_names: bool = True,
        tracker: metrics.Metric | None = None,
    ) -> None:
        self.names = list(names)
        self.structure = Structure(outputs)
        nested = self.structure.nested
        shapes = [current().shape(x) for x in optree.tree_leaves(outputs)]
        self.outputs = tuple(map(Output, shapes, masked))
        in_dict = isinstance(outputs, dict) and not nested
        self.keys = list(outputs) if in_dict else self.names
        for what in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            self._ordered(getattr(task, what), what)
        self.tracker = tracker or metrics.Mean(name="loss")
        self.loss: CompiledLoss | None = None
        kept: list[str] = []
        if task.loss is not None:
            terms = Terms(self.structure, self.names, shows_names)
            found = terms.find(task.loss, task.loss_weights)
            self.loss = CompiledLoss(found, self.names)
            kept = [term.label for term in found]
        several = kept if len(kept) > 1 else []
        # Tuples: no part is added to them, so nobody need look again.
        self.trackers: tuple[metrics.Metric, ...] = ()
        if self.loss is not None:
            with Within(self.loss):
                each = [metrics.Mean(name=f"{name}_loss") for name in several]
            self.trackers = tuple(each)
        plain = self._flat(task.metrics, "metrics")
        weighted = self._flat(task.weighted_metrics, "weighted_metrics")
        self.by_output = CompiledMetrics(plain, weighted, self.loss)
        leaves: list[Any] = optree.tree_leaves(outputs)  # type: ignore[arg-type]
        self.by_output.shows_names = shows_names and len(self.names) > 1
        made = self.by_output.build(self.names, self.targets(y), leaves)
        self.metrics = tuple(made)

    def all_metrics(self) -> list[metrics.Metric]:
        """Return the mean of the loss, of the outputs' losses, and the metrics."""
        return [self.tracker, *self.trackers, *self.metrics]

    def targets(self, tree: Tree) -> list[Any]:
        """Return one target for each output."""
        self._ordered(tree, "y")
        if self.loss is not None and not isinstance(tree, dict):
            found = beside(self.loss.losses, tree)
            if found is not None:
                return found
        if isinstance(tree, list | tuple | dict):
            return per_output(self._flat(tree, "y"), self.names, "y")
        if tree is not None and len(self.names) > 1:
            raise ArgumentError(
                f"The model has {len(self.names)} outputs {self.names}; y must be a "
                "list of that length or a dict by output name."
            )
        return [tree] * len(self.names)

    def weights(self, tree: Tree) -> list[Any]:
        """Return the sample weights of each output."""
        self._ordered(tree, "sample_weight")
        return per_output(
            self._flat(tree, "sample_weight"), self.names, "sample_weight"
        )

    def _flat(self, given: Tree, what: str) -> Tree:
        """Return a list where outputs stand in others; elsewhere what is given."""
        if given is None or not self.structure.nested:
            return given
        return self.structure.given(given, what)

    def _ordered(self, given: Tree, what: str) -> None:
        """Refuse a list for outputs in a dict that has more than one order."""
        if isinstance(given, list | tuple) and self.keys != self.names:
            raise ArgumentError(
                f"The outputs are a dict with the keys {self.keys}: give {what} as a "
                "dict with these, since it is not said which order a list has."
            )

    def total(
        self, y: Tree, y_pred: Tree, sample_weight: Tree, size: float
    ) -> Tensor | None:
        """Return the loss, and count it of each output; None without one."""
        if self.loss is None:
            return None
        total, each = self.loss(
            self.targets(y), optree.tree_leaves(y_pred), self.weights(sample_weight)
        )
        for tracker, value in zip(self.trackers, each):
            tracker.update_state(value, sample_weight=size)
        return total

    def update(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> None:
        """Update the metrics of all outputs from a batch."""
        self.by_output.update(
            self.targets(y), optree.tree_leaves(y_pred), self.weights(sample_weight)
        )
