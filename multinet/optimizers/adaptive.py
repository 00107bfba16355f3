"""RMSprop, Adagrad, Adadelta and Ftrl: options, and kernels on lists of tensors."""

from __future__ import annotations

from typing import Any

from multinet.checks import flag, number
from multinet.optimizers.base import Optimizer, shared
from multinet.optimizers.rules import by_weight, fraction, like
from multinet.registry import current
from multinet.typing import LearningRate, Numbers, Tensor


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square.

    The mean decays by `rho`; `epsilon` is added to it. `centered` subtracts the square
    of the mean gradient; `momentum` accumulates steps. The other arguments are those of
    every optimizer (see `Optimizer`).

    Source: Tieleman and Hinton, Coursera lecture 6e, 2012.

    >>> optimizer = optimizers.RMSprop(1e-3, momentum=0.9)
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = fraction(rho, "rho")
        self.momentum = number(momentum, "momentum", least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", least=0)
        self.centered = flag(centered, "centered")
        self.slot_groups = (("velocity",),)
        self.slot_groups += (("momentum",),) if momentum else ()
        self.slot_groups += (("average_gradient",),) if centered else ()

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and slots after a step."""
        f = current()
        names = [name for group in self.slot_groups for name in group]

        def one(p: Any, g: Any, *values: Any) -> list[Any]:
            return self._one(f, p, g, dict(zip(names, values)), learning_rate)

        return by_weight(one, params, grads, slots)

    def _one(
        self, f: Any, p: Any, g: Any, slots: dict[str, Any], rate: Any
    ) -> list[Any]:
        keep, take = self.rho, 1 - self.rho
        velocity = f.add(
            f.multiply(slots["velocity"], keep), f.multiply(f.square(g), take)
        )
        new, denominator = [velocity], f.add(velocity, self.epsilon)
        average = None
        if self.centered:
            average = f.add(
                f.multiply(slots["average_gradient"], keep), f.multiply(g, take)
            )
            denominator = f.subtract(denominator, f.square(average))
        change = f.divide(f.multiply(g, like(rate, g)), f.sqrt(denominator))
        if self.momentum:
            change = f.add(f.multiply(slots["momentum"], self.momentum), change)
            new.append(change)
        if average is not None:
            new.append(average)
        return [f.subtract(p, change), *new]


class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares.

    Source: Duchi et al., "Adaptive subgradient methods", 2011.
    """

    slot_groups = (("accumulator",),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", least=0
        )
        self.epsilon = number(epsilon, "epsilon", least=0)

    def slot_start(self, slot: str) -> float:
        """Return the number that a slot is filled with at first."""
        return self.initial_accumulator_value

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and accumulators after a step."""
        f = current()
        totals = [f.add(a, f.square(g)) for a, g in zip(slots[0], grads)]
        moved = []
        for p, g, total in zip(params, grads, totals, strict=True):
            root = f.sqrt(f.add(total, self.epsilon))
            change = f.divide(f.multiply(g, like(learning_rate, g)), root)
            moved.append(f.subtract(p, change))
        return moved, [totals]


class Adadelta(Optimizer):
    """Steps by the gradient times the ratio of mean squares of steps and gradients.

    Source: Zeiler, "Adadelta", 2012.
    """

    slot_groups = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
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
        self.rho = fraction(rho, "rho")
        self.epsilon = number(epsilon, "epsilon", least=0)

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and accumulators after a step."""
        f, keep, take = current(), self.rho, 1 - self.rho

        def one(p: Any, g: Any, squares: Any, steps: Any) -> tuple[Tensor, ...]:
            squares = f.add(f.multiply(squares, keep), f.multiply(f.square(g), take))
            above = f.sqrt(f.add(steps, self.epsilon))
            below = f.sqrt(f.add(squares, self.epsilon))
            change = f.divide(f.multiply(above, g), below)
            steps = f.add(f.multiply(steps, keep), f.multiply(f.square(change), take))
            p = f.subtract(p, f.multiply(change, like(learning_rate, change)))
            return p, squares, steps

        return by_weight(one, params, grads, slots)


class Ftrl(Optimizer):
    """Follows the regularized leader: sparse weights for linear models of many inputs.

    Source: McMahan et al., "Ad click prediction: a view from the trenches", 2013.
    """

    slot_groups = (("accumulator", "linear"),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = number(
            learning_rate_power, "learning_rate_power", most=0
        )
        start = number(initial_accumulator_value, "initial_accumulator_value", least=0)
        self.initial_accumulator_value = start
        one = number(l1_regularization_strength, "l1_regularization_strength", least=0)
        two = number(l2_regularization_strength, "l2_regularization_strength", least=0)
        self.l1_regularization_strength = one
        self.l2_regularization_strength = two
        self.l2_shrinkage_regularization_strength = number(
            l2_shrinkage_regularization_strength,
            "l2_shrinkage_regularization_strength",
            least=0,
        )
        self.beta = number(beta, "beta")

    def slot_start(self, slot: str) -> float:
        """Return the first sum of squares; 0 for the linear part."""
        return float(self.initial_accumulator_value) if slot == "accumulator" else 0.0

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params, sums of squares and linear parts after a step."""
        f = current()

        def one(p: Any, g: Any, total: Any, linear: Any) -> tuple[Tensor, ...]:
            return self._one(f, p, g, total, linear, like(learning_rate, p))

        return by_weight(one, params, grads, slots)

    def _one(
        self, f: Any, p: Any, g: Any, total: Any, linear: Any, rate: Any
    ) -> tuple[Any, Any, Any]:
        power = -float(self.learning_rate_power)
        shrinking = 2.0 * self.l2_shrinkage_regularization_strength
        grad = f.add(g, f.multiply(p, shrinking)) if shrinking else g
        larger = f.add(total, f.square(g))
        now, before = (f.divide(f.power(x, power), rate) for x in (larger, total))
        moved = f.multiply(f.subtract(now, before), p)
        linear = f.add(linear, f.subtract(grad, moved))
        steep = f.add(now, 2.0 * self.l2_regularization_strength)
        if self.beta:
            steep = f.add(steep, f.divide(f.full((), self.beta, f.dtype(p)), rate))
        limit = float(self.l1_regularization_strength)
        p = f.divide(f.subtract(f.clip(linear, -limit, limit), linear), steep)
        return p, larger, linear
