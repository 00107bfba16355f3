"""Trainer: compile, fit, evaluate and predict, on top of the pure step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from multinet import config, metrics, ops, optimizers
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.base import CallContext
from multinet.layers.context import mask_of
from multinet.patterns import addresses_of
from multinet.registry import current
from multinet.symbolic.tensor import shadowing
from multinet.training import data as data_module
from multinet.training.callbacks import History
from multinet.training.compiled import CompiledLoss, CompiledMetrics, per_output
from multinet.training.custom import Steps, overrides
from multinet.training.data import Batch
from multinet.training.interrupts import Interrupts
from multinet.training.loop import fit_epochs, run_evaluate, run_predict
from multinet.training.states import States, placeholder
from multinet.training.turns import in_turn

if TYPE_CHECKING:
    from multinet.layers.base import Layer as _Host
else:
    _Host = object


class Trainer(States, Steps, _Host):
    """The training half of a Model. See `Model`."""

    stop_training = False
    optimizer: Any = None
    loss: Any = None
    _compiled: tuple[CompiledLoss | None, Any, Any, Any] | None = None
    _given: dict[str, Any] | None = None  # to compile, for clones
    _lent = frozenset({"_given", "_compiled"})  # with what `loss` and others hold
    _of_compile = (
        "_loss_tracker",
        "_output_trackers",
        "_compiled_metrics",
    )
    _running = frozenset({"stop_training", "steps_per_execution", "history"})
    _run_eagerly = False
    _jit_compile: Any = "auto"
    steps_per_execution = 1

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: Any = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how to train: an optimizer, a loss and metrics, by name or as objects.

        For several outputs, losses, weights and metrics are lists by position or dicts
        by output name. `run_eagerly` runs the step uncompiled, for debugging; else each
        backend compiles it as it does best (`explain_step` tells how), which
        `jit_compile=True` or False overrides. As many steps as take a tenth of a second
        go in one call, and one where a callback listens to batches; with
        `steps_per_execution` above 1 (or "auto") that many do, and such a callback is
        called once for them. These change speed only. Under the policy "mixed_float16"
        `auto_scale_loss` puts the optimizer into a `LossScaleOptimizer`.
        """
        if steps_per_execution == "auto":
            steps_per_execution = 1
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ArgumentError(
                "Expected steps_per_execution to be an int >= 1 or 'auto', got "
                f"{steps_per_execution!r}."
            )
        if jit_compile not in ("auto", True, False):
            raise ArgumentError(
                f"Expected jit_compile auto or a bool, got {jit_compile!r}."
            )
        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = _scaling(self.optimizer)
        self.loss = loss
        self._compiled = (None, loss_weights, metrics, weighted_metrics)
        self._given = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "auto_scale_loss": auto_scale_loss,
        }
        self._run_eagerly, self._jit_compile = run_eagerly, jit_compile
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self._forget_compiled()

    def _forget_compiled(self) -> None:
        self._forget_states()
        self._ready = False
        self._loss_tracker: Any = None
        # Tuples: no part is added to them, so nobody need look again.
        self._output_trackers: tuple[Any, ...] = ()
        self._compiled_metrics: tuple[Any, ...] = ()
        self._each: list[Any] = []

    # -- preparation: shapes are known -------------------------------------------------

    def _prepare(self, batch: Batch, training: bool = True) -> None:
        """Build the layers, the metrics and the optimizer for data like `batch`."""
        if self._compiled is None:
            raise MultinetError(
                f"{self.name} must be compiled first: model.compile(optimizer=..., "
                "loss=...)."
            )
        kind = "train" if training else "test"
        own = overrides(self, kind)
        if self._ready or own and self.loss is None and not any(self._compiled[2:]):
            if training and not own:
                self._build_optimizer()
            return
        with self._turn.making:
            self._build_for_data(batch, training)
        if training and not own:
            self._build_optimizer()
        self._ready = True

    def _build_for_data(self, batch: Batch, training: bool) -> None:
        assert self._compiled is not None
        with shadowing():
            shapes = batch.map(placeholder)
            with CallContext(training=training):
                outputs = self(shapes.x, training=training)
            self._match_outputs(outputs, shapes.y, *self._compiled[1:])

    def _match_outputs(
        self, outputs: Any, y: Any, weights: Any, plain: Any, weighted: Any
    ) -> None:
        """Make the losses and metrics of the outputs, whose shapes are known."""
        self._name_outputs(outputs)
        names, loss = self._names, None
        self._loss_tracker = metrics.Mean(name="loss")
        if self.loss is not None:
            loss = CompiledLoss(self.loss, weights, names)
            kept = [n for n, item in zip(names, loss.losses) if item is not None]
            if len(names) > 1:
                self._output_trackers = tuple(
                    [metrics.Mean(name=f"{n}_loss") for n in kept]
                )
        self._compiled = (loss, weights, plain, weighted)
        self._metric_set = CompiledMetrics(plain, weighted, loss)
        self._compiled_metrics = tuple(
            self._metric_set.build(names, self._align(y), optree.tree_leaves(outputs))
        )

    def _build_optimizer(self) -> None:
        if self.optimizer is not None and not self.optimizer.built:
            weights = self.weights
            places = addresses_of(self, weights)
            self.optimizer._weights = list(zip(weights, places, strict=True))
            self.optimizer.build(self.trainable_weights)

    def _name_outputs(self, outputs: Any) -> None:
        count = len(optree.tree_leaves(outputs))
        graph = getattr(self, "_graph", None)
        if isinstance(outputs, dict):
            self._names = sorted(outputs)
        elif graph is not None and count > 1:
            self._names = self.output_names  # type: ignore[attr-defined]
        else:
            self._names = [f"output_{i + 1}" for i in range(count)]

    def _align(self, tree: Any) -> list[Any]:
        """Return one target (or weight) for each output."""
        names = self._names
        if isinstance(tree, dict):
            return per_output(tree, names, "y")
        if isinstance(tree, list | tuple):
            return per_output(tree, names, "y")
        if tree is not None and len(names) > 1:
            raise ArgumentError(
                f"The model has {len(names)} outputs {names}; y must be a list of that "
                "length or a dict by output name."
            )
        return [tree] * len(names)

    def _align_weights(self, tree: Any) -> list[Any]:
        if isinstance(tree, list | tuple | dict):
            return self._align(tree)
        return [tree] * len(self._names)

    # -- inside the step ---------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the scalar to minimize; override it for a loss of your own."""
        assert self._compiled is not None
        loss, total = self._compiled[0], None
        if loss is not None:
            total, self._each = loss(
                self._align(y),
                optree.tree_leaves(y_pred),
                self._align_weights(sample_weight),
            )
        for extra in self.losses:
            total = extra if total is None else ops.add(total, extra)
        if total is None:
            raise MultinetError(
                f"{self.name} has nothing to minimize: pass loss=... to compile, or "
                "call add_loss in a layer."
            )
        return total

    def _forward(self, batch: Batch, training: bool) -> tuple[Any, list[Any], Any]:
        self._each: list[Any] = []
        with CallContext(training=training):
            outputs = self(batch.x, training=training)
            loss = self.compute_loss(
                batch.x, batch.y, outputs, batch.sample_weight, training
            )
            masks = [mask_of(x) for x in optree.tree_leaves(outputs)]
        each, self._each = self._each, []
        return loss, each if self._output_trackers else [], (outputs, masks)

    def _update_metrics(self, batch: Batch, results: Any, loss: Any, each: Any) -> None:
        outputs, masks = results
        size = float(ops.shape(optree.tree_leaves(batch.x)[0])[0])
        self._loss_tracker.update_state(loss, sample_weight=size)
        for tracker, value in zip(self._output_trackers, each):
            tracker.update_state(value, sample_weight=size)
        self._metric_set.update(
            self._align(batch.y),
            optree.tree_leaves(outputs),
            self._align_weights(batch.sample_weight),
            masks,
        )

    def _logged_metrics(self) -> list[Any]:
        first = [self._loss_tracker, *self._output_trackers, *self._compiled_metrics]
        known = set(map(id, first))
        return [*first, *(m for m in self.metrics if id(m) not in known)]

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics_names(self) -> list[str]:
        """The names in the logs, in the order `evaluate` returns them."""
        return [metric.name for metric in self._logged_metrics()]

    # -- the public methods ------------------------------------------------------------

    @in_turn
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train on arrays for some epochs, and return the History of the logs.

        `x` and `y` are arrays, or trees of arrays, with one first axis of samples;
        floats become floatx and integers int32. `batch_size` is 32 unless given.
        `verbose` is 0, 1 (a bar on a terminal), 2 (a line an epoch) or "auto".
        """
        batch = data_module.prepare(x, y, sample_weight)
        validation = None
        if validation_data is not None:
            validation = data_module.validation(validation_data)
        elif validation_split:
            batch, validation = data_module.split(batch, validation_split)
        if class_weight is not None:
            batch = data_module.weigh_classes(batch, class_weight)
        size = data_module.size_of_batch(batch_size)
        self._prepare(batch)
        if self.optimizer is None and not overrides(self, "train"):
            raise MultinetError("fit needs an optimizer: pass one to compile.")
        return fit_epochs(
            self,
            batch,
            validation,
            batch_size=size,
            epochs=range(initial_epoch, config.at_most(epochs, config.max_epochs())),
            verbose=verbose,
            callbacks=callbacks or (),
            shuffle=shuffle,
            steps=steps_per_epoch,
            validation_steps=validation_steps,
            validation_size=validation_batch_size or size,
            validation_freq=validation_freq,
        )

    @in_turn
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics on arrays: a float, a list, or a dict by name."""
        batch = data_module.prepare(x, y, sample_weight)
        self._prepare(batch, training=False)
        logs = run_evaluate(
            self,
            batch,
            data_module.size_of_batch(batch_size),
            verbose,
            callbacks or (),
            steps,
        )
        return _as_result(logs, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the outputs for arrays, computed batch by batch, as NumPy arrays."""
        quick = self._quick
        if (
            quick is not None
            and verbose == 0
            and type(x) is np.ndarray
            and x.dtype is quick.dtype
            and x.ndim > 0
            and 0 < len(x) <= (batch_size or 32)
            and not callbacks
            and quick.backend is current()
            and quick.inventory.valid()
        ):
            return quick.backend.to_numpy(quick.predict(x))
        batch = data_module.prepare(x)
        results = run_predict(
            self,
            batch,
            data_module.size_of_batch(batch_size),
            verbose,
            callbacks or (),
            steps,
        )
        if type(batch.x) is np.ndarray and type(results) is np.ndarray:
            self._quick = self._state("predict", batch)
            self._quick.dtype = batch.x.dtype  # NumPy has one object for each
        return results

    @in_turn
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one training step; return the metrics since they were last reset."""
        batch = data_module.prepare(x, y, sample_weight)
        if class_weight is not None:
            batch = data_module.weigh_classes(batch, class_weight)
        self._prepare(batch)
        return _as_result(self._one_step("train", batch), return_dict)

    @in_turn
    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Evaluate one batch; return the metrics since they were last reset."""
        batch = data_module.prepare(x, y, sample_weight)
        self._prepare(batch, training=False)
        return _as_result(self._one_step("test", batch), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as NumPy arrays."""
        batch = data_module.prepare(x)
        return run_predict(self, batch, batch.size(), 0, (), None)

    def _one_step(self, kind: str, batch: Batch) -> dict[str, float]:
        state = self._state(kind, batch)
        leaves = optree.tree_leaves(batch.tree())  # type: ignore[arg-type]
        with Interrupts() as guard, guard.held():
            state.run([x[None] for x in leaves])
        return state.logs()


def _scaling(optimizer: Any) -> Any:
    if optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _as_result(logs: dict[str, float], as_dict: bool) -> Any:
    if as_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
