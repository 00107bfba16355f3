"""LossScaleOptimizer: gradients of half precision that neither vanish nor overflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from multinet import ops
from multinet.checks import number, whole
from multinet.configurable import parameters
from multinet.errors import ArgumentError
from multinet.objects.serialization import to_data
from multinet.ops.core import as_tensor
from multinet.optimizers.base import Optimizer
from multinet.registry import current
from multinet.typing import Config, LearningRate, Numbers, Tensor
from multinet.variables import Variable

# What Keras's older configurations say of the base, where it does nothing.
_NOTHING = {
    "dynamic": True,
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Scales the loss, so that gradients in float16 do not vanish, and unscales them.

    An update with gradients that are not finite is left out, and the scale halved;
    after `dynamic_growth_steps` updates in a row without one it doubles. `iterations`
    counts the updates done. `compile` makes one under "mixed_float16".

    In a `train_step` of your own: differentiate `optimizer.scale_loss(loss)`, and
    `apply` the gradients as they are.

    Source: Micikevicius et al., "Mixed precision training", 2018.
    """

    skips = True

    _decided = frozenset(parameters(Optimizer)) - {"name"}

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for option, value in kwargs.items():
            if option not in _NOTHING or value != _NOTHING[option]:
                raise ArgumentError(
                    f"LossScaleOptimizer does not take {option}={value!r}: give it to "
                    "the inner optimizer."
                )
        if not isinstance(inner_optimizer, Optimizer):
            raise ArgumentError(
                f"Expected inner_optimizer to be an Optimizer, got {inner_optimizer!r}."
            )
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = float(number(initial_scale, "initial_scale", above=0))
        self.dynamic_growth_steps = whole(dynamic_growth_steps, "dynamic_growth_steps")
        inner_optimizer.loss_scale_factor = None  # gradients are scaled once

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the scale, the counter and the slots of the inner optimizer."""
        if self.built:
            return
        inner = self.inner_optimizer
        inner._weights = self._weights
        inner.build(variables)
        self.optimized = inner.optimized
        self._make_counters()
        self.step_counter = self._own("step_counter", 0, "int32")
        self.dynamic_scale = self._own("dynamic_scale", self.initial_scale, "float32")
        own = [self.step_counter, self.dynamic_scale, inner._batches]
        self.slot_variables = [*own, *inner.slot_variables]
        self.built = True

    def _own(self, name: str, value: float, dtype: str) -> Variable:
        variable = Variable(value, dtype=dtype, trainable=False, name=name)
        variable.path = f"{self.name}/{name}"
        return variable

    @property
    def variables(self) -> list[Variable]:
        """The scale and its counter, and what the inner optimizer has, as in Keras."""
        own = [self._make_counters(), *self._rate.variables()]
        if self.built:
            own += [self.step_counter, self.dynamic_scale]
        return [*own, *self.inner_optimizer.variables]

    @property
    def _batches(self) -> Variable:
        """That of the inner optimizer."""
        return self.inner_optimizer._batches

    @property
    def iterations(self) -> Variable | Tensor:
        """The number of updates done, without those left out."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Numbers:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self.inner_optimizer.learning_rate = value

    # -- the update --------------------------------------------------------------------

    def update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        slots: Sequence[Tensor],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return params and slots after one update, or as they were.

        `step` is not used: only the counter among the slots knows what was left out.
        """
        copy = current().copy
        counter, scale, done, *inner_slots = slots
        finite = self.check_finite(grads)
        new_params, new_slots = self.inner_optimizer._after(
            [copy(x) for x in params],
            [None if g is None else _unscaled(g, scale) for g in grads],
            [copy(x) for x in inner_slots],
            ops.add(done, 1),
            self._rate_after(done, learning_rate),
        )

        def kept(new: Sequence[Any], old: Sequence[Any]) -> list[Tensor]:
            pairs = zip(new, old, strict=True)
            return [x if x is y else current().where(finite, x, y) for x, y in pairs]

        full = ops.equal(counter, self.dynamic_growth_steps - 1)
        counts = ops.logical_and(finite, ops.logical_not(full))
        factor = ops.where(finite, ops.where(full, 2.0, 1.0), 0.5)
        own = [
            ops.where(counts, ops.add(counter, 1), 0),
            ops.multiply(scale, ops.cast(factor, "float32")),
            ops.add(done, ops.cast(finite, "int32")),
        ]
        return kept(new_params, params), [*own, *kept(new_slots, inner_slots)]

    def check_finite(self, grads: Sequence[Tensor | None]) -> Tensor:
        """Return whether no gradient holds an infinity or a NaN, a bool scalar."""
        each = [ops.all(ops.isfinite(g)) for g in grads if g is not None]
        if not each:
            raise ArgumentError("No weight has a gradient: the loss depends on none.")
        return ops.all(ops.stack(each))

    def _rate_after(self, done: Any, given: Any) -> Any:
        """Return the rate given, or that of a schedule, which counts the updates."""
        rate = self.inner_optimizer._rate
        return rate.inside(done) if rate.is_schedule else given

    def _count_update(self) -> None:
        """Leave it to `update`."""

    def _now(self) -> tuple[Any, Any]:
        return self.inner_optimizer._now() if self._given is None else super()._now()

    @property
    def rate_dtype(self) -> str:
        """That of the inner optimizer."""
        return self.inner_optimizer.rate_dtype

    def rate_at(self, iterations: int) -> float:
        """Return the learning rate on the host after `iterations` updates."""
        return self.inner_optimizer.rate_at(iterations)

    def rates_at(self, iterations: int, count: int) -> float | list[float]:
        """Return the rates of `count` updates; 0 where a schedule gives them inside."""
        inner = self.inner_optimizer
        return 0.0 if inner._rate.is_schedule else inner.rates_at(iterations, count)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Return the loss times the present scale."""
        scale = as_tensor(self.dynamic_scale) if self.built else self.initial_scale
        return ops.multiply(loss, scale)

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Exempt variables from the weight decay of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Set variables to their averages if the inner optimizer keeps some."""
        self.inner_optimizer.finalize_variable_values(var_list)

    # -- configuration -----------------------------------------------------------------

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        names = ("name", "inner_optimizer", "initial_scale", "dynamic_growth_steps")
        return {name: to_data(getattr(self, name)) for name in names}


def _unscaled(grad: Any, scale: Any) -> Any:
    """Return the gradient without the scale, which float16 may not hold."""
    return ops.cast(ops.divide(grad, scale), ops.dtype(grad))
