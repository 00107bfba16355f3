"""Nadam, Lamb and ScheduleFreeAdamW: kin of Adam, with kernels on lists of tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.checks import number, whole
from multinet.config import floatx
from multinet.optimizers.base import Optimizer, shared
from multinet.optimizers.kernels import one_minus_power
from multinet.optimizers.rules import by_weight, fraction, like, moved
from multinet.optimizers.state import Form
from multinet.registry import current
from multinet.typing import LearningRate, Numbers, Tensor
from multinet.variables import Variable

_WARMUP = 0.96  # Nadam's first momenta grow by it: beta_1 * (1 - 0.96**t / 2)
_TERMS = 30  # of the series of their product: 0.5**30 / 30 is below rounding


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, which warms up over some hundred steps.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(**shared(locals()))
        self.beta_1 = fraction(beta_1, "beta_1")
        self.beta_2 = fraction(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", least=0)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots, and last a number that files have: the product of momenta."""
        if self.built:
            return
        super().build(variables)
        dtype = self.optimized[0].dtype if self.optimized else floatx()
        product = Variable(1.0, dtype=dtype, trainable=False, name="momentum_product")
        product.path = f"{self.name}/momentum_product"
        self.slot_variables.append(product)

    def update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        slots: Sequence[Tensor],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return params and slots after one update; both are consumed."""
        params, slots = super().update(params, grads, slots, step, learning_rate)
        slots[-1] = like(self._momenta(step, params)[-1], slots[-1])
        return params, slots

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and moments after a step."""
        f = current()
        now, later, product = self._momenta(step, params)
        of_mean = f.divide(later, f.subtract(1.0, f.multiply(product, later)))
        of_grad = f.divide(f.subtract(1.0, now), f.subtract(1.0, product))
        spread = one_minus_power(self.beta_2, step, params)

        def one(p: Any, g: Any, m: Any, v: Any) -> tuple[Tensor, ...]:
            m, v = moved(m, g, self.beta_1), moved(v, f.square(g), self.beta_2)
            mean = f.add(
                f.multiply(m, like(of_mean, m)), f.multiply(g, like(of_grad, g))
            )
            root = f.sqrt(f.divide(v, like(spread, v)))
            change = f.divide(
                f.multiply(mean, like(learning_rate, p)), f.add(root, self.epsilon)
            )
            return f.subtract(p, change), m, v

        return by_weight(one, params, grads, slots)

    def _momenta(self, step: Numbers, params: list[Tensor]) -> tuple[Any, Any, Any]:
        """Return the momentum of this step and the next, and the product of all so far.

        The product needs no state: its logarithm is t * log(beta_1) less the sum over k
        of 0.5**k / k times the geometric series of 0.96**(k * i), i from 1 to t.
        """
        f = current()
        wide = dtypes.promote("float32", *map(f.dtype, params))
        t: Any = f.cast(step, wide) if f.is_tensor(step) else f.full((), step, wide)
        warmth = f.exp(f.multiply(t, math.log(_WARMUP)))
        now = f.multiply(f.subtract(1.0, f.multiply(warmth, 0.5)), self.beta_1)
        half = 0.5 * _WARMUP
        later = f.multiply(f.subtract(1.0, f.multiply(warmth, half)), self.beta_1)
        k = np.arange(1, _TERMS + 1)
        ratio = _WARMUP**k
        weights = f.from_numpy((0.5**k / k * ratio / (1 - ratio)).astype(wide))
        powers = f.from_numpy((k * math.log(_WARMUP)).astype(wide))
        grown = f.negative(f.expm1(f.multiply(powers, t)))
        spent = f.sum(f.multiply(weights, grown), (0,), False)
        log_beta = math.log(self.beta_1) if self.beta_1 > 0 else -100.0
        product = f.exp(f.subtract(f.multiply(t, log_beta), spent))
        return now, later, product


