"""The steps: pure functions of lists, state and batch in, state and outputs out.

There is one trainer for every framework. State is a flat list of tensors, the values of
Variables in a fixed order; a scope makes the model read and write them. What a step
does is a method of the model, which users may override: `train_step` and the like.
"""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import optree

from multinet import dtypes
from multinet.calls import CallContext
from multinet.capture import discover
from multinet.distribution.placing import placement_of, used
from multinet.distribution.present import distribution
from multinet.errors import ArgumentError, MultinetError
from multinet.interface import EagerProgram, Program
from multinet.metrics import Metric
from multinet.numpy_calls import explain_numpy
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Scope
from multinet.streams import StepStream
from multinet.symbolic.native import needs_values
from multinet.training.explicit import run_explicit, takes_state
from multinet.training.hooks import overridden, own_step
from multinet.training.logs import MetricResults, as_floats, variables_of
from multinet.training.sources import DeviceBatch, holds_rows, sparse_again
from multinet.typing import AnyModel, Making, Tree
from multinet.utils.packing import pack_x_y_sample_weight as pack
from multinet.variables import Variable

_ROWS = 32  # of the batch that a step is explored with, at most; and any unknown size


class Form:
    """The form of a step's data: the tree of x, y and weights, and of one batch.

    `leaves` have a shape, whose first size is None, and a dtype. `rows` is how many
    samples a batch has, or so.
    """

    def __init__(self, spec: Tree, rows: int) -> None:
        self.spec = spec
        self.leaves, self.tree = optree.tree_flatten(spec)
        self.sparse = holds_rows(spec)
        self.rows = rows

    def example(self) -> Tree:
        """Return data as users give them, of arrays that take no memory."""
        rows = max(1, min(self.rows, _ROWS))
        zeros = [np.zeros((), dtypes.to_numpy(x.dtype)) for x in self.leaves]
        shapes = [
            (rows, *(_ROWS if n is None else n for n in x.shape[1:]))
            for x in self.leaves
        ]
        return self.data(list(map(np.broadcast_to, zeros, shapes)))

    def data(self, leaves: Sequence[Any]) -> Tree:
        """Return leaves as what users give: x, (x, y) or (x, y, sample_weight)."""
        tree: Any = optree.tree_unflatten(self.tree, leaves)
        if self.sparse:
            tree = sparse_again(tree)
        return pack(*DeviceBatch(*tree).tree())


