"""The learning rate: a number kept in a Variable, a schedule, or a function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from multinet.checks import number, shown
from multinet.errors import ArgumentError, TraceError, WrongType
from multinet.moving import Movable
from multinet.ops.core import as_tensor, cast_tensor
from multinet.optimizers import schedules
from multinet.registry import current
from multinet.typing import Data, LearningRate, Numbers, Tensor
from multinet.variables import Variable


class Rate(Movable):
    """Where an optimizer's learning rate comes from."""

    _private = frozenset({"_read"})
    _read: tuple[Any, float] | None = None

    def __init__(self, value: LearningRate) -> None:
        self.source = _source(value)
        self.variable: Variable | None = None

    def make(self, path: str) -> None:
        """Make the Variable if the rate is a number."""
        if self.variable is None and isinstance(self.source, float):
            self.variable = Variable(
                self.source, dtype=self.dtype, trainable=False, name="learning_rate"
            )
            self.variable.path = path

    @property
    def dtype(self) -> str:
        """The dtype of the rate in a step."""
        return schedules.rate_dtype() if self.variable is None else self.variable.dtype

    @property
    def is_schedule(self) -> bool:
        """Whether the rate depends on the number of updates done."""
        return isinstance(self.source, schedules.LearningRateSchedule)

    def variables(self) -> list[Variable]:
        """Return the Variable in a list, which is empty where there is none."""
        return [] if self.variable is None else [self.variable]

    def set(self, value: LearningRate) -> None:
        """Replace the rate; one that a schedule or function computes cannot be."""
        source = _source(value)
        if not isinstance(self.source, float):
            raise WrongType(
                f"The learning rate comes from {self.source!r}, so it cannot be set. "
                "Make the optimizer with a number instead."
            )
        if self.variable is not None and isinstance(source, float):
            self.variable.assign(source)
        else:
            self.source, self.variable = source, None

    def at(self, iterations: int) -> float:
        """Return the rate on the host after so many updates."""
        if not isinstance(self.source, float):
            return self._computed(iterations)
        if self.variable is None:
            return float(np.dtype(self.dtype).type(self.source))
        value = self.variable.__multinet_tensor__()
        # Reading a tensor waits for the device, so each one is read once.
        if self._read is None or self._read[0] is not value:
            self._read = (value, float(self.variable.numpy()))
        return self._read[1]

    def _computed(self, iterations: int) -> float:
        """Return what the schedule or function gives, if it is a rate."""
        given = self.source(iterations) if self.is_schedule else self.source()
        if type(given) is float and 0 <= given < math.inf:
            return given
        try:
            rate = math.nan if isinstance(given, str) else float(given)
        except (TypeError, ValueError):
            rate = math.nan
        if not 0 <= rate < math.inf:
            raise ArgumentError(
                f"Expected {shown(self.source)} to return a number >= 0 for update "
                f"{iterations + 1}, got {shown(given)}."
            )
        return rate

    def inside(self, iterations: Numbers) -> Tensor:
        """Return the rate as a tensor, in a compiled step that counts its updates."""
        if self.variable is not None:
            return self.variable.__multinet_tensor__()
        if isinstance(self.source, schedules.LearningRateSchedule):
            return cast_tensor(as_tensor(self.source(iterations)), self.dtype)
        value = self.source()
        if not current().is_tensor(value):
            raise TraceError(
                f"The learning rate comes from {self.source!r}, which returns a number "
                "of the host: a compiled function would keep its first one. Use a "
                "LearningRateSchedule, or a number that you assign to "
                "optimizer.learning_rate between the calls."
            )
        return cast_tensor(value, self.dtype)

    def of_updates(self, iterations: int, count: int) -> float | list[float]:
        """Return the rates of `count` updates: one for all, or one for each."""
        if isinstance(self.source, float):
            return self.at(iterations)
        return [self.at(iterations + i) for i in range(count)]

    def config(self) -> Data:
        """Return the rate as data: a number or the configuration of a schedule."""
        if not isinstance(self.source, float):
            return schedules.serialize(self.source)
        if self.variable is None:
            return self.source
        return float(str(self.variable.numpy()))  # 0.001, not 0.0010000000474974513


def _source(value: Any) -> Any:
    if isinstance(value, Mapping):
        return schedules.deserialize(value)
    if isinstance(value, schedules.LearningRateSchedule):
        return value
    if inspect.isclass(value) or isinstance(value, str | bytes | bool):
        raise _unusable(value)
    if callable(value):
        _refuse_parameters(value)
        return value
    try:
        rate = float(value)
    except (TypeError, ValueError):
        raise _unusable(value) from None
    return _valid(rate, "learning_rate")


def _valid(rate: float, name: str) -> float:
    """Return a rate that is finite and not negative."""
    if 0 <= rate < math.inf:
        return rate
    return number(rate, name, least=0, hint=" To climb a function, negate it.")


def _unusable(value: Any) -> ArgumentError:
    remedy = " Make an object of the class." if inspect.isclass(value) else ""
    return ArgumentError(
        "Expected learning_rate to be a number, a LearningRateSchedule or a function "
        f"without arguments, got {shown(value)}.{remedy}"
    )


def _refuse_parameters(function: Any) -> None:
    """Refuse a function that wants to be told something, as schedules are."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C have none
        return
    try:
        signature.bind()
    except TypeError:
        raise ArgumentError(
            "Expected learning_rate to be a function without arguments, got one of "
            f"{signature}. For a rate that depends on the step write a "
            "LearningRateSchedule: a class with __call__(self, step)."
        ) from None
