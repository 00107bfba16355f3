"""The optimizers: each one's options and its kernel on lists of tensors."""

from __future__ import annotations

import math
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError
from multinet.optimizers.base import Optimizer, Tensors
from multinet.optimizers.rules import like
from multinet.registry import current


class SGD(Optimizer):
    """Gradient descent, with `momentum` and Nesterov's form of it.

    Source: Sutskever et al., "On the importance of initialization and momentum", 2013.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"Expected momentum in [0, 1], got {momentum!r}.")
        self.momentum, self.nesterov = momentum, nesterov
        self.slot_groups = (("momentum",),) if momentum else ()

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params and velocities after a step."""
        params, velocities = current().sgd_update(
            params,
            grads,
            slots[0] if slots else [],
            learning_rate,
            float(self.momentum),
            self.nesterov,
        )
        return params, [velocities] if slots else []


class Adam(Optimizer):
    """Steps by the mean of gradients over the root of their mean square.

    `amsgrad` divides by the largest mean square so far.

    Source: Kingma and Ba, "Adam", 2015; Reddi et al., "On the convergence of Adam and
    beyond", 2018.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = (
            _fraction(beta_1, "beta_1"),
            _fraction(beta_2, "beta_2"),
        )
        self.epsilon, self.amsgrad = epsilon, amsgrad
        self.slot_groups = (("momentum", "velocity"),)
        if amsgrad:
            self.slot_groups += (("velocity_hat",),)

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params and moments after a step."""
        if self.amsgrad:
            return self._amsgrad(params, grads, slots, step, learning_rate)
        params, means, variances = current().adam_update(
            params,
            grads,
            slots[0],
            slots[1],
            step,
            learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
        )
        return params, [means, variances]

    def _amsgrad(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        f = current()
        rate = corrected_rate(step, rate, self.beta_1, self.beta_2, params)
        new: list[Tensors] = [[], [], [], []]
        for p, g, m, v, top in zip(params, grads, *slots, strict=True):
            m = f.add(m, f.multiply(f.subtract(g, m), 1 - self.beta_1))
            v = f.add(v, f.multiply(f.subtract(f.square(g), v), 1 - self.beta_2))
            top = f.maximum(top, v)
            direction = f.divide(m, f.add(f.sqrt(top), self.epsilon))
            p = f.subtract(p, f.multiply(direction, like(rate, p)))
            for values, value in zip(new, (p, m, v, top)):
                values.append(value)
        return new[0], new[1:]


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            raise ArgumentError("AdamW needs weight_decay, a number; use Adam without.")
        options["weight_decay"] = weight_decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **options)


class Adamax(Optimizer):
    """Adam with the maximum norm for the mean square. Source: Kingma and Ba, 2015."""

    slot_groups = (("momentum", "norm"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = (
            _fraction(beta_1, "beta_1"),
            _fraction(beta_2, "beta_2"),
        )
        self.epsilon = epsilon

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params, means and norms after a step."""
        f = current()
        rate = corrected_rate(step, learning_rate, self.beta_1, 0.0, params)
        new: list[Tensors] = [[], [], []]
        for p, g, m, u in zip(params, grads, *slots, strict=True):
            m = f.add(m, f.multiply(f.subtract(g, m), 1 - self.beta_1))
            u = f.maximum(f.multiply(u, self.beta_2), f.abs(g))
            direction = f.divide(m, f.add(u, self.epsilon))
            p = f.subtract(p, f.multiply(direction, like(rate, p)))
            for values, value in zip(new, (p, m, u)):
                values.append(value)
        return new[0], new[1:]


class RMSprop(Optimizer):
    """Steps by the gradient over the root of its mean square.

    `centered` subtracts the square of the mean gradient; `momentum` accumulates steps.

    Source: Tieleman and Hinton, Coursera lecture 6e, 2012.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.momentum = _fraction(rho, "rho"), momentum
        self.epsilon, self.centered = epsilon, centered
        self.slot_groups = (("velocity",),)
        self.slot_groups += (("momentum",),) if momentum else ()
        self.slot_groups += (("average_gradient",),) if centered else ()

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params and slots after a step."""
        f = current()
        names = [name for group in self.slot_groups for name in group]
        rows = [
            self._one(f, p, g, dict(zip(names, values)), learning_rate)
            for p, g, *values in zip(params, grads, *slots, strict=True)
        ]
        columns = [list(column) for column in zip(*rows)]
        return columns[0], columns[1:]

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
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def slot_start(self, slot: str) -> float:
        """Return the number that a slot is filled with at first."""
        return self.initial_accumulator_value

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
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
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.epsilon = _fraction(rho, "rho"), epsilon

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params and accumulators after a step."""
        f, keep, take = current(), self.rho, 1 - self.rho
        new: list[Tensors] = [[], [], []]
        for p, g, squares, steps in zip(params, grads, *slots, strict=True):
            squares = f.add(f.multiply(squares, keep), f.multiply(f.square(g), take))
            above = f.sqrt(f.add(steps, self.epsilon))
            below = f.sqrt(f.add(squares, self.epsilon))
            change = f.divide(f.multiply(above, g), below)
            steps = f.add(f.multiply(steps, keep), f.multiply(f.square(change), take))
            p = f.subtract(p, f.multiply(change, like(learning_rate, change)))
            for values, value in zip(new, (p, squares, steps)):
                values.append(value)
        return new[0], new[1:]


class Lion(Optimizer):
    """Steps by the sign of an average of gradient and momentum.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    slot_groups = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2 = (
            _fraction(beta_1, "beta_1"),
            _fraction(beta_2, "beta_2"),
        )

    def kernel(
        self,
        params: Tensors,
        grads: Tensors,
        slots: list[Tensors],
        step: Any,
        learning_rate: Any,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return params and momenta after a step."""
        f = current()
        moved, momenta = [], []
        for p, g, m in zip(params, grads, slots[0], strict=True):
            blend = f.add(f.multiply(m, self.beta_1), f.multiply(g, 1 - self.beta_1))
            change = f.multiply(f.sign(blend), like(learning_rate, p))
            moved.append(f.subtract(p, change))
            momenta.append(
                f.add(f.multiply(m, self.beta_2), f.multiply(g, 1 - self.beta_2))
            )
        return moved, [momenta]


def corrected_rate(
    step: Any, rate: Any, beta_1: float, beta_2: float, params: Tensors
) -> Any:
    """Return rate * sqrt(1 - beta_2**step) / (1 - beta_1**step), as wide as params."""
    f = current()
    if not f.is_tensor(step):
        factor = (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
        return f.multiply(rate, factor) if f.is_tensor(rate) else rate * factor
    wide = dtypes.promote("float32", *map(f.dtype, params))
    t, rate = f.cast(step, wide), f.cast(rate, wide) if f.is_tensor(rate) else rate
    factor = f.divide(f.sqrt(_one_minus_power(beta_2, t)), _one_minus_power(beta_1, t))
    return f.multiply(factor, rate)


def _one_minus_power(beta: float, t: Any) -> Any:
    f = current()
    # 1 - beta**t in float32 is off by 3e-5 at t = 1; expm1 is exact to the last bits.
    log_beta = math.log(beta) if beta > 0 else -100.0
    return f.negative(f.expm1(f.multiply(t, log_beta)))


def _fraction(value: float, name: str) -> float:
    if not 0 <= value < 1:
        raise ArgumentError(f"Expected {name} in [0, 1), got {value!r}.")
    return float(value)
