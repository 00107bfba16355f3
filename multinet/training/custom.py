"""Steps that users write: `train_step`, `test_step` and `predict_step` overrides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet.capture import discover
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.base import CallContext
from multinet.layers.context import mask_of
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Scope
from multinet.training.data import Batch
from multinet.training.step import Step
from multinet.transforms import value_and_grad
from multinet.utils import pack_x_y_sample_weight as pack
from multinet.utils import unpack_x_y_sample_weight
from multinet.variables import Variable


class Steps:
    """The steps of a model, to be overridden; the same code for every backend.

    A step gets `data` as it was given to fit: x, (x, y) or (x, y, sample_weight). It is
    compiled, with all Variables that it reads or writes as state.

    >>> class Gan(Model):
    ...     def train_step(self, data):
    ...         loss, grads = value_and_grad(self.loss_of)(self.critic.weights, data)
    ...         self.critic_optimizer.apply(grads, self.critic.weights)
    ...         return {"loss": loss}
    """

    # What the model brings with it.
    __call__: Callable[..., Any]
    compute_loss: Callable[..., Any]
    optimizer: Any
    trainable_variables: Any
    metrics: Any
    _logged_metrics: Callable[..., list[Any]]
    _update_metrics: Callable[..., None]
    _align: Callable[..., list[Any]]
    _align_weights: Callable[..., list[Any]]
    _metric_set: Any
    _loss_tracker: Any
    _each: list[Any]

    def train_step(self, data: Any) -> dict[str, Any]:
        """Do one step of training; return the logs, scalars by name."""
        x, y, weight = unpack_x_y_sample_weight(data)

        def compute(variables: Any) -> Any:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y, outputs, weight, training=True)
            return self.optimizer.scale_loss(loss), (loss, outputs)

        both = value_and_grad(compute, has_aux=True)
        (_, (loss, outputs)), grads = both(self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        return self._logs_of(Batch(x, y, weight), outputs, loss)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch; return the logs, scalars by name."""
        x, y, weight = unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        loss = self.compute_loss(x, y, outputs, weight, training=False)
        return self._logs_of(Batch(x, y, weight), outputs, loss)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch."""
        return self(unpack_x_y_sample_weight(data)[0], training=False)

    def _logs_of(self, batch: Batch, outputs: Any, loss: Any) -> dict[str, Any]:
        if self._loss_tracker is not None:
            masks = [mask_of(x) for x in optree.tree_leaves(outputs)]
            self._update_metrics(batch, (outputs, masks), loss, self._each)
        return {metric.name: metric.result() for metric in self._logged_metrics()}

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics given to compile; return all results, by name."""
        self._metric_set.update(
            self._align(y),
            optree.tree_leaves(y_pred),
            self._align_weights(sample_weight),
        )
        return {metric.name: metric.result() for metric in self._logged_metrics()}

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of all metrics, by name."""
        return {metric.name: metric.result() for metric in self.metrics}


def overrides(model: Any, kind: str) -> bool:
    """Return whether the model has a step of its own."""
    name = f"{kind}_step"
    if getattr(type(model), name) is getattr(Steps, name):
        return False
    parameters = inspect.signature(getattr(model, name)).parameters
    if len(parameters) != 1:
        raise ArgumentError(
            f"Expected {type(model).__name__}.{name}(self, data), got "
            f"({', '.join(['self', *parameters])}). State is not passed: read and "
            "assign Variables, and take gradients with multinet.value_and_grad; it is "
            "the same on every backend."
        )
    return True


class CustomStep(Step):
    """A step that the user wrote; its state is what it reads and writes.

    A run on shapes tells which Variables these are, and builds what is not built.
    """

    def __init__(self, model: Any, kind: str, spec: Any, batch: Batch) -> None:
        self.model, self.kind, self.spec = model, kind, spec
        self.body = getattr(model, f"{kind}_step")
        few = batch.take(slice(0, min(batch.size(), 32)))
        self.optimizer = model.optimizer if kind == "train" else None
        self.applied = 0  # how often a step applies the optimizer of `compile`
        self.counts = False  # whether it reads how many updates that has done

        def run(data: Any) -> None:
            self._run(data, 1, 0.0)

        reads, _ = discover(run, (pack(*few.tree()),))
        counters = _metric_variables(model) if kind != "predict" else []
        known = set(map(id, counters))
        self.trained, self.slots, self.updated = [], [], set()
        self.counters = counters
        if self.optimizer is not None and not self.optimizer.skips:
            # The number comes with each step.
            count = self.optimizer.iterations
            self.counts = any(v is count for v in reads)
            known.add(id(count))
        self.others = [v for v in reads if id(v) not in known]
        self.variables = [*self.others, *counters]
        self.output_spec: Any = None
        self.written: dict[int, Variable] = {}

    def _run(self, data: Any, count: Any, rate: Any) -> Any:
        optimizer = self.optimizer
        if optimizer is None:
            return self.body(data)
        with optimizer.given(count, rate) as given:
            given.counts = self.counts
            result = self.body(data)
        self.applied = given.applied
        return result

    def _body(
        self, scope: Scope, batch: Batch, count: Any = 1, rate: Any = 0.0
    ) -> Sequence[Any]:
        if self.counts and self.optimizer is not None:
            done = current().subtract(as_tensor(count, "int32"), 1)
            scope.values[id(self.optimizer.iterations)] = done
        with CallContext(training=self.kind == "train"):
            result = self._run(pack(*batch.tree()), count, rate)
        if self.kind != "predict" and not isinstance(result, dict):
            raise MultinetError(
                f"Expected {self.kind}_step to return a dict of logs, got "
                f"{type(result).__name__}."
            )
        leaves, self.output_spec = tensors_of(result)
        scope.owns = False
        return leaves

    def logs(self, outputs: Sequence[Any]) -> dict[str, float]:
        """Return the logs that the last step returned."""
        backend = current()
        tree = optree.tree_unflatten(self.output_spec, outputs)
        return {name: float(backend.to_numpy(x)) for name, x in tree.items()}


def _metric_variables(model: Any) -> list[Variable]:
    return list({id(v): v for m in model.metrics for v in m.variables}.values())
