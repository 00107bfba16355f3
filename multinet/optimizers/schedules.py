"""Learning rates that depend on the number of updates done.

Between steps they are computed on the host, from an int. Inside a compiled function the
number is a tensor; then they are computed in float32, or in floatx if that is wider, by
formulas that stay as precise as the result is: whole parts are split off as integers,
and no small difference is taken of rounded numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multinet import dtypes, ops, surface
from multinet.checks import flag, number, shown
from multinet.configurable import Configurable
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.objects.tables import Table
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import Data, Numbers
from multinet.variables import Variable

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

surface.show(__name__)

_LAST = 2**31 - 1  # the largest number of updates, an int32


def rate_dtype() -> str:
    """Return the dtype of learning rates: floatx, or float32 where that is wider."""
    return dtypes.promote(dtypes.floatx(), "float32")


class LearningRateSchedule(Configurable, Holder):
    """A function of the number of updates done, an int, that returns a number.

    Written with `multinet.ops` it also serves inside of `multinet.jit`, where the
    number is a scalar int32 tensor.
    """

    _doors = Configurable._doors | {"__call__"}

    def __call__(self, step: Numbers) -> Numbers:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")


class _Known(LearningRateSchedule):
    """A schedule with a formula for the host, and one for tensors."""

    def __call__(self, step: Numbers) -> Numbers:
        """Return the rate after `step` updates: of an int a float, of a scalar tensor
        one of `rate_dtype`.
        """
        if isinstance(step, np.integer | np.floating):
            step = step.item()
        if isinstance(step, int | float):
            return self.at(step)
        return _float(as_tensor(self.of(as_tensor(step))))

    def at(self, step: Numbers) -> float:
        raise NotImplementedError

    def of(self, step: Numbers) -> Numbers:
        raise NotImplementedError


class ExponentialDecay(_Known):
    """initial * rate**(step / decay_steps), in whole powers with `staircase`.

    initial is `initial_learning_rate`, rate `decay_rate`; it is reached after
    `decay_steps`.

    >>> schedule = optimizers.schedules.ExponentialDecay(0.1, 100, 0.5)
    >>> round(float(schedule(200)), 6)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = _rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", least=0)
        self.staircase, self.name = flag(staircase, "staircase"), name

    def at(self, step: Numbers) -> float:
        power = step / self.decay_steps
        power = math.floor(power) if self.staircase else power
        return self.initial_learning_rate * self.decay_rate**power

    def of(self, step: Numbers) -> Numbers:
        whole, rest = _split(step, self.decay_steps)
        power = _power(self.decay_rate, whole, None if self.staircase else rest)
        return ops.multiply(power, self.initial_learning_rate)


