"""The loops of fit, evaluate and predict: chunks of a source in, logs out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import optree

from multinet import config, ops
from multinet.checks import whole
from multinet.registry import current
from multinet.training.callbacks.base import (
    Callback,
    CallbackList,
    Callbacks,
    listed,
)
from multinet.training.callbacks.history import History
from multinet.training.callbacks.progress import Reporter, make_progress
from multinet.training.hooks import own_function
from multinet.training.interrupts import Interrupts
from multinet.training.logs import as_floats
from multinet.training.runner import Pace, Runner
from multinet.training.sources import Chunk, Source, steps_of, warn_if_short
from multinet.training.sources.columns import signature
from multinet.typing import AnyModel, Tree, Verbose

_AHEAD = 2  # batches of predictions on the device at once


class Trains(Protocol):
    """What the loops ask of a trainer."""

    model: AnyModel

    def runner(self, kind: str, source: Source) -> Runner:
        """Return what runs a kind of step on data like a source's."""
        ...


@dataclass(frozen=True)
class Plan:
    """How `fit` goes over its data."""

    epochs: range
    verbose: Verbose = 0
    callbacks: Callbacks = ()
    steps: int | None = None  # an epoch, at most
    validation_steps: int | None = None
    validation_freq: int | Collection[int] = 1

    def __post_init__(self) -> None:
        check_steps(self.steps, "steps_per_epoch")
        check_steps(self.validation_steps, "validation_steps")
        freq = self.validation_freq
        for each in freq if isinstance(freq, Collection) else (freq,):
            whole(each, "validation_freq, or each of several,")

    def validates(self, epoch: int) -> bool:
        """Return whether there is a validation after an epoch, counted from 0."""
        freq = self.validation_freq
        if isinstance(freq, Collection):
            return epoch + 1 in freq
        return (epoch + 1) % freq == 0


def check_steps(steps: int | None, name: str) -> None:
    """Refuse what is no number of steps; None is all that there are."""
    if steps is not None:
        whole(steps, name)


def fit_epochs(
    trainer: Trains, source: Source, validation: Source | None, plan: Plan
) -> History:
    """Train for the epochs; return their History."""
    model, epochs = trainer.model, plan.epochs
    total = steps_of(source, plan.steps)
    params = {"epochs": epochs.stop, "steps": total, "verbose": plan.verbose}
    given = listed(plan.callbacks)
    history, others = _history_of(given)
    # The last one, so that it has what others put into the logs.
    listeners = CallbackList([*others, history], model, params)
    model.history, model.stop_training = history, False
    progress = make_progress(plan.verbose, epochs.stop, total, "Epoch")
    logs: dict[str, Any] = {}
    with progress, Interrupts() as guard:
        listeners.call("on_train_begin", {})
        for epoch in epochs:
            runner = trainer.runner("train", source)
            runner.reset()
            listeners.call("on_epoch_begin", epoch, {})
            if listeners.listens("on_epoch_begin"):  # it may edit the model
                runner = trainer.runner("train", source)
            progress.begin(epoch)
            going = _Pass(trainer, runner, source, total, listeners, progress, guard)
            found = going.epoch(epoch, plan.steps)
            if not going.done:
                break  # the data are at their end
            logs = found
            if validation is not None and plan.validates(epoch):
                progress.validate(logs)
                tested = run_evaluate(
                    trainer, validation, 0, listeners, plan.validation_steps, guard
                )
                logs |= {f"val_{name}": value for name, value in tested.items()}
            progress.end(logs, prompt=bool(given))
            listeners.call("on_epoch_end", epoch, logs)
            if model.stop_training or going.ran_out:
                break
    if model.optimizer is not None and model.optimizer.built:
        model.optimizer.finalize_variable_values(model.optimizer.optimized)
    listeners.call("on_train_end", logs)
    return history


def _history_of(callbacks: list[Callback]) -> tuple[History, list[Callback]]:
    """Return the History among callbacks, or a new one, and the others."""
    given = [callback for callback in callbacks if isinstance(callback, History)]
    history = given[-1] if given else History()
    return history, [callback for callback in callbacks if callback is not history]


