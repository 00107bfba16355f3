"""Optimizer: options and state around a pure update of lists of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from multinet import absent
from multinet.configurable import arguments, parameters, revived
from multinet.errors import ArgumentError
from multinet.names import snake_case, unique_name
from multinet.objects import custom_object_scope
from multinet.optimizers import rules
from multinet.optimizers.accumulation import accumulate
from multinet.optimizers.given import Given, check_options, to_consume
from multinet.optimizers.state import OptimizerState
from multinet.optimizers.stepwise import in_order, step_of_one, stepped
from multinet.patterns import is_called, warn_of_nothing
from multinet.registry import current
from multinet.scope import active_scope
from multinet.stateless import pure
from multinet.tracebacks import shortening
from multinet.typing import Config, LearningRate, Numbers, Tensor
from multinet.variables import Variable


@absent.watch
class Optimizer(OptimizerState):
    """The base of optimizers: subclass it, name the slots and write `kernel`.

    Each update goes through `update`, a pure function of lists of tensors: gradients
    are unscaled and clipped, weights decayed, then `kernel` moves them, averages follow
    and constraints hold.

    `learning_rate` is a number, a `LearningRateSchedule`, or a function without
    arguments. `weight_decay` takes that share, times the rate, of each weight away.
    Gradients are clipped one by one to the norm `clipnorm`, all together to
    `global_clipnorm`, or each number to `clipvalue`. `use_ema` keeps averages of the
    weights, by `ema_momentum`, which are put in their place at the end, and every
    `ema_overwrite_frequency` updates. `loss_scale_factor` multiplies the loss and
    divides the gradients. With `gradient_accumulation_steps` that many batches make an
    update, by the mean of their gradients; `iterations` counts the updates, and a
    schedule the batches.
    """

    #: Whether an update may be left out inside the step. Then the slots hold the number
    #: of updates, which only the device knows.
    skips = False
    _lent = frozenset(
        {"optimized", "_spared", "_weights"}
    )  # weights, held by their layers
    _private = frozenset({"_given"})
    _running = frozenset({"built"})
    _given: Given | None = None

    def __init__(
        self,
        learning_rate: LearningRate,
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
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        super().__init__(learning_rate, use_ema, gradient_accumulation_steps)
        check_options(self)
        self._spared: list[Variable] = []  # from decay
        self._spared_names: list[str] = []

    # -- what a subclass writes --------------------------------------------------------

    def kernel(
        self,
        params: list[Tensor],
        grads: list[Tensor],
        slots: list[list[Tensor]],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return the params moved and, for each slot, the new values.

        `slots` has a list for each slot, in the order of `slot_groups`. `step` counts
        from 1; it and `learning_rate` are host numbers or scalar tensors. Params and
        slots are consumed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define kernel(...).")

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Numbers
    ) -> None:
        """Move one weight: what a subclass writes in place of `kernel`, as in Keras.

        It assigns the weight and what `add_variable` made in `build`, and reads
        `iterations`, the updates before this one.
        """
        step_of_one(self, gradient, variable, learning_rate)

    def decayed(
        self, active: list[int], params: list[Tensor], rate: Numbers
    ) -> list[Tensor]:
        """Return the weights of these indices after their decay."""
        if self.weight_decay is None:
            return params
        decays = [self._decays(i) for i in active]
        return rules.decay(params, decays, rate, self.weight_decay)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`, the weights to optimize."""
        if not self.built:
            super().build(variables)
            self._find_spared()

    # -- the update --------------------------------------------------------------------

    def update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        slots: Sequence[Tensor],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return params and slots after one update; both are consumed.

        `params` and `grads` are in the order given to `build`, `slots` in the order of
        `slot_variables`. A gradient of None leaves its weight as it is. `step` counts
        from 1; it and `learning_rate` are host numbers or scalars made by `argument`.
        """
        given = [i for i, grad in enumerate(grads) if grad is not None]
        if not given:
            raise ArgumentError("No weight has a gradient: the loss depends on none.")
        active = [i for i in given if not self.optimized[i].overwrite_with_gradient]
        params, slots = list(params), list(slots)
        for i in set(given).difference(active):
            params[i] = grads[i]
        if not active:
            return params, slots
        params, slots = self._moved(active, params, grads, slots, step, learning_rate)
        if self.use_ema:
            count = len(params)
            params, slots[:count] = self._average(params, slots[:count], step)
        return self._constrain(params), slots

    def _after(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        slots: Sequence[Tensor],
        batch: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return params and slots after a batch, which need not make an update."""
        given = params, grads, slots, batch, learning_rate
        if self.gradient_accumulation_steps is None:
            return self.update(*given)
        return accumulate(self, *given)

    def _moved(
        self,
        active: list[int],
        params: list[Tensor],
        grads: Sequence[Tensor | None],
        slots: list[Tensor],
        step: Any,
        rate: Any,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return all params and slots after the kernel, or `update_step` of each."""
        given = [grads[i] for i in active]
        moving = [params[i] for i in active]
        moving, given = self._before(active, moving, given, rate)
        if type(self).update_step is not Optimizer.update_step:
            moving, slots = stepped(self, active, moving, given, slots, step, rate)
        else:
            places = self._kernel_places()
            if len(active) < len(params):
                places = [[place[i] for i in active] for place in places]
            table = [[None if k is None else slots[k] for k in p] for p in places]
            moving, table = self.kernel(moving, given, table, step, rate)
            for place, column in zip(places, table, strict=True):
                for k, value in zip(place, column, strict=True):
                    if k is not None:
                        slots[k] = value
        for i, value in zip(active, moving, strict=True):
            params[i] = value
        return params, slots

    def _before(
        self, active: list[int], params: list[Tensor], grads: list[Tensor], rate: Any
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return weights decayed, and gradients unscaled and clipped."""
        if self.loss_scale_factor is not None:
            grads = rules.scale(grads, 1.0 / self.loss_scale_factor)
        limits = self.clipnorm, self.global_clipnorm, self.clipvalue
        return self.decayed(active, params, rate), rules.clipped(grads, *limits)

    def _average(
        self, params: list[Tensor], averages: list[Tensor], step: Any
    ) -> tuple[list[Tensor], list[Tensor]]:
        averages = rules.average(averages, params, step, self.ema_momentum)
        every = self.ema_overwrite_frequency
        if every is None:
            return params, averages
        return rules.overwrite(params, averages, step, every), averages

    def _constrain(self, params: list[Tensor]) -> list[Tensor]:
        constraints = [v.constraint for v in self.optimized]
        if not any(constraints):
            return params
        return [c(p) if c else p for p, c in zip(params, constraints, strict=True)]

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Exempt variables from weight decay: those given, and those of names.

        A name is a regular expression that is searched in `variable.name`; one with `/`
        or `*` is a pattern such as "encoder/*/bias", matched with the addresses in the
        model, as `model.paths()` gives them, and with `variable.path`.
        """
        self._spared += var_list or ()
        self._spared_names += var_names or ()
        if self.built:
            self._find_spared()

    def _find_spared(self) -> None:
        """Resolve names to variables; one that matches none warns."""
        weights = self._weights or [(v, ()) for v in self.optimized]
        for name in self._spared_names:
            found = [v for v, places in weights if is_called(v, places, name)]
            if not found:
                known = [(*places, v.path)[0] for v, places in weights]
                warn_of_nothing(name, known, stacklevel=8)
            self._spared += found
        self._spared_names = []

    def _decays(self, index: int) -> bool:
        return not any(v is self.optimized[index] for v in self._spared)

    # -- on Variables ------------------------------------------------------------------

    @shortening
    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Variable]]
    ) -> Variable | Tensor:
        """Update variables by (gradient, variable) pairs; return `iterations`."""
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(
        self,
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        """Update variables (by default those of `build`) by their gradients.

        Arrays taken from the variables before are not touched.
        """
        if trainable_variables is None:
            trainable_variables = self.optimized
        if not self.built:
            self.build(trainable_variables)
        ordered = in_order(self, grads, trainable_variables)
        step, rate = self._now()
        params, slots = map(to_consume, (self.optimized, self.slot_variables))
        params, slots = self._after(params, ordered, slots, step, rate)
        for variable, value in zip(self.optimized, params, strict=True):
            variable._assign(value)
        for variable, value in zip(self.slot_variables, slots, strict=True):
            variable._assign(value)
        self._count_update()

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the new values of the weights and of `variables`, from those given.

        A pure function: values are in the order given to `build`, which must have been
        called, and of `variables`, which stay as they are.
        """
        if not self.built:
            raise ArgumentError(f"{self.name} is not built: call build(variables).")
        count, every = len(self.optimized), [*self.optimized, *self.variables]
        values = [*trainable_variables, *optimizer_variables]
        _, new = pure(self.name, every, values, lambda: self.apply(grads))
        return new[:count], new[count:]

    def _count_update(self) -> None:
        if self._given is None or self._given.counts:
            self._batches.assign_add(1)

    def _now(self) -> tuple[Any, Any]:
        """Return the step and rate: those given, of the scope, or host numbers."""
        if self._given is not None:
            return self._given.next()
        iterations, scope = self._batches, active_scope()
        done = None if scope is None else scope.read(iterations)
        if done is None and (current().symbolic or current().trace is not None):
            done = iterations.__multinet_tensor__()
        if done is None:
            count = int(iterations.numpy())
            return count + 1, self.rate_at(count)
        return current().add(done, 1), self._rate.inside(done)

    @contextmanager
    def given(self, step: Numbers, learning_rate: Numbers) -> Iterator[Given]:
        """Let `apply` inside use this step and rate: a compiled step's arguments."""
        before, self._given = self._given, Given(step, learning_rate)
        try:
            yield self._given
        finally:
            self._given = before

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Return the loss times `loss_scale_factor`, which `update` divides out."""
        if self.loss_scale_factor is None:
            return loss
        if isinstance(loss, int | float):
            return loss * self.loss_scale_factor
        return current().multiply(loss, float(self.loss_scale_factor))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """With `use_ema`, set variables to their averages, as after training."""
        if not self.use_ema:
            return
        averages = dict(zip(map(id, self.optimized), self.slot_variables))
        for variable in var_list:
            variable.assign(averages[id(variable)].value)

    # -- configuration -----------------------------------------------------------------

    def get_config(self) -> Config:
        """Return the constructor's arguments, with the present learning rate."""
        rate = self._rate.config()
        return {**arguments(self, Optimizer), "learning_rate": rate}

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return a new optimizer of this configuration."""
        with custom_object_scope(custom_objects):
            return cls(**revived(cls, config))


def shared(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of every optimizer among a constructor's locals."""
    return {name: names[name] for name in parameters(Optimizer)}
