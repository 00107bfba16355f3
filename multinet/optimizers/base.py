"""Optimizer: options and state around a pure update of lists of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeAlias

from multinet import dtypes
from multinet.configurable import Configurable, arguments, parameters, revived
from multinet.errors import ArgumentError
from multinet.moving import Movable
from multinet.names import snake_case, unique_name
from multinet.objects import custom_object_scope
from multinet.optimizers import rules
from multinet.optimizers.given import Given, check_options, to_consume
from multinet.optimizers.rate import Rate
from multinet.patterns import is_called, warn_of_nothing
from multinet.registry import current
from multinet.scope import active_scope
from multinet.typing import Config, Host, LearningRate, Numbers, Tensor
from multinet.variables import Variable, load_own, save_own

#: The shape and dtype of a slot.
Form: TypeAlias = tuple[tuple[int, ...], str]


class Optimizer(Configurable, Movable):
    """The base of optimizers: subclass it, name the slots and write `kernel`.

    Each update goes through `update`, a pure function of lists of tensors: gradients
    are unscaled and clipped, weights decayed, then `kernel` moves them, averages follow
    and constraints hold.

    `learning_rate` is a number, a `LearningRateSchedule`, or a function without
    arguments.
    """

    #: The values kept for each weight: groups of slots, a group weight by weight.
    slot_groups: tuple[tuple[str, ...], ...] = ()
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
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_options(self)
        self._rate = Rate(learning_rate)
        self._iterations: Variable | None = None
        self._spared: list[Variable] = []  # from decay
        self._spared_names: list[str] = []
        # The weights of the model, and their addresses there.
        self._weights: list[tuple[Variable, tuple[str, ...]]] = []
        self.optimized: list[Variable] = []
        self.slot_variables: list[Variable] = []
        # Of each slot: where the weights have it among all slots, or None.
        self._places: list[list[int | None]] = []
        self.built = False

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

    def slot_start(self, slot: str) -> float:
        """Return the number that a slot is filled with at first."""
        return 0.0

    def slot_form(self, variable: Variable, slot: str) -> Form | None:
        """Return shape and dtype of a weight's slot, None if it has no such slot."""
        return variable.shape, variable.dtype

    def slot_value(self, variable: Variable, slot: str, form: Form) -> Tensor:
        """Return the first value of a weight's slot, of this shape and dtype."""
        start = self.slot_start(slot)
        if form[1] in dtypes.INTEGERS:
            start = int(start)
        return current().full(form[0], start, form[1])

    def decayed(
        self, active: list[int], params: list[Tensor], rate: Numbers
    ) -> list[Tensor]:
        """Return the weights of these indices after their decay."""
        if self.weight_decay is None:
            return params
        decays = [self._decays(i) for i in active]
        return rules.decay(params, decays, rate, self.weight_decay)

    # -- state -------------------------------------------------------------------------

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`, the weights to optimize."""
        if self.built:
            return
        self.optimized = list(variables)
        self._make_counters()
        if self.use_ema:
            self._add_slots(("average",))
        for group in self.slot_groups:
            self._add_slots(group)
        self._find_spared()
        self.built = True

    def _add_slots(self, group: Sequence[str]) -> None:
        places: list[list[int | None]] = [[] for _ in group]
        for variable in self.optimized:
            for slot, column in zip(group, places):
                form: Form | None = variable.shape, variable.dtype
                if slot != "average":
                    form = self.slot_form(variable, slot)
                column.append(None if form is None else len(self.slot_variables))
                if form is not None:
                    self.slot_variables.append(self._slot(variable, slot, form))
        self._places += places

    def _slot(self, variable: Variable, slot: str, form: Form) -> Variable:
        def first(shape: tuple[int, ...], dtype: str) -> Tensor:
            if slot == "average":
                return current().full(shape, 0.0, dtype)
            return self.slot_value(variable, slot, (shape, dtype))

        name = f"{variable.path.replace('/', '_')}_{slot}"
        new = Variable(first, *form, False, name=name)
        new.path = f"{self.name}/{name}"
        return new

    def _make_counters(self) -> Variable:
        self._rate.make(f"{self.name}/learning_rate")
        if self._iterations is None:
            self._iterations = Variable(
                0, dtype="int32", trainable=False, name="iteration"
            )
            self._iterations.path = f"{self.name}/iteration"
        return self._iterations

    @property
    def iterations(self) -> Variable:
        """The number of updates done, an int32 Variable."""
        return self._make_counters()

    @property
    def learning_rate(self) -> Numbers:
        """The rate: a Variable, or a float where a schedule or function computes it."""
        done = self._make_counters()
        return self._rate.variable or self.rate_at(int(done.numpy()))

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self._rate.set(value)

    @property
    def variables(self) -> list[Variable]:
        """The counter, the rate if it is a number, and the slots, in Keras's order."""
        counters = [self._make_counters(), *self._rate.variables()]
        return [*counters, *self.slot_variables]

    def _saved_variables(self) -> list[Variable]:
        return self.variables

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put the counter, the rate and the slots into a file: `store[key] = value`."""
        save_own(self._saved_variables(), store)

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take the counter, the rate and the slots from a file.

        `ShapeError` if their number or a shape differs.
        """
        load_own(self.name, self._saved_variables(), store)

    @property
    def rate_dtype(self) -> str:
        """The dtype in which a step takes the rate."""
        return self._rate.dtype

    def rate_at(self, iterations: int) -> float:
        """Return the learning rate on the host after `iterations` updates."""
        return self._rate.at(iterations)

    def rates_at(self, iterations: int, count: int) -> float | list[float]:
        """Return the rates of `count` updates after `iterations`: one, or an array."""
        return self._rate.of_updates(iterations, count)

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
        active = [i for i, grad in enumerate(grads) if grad is not None]
        if not active:
            raise ArgumentError("No weight has a gradient: the loss depends on none.")
        params, slots = list(params), list(slots)
        places = self._places[1:] if self.use_ema else self._places
        if len(active) < len(params):
            places = [[place[i] for i in active] for place in places]
        moved, table = self._move(
            active,
            [params[i] for i in active],
            [grads[i] for i in active],
            [[None if k is None else slots[k] for k in place] for place in places],
            step,
            learning_rate,
        )
        for i, value in zip(active, moved, strict=True):
            params[i] = value
        for place, column in zip(places, table, strict=True):
            for k, value in zip(place, column, strict=True):
                if k is not None:
                    slots[k] = value
        if self.use_ema:
            count = len(params)
            params, slots[:count] = self._average(params, slots[:count], step)
        return self._constrain(params), slots

    def _move(
        self,
        active: list[int],
        params: list[Tensor],
        grads: list[Tensor],
        table: list[list[Tensor]],
        step: Any,
        rate: Any,
    ) -> tuple[list[Tensor], list[list[Tensor]]]:
        if self.loss_scale_factor is not None:
            grads = rules.scale(grads, 1.0 / self.loss_scale_factor)
        if self.clipnorm is not None:
            grads = rules.clip_by_norm(grads, self.clipnorm)
        elif self.global_clipnorm is not None:
            grads = rules.clip_by_global_norm(grads, self.global_clipnorm)
        elif self.clipvalue is not None:
            grads = rules.clip_by_value(grads, self.clipvalue)
        params = self.decayed(active, params, rate)
        return self.kernel(params, grads, table, step, rate)

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

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Variable]]
    ) -> Variable:
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
        ordered = self._in_order(grads, trainable_variables)
        step, rate = self._now()
        params, slots = map(to_consume, (self.optimized, self.slot_variables))
        params, slots = self.update(params, ordered, slots, step, rate)
        for variable, value in zip(self.optimized, params, strict=True):
            variable._assign(value)
        for variable, value in zip(self.slot_variables, slots, strict=True):
            variable._assign(value)
        self._count_update()

    def _count_update(self) -> None:
        if self._given is None or self._given.counts:
            self.iterations.assign_add(1)

    def _in_order(
        self, grads: Sequence[Any], variables: Sequence[Variable]
    ) -> list[Tensor]:
        if len(grads) != len(variables):
            raise ArgumentError(
                f"Expected a gradient for each of {len(variables)} variables, got "
                f"{len(grads)}."
            )
        ordered: list[Tensor] = [None] * len(self.optimized)
        places = {id(v): i for i, v in enumerate(self.optimized)}
        for grad, variable in zip(grads, variables):
            if id(variable) not in places:
                raise ArgumentError(
                    f"{variable.label()} is not among the {len(self.optimized)} "
                    f"variables that {self.name!r} was built with. Build a new one for "
                    "others."
                )
            ordered[places[id(variable)]] = grad
        return ordered

    def _now(self) -> tuple[Any, Any]:
        """Return the step and rate: those given, of the scope, or host numbers."""
        if self._given is not None:
            return self._given.next()
        iterations, scope = self.iterations, active_scope()
        done = None if scope is None else scope.read(iterations)
        if done is None and current().symbolic:
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
