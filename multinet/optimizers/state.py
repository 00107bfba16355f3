"""The state of an optimizer: its counter, its rate, and the slots of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

from multinet import dtypes, initializers
from multinet.config import floatx
from multinet.configurable import Configurable
from multinet.distribution.meshes import TensorLayout
from multinet.errors import ArgumentError
from multinet.initializers.base import is_wide
from multinet.moving import Movable
from multinet.names import unique_name
from multinet.ops.core import as_tensor
from multinet.optimizers.accumulation import updates_before
from multinet.optimizers.rate import Rate
from multinet.optimizers.stepwise import index_of
from multinet.registry import current
from multinet.stores import load_own, save_own
from multinet.tracebacks import shortening
from multinet.typing import (
    DType,
    Host,
    InitializerLike,
    LearningRate,
    Numbers,
    Tensor,
)
from multinet.variables import Variable

#: Slots that any optimizer may have: zeros like the weights.
_OF_ALL = ("average", "gradient_accumulator")
#: The shape and dtype of a slot.
Form: TypeAlias = tuple[tuple[int, ...], str]


class _Filled:
    """An initializer of slots: a number everywhere, made when it is first read."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: str) -> Tensor:
        value = int(self.value) if dtype in dtypes.INTEGERS else self.value
        return current().full(shape, value, dtype)

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value, or None: it must be made at once."""
        return None if is_wide(dtype) else lambda: self(shape, dtype)


class OptimizerState(Configurable, Movable):
    """What an optimizer keeps from one update to the next, and where it lies."""

    _doors = Configurable._doors | {
        "add_optimizer_variables",
        "add_variable",
        "add_variable_from_reference",
        "apply",
        "build",
        "exclude_from_weight_decay",
        "load_own_variables",
        "stateless_apply",
    }

    #: The values kept for each weight: groups of slots, a group weight by weight.
    slot_groups: tuple[tuple[str, ...], ...] = ()
    name: str

    def __init__(
        self,
        learning_rate: LearningRate,
        use_ema: bool,
        gradient_accumulation_steps: int | None,
    ) -> None:
        self.use_ema = use_ema
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._rate = Rate(learning_rate)
        self._iterations: Variable | None = None
        # The weights of the model, and their addresses there.
        self._weights: list[tuple[Variable, tuple[str, ...]]] = []
        self.optimized: list[Variable] = []
        self.slot_variables: list[Variable] = []
        # Of each slot: where the weights have it among all slots, or None.
        self._places: list[list[int | None]] = []
        self._first_sum = 0  # among the slots, of accumulated gradients
        self.built = False

    def slot_start(self, slot: str) -> float:
        """Return the number that a slot is filled with at first."""
        return 0.0

    def slot_form(self, variable: Variable, slot: str) -> Form | None:
        """Return shape and dtype of a weight's slot, None if it has no such slot."""
        return variable.shape, variable.dtype

    def slot_value(self, variable: Variable, slot: str, form: Form) -> Tensor:
        """Return the first value of a weight's slot, of this shape and dtype."""
        return _Filled(self.slot_start(slot))(*form)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`, the weights to optimize."""
        if self.built:
            return
        self.optimized = list(variables)
        self._make_counters()
        if self.use_ema:
            self._add_slots(("average",))
        if self.gradient_accumulation_steps is not None:
            self._first_sum = len(self.slot_variables)
            self._add_slots(("gradient_accumulator",))
        for group in self.slot_groups:
            self._add_slots(group)
        self.built = True

    def _add_slots(self, group: Sequence[str]) -> None:
        places: list[list[int | None]] = [[] for _ in group]
        for variable in self.optimized:
            for slot, column in zip(group, places):
                form: Form | None = variable.shape, variable.dtype
                if slot not in _OF_ALL:
                    form = self.slot_form(variable, slot)
                column.append(None if form is None else len(self.slot_variables))
                if form is not None:
                    self.slot_variables.append(self._slot(variable, slot, form))
        self._places += places

    def _slot(self, variable: Variable, slot: str, form: Form) -> Variable:
        def start(shape: tuple[int, ...], dtype: str) -> Tensor:
            return self.slot_value(variable, slot, (shape, dtype))

        first: Any = start
        if slot in _OF_ALL:
            first = _Filled(0.0)
        elif type(self).slot_value is OptimizerState.slot_value:
            first = _Filled(self.slot_start(slot))
        name = f"{variable.path.replace('/', '_')}_{slot}"
        new = Variable(first, *form, False, name=name, layout=variable)
        new.path = f"{self.name}/{name}"
        return new

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: InitializerLike = "zeros",
        dtype: DType | None = None,
        aggregation: str = "none",
        layout: TensorLayout | Variable | None = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new slot, which goes with each update and into files.

        On a mesh it lies as `layout` says, or as the weight given there.
        """
        new = Variable(
            initializers.get(initializer),
            tuple(shape),
            dtype or floatx(),
            False,
            aggregation=aggregation,
            name=name or unique_name("variable"),
            layout=layout,
        )
        new.path = f"{self.name}/{new.name}"
        self.slot_variables.append(new)
        return new

    def add_variable_from_reference(
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: InitializerLike = "zeros",
    ) -> Variable:
        """Return a new slot of the shape and dtype of a weight, named after it."""
        like, name = reference_variable, name or "var"
        label = f"{like.path.replace('/', '_')}_{name}"
        add = self.add_variable
        return add(like.shape, initializer, like.dtype, layout=like, name=label)

    def add_optimizer_variables(
        self,
        trainable_variables: Iterable[Variable],
        name: str | Sequence[str],
        initializer: InitializerLike = "zeros",
    ) -> list[Variable] | tuple[list[Variable], ...]:
        """Return lists of new slots like the weights: one for each name."""
        weights = list(trainable_variables)
        add = self.add_variable_from_reference
        if isinstance(name, str):
            return [add(v, name, initializer) for v in weights]
        return tuple([add(v, each, initializer) for v in weights] for each in name)

    def assign(self, variable: Variable, value: Tensor) -> None:
        """Set a Variable, in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Tensor) -> None:
        """Add to a Variable, in `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Tensor) -> None:
        """Subtract from a Variable, in `update_step`."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        return index_of(self, variable)

    @shortening
    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Set `variables`, in their order; the optimizer must be built."""
        if not self.built:
            raise ArgumentError(
                f"You are calling set_weights on {self.name!r}, which has no slots "
                "yet: call build(trainable_variables) first."
            )
        if len(weights) != len(self.variables):
            raise ArgumentError(
                f"Expected {len(self.variables)} arrays, one for each of `variables`, "
                f"got {len(weights)}."
            )
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def _make_counters(self) -> Variable:
        self._rate.make(f"{self.name}/learning_rate")
        if self._iterations is None:
            self._iterations = Variable(
                0, dtype="int32", trainable=False, name="iteration"
            )
            self._iterations.path = f"{self.name}/iteration"
        return self._iterations

    @property
    def _batches(self) -> Variable:
        """The number of calls of `apply`: with accumulation, several make an update."""
        return self._make_counters()

    @property
    def iterations(self) -> Variable | Tensor:
        """The number of updates done: an int32 Variable, a tensor if batches gather."""
        every, done = self.gradient_accumulation_steps, self._batches
        return done if every is None else updates_before(as_tensor(done), every)

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
        """Return the learning rate on the host after `iterations` batches."""
        return self._rate.at(iterations)

    def rates_at(self, iterations: int, count: int) -> float | list[float]:
        """Return the rates of `count` batches after `iterations`: one, or an array."""
        return self._rate.of_updates(iterations, count)

    def _kernel_places(self) -> list[list[int | None]]:
        """Return, of each slot of the kernel, where each weight has it."""
        common = self.use_ema + (self.gradient_accumulation_steps is not None)
        return self._places[common:]
