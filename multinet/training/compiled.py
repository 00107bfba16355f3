"""What `compile` was told, matched with the outputs: losses, weights and metrics."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import optree

from multinet import losses, metrics, ops
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.tracebacks import noting
from multinet.training.matching import per_output
from multinet.training.terms import Term, name_of
from multinet.typing import Tree

_OF_LABELS = metrics.SparseCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy


class CompiledLoss(Holder):
    """The sum of the losses of outputs, each with its weight."""

    name = "compile_loss"  # Keras's, in the paths of the metrics that follow each

    def __init__(self, terms: Sequence[Term], names: Sequence[str]) -> None:
        if not names:
            raise ArgumentError(
                "The model has no outputs that a loss could take: its call returned "
                "None. Is a `return` missing?"
            )
        if not terms:
            raise ArgumentError(
                "compile needs a loss for at least one output, got none."
            )
        self.names, self.terms = list(names), tuple(terms)
        #: The loss of each output, None where it has none of its own.
        self.losses: list[losses.Loss | None] = [None] * len(names)
        for term in reversed(self.terms):
            if term.output is not None:
                self.losses[term.output] = term.loss
        self.all_losses = [term.loss for term in terms]

    def __call__(
        self, targets: Sequence[Any], outputs: Sequence[Any], weights: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        """Return the total, and the value of each loss."""
        each, total = [], None
        for term in self.terms:
            given = [term.pick(leaves) for leaves in (targets, outputs, weights)]
            with noting(f"In the loss {self._called(term)}."):
                value = _apply(term, *given)
            each.append(value)
            if term.weight is not None:
                value = ops.multiply(value, term.weight)
            total = value if total is None else ops.add(total, value)
        return total, each

    def _called(self, term: Term) -> str:
        """Return what an error calls a loss."""
        if len(self.names) == 1:
            return term.loss.name
        if term.output is None:
            return f"{term.loss.name} of {term.label!r}"
        return f"{term.loss.name} of the output {self.names[term.output]!r}"


def _apply(term: Term, target: Any, output: Any, weight: Tree) -> Any:
    if not optree.tree_leaves(target):
        raise ArgumentError("The loss needs targets: pass y to fit, evaluate or step.")
    if term.output is None:
        return term.loss.of_trees(target, output, weight)
    # By position, and without more than there is: users override `__call__`, too. The
    # mask of the output is found there.
    given = (target, output) if weight is None else (target, output, weight)
    return term.loss(*given)


class CompiledMetrics(Holder):
    """The metrics of each output, made when the shapes are known."""

    def __init__(self, plain: Tree, weighted: Tree, loss: CompiledLoss | None) -> None:
        self.plain, self.weighted, self.loss = plain, weighted, loss
        self.entries: list[tuple[int, metrics.Metric, bool]] = []
        self.shows_names = False  # of the outputs, in the logs

    def build(
        self, names: Sequence[str], targets: Sequence[Any], outputs: Sequence[Any]
    ) -> list[metrics.Metric]:
        """Resolve names such as `"accuracy"` by shapes, and return the metrics."""
        self.entries = []
        for given, is_weighted in ((self.plain, False), (self.weighted, True)):
            for i, chosen in enumerate(_metrics_by_output(given, names)):
                for item in chosen:
                    metric = self._make(item, i, targets[i], outputs[i])
                    self.entries.append((i, metric, is_weighted))
        self._name(names)
        return [metric for _, metric, _ in self.entries]

    def _name(self, names: Sequence[str]) -> None:
        """Give each metric a name of its own in the logs."""
        taken: set[str] = set()
        for i, metric, is_weighted in self.entries:
            first = f"{names[i]}_" if self.shows_names else ""
            name = f"{first}{metric.name}"
            if is_weighted and name in taken:
                name = f"{first}weighted_{metric.name}"
            numbered = (f"{name}_{k}" for k in itertools.count(1))
            label = next(n for n in itertools.chain([name], numbered) if n not in taken)
            taken.add(label)
            vars(metric)["_label"] = None if label == metric.name else label

    def _make(self, item: Any, i: int, target: Any, output: Any) -> metrics.Metric:
        shape = current().shape
        shapes = () if target is None else shape(target), shape(output)
        metric = self._resolve(item, i, *shapes)
        ignored = getattr(self.loss and self.loss.losses[i], "ignore_class", None)
        if ignored is not None and isinstance(metric, _OF_LABELS):
            metric.ignore_class = ignored  # never right, as no prediction is it
        build = getattr(metric, "build", None)
        if build is not None:  # some make their Variables by the shapes
            build(*map(public_shape, shapes))
        return metric

    def _resolve(self, item: Any, i: int, true_shape: Any, pred_shape: Any) -> Any:
        loss = self.loss.losses[i] if self.loss is not None else None
        if isinstance(item, type) and issubclass(item, metrics.Metric):
            item = item()
        if isinstance(item, metrics.Metric):
            return item
        if isinstance(item, str):
            metric = metrics.resolve(item, loss, true_shape, pred_shape)
            metric.name = item  # the logs use the name that was given
            return metric
        if callable(item):
            return metrics.MeanMetricWrapper(item, name=name_of(item, "metric"))
        raise ArgumentError(f"Expected a metric, its name or a function, got {item!r}.")

    def of(self, output: int) -> list[metrics.Metric]:
        """Return the metrics of one output."""
        return [metric for i, metric, _ in self.entries if i == output]

    def update(
        self,
        targets: Sequence[Any],
        outputs: Sequence[Any],
        weights: Sequence[Any],
    ) -> None:
        """Update every metric from a batch; those of ours see the outputs' masks."""
        for i, metric, is_weighted in self.entries:
            weight = weights[i] if is_weighted else None
            with noting(f"In the metric {metric.name}."):
                metric.update_state(targets[i], outputs[i], weight)


def _metrics_by_output(given: Tree, names: Sequence[str]) -> list[list[Any]]:
    if given is None:
        return [[] for _ in names]
    if not isinstance(given, list | tuple | dict):
        given = [given]
    if isinstance(given, dict):
        chosen = per_output(given, names, "metrics")
    elif len(names) == 1 and not any(isinstance(g, list | tuple) for g in given):
        chosen = [list(given)]
    elif len(names) > 1 and len(given) == len(names):
        chosen = list(given)
    elif len(names) == 1:
        chosen = per_output(given, names, "metrics")
    else:
        raise ArgumentError(
            f"The model has {len(names)} outputs {list(names)}: give metrics as a list "
            f"of that length or a dict by output name, got {given!r}."
        )
    return [_as_list(item) for item in chosen]


def _as_list(item: Any) -> list[Any]:
    if item is None:
        return []
    return list(item) if isinstance(item, list | tuple) else [item]
