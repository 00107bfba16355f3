"""The loops of an epoch, evaluate and predict: chunks of a source in, logs out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
import optree

from multinet import config, ops
from multinet.checks import whole
from multinet.progress import Reporter, make_progress
from multinet.registry import current
from multinet.training.callbacks.base import Callbacks
from multinet.training.callbacks.several import CallbackList
from multinet.training.executions import Executions
from multinet.training.hooks import own_function
from multinet.training.interrupts import Interrupts
from multinet.training.logs import as_floats
from multinet.training.ranges import Ranges
from multinet.training.runner import Pace, Runner
from multinet.training.sources import (
    Chunk,
    Source,
    is_used_up,
    steps_of,
    warn_if_short,
)
from multinet.training.sources.columns import shape_of, signature
from multinet.typing import AnyModel, Tree, Verbose

_AHEAD = 2  # batches of predictions on the device at once


class Trains(Protocol):
    """What the loops ask of a trainer."""

    model: AnyModel

    def runner(self, kind: str, source: Source) -> Runner:
        """Return what runs a kind of step on data like a source's."""
        ...

    def ranges(self, kind: str, source: Source) -> Ranges:
        """Return what a kind of step expects of the integers in such data."""
        ...


def check_steps(steps: int | None, name: str) -> None:
    """Refuse what is no number of steps; None is all that there are."""
    if steps is not None:
        whole(steps, name)


def is_over(until: float | None) -> bool:
    """Return whether a time of `time.perf_counter` has come; None never does."""
    return until is not None and time.perf_counter() >= until


def _wanted(steps: int | None, most: int | None = None) -> int | None:
    if steps is None:
        return None
    return config.at_most(config.at_most(steps, config.max_steps_per_epoch()), most)


class Pass:
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
        self.progress, self.guard = progress, guard
        self.total, self.done = total, 0
        self.executions = Executions(trainer.model, kind, listeners)
        self.begins, self.ends = self.executions.begins, self.executions.ends
        self.function = own_function(trainer.model, kind)
        self.logs: dict[str, Any] = {}  # that the function returned last
        self.ran_out = False  # of data, before the steps that were asked for
        self.drawing = 0.0  # seconds to get the data of a step
        self.pace: Pace | None = None
        self._limits: dict[Any, int] = {}  # of a dispatch, by the kind of batch
        self.ranges = trainer.ranges(kind, source)
        self.columns: Sequence[Any] = ()  # of the last chunk
        self.until: float | None = None  # when to end, and
        self.late = False  # whether it was
        self.samples, self.took = 0, 0.0  # of the steps that were run here

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
        # Asked to do N steps a call, do N: batch callbacks rely on it.
        asked = self.executions.left(self.done)
        count = min(asked, limit) if asked else pace.next(most, self.drawing)
        count = count if left is None else max(1, min(count, left))
        # Large memory that is mostly empty is not worth a shape that is compiled: when
        # it is freed, torch's steps of a CNN have to fetch theirs anew, 1.3 times as
        # slow (examples/benchmarks/sources.py).
        return count, (pace.room if 2 * count >= pace.room else count)

    def _limit(self) -> int:
        most = self.source.most
        if self.function is not None:
            return 1
        if self.executions.asked is not None:
            return min(most, self.executions.asked)
        return 1 if self.begins or self.ends else most

    def go_on(self, done: int, logs: dict[str, Any]) -> None:
        """Know that some steps were done before, and the logs after them."""
        self.done, self.logs = done, logs

    def epoch(
        self, epoch: int, steps: int | None = None, most: int | None = None
    ) -> dict[str, Any]:
        """Run the steps, `most` where there are as many; return the logs at the end."""
        start, before = time.perf_counter(), self.done
        self.total = self.executions.steps(self.total, most)
        chunks = self.source.chunks(epoch, self.room)
        while self.total is None or self.done < self.total:
            chunk = self._drawn(chunks)
            if chunk is None:
                break
            self._step(chunk)
            if self.ends and not self.executions.is_open() and self._stopped():
                break
            if self.guard.asked or self._is_late():
                break
        chunks.close()
        if self.executions.is_open():
            self.executions.end(self.logs_now)
        logs = self.logs_now() if self.done > before else self.logs
        if np.isnan(logs.get("loss", 0.0)).any():
            self.ranges.explain(self.source, self.columns)
        wanted, size = _wanted(steps, most), self.source.size
        stopped = self._stopped() or self.guard.asked or self.late
        if not stopped and (size is None or wanted is not None):
            warn_if_short(self.done, wanted, size)
            self.ran_out = self.done < (wanted or 0) and is_used_up(self.source)
        self.progress.stepped(self.done)
        self.took = time.perf_counter() - start
        self.runner.learn(self.took / max(self.done - before, 1))
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

    def logs_now(self) -> dict[str, Any]:
        """Return the logs of the steps so far, which waits for the device."""
        return self.runner.logs() if self.function is None else self.logs

    def speed(self) -> dict[str, float]:
        """Return the samples per second, as logs, once the steps are over."""
        return {"samples_per_second": self.samples / max(self.took, 1e-9)}

    def _is_late(self) -> bool:
        self.late = is_over(self.until)
        return self.late

    def _stopped(self) -> bool:
        model = self.trainer.model
        return model.stop_training if self.kind == "train" else model.stop_evaluating

    def _step(self, chunk: Chunk) -> None:
        """Run the steps of a chunk; tell callbacks and the bar."""
        self.executions.begin(self.done)
        if (self.begins or self.ends) and not self.runner.fits(current()):
            self.runner = self.trainer.runner(self.kind, self.source)  # an edit
        self.columns = self.ranges.refuse(self.source, chunk)
        with self.guard.held():
            self._dispatch(chunk)
        self.done += chunk.steps
        self.samples += chunk.steps * shape_of(chunk.columns[0])[1]
        if self.executions.is_full(self.done):
            self.executions.end(self.logs_now)
        if self.progress.wants():
            self.progress.step(self.done, self.logs_now())