class InverseTimeDecay(_Known):
    """initial / (1 + rate * step / decay_steps), the quotient whole by `staircase`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = _rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", least=0)
        self.staircase, self.name = flag(staircase, "staircase"), name

    def at(self, step: Numbers) -> float:
        quotient = step / self.decay_steps
        quotient = math.floor(quotient) if self.staircase else quotient
        return self.initial_learning_rate / (1 + self.decay_rate * quotient)

    def of(self, step: Numbers) -> Numbers:
        whole, rest = _split(step, self.decay_steps)
        quotient = whole if self.staircase else ops.add(whole, rest)
        divisor = ops.add(ops.multiply(quotient, self.decay_rate), 1.0)
        return ops.divide(self.initial_learning_rate, divisor)


class PiecewiseConstantDecay(_Known):
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
        self.boundaries = [number(b, "each of boundaries") for b in boundaries]
        if self.boundaries != sorted(self.boundaries):
            raise ArgumentError(
                f"Expected boundaries that ascend, got {shown(self.boundaries)}."
            )
        self.values = [_rate(value, "each of values") for value in values]
        self.name = name

    def at(self, step: Numbers) -> float:
        for boundary, value in zip(self.boundaries, self.values):
            if step <= boundary:
                return value
        return self.values[-1]

    def of(self, step: Numbers) -> Numbers:
        rate = as_tensor(self.values[-1], rate_dtype())
        pairs = list(zip(self.boundaries, self.values))
        for boundary, value in reversed(pairs):
            if dtypes.is_integer(current().dtype(step)):
                boundary = math.floor(min(max(boundary, -1), _LAST))
            rate = ops.where(ops.less_equal(step, boundary), float(value), rate)
        return rate


class PolynomialDecay(_Known):
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
        self.initial_learning_rate = _rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.end_learning_rate = _rate(end_learning_rate, "end_learning_rate")
        self.power = number(power, "power", least=0)
        self.cycle, self.name = flag(cycle, "cycle"), name

    def at(self, step: Numbers) -> float:
        span = self.decay_steps
        if self.cycle:
            span *= max(1, math.ceil(step / self.decay_steps))
        left = 1 - min(step, span) / span
        change = self.initial_learning_rate - self.end_learning_rate
        return change * left**self.power + self.end_learning_rate

    def of(self, step: Numbers) -> Numbers:
        span: Any = _integer(self.decay_steps)
        if self.cycle:
            begun = ops.negative(ops.floor_divide(ops.negative(step), span))
            end = ops.multiply(ops.maximum(begun, 1), span)
            left = ops.divide(_float(ops.subtract(end, step)), _float(end))
        else:
            left = _left(step, span)
        if self.power != 1:
            left = ops.power(left, float(self.power))
        change = self.initial_learning_rate - self.end_learning_rate
        return ops.add(ops.multiply(left, change), self.end_learning_rate)


class CosineDecay(_Known):
    """Half a cosine from `initial_learning_rate` to `alpha` of it over `decay_steps`.

    With `warmup_target` a line from the initial rate to it over `warmup_steps` goes
    before, and the cosine starts from it.

    Source: Loshchilov and Hutter, "SGDR", 2016.

    >>> schedule = optimizers.schedules.CosineDecay(
    ...     0.0, decay_steps=900, alpha=0.01, warmup_target=0.1, warmup_steps=100
    ... )
    >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 550, 1000)]
    [0.0, 0.05, 0.1, 0.0505, 0.001]
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
        self.initial_learning_rate = _rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.alpha, self.name = number(alpha, "alpha", least=0), name
        self.warmup_target = warmup_target
        if warmup_target is not None:
            self.warmup_target = _rate(warmup_target, "warmup_target")
        self.warmup_steps = number(warmup_steps, "warmup_steps", least=0)

    def at(self, step: Numbers) -> float:
        start, steps = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            steps = self.warmup_steps
            if step < steps:
                return start + (self.warmup_target - start) * step / steps
            start = self.warmup_target
        done = min(step - steps, self.decay_steps) / self.decay_steps
        return start * _cosine(done, self.alpha)

    def of(self, step: Numbers) -> Numbers:
        start, steps = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            start, steps = self.warmup_target, _integer(self.warmup_steps)
        left = _left(ops.subtract(step, steps), _integer(self.decay_steps))
        rate = ops.multiply(_wave(left, self.alpha), start)
        if not steps:
            return rate
        slope = (start - self.initial_learning_rate) / steps
        ramp = ops.add(ops.multiply(_float(step), slope), self.initial_learning_rate)
        return ops.where(ops.less(step, steps), ramp, rate)


