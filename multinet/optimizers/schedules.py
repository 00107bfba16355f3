"""Learning rates that depend on the number of the step; computed on the host."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from multinet.errors import ArgumentError
from multinet.names import Configurable, Registry


class LearningRateSchedule(Configurable):
    """A function of the number of updates done, an int, that returns a float."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")


class ExponentialDecay(LearningRateSchedule):
    """initial * rate**(step / decay_steps), in whole powers with `staircase`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: int) -> float:
        power = step / self.decay_steps
        power = math.floor(power) if self.staircase else power
        return self.initial_learning_rate * self.decay_rate**power


class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + rate * step / decay_steps), the quotient whole by `staircase`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: int) -> float:
        quotient = step / self.decay_steps
        quotient = math.floor(quotient) if self.staircase else quotient
        return self.initial_learning_rate / (1 + self.decay_rate * quotient)


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] while step <= boundaries[i], the last value beyond."""

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                f"Expected one value more than boundaries, got {len(values)} values "
                f"and {len(boundaries)} boundaries."
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: int) -> float:
        for boundary, value in zip(self.boundaries, self.values):
            if step <= boundary:
                return value
        return self.values[-1]


class PolynomialDecay(LearningRateSchedule):
    """From initial to end over `decay_steps` as (1 - t)**power; with `cycle` stretched.

    A cycle begins at each multiple of `decay_steps`, over a span up to the next one.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.end_learning_rate, self.power = end_learning_rate, power
        self.cycle, self.name = cycle, name

    def __call__(self, step: int) -> float:
        span = self.decay_steps
        if self.cycle:
            span *= max(1, math.ceil(step / self.decay_steps))
        left = 1 - min(step, span) / span
        change = self.initial_learning_rate - self.end_learning_rate
        return change * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` of it over `decay_steps`.

    With `warmup_target` a line from the initial rate to it over `warmup_steps` goes
    before, and the cosine starts from it.

    Source: Loshchilov and Hutter, "SGDR", 2016.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: int) -> float:
        start, steps = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            steps = self.warmup_steps
            if step < steps:
                return start + (self.warmup_target - start) * step / steps
            start = self.warmup_target
        done = min(step - steps, self.decay_steps) / self.decay_steps
        return start * _cosine(done, self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after the other, each `t_mul` as long, from `m_mul` the rate.

    Source: Loshchilov and Hutter, "SGDR", 2016.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive(first_decay_steps, "first_decay_steps")
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: int) -> float:
        done, length, rate = float(step), float(self.first_decay_steps), 1.0
        while done >= length:
            done, length, rate = done - length, length * self.t_mul, rate * self.m_mul
        wave = rate * _cosine(done / length, 0.0)
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)


def _cosine(done: float, alpha: float) -> float:
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * done)) + alpha


def _positive(value: Any, name: str) -> Any:
    if not value > 0:
        raise ArgumentError(f"Expected {name} > 0, got {value!r}.")
    return value


_registry = Registry(
    "learning rate schedule",
    (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    ),
)


def serialize(learning_rate_schedule: Any) -> Any:
    """Return the configuration of a schedule."""
    return _registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the schedule of a configuration."""
    return _registry.deserialize(config, custom_objects)
