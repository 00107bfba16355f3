"""Fit: the epochs of a training, from where it begins or goes on to its end."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from multinet.checks import flag, number, whole
from multinet.progress import make_progress, tell
from multinet.tracebacks import noting
from multinet.training.callbacks.bar import ProgbarLogger
from multinet.training.callbacks.base import (
    Callback,
    Callbacks,
    listed,
)
from multinet.training.callbacks.history import History
from multinet.training.callbacks.several import CallbackList
from multinet.training.interrupts import Interrupts
from multinet.training.loop import Pass, Trains, check_steps, is_over, run_evaluate
from multinet.training.runner import Runner
from multinet.training.sources import Source, steps_of
from multinet.typing import Data, Verbose


@dataclass(frozen=True)
class Plan:
    """How `fit` goes over its data."""

    epochs: range
    verbose: Verbose = 0
    callbacks: Callbacks = ()
    steps: int | None = None  # an epoch, at most
    validation_steps: int | None = None
    validation_freq: int | Collection[int] = 1
    max_batches: int | None = None  # of each phase of an epoch
    max_time: float | timedelta | None = None  # seconds
    throughput: bool = False  # whether the logs tell it
    sanity_check: bool = False

    def __post_init__(self) -> None:
        check_steps(self.steps, "steps_per_epoch")
        check_steps(self.validation_steps, "validation_steps")
        check_steps(self.max_batches, "max_batches")
        flag(self.throughput, "throughput")
        flag(self.sanity_check, "sanity_check")
        self.seconds()
        freq = self.validation_freq
        for each in freq if isinstance(freq, Collection) else (freq,):
            whole(each, "validation_freq, or each of several,")

    def seconds(self) -> float | None:
        """Return how long the fit may take, None for as long as it does."""
        given = self.max_time
        if isinstance(given, timedelta):
            given = given.total_seconds()
        return None if given is None else number(given, "max_time", above=0)

    def validates(self, epoch: int) -> bool:
        """Return whether there is a validation after an epoch, counted from 0."""
        freq = self.validation_freq
        if isinstance(freq, Collection):
            return epoch + 1 in freq
        return (epoch + 1) % freq == 0


class Fit:
    """A training in progress, and where it stands: what `run` does can go on elsewhere.

    `epoch` is the one that is running or comes next, and `step` the number of its steps
    that are done. Between `on_train_begin` and the first epoch `restore` may set
    another position, of `state`.
    """

    def __init__(
        self, trainer: Trains, source: Source, validation: Source | None, plan: Plan
    ) -> None:
        self.trainer, self.model = trainer, trainer.model
        self.source, self.validation, self.plan = source, validation, plan
        total = self.total = steps_of(source, plan.steps, plan.max_batches)
        epochs, verbose = plan.epochs, plan.verbose
        params = {"epochs": epochs.stop, "steps": total, "verbose": verbose}
        given = listed(plan.callbacks)
        self.history, others = _history_of(given)
        # The History has what others put into the logs, and a backup has the History.
        inner = [callback for callback in others if not callback._is_last]
        last = [callback for callback in others if callback._is_last]
        callbacks = [*inner, self.history, *last]
        self.listeners = CallbackList(callbacks, model=self.model, **params)
        self.prompt = bool(given)
        barred = any(isinstance(callback, ProgbarLogger) for callback in given)
        shown = 0 if barred else verbose
        self.progress = make_progress(shown, epochs.stop, total, "Epoch")
        self.epoch, self.step = epochs.start, 0
        self.logs: dict[str, Any] = {}
        self.stopped = False  # by a callback, before this went on
        self.until: float | None = None  # when it is to end, and
        self.late = False  # whether it ended since that was over
        self._pass: Pass | None = None  # while its steps run
        self._tested: Data | None = None  # where the next validation begins

    # -- the position ------------------------------------------------------------------

    def state(self) -> Data:
        """Return the position after the last step, as plain data with arrays."""
        going = self._pass
        if going is not None:
            self.step, self.logs = going.done, going.logs_now()
        validation = self._tested
        if validation is None and self.validation is not None:
            validation = self.validation.state()
        return {
            "epoch": self.epoch,
            "step": self.step,
            "logs": dict(self.logs),
            "stopped": self.stopped or bool(self.model.stop_training),
            "source": self.source.state(),
            "validation": validation,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to a position of a fit like this one; its data must be the same."""
        epoch = whole(state["epoch"], "epoch", least=0)
        step = whole(state["step"], "step", least=0)
        logs, stopped = dict(state["logs"]), bool(state["stopped"])
        self.source.restore(state["source"])
        tested, validation = state["validation"], self.validation
        if validation is not None and validation.size is None and tested is not None:
            # Whatever was the last evaluation, the next one is another.
            validation.restore(tested | ({"epoch": -1} if "epoch" in tested else {}))
        self.epoch, self.step, self.logs, self.stopped = epoch, step, logs, stopped

    def runner(self) -> Runner:
        """Return what runs a step, which makes all that the model lacks."""
        return self.trainer.runner("train", self.source)

    # -- the epochs --------------------------------------------------------------------

    def run(self) -> History:
        """Train for the epochs that are left; return their History."""
        model, call = self.model, self.listeners.call
        model.history, model.stop_training = self.history, False
        gently = self.listeners.listens("on_preemption")
        seconds = self.plan.seconds()
        if seconds is not None:
            self.until = time.perf_counter() + seconds
        with self.progress, Interrupts(gently) as guard:
            call("on_train_begin", {})
            going = self.step > 0 or not self.stopped
            while going and self.epoch < self.plan.epochs.stop and not guard.asked:
                going = self._one_epoch(guard)
                going = going and not (self.stopped or model.stop_training)
                if going and self._is_late():
                    break
            if guard.asked:
                call("on_preemption", self.logs)
        if model.optimizer is not None and model.optimizer.built:
            model.optimizer.finalize_variable_values(model.optimizer.optimized)
        call("on_train_end", self.logs)
        if guard.asked:
            guard.deliver()
        return self.history

    def _one_epoch(self, guard: Interrupts) -> bool:
        """Do an epoch, or what is left of it; return whether there can be another."""
        epoch, plan, call = self.epoch, self.plan, self.listeners.call
        runner = self.runner()
        runner.reset()
        call("on_epoch_begin", epoch, {})
        if self.listeners.listens("on_epoch_begin"):  # it may edit the model
            runner = self.runner()
        self.progress.begin(epoch)
        going = self._pass = Pass(
            self.trainer,
            runner,
            self.source,
            self.total,
            self.listeners,
            self.progress,
            guard,
        )
        going.until = self.until
        going.go_on(self.step, self.logs if self.step else {})
        found = self.logs if self.stopped else self._steps(going, epoch)
        self._pass = None
        if not going.done:
            return False  # the data are at their end
        self.step, self.logs = going.done, found
        if guard.asked:
            return False
        if self.validation is not None and plan.validates(epoch):
            tested = self._validate(self.validation, guard)
            if guard.asked:
                return False
            found = found | {f"val_{name}": value for name, value in tested.items()}
        self.progress.end(found, prompt=self.prompt)
        self.epoch, self.step, self.logs = epoch + 1, 0, found
        call("on_epoch_end", epoch, found)
        return not going.ran_out

    def _steps(self, going: Pass, epoch: int) -> dict[str, Any]:
        """Return the logs after the steps of an epoch."""
        found = going.epoch(epoch, self.plan.steps, self.plan.max_batches)
        return found | going.speed() if self.plan.throughput else found

    def _is_late(self) -> bool:
        """Return whether there is no time for another epoch, if there is one to do."""
        self.late = is_over(self.until) and self.epoch < self.plan.epochs.stop
        if self.late and self.plan.verbose not in (0, None):
            tell(f"Epoch {self.epoch}: max_time={self.plan.max_time} is over.")
        return self.late

    def _validate(self, data: Source, guard: Interrupts) -> dict[str, Any]:
        """Return the logs of a validation; of part of one if SIGTERM has come."""
        self.progress.validate(self.logs)
        self._tested = data.state()  # one that is cut short begins anew from there
        steps = self.plan.validation_steps
        with noting("In the validation."):
            tested = run_evaluate(
                self.trainer,
                data,
                0,
                self.listeners,
                steps,
                guard,
                self.plan.max_batches,
            )
        if not guard.asked:
            self._tested = None
        return tested


def _history_of(callbacks: list[Callback]) -> tuple[History, list[Callback]]:
    """Return the History among callbacks, or a new one, and the others."""
    given = [callback for callback in callbacks if isinstance(callback, History)]
    history = given[-1] if given else History()
    return history, [callback for callback in callbacks if callback is not history]