def run_evaluate(
    trainer: Trains,
    source: Source,
    verbose: Verbose,
    callbacks: Callbacks,
    steps: int | None,
    guard: Interrupts | None = None,
    most: int | None = None,
) -> dict[str, Any]:
    """Return the metrics of the model on data: `steps` batches, or at most `most`."""
    check_steps(steps, "steps")
    total = steps_of(source, steps, most)
    listeners = _listeners(callbacks, trainer.model, total, verbose)
    progress = make_progress(verbose, 0, total, "Evaluate")
    interrupts = Interrupts() if guard is None else nullcontext(guard)
    with progress, interrupts as guard:
        trainer.model.stop_evaluating = False
        listeners.call("on_test_begin", {})
        progress.begin(0)
        runner = trainer.runner("test", source)
        runner.reset()
        going = Pass(trainer, runner, source, total, listeners, progress, guard)
        logs = going.epoch(0, steps, most)
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
    index = begun = 0  # the batches done, and those before the execution
    turn = Executions(trainer.model, "predict", listeners)
    until = turn.steps(total)
    with make_progress(verbose, 0, total, "Predict") as progress:
        trainer.model.stop_predicting = False
        listeners.call("on_predict_begin", {})
        progress.begin(0)
        runner = trainer.runner("predict", source)
        run, fetch = _predicting(trainer, runner), ops.convert_to_numpy
        ranges = trainer.ranges("predict", source)
        for chunk in source.chunks(0, lambda batch, left: (1, 1)):
            ranges.refuse(source, chunk)
            turn.begin(index)
            waiting.append(run(chunk.columns))
            # The device computes ahead; results are fetched when later ones are asked.
            while len(waiting) > (0 if turn.ends else _AHEAD):
                parts.append([fetch(x) for x in waiting.popleft()])
            index += 1
            if turn.is_full(index):
                turn.end(lambda i=begun: {"outputs": _joined(parts[i:], runner)})
                begun = index
            progress.step(index, {})
            over = turn.ends and not turn.is_open() and trainer.model.stop_predicting
            if over or index == until:
                break
        if turn.is_open():
            turn.end(lambda: {"outputs": _joined(parts[begun:], runner)})
        parts += [[fetch(x) for x in outputs] for outputs in waiting]
        stopped = trainer.model.stop_predicting
        if not stopped and (source.size is None or steps is not None):
            warn_if_short(index, _wanted(steps), source.size)
        progress.stepped(index)
        progress.end({})
    listeners.call("on_predict_end", {})
    return _joined(parts, runner)


def _joined(parts: Sequence[list[np.ndarray[Any, Any]]], runner: Runner) -> Tree:
    """Return the outputs for several batches as a tree of arrays; None of none."""
    if not parts:
        return None
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
    return CallbackList(callbacks, model=model, steps=steps, verbose=verbose)
