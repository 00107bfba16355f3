"""SGD, Adam and its kin: options, and kernels on lists of tensors."""

from __future__ import annotations

import math
from typing import Any

from multinet import dtypes
from multinet.checks import flag, number
from multinet.errors import ArgumentError
from multinet.optimizers.base import Optimizer, shared
from multinet.optimizers.rules import by_weight, fraction, like, moved
from multinet.registry import current
from multinet.typing import LearningRate, Numbers, Tensor


class SGD(Optimizer):
    """Gradient descent, with `momentum` and Nesterov's form of it, `nesterov=True`.

    velocity = momentum * velocity - learning_rate * gradient is added to the weight.
    The other arguments are those of every optimizer (see `Optimizer`).

    Source: Sutskever et al., "On the importance of initialization and momentum", 2013.

    >>> optimizer = optimizers.SGD(0.1)
    >>> weight = multinet.Variable([1.0])
    >>> optimizer.apply([np.array([2.0], "float32")], [weight])
    >>> round(float(weight[0]), 6)
    0.8
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum = number(momentum, "momentum", least=0, most=1)
        self.nesterov = flag(nesterov, "nesterov")
        self.slot_groups = (("momentum",),) if momentum else ()

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
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

    The two means decay by `beta_1` and `beta_2`; `epsilon` is added to the root.
    `amsgrad` divides by the largest mean square so far. The other arguments are those
    of every optimizer (see `Optimizer`).

    Source: Kingma and Ba, "Adam", 2015; Reddi et al., "On the convergence of Adam and
    beyond", 2018.

    >>> schedule = optimizers.schedules.CosineDecay(1e-3, decay_steps=1000)
    >>> optimizer = optimizers.Adam(schedule, global_clipnorm=1.0)
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1, self.beta_2 = (
            fraction(beta_1, "beta_1"),
            fraction(beta_2, "beta_2"),
        )
        self.epsilon = number(epsilon, "epsilon", least=0)
        self.amsgrad = flag(amsgrad, "amsgrad")
        self.slot_groups = (("momentum", "velocity"),)
        if amsgrad:
            self.slot_groups += (("velocity_hat",),)

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
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
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Any,
        rate: Any,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        f = current()
        rate = corrected_rate(step, rate, self.beta_1, self.beta_2, params)

        def one(p: Any, g: Any, m: Any, v: Any, top: Any) -> tuple[Tensor, ...]:
            m, v = moved(m, g, self.beta_1), moved(v, f.square(g), self.beta_2)
            top = f.maximum(top, v)
            direction = f.divide(m, f.add(f.sqrt(top), self.epsilon))
            return f.subtract(p, f.multiply(direction, like(rate, p))), m, v, top

        return by_weight(one, params, grads, slots)


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Each update also takes learning_rate * `weight_decay` of the weight away, but of
    those that `exclude_from_weight_decay` names. The other arguments are those of
    `Adam`.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017.

    >>> optimizer = optimizers.AdamW(1e-3, weight_decay=0.05)
    >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ArgumentError("AdamW needs weight_decay, a number; use Adam without.")
        own = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
        super().__init__(amsgrad=amsgrad, **own, **shared(locals()))


class Adamax(Optimizer):
    """Adam with the maximum norm for the mean square. Source: Kingma and Ba, 2015."""

    slot_groups = (("momentum", "norm"),)

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
        self.beta_1, self.beta_2 = (
            fraction(beta_1, "beta_1"),
            fraction(beta_2, "beta_2"),
        )
        self.epsilon = number(epsilon, "epsilon", least=0)

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params, means and norms after a step."""
        f = current()
        rate = corrected_rate(step, learning_rate, self.beta_1, 0.0, params)

        def one(p: Any, g: Any, m: Any, u: Any) -> tuple[Tensor, ...]:
            m = moved(m, g, self.beta_1)
            u = f.maximum(f.multiply(u, self.beta_2), f.abs(g))
            direction = f.divide(m, f.add(u, self.epsilon))
            return f.subtract(p, f.multiply(direction, like(rate, p))), m, u

        return by_weight(one, params, grads, slots)


class Lion(Optimizer):
    """Steps by the sign of an average of gradient and momentum.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    slot_groups = (("momentum",),)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1, self.beta_2 = (
            number(beta_1, "beta_1", above=0, most=1),
            fraction(beta_2, "beta_2"),
        )

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return params and momenta after a step."""
        f = current()
        new, momenta = [], []
        for p, g, m in zip(params, grads, slots[0], strict=True):
            blend = f.add(f.multiply(m, self.beta_1), f.multiply(g, 1 - self.beta_1))
            change = f.multiply(f.sign(blend), like(learning_rate, p))
            new.append(f.subtract(p, change))
            momenta.append(
                f.add(f.multiply(m, self.beta_2), f.multiply(g, 1 - self.beta_2))
            )
        return new, [momenta]


def corrected_rate(
    step: Numbers, rate: Numbers, beta_1: float, beta_2: float, params: list[Tensor]
) -> Tensor:
    """Return rate * sqrt(1 - beta_2**step) / (1 - beta_1**step), as wide as params."""
    f = current()
    one, two = (one_minus_power(beta, step, params) for beta in (beta_1, beta_2))
    if not f.is_tensor(step):
        factor = two**0.5 / one
        return f.multiply(rate, factor) if f.is_tensor(rate) else rate * factor
    return f.multiply(f.divide(f.sqrt(two), one), like(rate, one))


def one_minus_power(beta: float, step: Numbers, params: list[Tensor]) -> Numbers:
    """Return 1 - beta**step: a host number, or a tensor as wide as params."""
    f = current()
    if not f.is_tensor(step):
        return 1 - beta**step
    t: Any = f.cast(step, dtypes.promote("float32", *map(f.dtype, params)))
    # 1 - beta**t in float32 is off by 3e-5 at t = 1; expm1 is exact to the last bits.
    log_beta = math.log(beta) if beta > 0 else -100.0
    return f.negative(f.expm1(f.multiply(t, log_beta)))
