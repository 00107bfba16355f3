"""The learning rate: a number kept in a Variable, a schedule, or a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, TraceError
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
            raise ArgumentError(
                f"The learning rate comes from {self.source!r}, so it cannot be set. "
                "Make the optimizer with a number instead."
            )
        if self.variable is not None and isinstance(source, float):
            self.variable.assign(source)
        else:
            self.source, self.variable = source, None

    def at(self, iterations: int) -> float:
        """Return the rate on the host after so many updates."""
        if isinstance(self.source, schedules.LearningRateSchedule):
            return float(self.source(iterations))
        if callable(self.source):
            return float(np.asarray(self.source()))
        if self.variable is None:
            return float(np.dtype(self.dtype).type(self.source))
        value = self.variable.__multinet_tensor__()
        # Reading a tensor waits for the device, so each one is read once.
        if self._read is None or self._read[0] is not value:
            self._read = (value, float(self.variable.numpy()))
        return self._read[1]

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
    if isinstance(value, schedules.LearningRateSchedule) or callable(value):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(
            "Expected learning_rate to be a number, a LearningRateSchedule or a "
            f"function without arguments, got {value!r}."
        ) from None
