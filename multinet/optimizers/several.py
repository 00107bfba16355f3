"""MultiOptimizer: each weight has an optimizer of its own; OptimizerMap says which."""

from __future__ import annotations

import re
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import Any, Self, TypeAlias

from multinet import ops
from multinet.checks import shown
from multinet.configurable import Configurable, parameters
from multinet.errors import ArgumentError
from multinet.objects import custom_object_scope
from multinet.objects.serialization import from_data, to_data
from multinet.optimizers.base import Optimizer
from multinet.optimizers.loss_scale import LossScaleOptimizer
from multinet.typing import Config, LearningRate, Numbers, Tensor
from multinet.variables import Variable


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Optimizers by the paths of weights; those of no entry get the default.

    A key is a path, such as "encoder/dense/kernel", or a regular expression that
    matches whole paths, such as "encoder/.*". A path itself comes first; two
    expressions that match one path are an `ArgumentError`.
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: Mapping[str, Optimizer] | None = None,
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"Expected default_optimizer to be an Optimizer, got "
                f"{shown(default_optimizer)}."
            )
        if optimizer_map is not None and not isinstance(optimizer_map, Mapping):
            raise TypeError(
                "Expected optimizer_map to be a dict of optimizers by path, got "
                f"{shown(optimizer_map)}."
            )
        self.default_optimizer = default_optimizer
        self.optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        """Return the optimizer of a path."""
        if key in self.optimizer_map:
            return self.optimizer_map[key]
        found = [each for each in self.optimizer_map if re.fullmatch(each, key)]
        if len(found) > 1:
            raise ArgumentError(
                f"Expected one optimizer for {key!r}, but {found} all match it. Make "
                "the expressions exclude each other, or add the path itself."
            )
        return self.optimizer_map[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ArgumentError(f"Expected a path or an expression, got {shown(key)}.")
        if key in self.optimizer_map:
            raise ArgumentError(
                f"{key!r} has the optimizer {self.optimizer_map[key].name!r} already: "
                "delete it first."
            )
        self.optimizer_map[key] = _alone(optimizer, f"the optimizer of {key!r}")

    def __delitem__(self, key: str) -> None:
        del self.optimizer_map[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizer_map)

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a weight."""
        return self[variable.path]

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            "default_optimizer": to_data(self.default_optimizer),
            "optimizer_map": to_data(self.optimizer_map),
        }

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return a new map of this configuration."""
        with custom_object_scope(custom_objects):
            return cls(**from_data(dict(config)))


#: A map, or a function of a weight that returns its optimizer.
Choice: TypeAlias = OptimizerMap | Callable[[Variable], Optimizer]


class MultiOptimizer(Optimizer):
    """Updates each weight by the optimizer that a map or a function has for it.

    `optimizers` are those, each with the rate, the counter and the options of its own;
    `loss_scale_factor` is that of all. Wrap it in a `LossScaleOptimizer`, not its
    parts.

    Example:

        by_path = OptimizerMap(AdamW(1e-3), {"encoder/.*": SGD(1e-4)})
        model.compile(MultiOptimizer(by_path), "mse")
    """

    _decided = frozenset(parameters(Optimizer)) - {"loss_scale_factor", "name"}

    def __init__(
        self,
        optimizer_map: Choice,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            raise ArgumentError(
                "Expected optimizer_map to be an OptimizerMap or a function of a "
                f"weight, got {shown(optimizer_map)}."
            )
        self.optimizer_map, self.optimizers = optimizer_map, []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if isinstance(optimizer_map, OptimizerMap):
            known = [*optimizer_map.values(), optimizer_map.default_optimizer]
            self.optimizers = list({id(x): x for x in known}.values())
        self.loss_scale_factor = loss_scale_factor
        # The weights of each optimizer, as indices, and the first of its slots.
        self._shares: list[list[int]] = []

    optimizers: list[Optimizer]

    def build(self, variables: Iterable[Variable]) -> None:
        """Choose an optimizer for each of `variables`, and make the slots of each."""
        if self.built:
            return
        self.optimized = list(variables)
        self._make_counters()
        shares: dict[int, list[int]] = {id(x): [] for x in self.optimizers}
        for i, variable in enumerate(self.optimized):
            path = variable.path
            chosen = _alone(self.optimizer_map(variable), f"the optimizer of {path!r}")
            if id(chosen) not in shares:
                shares[id(chosen)] = []
                self.optimizers = [*self.optimizers, chosen]
            shares[id(chosen)].append(i)
        self.loss_scale_factor = self._scale
        self._shares = [shares[id(x)] for x in self.optimizers]
        for optimizer, share in zip(self.optimizers, self._shares, strict=True):
            optimizer._weights = self._weights
            optimizer.build([self.optimized[i] for i in share])
        self.slot_variables = [v for x in self.optimizers for v in _state(x)]
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """The counter and the rate, which is not used, and those of each optimizer."""
        own = [self._make_counters(), *self._rate.variables()]
        return [*own, *(v for x in self.optimizers for v in x.variables)]

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied with, for all optimizers."""
        return self._scale

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._scale = value
        for optimizer in self.optimizers:
            optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> Numbers:
        """There is none: each of `optimizers` has its own."""
        raise AttributeError(_NO_RATE)

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        raise AttributeError(_NO_RATE)

    def update(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        slots: Sequence[Tensor],
        step: Numbers,
        learning_rate: Numbers,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return params and slots after one update of each optimizer."""
        if all(grad is None for grad in grads):
            raise ArgumentError("No weight has a gradient: the loss depends on none.")
        params, left, after = list(params), list(slots), []
        for optimizer, share in zip(self.optimizers, self._shares, strict=True):
            count = len(_state(optimizer))
            own, left = left[:count], left[count:]
            mine = [grads[i] for i in share]
            if any(grad is not None for grad in mine):
                moved, own = _one(optimizer, [params[i] for i in share], mine, own)
                for i, value in zip(share, moved, strict=True):
                    params[i] = value
            after += own
        return params, after

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Exempt variables from the weight decay of every optimizer."""
        given, names = list(var_list or ()), list(var_names or ())
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(given, names)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Set variables to their averages where their optimizer keeps some."""
        wanted = set(map(id, var_list))
        for optimizer in self.optimizers:
            own = [v for v in optimizer.optimized if id(v) in wanted]
            optimizer.finalize_variable_values(own)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        names = ("optimizer_map", "loss_scale_factor", "name")
        return {name: to_data(getattr(self, name)) for name in names}


_NO_RATE = (
    "A MultiOptimizer has no learning_rate: read and set that of each of its "
    "`optimizers`."
)


def _alone(optimizer: Any, what: str) -> Optimizer:
    """Return an optimizer that may be one of several."""
    kinds = (LossScaleOptimizer, MultiOptimizer)
    if isinstance(optimizer, Optimizer) and not isinstance(optimizer, kinds):
        return optimizer
    raise ArgumentError(
        f"Expected {what} to be an Optimizer, and neither a LossScaleOptimizer nor a "
        f"MultiOptimizer, got {shown(optimizer)}."
    )


def _state(optimizer: Optimizer) -> list[Variable]:
    """Return the counter, the rate if it is a number, and the slots."""
    return optimizer.variables


def _one(
    optimizer: Optimizer, params: list[Any], grads: list[Any], state: list[Any]
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the weights of one optimizer, and its state, after a batch."""
    rates = len(state) - len(optimizer.slot_variables) - 1
    done, known, slots = state[0], state[1 : 1 + rates], state[1 + rates :]
    rate = known[0] if known else optimizer._rate.inside(done)
    number = ops.add(done, 1)
    params, slots = optimizer._after(params, grads, slots, number, rate)
    return params, [number, *known, *slots]
