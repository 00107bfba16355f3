"""The loops of fit, evaluate and predict: state in hand, batches in, logs out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import optree

from multinet.registry import current
from multinet.training.callbacks.base import CallbackList
from multinet.training.callbacks.history import History
from multinet.training.callbacks.progress import Reporter, make_progress
from multinet.training.data import Batch, Feed, count_batches
from multinet.training.interrupts import Interrupts
from multinet.training.state import State

_AHEAD = 2  # batches of predictions on the device at once


def fit_epochs(
    model: Any,
    data: Batch,
    validation: Batch | None,
    *,
    batch_size: int,
    epochs: range,
    verbose: Any,
    callbacks: Sequence[Any],
    shuffle: bool,
    steps: int | None,
    validation_steps: int | None,
    validation_size: int,
    validation_freq: int,
) -> History:
    """Train for the epochs; return their History."""
    total = min(steps or 1 << 62, count_batches(data, batch_size))
    params = {"epochs": epochs.stop, "steps": total, "verbose": verbose}
    history = History()
    listeners = CallbackList([history, *callbacks], model, params)
    model.history, model.stop_training = history, False
    progress = make_progress(verbose, epochs.stop, total, "Epoch")
    orders = model._shuffles
    orders.begin(data.size(), len(epochs))
    logs: dict[str, float] = {}
    with progress, Interrupts() as guard:
        listeners.call("on_train_begin", {})
        for epoch in epochs:
            model._state("train", data).reset()
            listeners.call("on_epoch_begin", epoch, {})
            progress.begin(epoch)
            state = model._state("train", data)  # the callback may unfreeze layers
            feed = Feed(data, batch_size, orders.next() if shuffle else None)
            logs = _run_steps(state, feed, total, listeners, progress, guard)
            if validation is not None and (epoch + 1) % validation_freq == 0:
                progress.validate(logs)
                given = (model, validation, validation_size)
                tested = run_evaluate(*given, 0, listeners, validation_steps, guard)
                logs |= {f"val_{name}": value for name, value in tested.items()}
            progress.end(logs, prompt=bool(callbacks))
            listeners.call("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
    if model.optimizer is not None and model.optimizer.built:
        model.optimizer.finalize_variable_values(model.optimizer.optimized)
    listeners.call("on_train_end", logs)
    return history


def _run_steps(
    state: State,
    feed: Feed,
    total: int,
    listeners: CallbackList,
    progress: Reporter,
    guard: Interrupts,
) -> dict[str, float]:
    """Run the steps of an epoch, or of an evaluation; return the logs at its end."""
    model, hook = state.model, f"on_{state.step.kind}_batch"
    begin, end = (listeners.listens(f"{hook}_{part}") for part in ("begin", "end"))
    limit = 1 if begin or end else feed.wanted()
    if model.steps_per_execution > 1:
        limit = min(feed.wanted(), model.steps_per_execution)
    done, start = 0, time.perf_counter()
    while done < total:
        if begin:
            listeners.call(f"{hook}_begin", done, {})
        if (begin or end) and not state.fits(current()):
            state = model._state(state.step.kind, feed.data)  # a callback edited it
        done += _chunk(state, feed, done, total, limit, guard)
        if end:
            listeners.call(f"{hook}_end", done - 1, state.logs())
        if progress.wants():
            progress.step(done, state.logs())
        if state.trains and model.stop_training and end:
            break
    logs = state.logs()
    progress.stepped(done)
    state.learn((time.perf_counter() - start) / max(done, 1))
    return logs


def _chunk(
    state: State, feed: Feed, done: int, total: int, limit: int, guard: Interrupts
) -> int:
    """Run the next steps, as many as go at once; return how many."""
    left = min(total, feed.full) - done
    pace = state.pace(feed.example(), limit if left > 0 else 1)
    # Asked to do N steps a call, do N: batch callbacks rely on it.
    asked = limit if state.model.steps_per_execution > 1 else None
    count = min(asked, max(left, 1)) if asked else pace.next(left)
    arrays = feed.chunk(done, count, pace.room)
    with guard.held():
        pace.run(state, arrays, count)
    return count


def run_evaluate(
    model: Any,
    data: Batch,
    batch_size: int,
    verbose: Any,
    callbacks: Any,
    steps: int | None,
    guard: Interrupts | None = None,
) -> dict[str, float]:
    """Return the metrics of the model on data."""
    total = min(steps or 1 << 62, count_batches(data, batch_size))
    listeners = _listeners(callbacks, model, total, verbose)
    progress = make_progress(verbose, 0, total, "Evaluate")
    interrupts = Interrupts() if guard is None else nullcontext(guard)
    with progress, interrupts as guard:
        listeners.call("on_test_begin", {})
        progress.begin(0)
        feed, state = Feed(data, batch_size), model._state("test", data)
        state.reset()
        logs = _run_steps(state, feed, total, listeners, progress, guard)
        progress.end(logs)
    listeners.call("on_test_end", logs)
    return logs


def run_predict(
    model: Any,
    data: Batch,
    batch_size: int,
    verbose: Any,
    callbacks: Any,
    steps: int | None,
) -> Any:
    """Return the outputs of the model on data, as NumPy arrays."""
    total = min(steps or 1 << 62, count_batches(data, batch_size))
    listeners = _listeners(callbacks, model, total, verbose)
    parts: list[list[np.ndarray[Any, Any]]] = []
    waiting: deque[Any] = deque()
    hears = listeners.listens("on_predict_batch_end")
    with make_progress(verbose, 0, total, "Predict") as progress:
        listeners.call("on_predict_begin", {})
        progress.begin(0)
        feed, state = Feed(data, batch_size), model._state("predict", data)
        for index in range(total):
            listeners.call("on_predict_batch_begin", index, {})
            waiting.append(state.run(feed.chunk(index, 1, 1)))
            # The device computes ahead; results are fetched when later ones are asked.
            while len(waiting) > (0 if hears else _AHEAD):
                parts.append([state.backend.to_numpy(x) for x in waiting.popleft()])
            if hears:
                listeners.call("on_predict_batch_end", index, {"outputs": parts[-1]})
            progress.step(index + 1, {})
        parts += [[state.backend.to_numpy(x) for x in outputs] for outputs in waiting]
        progress.stepped(total)
        progress.end({})
    listeners.call("on_predict_end", {})
    columns = [c[0] if len(c) == 1 else np.concatenate(c) for c in zip(*parts)]
    return optree.tree_unflatten(state.step.output_spec, columns)


def _listeners(callbacks: Any, model: Any, steps: int, verbose: Any) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(callbacks, model, {"steps": steps, "verbose": verbose})
