"""The methods of a Model that train it: what users call. The work is its Trainer's."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import optree

from multinet import losses, optimizers
from multinet.checks import flag
from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.policy import FromInit
from multinet.metrics.base import log_name
from multinet.objects.serialization import from_data
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.training.callbacks.base import Callbacks
from multinet.training.callbacks.history import History
from multinet.training.fitting import Plan
from multinet.training.hooks import Hooks
from multinet.training.matching import Structure
from multinet.training.programs import Explanation
from multinet.training.sources import (
    ArraySource,
    HostBatch,
    Source,
    fit_sources,
    prepare,
    source_of,
    staged_batch,
    through_stage,
    weigh_classes,
)
from multinet.training.task import Task
from multinet.training.trainer import Result, Trainer, as_result, epochs_of
from multinet.typing import Making, Tree, Verbose


class Training(Hooks, Layer):
    """The training half of a Model. See `Model`."""

    stop_training = stop_evaluating = stop_predicting = False
    optimizer: Making = None
    loss: Tree = None
    steps_per_execution: int | str = 1
    _run_eagerly: bool = False
    _jit_compile: bool | str = "auto"
    _is_model = True
    _task: Task | None = None
    _trainer: Any = FromInit()
    _lent = frozenset({"_task"})  # with what `loss` and others hold
    _running = frozenset(
        {
            *("stop_training", "stop_evaluating", "stop_predicting"),
            *("steps_per_execution", "history", "_matched", "_trainer"),
            *("_run_eagerly", "_jit_compile"),
        }
    )
    _private = frozenset({"train_function", "test_function", "predict_function"})
    _unsaved = frozenset({"_matched", "_trainer"})

    @shortening
    def compile(
        self,
        optimizer: Making = "rmsprop",
        loss: Tree = None,
        loss_weights: Tree = None,
        metrics: Tree = None,
        weighted_metrics: Tree = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose how to train: by `optimizer`, `loss` and `metrics`, names or objects.

        For several outputs, losses, `loss_weights` and metrics are lists by position or
        dicts by output name, or trees of them. `weighted_metrics` see the sample
        weights, which metrics do not. `run_eagerly` runs the step uncompiled, for
        debugging; else each backend compiles it as it does best (`explain_step` tells
        how), which `jit_compile=True` or False overrides. As many steps as take a tenth
        of a second go in one call, and one where a callback listens to batches; with
        `steps_per_execution` above 1 that many do, and such a callback is called once
        for them, with the number of the first at their beginning and of the last at
        their end. Else these change speed only, but that an epoch of `steps_per_epoch`
        has whole executions. Under the policy "mixed_float16" `auto_scale_loss` puts
        the optimizer into a `LossScaleOptimizer`.

        >>> model = multinet.Sequential([multinet.Input((4,)), layers.Dense(1)])
        >>> model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
        """
        task = Task(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )
        with _telling_losses(optimizer):
            self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = _scaling(self.optimizer)
        self._keep_loss(loss)
        self._task = task
        self.steps_per_execution = task.steps()
        self._run_eagerly, self._jit_compile = task.run_eagerly, task.jit_compile
        self.stop_training = False
        self._forget_compiled()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._task is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run uncompiled, for debugging; it may be set at any time."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly = flag(value, "run_eagerly")
        self._forget_programs()

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled to machine code; "auto" is as the backend does.

        It may be set at any time, to True, False or "auto".
        """
        if self._jit_compile == "auto":
            return not self._run_eagerly and current().concrete.compiles
        return bool(self._jit_compile)

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._jit_compile = Task(jit_compile=value).jit_compile
        self._forget_programs()

    def _forget_programs(self) -> None:
        if "_trainer" in vars(self):
            self._trainer.drop()

    def get_compile_config(self) -> dict[str, Any]:
        """Return what `compile` was told, to be written to a file; {} without it."""
        return {} if self._task is None else self._task.config(self.optimizer)

    @shortening
    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` says, and make the optimizer's slots.

        A class with a `compile` of its own writes both methods, or is compiled by hand.
        """
        if type(self).compile is not Training.compile:
            warnings.warn(
                f"{self.name} is not compiled, as {type(self).__name__} has a compile "
                "of its own. Compile it by hand, or override get_compile_config and "
                "compile_from_config.",
                stacklevel=2,
            )
            return
        self.compile(**from_data(dict(config)))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _keep_loss(self, loss: Tree) -> None:
        """Keep the loss as an attribute; a model without one may have its own."""
        before = None if self._task is None else self._task.loss
        if loss is not None:
            self.loss = loss
        elif before is not None and vars(self).get("loss") is before:
            del self.loss

    def _forget_compiled(self) -> None:
        if "_trainer" not in vars(self):
            self._trainer = Trainer(self)
        self._trainer.forget()
        self._matched = None
        self.train_function = self.test_function = self.predict_function = None

    def _held_while_moving(self) -> Iterator[Any]:
        yield self._trainer.access.held("to_backend")
        yield self._trainer.access.making

    def _arrived(self) -> None:
        """Drop the programs of the backend before; they have given their state back."""
        super()._arrived()
        self._trainer.drop()

    def _has_host_stage(self) -> bool:
        """Return whether data may be texts, as the model begins with a host stage."""
        return False

    def _host_stage(self, x: Tree) -> Any:
        """Return the host stage, None if there is none, for data like x."""
        return None

    def _shows_names(self, outputs: Tree) -> bool:
        """Return whether the logs name the outputs: those of a list have no names."""
        return isinstance(outputs, dict) and not Structure(outputs).nested

    def _names_of(self, outputs: Tree) -> list[str]:
        if isinstance(outputs, dict) and not Structure(outputs).nested:
            return sorted(outputs)
        leaves: list[Any] = optree.tree_leaves(outputs)  # type: ignore[arg-type]
        return [f"output_{i + 1}" for i in range(len(leaves))]

    def _metrics_of_compile(self) -> list[Any]:
        if self._matched is not None:
            return self._matched.all_metrics()
        task = self._task
        if task is None or not task.measures():
            return []
        return [self._trainer.tracker(), *task.objects()]

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics_names(self) -> list[str]:
        """The names in the logs, in the order `evaluate` returns them."""
        return [log_name(metric) for metric in self.metrics]

    @shortening
    def explain_step(self, kind: str = "train") -> Explanation:
        """Return which path a step takes and why, as a dict that prints as lines.

        `kind` is train, test or predict; the model must have run one.
        """
        return self._trainer.programs.explain(kind)

    @shortening
    def fit(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Tree = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Tree = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
        max_batches: int | None = None,
        max_time: float | timedelta | None = None,
        throughput: bool = False,
        sanity_check: bool = False,
    ) -> History:
        """Train for some `epochs`, and return the History of the logs.

        `x` and `y` are arrays, or trees of arrays, with one first axis of samples;
        floats become floatx and integers int32. `batch_size` is 32 unless given. Or `x`
        gives batches by itself, each x, (x, y) or (x, y, sample_weight): a generator, a
        function that returns one for each epoch, a `PyDataset`, a loader or another
        iterable, or a `Source`. `steps_per_epoch` is how many make an epoch. Arrays are
        shuffled in each epoch, unless `shuffle=False`.

        After each `validation_freq` epochs `validation_data`, or the last
        `validation_split` of the arrays, is evaluated, with `validation_batch_size` and
        `validation_steps`. `sample_weight` weighs each sample's loss, `class_weight`
        that of each label. `callbacks` hear of what happens. `initial_epoch` is the
        first. `verbose` is 0, 1 (a bar on a terminal), 2 (a line an epoch) or "auto".

        `max_batches` is how many batches each training epoch and each validation takes
        at most, to try a program quickly. After `max_time`, in seconds or a
        `timedelta`, the epoch ends with the steps that are running, with its
        validation, and is the last. `throughput=True` puts "samples_per_second" of the
        training steps into the logs; that of the first epoch has compiling in it.
        `sanity_check=True` first runs one batch of training and one of validation, and
        keeps nothing of what they change, so that what is wrong shows at once.

        >>> model = multinet.Sequential([multinet.Input((4,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.fit(np.ones((32, 4)), np.ones(32), epochs=3, verbose=0).epoch
        [0, 1, 2]
        """
        trainer, span = self._trainer, epochs_of(initial_epoch, epochs)
        plan = Plan(
            epochs=span,
            verbose=verbose,
            callbacks=callbacks,
            steps=steps_per_epoch,
            validation_steps=validation_steps,
            validation_freq=validation_freq,
            max_batches=max_batches,
            max_time=max_time,
            throughput=throughput,
            sanity_check=sanity_check,
        )
        source, validation = fit_sources(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            class_weight=class_weight,
            shuffle=shuffle,
            orders=trainer.orders,
            epochs=len(span),
            validation_split=validation_split,
            validation_data=validation_data,
            validation_batch_size=validation_batch_size,
            raw=self._has_host_stage(),
        )
        data = through_stage(source, self)
        held = None if validation is None else through_stage(validation, self)
        with _ended(source, x), _ended(validation, validation_data):
            return trainer.fit(data, held, plan)

    @shortening
    def evaluate(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Tree = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Result:
        """Return the loss and metrics on data: a float, a list, or a dict by name.

        `x`, `y`, `sample_weight`, `batch_size`, `callbacks` and `verbose` are those of
        `fit`; `steps` is how many batches to take. `return_dict` makes it a dict.
        """
        raw = self._has_host_stage()
        source = source_of(x, y, sample_weight, batch_size=batch_size, raw=raw)
        data = through_stage(source, self)
        with _ended(source, x):
            logs = self._trainer.evaluate(data, verbose, callbacks, steps)
        return as_result(logs, return_dict)

    @shortening
    def predict(
        self,
        x: Tree,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> Tree:
        """Return the outputs for data, computed batch by batch, as NumPy arrays.

        `batch_size`, `steps`, `callbacks` and `verbose` are those of `evaluate`.

        >>> model = multinet.Sequential([multinet.Input((4,)), layers.Dense(2)])
        >>> model.predict(np.ones((100, 4)), batch_size=64, verbose=0).shape
        (100, 2)
        """
        trainer = self._trainer
        if verbose == 0 and not callbacks and steps is None:
            outputs = trainer.predict_at_once(x, batch_size)
            if outputs is not None:
                return outputs
        source = source_of(x, batch_size=batch_size, raw=self._has_host_stage())
        data = through_stage(source, self)
        with _ended(source, x):
            return trainer.predict(data, verbose, callbacks, steps)

    @shortening
    def train_on_batch(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Result:
        """Do one training step; return the loss and metrics of this batch."""
        batch = _batch(self, x, y, sample_weight, class_weight)
        return as_result(self._trainer.train_on_batch(batch), return_dict)

    @shortening
    def test_on_batch(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        return_dict: bool = False,
    ) -> Result:
        """Evaluate one batch; return the loss and metrics of this batch."""
        batch = _batch(self, x, y, sample_weight)
        return as_result(self._trainer.test_on_batch(batch), return_dict)

    @shortening
    def predict_on_batch(self, x: Tree) -> Tree:
        """Return the outputs for one batch as NumPy arrays."""
        batch = _batch(self, x)
        source = ArraySource(batch, batch.size())
        return self._trainer.predict(source, 0, (), None)


@contextmanager
def _ended(source: Source | None, given: Tree) -> Iterator[None]:
    """Close a source at the end, also of an error, unless the user made it."""
    try:
        yield
    finally:
        if source is not None and source is not given:
            source.close()


def _batch(
    model: Training,
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    class_weight: Mapping[int, float] | None = None,
) -> HostBatch:
    batch = prepare(x, y, sample_weight, raw=model._has_host_stage())
    batch = staged_batch(batch, model)
    return batch if class_weight is None else weigh_classes(batch, class_weight)


@contextmanager
def _telling_losses(optimizer: Making) -> Iterator[None]:
    """Say of a wrong optimizer that it is a loss, if it is."""
    try:
        yield
    except ArgumentError as error:
        if isinstance(optimizer, str) and hasattr(losses, optimizer):
            error.add_note(
                "It is a loss: compile takes the optimizer first, then loss=."
            )
        raise


def _scaling(optimizer: Making) -> Any:
    if optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
