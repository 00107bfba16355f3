"""Trainer: fit, evaluate and predict of a model, on top of its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
import optree

from multinet import config
from multinet.bounds import Bound, Bounds
from multinet.calls import CallContext
from multinet.checks import whole
from multinet.distribution.present import distribution
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.context import mask_of
from multinet.layers.embedding import Embedding
from multinet.metrics import Mean, Metric
from multinet.ops.core import as_tensor
from multinet.patterns import addresses_of
from multinet.registry import current, use_backend
from multinet.symbolic.tensor import shadowing, symbolic_array
from multinet.training import advice
from multinet.training.access import Access, exclusive
from multinet.training.callbacks.base import Callbacks
from multinet.training.callbacks.history import History
from multinet.training.clock import Keys, StepClock
from multinet.training.explicit import takes_state
from multinet.training.fitting import Fit, Plan
from multinet.training.hooks import overridden, own_step
from multinet.training.influence import tracing
from multinet.training.interrupts import Interrupts
from multinet.training.loop import run_evaluate, run_predict
from multinet.training.programs import Programs
from multinet.training.ranges import Ranges
from multinet.training.rehearsal import rehearse
from multinet.training.runner import Runner
from multinet.training.sources import (
    ArraySource,
    HostBatch,
    Source,
    prepare,
    sparse_again,
    staged_batch,
)
from multinet.training.sources.orders import Orders
from multinet.training.step import Form
from multinet.training.task import Matched, Task
from multinet.typing import AnyModel, Data, Making, Tree, Verbose
from multinet.utils.packing import unpack_x_y_sample_weight

#: What evaluate returns, and a step on a batch: the loss, all results, or a dict.
Result: TypeAlias = float | list[float] | dict[str, float]


class Trained(Protocol):
    """What a trainer asks of its model, besides the weights and metrics of a layer."""

    name: str
    built: bool
    optimizer: Making
    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    _task: Task | None
    _matched: Matched | None
    __call__: Callable[..., Any]

    def _names_of(self, outputs: Tree) -> list[str]:
        """Return a name for each output."""
        ...

    def _shows_names(self, outputs: Tree) -> bool:
        """Return whether the logs name the outputs."""
        ...


class Trainer:
    """Trains a model, which holds it; it keeps what a model need not know.

    The clock, the keys and the orders of its data go with a copy of the model; the
    programs do not.
    """

    def __init__(self, model: AnyModel) -> None:
        self.model: Any = model
        self.clock, self.keys = StepClock(), Keys()
        self.orders = Orders(self.keys)
        self._start()

    def _start(self) -> None:
        self.access = Access(getattr(self.model, "name", "the model"))
        self.programs = Programs(self.model, self.clock)
        self.prepared = False  # whether the task is matched and all is built
        self.quick: Runner | None = None  # the predict step of one array
        self._forms: dict[str, Form] = {}  # of the last data, by kind of step
        #: The inputs that a run on shapes saw used as indices, and their tree.
        self.indices: tuple[Any, tuple[Bound, ...]] | None = None
        self._ranges: dict[str, tuple[Tree, Ranges]] = {}
        self.fitting: Fit | None = None  # the fit in progress
        self._tracker: tuple[str, Metric] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy keeps, which sees the orders that the original sees."""
        self.orders.reserve()  # before the keys are copied
        return {
            name: getattr(self, name) for name in ("model", "clock", "keys", "orders")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def state(self) -> dict[str, Data]:
        """Return where the clock, the keys and the orders stand, as data."""
        counts = self.clock.counts
        return {
            "steps": [counts[True], counts[False]],
            "draws": [int(word) for word in self.keys.draws],
            "orders": self.orders.state(self.orders.epoch),
        }

    def restore(self, state: Data) -> None:
        """Go on where the `state` of another trainer stands."""
        self.clock.counts = dict(zip((True, False), state["steps"]))
        self.keys.draws = state["draws"]
        self.orders.restore(state["orders"])

    def forget(self) -> None:
        """Drop the programs, and what the task was matched with."""
        self.drop()
        self.prepared, self.indices, self._ranges = False, None, {}
        self._tracker = None

    def tracker(self) -> Metric:
        """Return the mean of the loss: one for a task and the backend in use."""
        backend = current().concrete.name
        if self._tracker is None or self._tracker[0] != backend:
            self._tracker = backend, Mean(name="loss")
        return self._tracker[1]

    def drop(self) -> None:
        """Drop the programs, such as those of the backend before."""
        self.programs.clear()
        self.quick = None

    # -- preparation: shapes are known -------------------------------------------------

    def prepare(self, spec: Tree, training: bool = True) -> None:
        """Build the layers, the metrics and the optimizer for data of this form."""
        model = self.model
        task = model._task
        if task is None:
            raise MultinetError(
                f"{model.name} must be compiled first: model.compile(optimizer=..., "
                "loss=...)."
            )
        kind = "train" if training else "test"
        own = own_step(model, kind) and not takes_state(model, kind)
        if not self.prepared and (not own or task.measures()):
            with self.access.making:
                self._match(spec, training)
            self.prepared = True
        if training and not own:
            self.build_optimizer()

    def _match(self, spec: Tree, training: bool) -> None:
        model, traced = self.model, tracing()
        with use_backend.scoped(traced):
            x, y, _ = optree.tree_map(_placeholder, spec)
            traced.know(x)
            seen = Bounds(optree.tree_leaves(x))
            with CallContext(training=training) as context, seen:
                outputs = model(sparse_again(x), training=training)
                leaves = optree.tree_leaves(outputs)
                masked = [mask_of(leaf) is not None for leaf in leaves]
            names = model._names_of(outputs)
            shown = model._shows_names(outputs)
            told = model._task, names, outputs, sparse_again(y), masked, shown
            made = Matched(*told, tracker=self.tracker())
            model._matched, found = made, tuple(seen.found)
            advice.of_outputs(model, made)
            if training and not (
                own_step(model, "train") or overridden(model, "train")
            ):
                advice.of_weights(model, traced, (outputs, context.losses))
            self.indices = optree.tree_structure(x), found

    def expect(self, y: Tree, outputs: Tree) -> None:
        """Match the task with outputs in a user's loop, if no data told of any yet."""
        model, task = self.model, self.model._task
        if model._matched is not None or task is None or not task.measures():
            return
        with self.access.making:
            leaves: list[Any] = optree.tree_leaves(outputs)  # type: ignore[arg-type]
            masked = [mask_of(leaf) is not None for leaf in leaves]
            shown, names = model._shows_names(outputs), model._names_of(outputs)
            told = task, names, outputs, optree.tree_map(as_tensor, y), masked, shown
            model._matched = Matched(*told, tracker=self.tracker())

    def build_optimizer(self) -> None:
        """Make the slots of the optimizer, if there are none yet."""
        model = self.model
        optimizer = model.optimizer
        if optimizer is not None and not optimizer.built:
            weights = model.weights
            places = addresses_of(model, weights)
            optimizer._weights = list(zip(weights, places, strict=True))
            optimizer.build(model.trainable_weights)

    def runner(self, kind: str, source: Source) -> Runner:
        """Return what runs a kind of step on data like a source's."""
        form = self._form(kind, source)
        found = self.programs.known(kind, form)
        if found is not None:
            return found
        model = self.model
        with self.access.making:
            if kind == "predict" and not model.built and not own_step(model, kind):
                with shadowing():
                    x = optree.tree_map(_placeholder, form.spec)[0]
                    model(sparse_again(x), training=False)
            return self.programs.make(kind, form)

    def ranges(self, kind: str, source: Source) -> Ranges:
        """Return what a kind of step expects of integers in data like a source's."""
        spec, known = source.spec, self._ranges.get(kind)
        if known is None or not (known[0] is spec or known[0] == spec):
            known = self._ranges[kind] = spec, self._expected(kind, spec)
        return known[1]

    def _expected(self, kind: str, spec: Tree) -> Ranges:
        model, x = self.model, spec[0]
        own = own_step(model, kind) or overridden(model, kind)
        if self.indices is None and not own and _embeds(model):
            with shadowing():
                given = optree.tree_map(_placeholder, x)
                with Bounds(optree.tree_leaves(given)) as seen:
                    model(sparse_again(given), training=False)
            self.indices = optree.tree_structure(given), tuple(seen.found)
        tree, found = self.indices or (None, ())
        alike = tree is not None and tree == optree.tree_structure(x)
        matched = None if kind == "predict" else model._matched
        return Ranges(kind, model, spec, found if alike else (), matched, own)

    def _form(self, kind: str, source: Source) -> Form:
        """Return the form of a source's data: the last one where that is the same."""
        spec, known = source.spec, self._forms.get(kind)
        if known is None or known.spec is not spec:
            rows = getattr(source, "batch_size", None)
            known = self._forms[kind] = Form(spec, rows or 2)
        return known

    # -- the public methods ------------------------------------------------------------

    @exclusive
    def fit(self, source: Source, validation: Source | None, plan: Plan) -> History:
        """Train on a source, and return the History of the logs."""
        model = self.model
        self.prepare(source.spec)
        if model.optimizer is None and not own_step(model, "train"):
            raise MultinetError("fit needs an optimizer: pass one to compile.")
        ranges = self.ranges("train", source)
        ranges.look(source)
        ranges.advise(source)
        if validation is not None:
            self.ranges("test", validation).look(validation)
        coming, held = source, validation
        if plan.sanity_check:
            coming, held = rehearse(self, source, validation, plan.epochs.start)
        self.fitting = Fit(self, coming, held, plan)
        try:
            return self.fitting.run()
        finally:
            self.fitting = None
            for ours, given in ((coming, source), (held, validation)):
                if ours is not None and ours is not given:
                    ours.close()

    @exclusive
    def evaluate(
        self, source: Source, verbose: Verbose, callbacks: Callbacks, steps: int | None
    ) -> dict[str, Any]:
        """Return the loss and metrics on a source."""
        self.prepare(source.spec, training=False)
        ranges = self.ranges("test", source)
        ranges.look(source)
        ranges.advise(source)
        return run_evaluate(self, source, verbose, callbacks, steps)

    def predict(
        self, source: Source, verbose: Verbose, callbacks: Callbacks, steps: int | None
    ) -> Tree:
        """Return the outputs for a source, as NumPy arrays."""
        ranges = self.ranges("predict", source)
        ranges.look(source)
        results = run_predict(self, source, verbose, callbacks, steps)
        if type(source) is ArraySource and type(results) is np.ndarray:
            x = source.data.x
            if type(x) is np.ndarray:
                self.quick = self.runner("predict", source)
                self.quick.dtype = x.dtype  # NumPy has one object for each
                self.quick.ranges = ranges if ranges.expected else None
        return results

    def predict_at_once(self, x: Tree, batch_size: int | None) -> Tree:
        """Return the only output for one small array, by the shortest way.

        None where that cannot be taken.
        """
        quick = self.quick
        if (
            quick is not None
            and type(x) is np.ndarray
            and x.dtype is quick.dtype
            and x.ndim > 0
            and (batch_size is None or type(batch_size) is int)
            and 0 < len(x) <= (32 if batch_size is None else batch_size)
            and quick.backend is current()  # what `fits` asks, with a call less
            and quick.plan is distribution()
            and quick.inventory.valid()
        ):
            if quick.ranges is not None:
                quick.ranges.check((x,))
            return quick.backend.to_numpy(quick.predict(x))
        return None

    @exclusive
    def train_on_batch(self, batch: HostBatch) -> dict[str, Any]:
        """Do one training step; return the loss and metrics of this batch."""
        return self._one_step("train", batch, anew=True)

    @exclusive
    def test_on_batch(self, batch: HostBatch) -> dict[str, Any]:
        """Evaluate one batch; return the loss and metrics of this batch."""
        return self._one_step("test", batch, anew=True)

    @exclusive
    def step_on(self, kind: str, data: Tree) -> Tree:
        """Do one step on x, (x, y) or (x, y, sample_weight); return what it gives."""
        raw = self.model._has_host_stage()
        batch = prepare(*unpack_x_y_sample_weight(data), raw=raw)
        batch = staged_batch(batch, self.model)
        if kind != "predict":
            return self._one_step(kind, batch)
        source = ArraySource(batch, batch.size())
        self.ranges("predict", source).look(source)
        runner = self.runner("predict", source)
        outputs = runner.run([x[None] for x in source.leaves])
        arrays = [runner.backend.to_numpy(x) for x in outputs]
        return optree.tree_unflatten(runner.step.output_spec, arrays)

    def _one_step(
        self, kind: str, batch: HostBatch, anew: bool = False
    ) -> dict[str, Any]:
        """Return the logs after a step; those of it alone if metrics start `anew`."""
        source = ArraySource(batch, batch.size())
        self.prepare(source.spec, training=kind == "train")
        self.ranges(kind, source).look(source)
        runner = self.runner(kind, source)
        if anew:
            runner.reset()
        with Interrupts() as guard, guard.held():
            runner.run([x[None] for x in source.leaves])
        return runner.logs()


def epochs_of(initial: int, epochs: int) -> range:
    """Return the epochs to do, as far as `config` lets a fit go."""
    initial = whole(initial, "initial_epoch", least=0)
    if initial > whole(epochs, "epochs", least=0):
        raise ArgumentError(
            f"Expected initial_epoch up to epochs={epochs}, got {initial}: epochs is "
            "the number of the epoch to end with, not how many there are to do."
        )
    return range(initial, config.at_most(epochs, config.max_epochs()))


def as_result(logs: Mapping[str, Any], as_dict: bool) -> Result:
    """Return logs as `evaluate` does: a dict, a list, or the only number."""
    if as_dict:
        return dict(logs)
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _embeds(model: AnyModel) -> bool:
    """Return whether a model has layers that take integers as indices."""
    return any(isinstance(layer, Embedding) for layer in model._flatten_layers())


def _placeholder(leaf: Tree) -> Any:
    """Return a symbolic array for data of any number of samples."""
    return symbolic_array((None, *leaf.shape[1:]), leaf.dtype)
