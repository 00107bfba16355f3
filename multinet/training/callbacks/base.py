"""Callback, and what users pass for several."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from multinet import absent
from multinet.checks import shown
from multinet.configurable import sketch
from multinet.errors import ArgumentError, near
from multinet.names import is_ours
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Data


@absent.watch
class Callback:
    """Code that runs at points of fit, evaluate and predict; override the hooks needed.

    `self.model` is the model and `self.params` a dict with epochs, steps and verbose.
    Logs are floats by name. Setting `self.model.stop_training = True` ends `fit` after
    the epoch, from a hook of batches after the batch, as `stop_evaluating` and
    `stop_predicting` end `evaluate` and `predict`.

    What it must know to go on in another process is what `get_state` returns: numbers,
    strings, None, arrays, and lists and dicts of them. `BackupAndRestore` keeps it.
    """

    #: Whether it runs after all others, since it looks at them.
    _is_last: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and is_ours(cls):
            cls.__init__ = shortening(cls.__init__)

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def __repr__(self) -> str:
        return sketch(self)

    def _listed(self) -> list[Callback]:
        """Return the callbacks that this stands for."""
        return [self]

    def set_model(self, model: AnyModel) -> None:
        """Set `self.model`."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set `self.params`."""
        self.params = params

    def get_state(self) -> dict[str, Data]:
        """Return what `set_state` needs to go on elsewhere; {} if there is nothing."""
        return {}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on where `get_state` of another one stood, after `on_train_begin`."""

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Run after the last epoch, with its logs."""

    def on_preemption(self, logs: dict[str, float] | None = None) -> None:
        """Run if SIGTERM came, after the step that was running; then training ends.

        Where no callback has this hook, SIGTERM is not handled.
        """

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Run before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Run after an epoch and its validation."""

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Run before a training step; calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Run after a training step, with the running means of the epoch.

        Calls `on_batch_end`.
        """
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Run before a training step: the older name."""

    def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Run after a training step: the older name."""

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Run before evaluation or validation."""

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Run after evaluation or validation."""

    def on_test_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Run before an evaluation step."""

    def on_test_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Run after an evaluation step."""

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        """Run before predict."""

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        """Run after predict."""

    def on_predict_batch_begin(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Run before a prediction step."""

    def on_predict_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Run after a prediction step."""


def warn_of_misspelt_hooks(kind: type[Callback]) -> None:
    """Warn of methods that look like hooks and are none, since nobody calls them."""
    hooks = [name for name in vars(Callback) if name.startswith("on_")]
    for name in dir(kind):
        if name.startswith("on_") and name not in hooks:
            meant = near(name, hooks, like=0.85)
            if meant:
                warnings.warn(
                    f"{kind.__name__} has a method {name}, which no loop calls.{meant}",
                    stacklevel=2,
                )


#: What users pass, and what a loop inside of another one gets.
Callbacks: TypeAlias = Callback | Sequence[Any] | None


def listed(callbacks: Callbacks) -> list[Callback]:
    """Return the callbacks of one, of lists of them in each other, or of None."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        return callbacks._listed()
    if isinstance(callbacks, list | tuple):
        return [callback for item in callbacks for callback in listed(item)]
    remedy = " Make an object of the class." if inspect.isclass(callbacks) else ""
    raise ArgumentError(
        f"Expected callbacks to be Callback objects, got {shown(callbacks)}.{remedy}"
    )