class CosineDecayRestarts(_Known):
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
        self.initial_learning_rate = _rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.first_decay_steps = _positive(first_decay_steps, "first_decay_steps")
        shorter = " Cycles that become shorter are over after a while."
        self.t_mul = number(t_mul, "t_mul", least=1, hint=shorter)
        self.m_mul = number(m_mul, "m_mul", least=0)
        self.alpha, self.name = number(alpha, "alpha", least=0), name

    def at(self, step: Numbers) -> float:
        done, length, rate = float(step), float(self.first_decay_steps), 1.0
        while done >= length:
            done, length, rate = done - length, length * self.t_mul, rate * self.m_mul
        wave = rate * _cosine(done / length, 0.0)
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)

    def of(self, step: Numbers) -> Numbers:
        if self.t_mul == 1:
            whole, rest = _split(step, self.first_decay_steps)
            left, rate = ops.subtract(1.0, rest), _power(self.m_mul, whole)
        else:
            left, rate = self._look_up(step)
        wave = ops.multiply(rate, _wave(left, 0.0))
        wave = ops.add(ops.multiply(wave, 1 - self.alpha), self.alpha)
        return ops.multiply(wave, self.initial_learning_rate)

    def _look_up(self, step: Any) -> tuple[Any, Any]:
        """Return which part of its cycle is left, and the rate that this began with."""
        starts, lengths, rates = [0.0], [float(self.first_decay_steps)], [1.0]
        while starts[-1] + lengths[-1] <= _LAST:
            starts.append(starts[-1] + lengths[-1])
            lengths.append(lengths[-1] * self.t_mul)
            rates.append(rates[-1] * self.m_mul)
        ends = [start + length for start, length in zip(starts, lengths)]
        whole = [min(math.floor(end), _LAST) for end in ends]
        begun = ops.greater_equal(step, np.array(np.ceil(starts), np.int32))
        index = ops.subtract(ops.sum(ops.cast(begun, "int32")), 1)

        def now(values: Any, dtype: str | None = None) -> Any:
            return ops.take(as_tensor(np.array(values), dtype or rate_dtype()), index)

        left = _float(ops.subtract(now(whole, "int32"), step))
        left = ops.add(left, now(np.subtract(ends, whole)))
        return ops.divide(left, now(lengths)), now(rates)


def _cosine(done: float, alpha: float) -> float:
    """Return (1 + cos(pi * done)) / 2 between `alpha` and 1, without cancellation."""
    return (1 - alpha) * math.sin(math.pi / 2 * (1 - done)) ** 2 + alpha


def _float(x: Any) -> Any:
    return cast_tensor(x, rate_dtype())


def _integer(value: Any) -> Any:
    """Return a whole number as an int if int32 holds it, so that nothing is rounded."""
    return int(value) if float(value).is_integer() and value <= _LAST else float(value)


def _split(step: Any, span: Any) -> tuple[Any, Any]:
    """Return step / span as its whole part and the rest, which is below 1."""
    span = _integer(span)
    whole = ops.floor_divide(step, span)
    rest = ops.subtract(step, ops.multiply(whole, span))
    return _float(whole), ops.divide(_float(rest), float(span))


def _left(step: Any, span: Any) -> Any:
    """Return 1 - step / span, 0 from there on."""
    left = _float(ops.subtract(span, ops.minimum(step, span)))
    return ops.divide(left, float(span))


def _wave(left: Any, alpha: float) -> Any:
    """Return (1 + cos(pi * (1 - left))) / 2 between `alpha` and 1."""
    half = ops.sin(ops.multiply(left, math.pi / 2))
    return ops.add(ops.multiply(ops.square(half), 1 - alpha), alpha)


def _power(base: float, whole: Any, rest: Any = None) -> Any:
    """Return base**(whole + rest).

    An exponential turns the absolute error of its argument into a relative one. So the
    logarithm is split: times the first bits of it `whole` is exact in float32 wherever
    the result is neither 0 nor infinite, which is below 104.
    """
    if base <= 0:
        return ops.power(float(base), whole if rest is None else ops.add(whole, rest))
    log = math.log(base)
    first = round(log * 2**17) / 2**17
    small = ops.clip(ops.multiply(whole, log - first), -80.0, 80.0)
    if rest is not None:
        small = ops.add(small, ops.multiply(rest, log))
    return ops.multiply(ops.exp(ops.multiply(whole, first)), ops.exp(small))


def _positive(value: Any, name: str) -> Any:
    return number(value, name, above=0)


def _rate(value: Any, name: str) -> float:
    if isinstance(value, Variable):
        value = float(str(value.numpy()))  # 0.001, not 0.0010000000474974513
    return number(value, name, least=0)


_table = Table(
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


@shortening
def serialize(learning_rate_schedule: LearningRateSchedule) -> Data:
    """Return the configuration of a schedule."""
    return _table.serialize(learning_rate_schedule)


@shortening
def deserialize(
    config: Data, custom_objects: Mapping[str, Any] | None = None
) -> LearningRateSchedule:
    """Return the schedule of a configuration."""
    return _table.deserialize(config, custom_objects)