def _wanted(steps: int | None) -> int | None:
    return (
        None if steps is None else config.at_most(steps, config.max_steps_per_epoch())
    )


class _Pass:
    """The steps of an epoch, or of an evaluation."""

    def __init__(
        self,
        trainer: Trains,
        runner: Runner,
        source: Source,
        total: int | None,
        listeners: CallbackList,
        progress: Reporter,
        guard: Interrupts,
    ) -> None:
        self.trainer, self.runner, self.source = trainer, runner, source
        self.kind = kind = runner.step.kind
        self.listeners, self.progress, self.guard = listeners, progress, guard
        self.total, self.done = total, 0
        hook = f"on_{kind}_batch"
        self.begins = listeners.listens(f"{hook}_begin")
        self.ends = listeners.listens(f"{hook}_end")
        # Asked to do N steps a call, do N: batch callbacks rely on it.
        asked = trainer.model.steps_per_execution
        self.asked = asked if type(asked) is int and asked > 1 else None
        self.function = own_function(trainer.model, kind)
        self.logs: dict[str, Any] = {}  # that the function returned last
        self.ran_out = False  # of data, before the steps that were asked for
        self.drawing = 0.0  # seconds to get the data of a step
        self.pace: Pace | None = None
        self._limits: dict[Any, int] = {}  # of a dispatch, by the kind of batch

    def room(self, batch: Sequence[Any], left: int | None) -> tuple[int, int]:
        """Return how many steps to take at once, and for how many there is memory."""
        if self.total is not None:
            over = self.total - self.done
            left = over if left is None else min(left, over)
        kind = tuple(signature(batch))
        limit = self._limits.get(kind)
        if limit is None:
            limit = self._limits[kind] = 1 if left == 1 else self._limit()
        self.pace = pace = self.runner.pace(batch, limit)
        most = pace.room if left is None else left
        count = self.asked or pace.next(most, self.drawing)
        return (count if left is None else max(1, min(count, left))), pace.room

    def _limit(self) -> int:
        most = self.source.most
        if self.function is not None:
            return 1
        if self.asked is not None:
            return min(most, self.asked)
        return 1 if self.begins or self.ends else most

    def epoch(self, epoch: int, steps: int | None = None) -> dict[str, Any]:
        """Run the steps; return the logs at the end."""
        start, hook = time.perf_counter(), f"on_{self.kind}_batch"
        chunks = self.source.chunks(epoch, self.room)
        while self.total is None or self.done < self.total:
            chunk = self._drawn(chunks)
            if chunk is None:
                break
            self._step(chunk, hook)
            if self.ends and self.kind == "train" and self._stopped():
                break
        chunks.close()
        logs = self._logs() if self.done else {}
        wanted, size = _wanted(steps), self.source.size
        if not self._stopped() and (size is None or wanted is not None):
            warn_if_short(self.done, wanted, size)
            self.ran_out = size is None and self.done < (wanted or 0)
        self.progress.stepped(self.done)
        self.runner.learn((time.perf_counter() - start) / max(self.done, 1))
        return logs

    def _drawn(self, chunks: Generator[Chunk, None, None]) -> Chunk | None:
        """Return the next chunk; note what it takes to draw a batch of a stream."""
        if self.source.size is not None:
            return next(chunks, None)
        start = time.perf_counter()
        chunk = next(chunks, None)
        if chunk is not None:
            self.drawing = (time.perf_counter() - start) / chunk.steps
        return chunk

    def _dispatch(self, chunk: Chunk) -> None:
        if self.function is not None:
            data = self.runner.step.form.data([column[0] for column in chunk.columns])
            self.logs = as_floats(self.function(iter([data])))
            return
        assert self.pace is not None
        self.pace.run(self.runner, chunk.columns, chunk.steps)

    def _logs(self) -> dict[str, Any]:
        return self.runner.logs() if self.function is None else self.logs

    def _stopped(self) -> bool:
        return self.trainer.model.stop_training

    def _step(self, chunk: Chunk, hook: str) -> None:
        """Run the steps of a chunk; tell callbacks and the bar."""
        if self.begins:
            self.listeners.call(f"{hook}_begin", self.done, {})
        if (self.begins or self.ends) and not self.runner.fits(current()):
            self.runner = self.trainer.runner(self.kind, self.source)  # an edit
        with self.guard.held():
            self._dispatch(chunk)
        self.done += chunk.steps
        if self.ends:
            self.listeners.call(f"{hook}_end", self.done - 1, self._logs())
        if self.progress.wants():
            self.progress.step(self.done, self._logs())