class Step(ABC):
    """One kind of step of a model on data of one form.

    `variables` are all that it reads, those of metrics last; `written` those to which
    it gave new values, known once it has been traced. `applied` tells how many updates
    it does, `metrics` of which its logs consist, None where it returns others.
    """

    kind: ClassVar[str]
    consumes = True  # whether it may overwrite what its optimizer updates
    applied = 0

    def __init__(self, model: AnyModel, form: Form) -> None:
        self.model, self.form = model, form
        self.optimizer = model.optimizer if self.kind == "train" else None
        self.counts = False  # whether it reads how many updates were done
        self.written: dict[int, Variable] = {}
        self.updated: set[int] = set()
        self.counters: list[Variable] = []
        self.metrics: list[Metric] | None = None
        self.output_spec: Any = None
        self.variables = self._find_variables()

    @abstractmethod
    def _find_variables(self) -> list[Variable]:
        """Return what the step reads and writes; set `counters` and `updated`."""

    def _explore(self) -> list[Variable]:
        """Return the Variables that a run on shapes alone reads and writes."""
        reads, _ = discover(self._hook, (self.form.example(),))
        if self.optimizer is not None and not self.optimizer.skips:
            # The number comes with each step.
            count = self.optimizer._batches
            self.counts = any(v is count for v in reads)
            reads = [v for v in reads if v is not count]
        return reads

    # -- the program -------------------------------------------------------------------

    def program(self, eagerly: bool, jit_compile: bool | str) -> Program[Any]:
        """Return the program of this step on the backend in use."""
        backend = current()
        consumed = [i for i, v in enumerate(self.variables) if id(v) in self.updated]
        scalars = ["uint32"]  # random counter, then update number and rate
        if self.optimizer is not None:
            scalars += ["int32", self.optimizer.rate_dtype]
        placement = placement_of(self.variables)
        on_mesh: Any = {} if placement is None else {"placement": placement}
        if eagerly:
            return EagerProgram(backend, self.function, consumed, scalars, **on_mesh)
        function = self.function
        return backend.program(function, consumed, scalars, jit_compile, **on_mesh)

    def function(self, *flat: Any) -> tuple[Any, ...]:
        """Return the new state and the outputs for state, batch and scalars."""
        count = len(self.variables)
        stop = count + len(self.form.leaves)
        state, scalars = flat[:count], flat[stop:]
        data = self.form.data(flat[count:stop])
        kept, looks = state, self.kind != "train" and distribution() is not None
        if looks:
            state = tuple(map(used, self.variables, state))
        draws = StepStream(scalars[0], self.model._trainer.keys.draws)
        with Scope(self.variables, state, stream=draws) as scope:
            scope.owns, scope.leaves = self.consumes, self._leaves()
            with CallContext(training=self.kind == "train"):
                outputs = self._outputs(scope, data, *scalars[1:])
            after = scope.values_of(self.variables)
        if looks:
            after = [k if x is new else new for k, x, new in zip(kept, state, after)]
            state = kept
        after = self._plain(state, after)
        for i, (variable, old, new) in enumerate(zip(self.variables, state, after)):
            if old is not new or id(variable) in self.updated:
                self.written[i] = variable
        _check_loss(self)
        return (*after, *outputs)

    def _leaves(self) -> frozenset[int]:
        """Return which Variables the step may ask for gradients of, by itself."""
        return frozenset()

    def _plain(self, before: Sequence[Any], after: list[Any]) -> list[Any]:
        """Return new values without what a user's step has them record."""
        return after

    def _outputs(self, scope: Scope, data: Tree, *update: Any) -> Sequence[Any]:
        if self.counts and self.optimizer is not None:
            done = current().subtract(as_tensor(update[0], "int32"), 1)
            scope.values[id(self.optimizer._batches)] = done
        try:
            result = self._hook(data, *update)
        except Exception as error:
            explain_numpy(error)
            raise
        leaves, self.output_spec = tensors_of(self._logged(result))
        return leaves

    def _hook(self, data: Tree, count: Any = 1, rate: Any = 0.0) -> Any:
        """Call the method of the model that is the body of the step."""
        hook = self._body()
        if self.optimizer is None:
            return hook(data)
        with self.optimizer.given(count, rate) as given:
            given.counts = self.counts
            result = hook(data)
        self.applied = given.applied
        return result

    def _body(self) -> Callable[[Tree], Any]:
        """Return the method of the model."""
        return getattr(self.model, f"{self.kind}_step")

    def _logged(self, result: Any) -> dict[str, Any]:
        """Return the logs that are no metrics', which need not leave the step."""
        if not isinstance(result, Mapping):
            raise MultinetError(
                f"Expected {self.kind}_step to return a dict of logs, got "
                f"{type(result).__name__}."
            )
        self.metrics = None
        if isinstance(result, MetricResults) and result.of_now():
            self.metrics = result.metrics
            return {}
        return dict(result)

    def logs(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """Return the logs in the outputs of the last step."""
        tree: Tree = optree.tree_unflatten(self.output_spec, outputs)
        return as_floats(tree)


class TrainStep(Step):
    """`train_step` as it comes: forward, loss, gradients, update, metrics."""

    kind = "train"
    applied = 1

    def _find_variables(self) -> list[Variable]:
        model, optimizer = self.model, self.model.optimizer
        trained = model.trainable_weights
        _check_optimizer(optimizer, trained)
        if not trained:
            warnings.warn(
                f"{model.name} has no trainable weights: training reports its loss and "
                "changes nothing.",
                stacklevel=2,
            )
        self.updated = set(map(id, [*trained, *optimizer.slot_variables]))
        known = [*trained, *_state_of(model, trained), *optimizer.slot_variables]
        return _with_counters(self, known)


class TestStep(Step):
    """`test_step` as it comes: forward, loss, metrics."""

    kind = "test"

    def _find_variables(self) -> list[Variable]:
        return _with_counters(self, _state_of(self.model, ()))


class PredictStep(Step):
    """`predict_step` as it comes: forward."""

    kind = "predict"

    def _find_variables(self) -> list[Variable]:
        model = self.model
        # Layers may call metrics in the model, though nobody asks.
        return _unique([*_state_of(model, ()), *model._called_variables()])

    def _logged(self, result: Any) -> Any:
        return result


class UserStep(Step):
    """A step that the user wrote; its state is what it reads and writes.

    A run on shapes tells which Variables these are, and builds what is not built. They
    are not overwritten: the user may keep an older value through an update.
    """

    consumes = False

    def _find_variables(self) -> list[Variable]:
        try:
            reads = self._explore()
        except Exception as error:
            # A framework's own code may need values, which the step has as it runs.
            if self.form.sparse or not needs_values(error):
                raise
            reads = self._everything()
        self.counters = [] if self.kind == "predict" else variables_of(_measured(self))
        known = set(map(id, self.counters))
        return [*(v for v in reads if id(v) not in known), *self.counters]

    def _everything(self) -> list[Variable]:
        """Return all that the model and its optimizer hold, metrics too."""
        model, optimizer = self.model, self.optimizer
        found = [*model.weights, *model.state_variables, *model.metrics_variables]
        if optimizer is not None:
            model._trainer.build_optimizer()
            self.counts = not optimizer.skips
            batches = None if optimizer.skips else optimizer._batches
            found += [v for v in optimizer.variables if v is not batches]
        return _unique(found)

    def _leaves(self) -> frozenset[int]:
        return frozenset(map(id, self.model.trainable_weights))

    def _plain(self, before: Sequence[Any], after: list[Any]) -> list[Any]:
        plain = current().native.plain
        return [x if x is y else plain(x) for x, y in zip(after, before)]

    def _logged(self, result: Any) -> dict[str, Any]:
        logs, plain = super()._logged(result), current().native.plain
        tensor = current().is_tensor
        return {name: plain(x) if tensor(x) else x for name, x in logs.items()}


class UserTrainStep(UserStep):
    """A `train_step` of the user's."""

    kind = "train"


class UserTestStep(UserStep):
    """A `test_step` of the user's."""

    kind = "test"


class UserPredictStep(UserStep):
    """A `predict_step` of the user's."""

    kind = "predict"

    def _logged(self, result: Any) -> Any:
        return result


class ExplicitStep(UserStep):
    """A step of the user's that gets its state as lists, and returns the new ones."""

    def _explore(self) -> list[Variable]:
        return self._everything()

    def _body(self) -> Callable[[Tree], Any]:
        return functools.partial(run_explicit, self.model, self.kind)


class ExplicitTrainStep(ExplicitStep, UserTrainStep):
    """A `train_step(self, state, data)`."""


class ExplicitTestStep(ExplicitStep, UserTestStep):
    """A `test_step(self, state, data)`."""


class ExplicitPredictStep(ExplicitStep, UserPredictStep):
    """A `predict_step(self, state, data)`."""


_AS_IT_COMES: dict[str, Callable[..., Step]] = {
    step.kind: step for step in (TrainStep, TestStep, PredictStep)
}
_OF_USERS: dict[str, Callable[..., Step]] = {
    step.kind: step for step in (UserTrainStep, UserTestStep, UserPredictStep)
}
_EXPLICIT: dict[str, Callable[..., Step]] = {
    step.kind: step
    for step in (ExplicitTrainStep, ExplicitTestStep, ExplicitPredictStep)
}


def make_step(model: AnyModel, kind: str, form: Form) -> Step:
    """Return the step of a kind: the model's own, or the one that comes with it."""
    steps = _AS_IT_COMES
    if own_step(model, kind):
        steps = _EXPLICIT if takes_state(model, kind) else _OF_USERS
    return steps[kind](model, form)


def _state_of(model: AnyModel, trained: Sequence[Variable]) -> list[Variable]:
    """Return what the model holds besides the weights that are trained."""
    left = set(map(id, trained))
    kept = _unique([*model.weights, *model.state_variables])
    return [v for v in kept if id(v) not in left]


def _with_counters(step: Step, known: list[Variable]) -> list[Variable]:
    """Return `known`, what overridden hooks of the model read besides, and metrics'."""
    step.counters = variables_of(_measured(step))
    if overridden(step.model, step.kind):
        seen = set(map(id, [*known, *step.counters]))
        known = [*known, *(v for v in step._explore() if id(v) not in seen)]
    return [*known, *step.counters]


def _measured(step: Step) -> list[Metric]:
    """Return the metrics of the model, and those of `compile` if it left them out."""
    matched = step.model._matched
    return [*step.model.metrics, *(matched.all_metrics() if matched else ())]


def _check_optimizer(optimizer: Making, trained: Sequence[Variable]) -> None:
    known = {id(v) for v in optimizer.optimized}
    new = [v.path for v in trained if id(v) not in known]
    if new:
        raise ArgumentError(
            f"The optimizer does not know {new[:3]}: it was built for the weights of "
            "another model, or before these were added or unfrozen. Call "
            "model.compile(...) with a new optimizer."
        )


def _check_loss(step: Step) -> None:
    """Warn where the loss is tracked, and `metrics` hide it from the logs."""
    matched, shown = step.model._matched, step.metrics
    written = set(map(id, step.written.values()))
    if shown is None or matched is None or id(matched.tracker.total) not in written:
        return
    if any(metric is matched.tracker for metric in shown):
        return
    name, losses = step.model.name, [m for m in shown if m.name == "loss"]
    remedy = "Let `metrics` return [*super().metrics, ...]."
    if not losses:
        warnings.warn(
            f"The logs of {name} have no loss, as its own `metrics` leave out what "
            f"compile tracks. {remedy}",
            stacklevel=2,
        )
    elif not written.intersection(map(id, variables_of(losses))):
        warnings.warn(
            f"The loss in the logs of {name} stays as it began: it is a metric of its "
            f"own that the step does not update. {remedy} Or update it in "
            "compute_loss.",
            stacklevel=2,
        )


def _unique(variables: Sequence[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())
