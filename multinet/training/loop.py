"""The loops of fit, evaluate and predict: state in hand, batches in, logs out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import optree

from multinet import philox
from multinet.random.keys import site_key
from multinet.training.callbacks.base import CallbackList
from multinet.training.callbacks.history import History
from multinet.training.callbacks.progress import Reporter, make_progress
from multinet.training.data import Batch, batches, count_batches, shuffled
from multinet.training.step import State


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
    progress = make_progress(verbose, epochs.stop, total, "steps")
    key = site_key()
    logs: dict[str, float] = {}
    listeners.call("on_train_begin", {})
    try:
        for epoch in epochs:
            model.reset_metrics()
            listeners.call("on_epoch_begin", epoch, {})
            progress.begin(epoch)
            order = None
            if shuffle:
                order = shuffled(philox.fold_in(key, epoch), data.size())
            stream = islice(batches(data, batch_size, order), total)
            logs = _train_epoch(model, stream, listeners, progress)
            if validation is not None and (epoch + 1) % validation_freq == 0:
                tested = run_evaluate(
                    model, validation, validation_size, 0, listeners, validation_steps
                )
                logs |= {f"val_{name}": value for name, value in tested.items()}
            progress.end(logs)
            listeners.call("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
    finally:
        progress.close()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    listeners.call("on_train_end", logs)
    return history


def _train_epoch(
    model: Any, stream: Any, listeners: CallbackList, progress: Reporter
) -> dict[str, float]:
    begin = listeners.listens("on_train_batch_begin")
    end = listeners.listens("on_train_batch_end")
    state: State | None = None
    try:
        for index, batch in enumerate(stream):
            if begin:
                listeners.call("on_train_batch_begin", index, {})
            if state is None:
                state = State(model._step("train", batch))
            state.run(batch.to_device())
            if end or begin:
                state.store()
            if end:
                listeners.call("on_train_batch_end", index, model._logs(state))
            if progress.wants():
                progress.step(index + 1, model._logs(state))
            if model.stop_training and end:
                break
    finally:
        if state is not None:
            state.store()
    return model._logs(state) if state is not None else {}


def run_evaluate(
    model: Any,
    data: Batch,
    batch_size: int,
    verbose: Any,
    callbacks: Any,
    steps: int | None,
) -> dict[str, float]:
    """Return the metrics of the model on data."""
    total = min(steps or 1 << 62, count_batches(data, batch_size))
    listeners = _listeners(callbacks, model, total, verbose)
    progress = make_progress(verbose, 0, total, "evaluation steps")
    model.reset_metrics()
    listeners.call("on_test_begin", {})
    progress.begin(0)
    state: State | None = None
    try:
        for index, batch in enumerate(islice(batches(data, batch_size), total)):
            listeners.call("on_test_batch_begin", index, {})
            if state is None:
                state = State(model._step("test", batch))
            state.run(batch.to_device())
            if listeners.listens("on_test_batch_end"):
                listeners.call("on_test_batch_end", index, model._logs(state))
            if progress.wants():
                progress.step(index + 1, model._logs(state))
        assert state is not None
        logs = model._logs(state)
        progress.end(logs)
    finally:
        progress.close()
        if state is not None:
            state.store()
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
    progress = make_progress(verbose, 0, total, "prediction steps")
    listeners.call("on_predict_begin", {})
    progress.begin(0)
    state: State | None = None
    parts: list[list[np.ndarray[Any, Any]]] = []
    try:
        for index, batch in enumerate(islice(batches(data, batch_size), total)):
            listeners.call("on_predict_batch_begin", index, {})
            if state is None:
                state = _predict_state(model, batch)
            outputs = state.run(batch.to_device())
            parts.append([model._to_numpy(output) for output in outputs])
            listeners.call("on_predict_batch_end", index, {"outputs": parts[-1]})
            progress.step(index + 1, {})
        progress.end({})
    finally:
        progress.close()
        if state is not None:
            state.store()
    listeners.call("on_predict_end", {})
    assert state is not None
    joined = [np.concatenate(column) for column in zip(*parts)]
    return optree.tree_unflatten(state.step.output_spec, joined)


def _predict_state(model: Any, batch: Batch) -> State:
    if not model.built:
        model._build_for(batch)
    return State(model._step("predict", batch))


def _listeners(callbacks: Any, model: Any, steps: int, verbose: Any) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(callbacks, model, {"steps": steps, "verbose": verbose})