def run_evaluate(
    trainer: Trains,
    source: Source,
    verbose: Verbose,
    callbacks: Callbacks,
    steps: int | None,
    guard: Interrupts | None = None,
) -> dict[str, Any]:
    """Return the metrics of the model on data."""
    check_steps(steps, "steps")
    total = steps_of(source, steps)
    listeners = _listeners(callbacks, trainer.model, total, verbose)
    progress = make_progress(verbose, 0, total, "Evaluate")
    interrupts = Interrupts() if guard is None else nullcontext(guard)
    with progress, interrupts as guard:
        listeners.call("on_test_begin", {})
        progress.begin(0)
        runner = trainer.runner("test", source)
        runner.reset()
        going = _Pass(trainer, runner, source, total, listeners, progress, guard)
        logs = going.epoch(0, steps)
        progress.end(logs)
    listeners.call("on_test_end", logs)
    return logs


def run_predict(
    trainer: Trains,
    source: Source,
    verbose: Verbose,
    callbacks: Callbacks,
    steps: int | None,
) -> Tree:
    """Return the outputs of the model on data, as NumPy arrays."""
    check_steps(steps, "steps")
    total = steps_of(source, steps)
    listeners = _listeners(callbacks, trainer.model, total, verbose)
    parts: list[list[np.ndarray[Any, Any]]] = []
    waiting: deque[Any] = deque()
    hears, index = listeners.listens("on_predict_batch_end"), 0
    with make_progress(verbose, 0, total, "Predict") as progress:
        listeners.call("on_predict_begin", {})
        progress.begin(0)
        runner = trainer.runner("predict", source)
        run, fetch = _predicting(trainer, runner), ops.convert_to_numpy
        for chunk in source.chunks(0, lambda batch, left: (1, 1)):
            listeners.call("on_predict_batch_begin", index, {})
            waiting.append(run(chunk.columns))
            # The device computes ahead; results are fetched when later ones are asked.
            while len(waiting) > (0 if hears else _AHEAD):
                parts.append([fetch(x) for x in waiting.popleft()])
            if hears:
                listeners.call("on_predict_batch_end", index, {"outputs": parts[-1]})
            index += 1
            progress.step(index, {})
            if index == total:
                break
        parts += [[fetch(x) for x in outputs] for outputs in waiting]
        if source.size is None or steps is not None:
            warn_if_short(index, _wanted(steps), source.size)
        progress.stepped(index)
        progress.end({})
    listeners.call("on_predict_end", {})
    columns = [c[0] if len(c) == 1 else np.concatenate(c) for c in zip(*parts)]
    return optree.tree_unflatten(runner.step.output_spec, columns)


def _predicting(trainer: Trains, runner: Runner) -> Callable[[Sequence[Any]], Any]:
    """Return what gives the outputs for columns: the runner, or the model's own."""
    function = own_function(trainer.model, "predict")
    if function is None:
        return runner.run

    def call(columns: Sequence[Any]) -> Any:
        data = runner.step.form.data([column[0] for column in columns])
        leaves, runner.step.output_spec = optree.tree_flatten(function(iter([data])))
        return leaves

    return call


def _listeners(
    callbacks: Callbacks, model: AnyModel, steps: int | None, verbose: Verbose
) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(callbacks, model, {"steps": steps, "verbose": verbose})
