"""Callbacks that watch a value of the logs: which direction is better, and whether."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from multinet import losses, metrics, ops
from multinet.checks import number, one_of, shown
from multinet.errors import ArgumentError
from multinet.losses.base import FunctionLoss
from multinet.metrics.base import FunctionMetric, MeanMetricWrapper, log_name
from multinet.training.callbacks.base import Callback
from multinet.training.task import Matched
from multinet.typing import AnyModel

Logs: TypeAlias = dict[str, float] | None

_SIGNS = {"max": 1.0, "up": 1.0, "min": -1.0, "down": -1.0}


def _functions_of(
    module: ModuleType, base: type[FunctionLoss | FunctionMetric]
) -> dict[object, str | None]:
    """Return what is better of the functions that classes of a module are made of."""
    things = [getattr(module, name) for name in module.__all__]
    classes = [x for x in things if inspect.isclass(x) and issubclass(x, base)]
    return {cls.function: cls._direction for cls in classes}


# A function is a loss, unless a metric is the mean of it.
_FUNCTIONS = {
    **_functions_of(losses, FunctionLoss),
    **_functions_of(metrics, FunctionMetric),
}


def direction_of(part: object) -> str | None:
    """Return "up" or "down", what is better of a metric, a loss or a function of them.

    None where nobody has said.
    """
    found = getattr(part, "_direction", None)
    if found is None and isinstance(part, MeanMetricWrapper):
        return direction_of(part.fn)
    if found is None:
        return _FUNCTIONS.get(part) if isinstance(part, FunctionType) else None
    if found not in ("up", "down"):
        raise ArgumentError(
            f'Expected _direction of {shown(part)} to be "up" or "down", got '
            f"{shown(found)}."
        )
    return found


class Monitor(Callback):
    """The base of callbacks that watch whether a value of the logs improves.

    `mode` is "min", "max" or "auto": then the metric or loss says itself what is
    better. Improvement means by more than `min_delta`.
    """

    #: What hangs on the direction, where a guess will not do.
    _needs_direction = ""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        super().__init__()
        if not isinstance(monitor, str):
            raise ArgumentError(
                "Expected monitor to be a name in the logs, such as 'val_loss', got "
                f"{shown(monitor)}."
            )
        self.monitor = monitor
        self.mode = one_of(mode, "mode", ("auto", "min", "max"))
        self.min_delta = abs(number(min_delta, "min_delta"))
        self.sign = _SIGNS.get(mode, 0.0)  # 0 while it is not known

    @property
    def monitor_op(self) -> Callable[..., Any]:
        """The op that compares a value with the best before: greater or less."""
        return ops.greater if self.sign > 0 else ops.less

    def on_train_begin(self, logs: Logs = None) -> None:
        """Find out which direction is better."""
        if self.mode != "auto":
            return
        found = direction_in(self.model, self.monitor)
        if found is None:
            self._guess()
        self.sign = _SIGNS[found or "min"]

    def _guess(self) -> None:
        """Warn that the value will be minimized; refuse where that will not do.

        It will not for a value that no metric has: its name may be wrong.
        """
        name = type(self).__name__
        known = sorted({log_name(metric) for metric in self.model.metrics})
        why = (
            f"no metric of the model called {_plain(self.monitor)!r} says whether more "
            f"of it is better or less (there are {known})"
        )
        remedy = (
            f"Say it by {name}({self.monitor!r}, mode='max') or mode='min', or by "
            '_direction = "up" or "down" in the class of the metric.'
        )
        refused = None
        if self._needs_direction:
            refused = f"is to {self._needs_direction}, but"
        elif _plain(self.monitor) not in known:
            refused = "cannot tell what is better, as"
        if refused is not None:
            raise ArgumentError(f"{name} {refused} {why}. {remedy}")
        warnings.warn(
            f"{name} minimizes {self.monitor!r}, as {why}. {remedy}", stacklevel=2
        )

    #: What it does where the logs lack the value.
    _without_value = "It will do nothing."

    def get_monitor_value(self, logs: Logs) -> float | None:
        """Return the value, None with a warning where the logs have none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, but the epoch logged "
                f"{sorted(logs or {})}. {self._without_value}",
                stacklevel=3,
            )
            return None
        if np.size(value) != 1:
            raise ArgumentError(
                f"Expected {self.monitor!r} in the logs to be a number, got an array "
                f"of shape {np.shape(value)}. Let the metric average it."
            )
        return float(value)

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether a value is better than another; NaN never is."""
        if math.isnan(value):
            return False
        return reference is None or self.sign * (value - reference) > self.min_delta


def direction_in(model: AnyModel, name: str) -> str | None:
    """Return "up" or "down" for a name in the logs of a model, None if unknown.

    Losses are minimized; a metric of the name says itself.
    """
    matched: Matched | None = getattr(model, "_matched", None)
    trackers, minimized = (), ()
    if matched is not None:
        trackers = (matched.tracker, *matched.trackers)
        minimized = () if matched.loss is None else matched.loss.all_losses
    for wanted in dict.fromkeys((name, _plain(name))):
        if wanted == "loss" or any(wanted == t.name for t in trackers):
            return "down"
        for metric in reversed(getattr(model, "metrics", ())):  # of any class
            if log_name(metric) == wanted:
                own = getattr(metric, "fn", metric)
                is_loss = any(
                    own in (loss, getattr(loss, "fn", None)) for loss in minimized
                )
                return direction_of(metric) or ("down" if is_loss else None)
    return None


def _plain(name: str) -> str:
    """Return a name in the logs without what marks it as of the validation."""
    return name.removeprefix("val_")