class Lamb(Optimizer):
    """Adam whose step on each weight is as long as the weight, for large batches.

    Source: You et al., "Large batch optimization for deep learning", 2019.
    """

    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(**shared(locals()))
        self.beta_1 = fraction(beta_1, "beta_1")
        self.beta_2 = fraction(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", least=0)

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and moments after a step."""
        f = current()
        mean = one_minus_power(self.beta_1, step, params)
        spread = one_minus_power(self.beta_2, step, params)

        def one(p: Any, g: Any, m: Any, v: Any) -> tuple[Tensor, ...]:
            m, v = moved(m, g, self.beta_1), moved(v, f.square(g), self.beta_2)
            root = f.sqrt(f.divide(v, like(spread, v)))
            change = f.divide(f.divide(m, like(mean, m)), f.add(root, self.epsilon))
            length = f.multiply(_trust(p, change), like(learning_rate, p))
            return f.subtract(p, f.multiply(change, length)), m, v

        return by_weight(one, params, grads, slots)


def _trust(param: Any, change: Any) -> Any:
    """Return norm(param) / norm(change), 1 where one of them is 0."""
    f = current()
    long, short = norm(param), norm(change)
    either = f.logical_or(f.less_equal(long, 0), f.less_equal(short, 0))
    return f.where(either, 1.0, f.divide(long, f.where(either, 1.0, short)))


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm of all elements."""
    f = current()
    return f.sqrt(f.sum(f.square(x), tuple(range(len(f.shape(x)))), False))


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule: it steps from an average of where it has been.

    `beta_1` says how near to that average the gradient is taken. The rate grows from 0
    over `warmup_steps`. The slot "momentum" is where plain Adam would be.

    Source: Defazio et al., "The road less scheduled", 2024.
    """

    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(**shared(locals()))
        self.beta_1 = float(number(beta_1, "beta_1", above=0, below=1))
        self.beta_2 = fraction(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", least=0)
        self.warmup_steps = whole(warmup_steps, "warmup_steps", least=0)

    def slot_value(self, variable: Variable, slot: str, form: Form) -> Tensor:
        """Return the weight itself, where the first step begins, or zeros."""
        if slot == "momentum":
            return current().copy(variable.__multinet_tensor__())
        return super().slot_value(variable, slot, form)

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params, Adam's own places and mean squares after a step."""
        f = current()
        rate, part = self._warmed(step, learning_rate, params)
        spread = one_minus_power(self.beta_2, step, params)

        def one(y: Any, g: Any, z: Any, v: Any) -> tuple[Tensor, ...]:
            v = moved(v, f.square(g), self.beta_2)
            root = f.sqrt(f.divide(v, like(spread, v)))
            average = f.divide(
                f.subtract(y, f.multiply(z, 1 - self.beta_1)), self.beta_1
            )
            change = f.divide(f.multiply(g, like(rate, g)), f.add(root, self.epsilon))
            z = f.subtract(z, change)
            away = f.multiply(f.subtract(z, average), like(part, z))
            average = f.add(average, away)
            y = f.add(f.multiply(z, 1 - self.beta_1), f.multiply(average, self.beta_1))
            return y, z, v

        return by_weight(one, params, grads, slots)

    def _warmed(
        self, step: Any, rate: Any, params: list[Tensor]
    ) -> tuple[Numbers, Numbers]:
        """Return the rate of a step, and its part in the average: 1 / step."""
        f = current()
        if not f.is_tensor(step):
            share = min(step / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
            scaled = f.multiply(rate, share) if f.is_tensor(rate) else rate * share
            return scaled, 1.0 / step
        t: Any = f.cast(step, dtypes.promote("float32", *map(f.dtype, params)))
        if self.warmup_steps:
            share = f.minimum(f.divide(t, float(self.warmup_steps)), 1.0)
            rate = f.multiply(like(rate, share), share)
        return rate, f.divide(1.0, t)
