"""Steps that take their state as an argument, and return the new one.

`train_step(self, state, data)` is how programs for JAX write a step: a pure function,
whose state is lists of the values of Variables.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from multinet.errors import ArgumentError, MultinetError
from multinet.typing import AnyModel, Tensor, Tree
from multinet.variables import Variable

_GROUPS = {
    "train": (
        "trainable_variables",
        "non_trainable_variables",
        "optimizer_variables",
        "metrics_variables",
    ),
    "test": ("trainable_variables", "non_trainable_variables", "metrics_variables"),
    "predict": ("trainable_variables", "non_trainable_variables"),
}


def takes_state(model: AnyModel, kind: str) -> bool:
    """Return whether a step of the user's is `step(self, state, data)`.

    `ArgumentError` if it takes neither that nor `data` alone.
    """
    name = f"{kind}_step"
    parameters = inspect.signature(getattr(model, name)).parameters
    if len(parameters) not in (1, 2):
        raise ArgumentError(
            f"Expected {type(model).__name__}.{name}(self, data) or (self, state, "
            f"data), got ({', '.join(['self', *parameters])}). Other values that a "
            "step needs are attributes of the model."
        )
    return len(parameters) == 2


def groups_of(model: AnyModel, kind: str) -> list[list[Variable]]:
    """Return the Variables of each list of the state, in Keras's order."""
    found = []
    for name in _GROUPS[kind]:
        if name == "optimizer_variables":
            found.append(model.optimizer.variables if model.optimizer else [])
        else:
            found.append(getattr(model, name))
    return found


def run_explicit(model: AnyModel, kind: str, data: Tree) -> Tree:
    """Run such a step on the values that Variables have, and assign the new ones."""
    groups = groups_of(model, kind)
    state = tuple([v.uncast() for v in group] for group in groups)
    found = getattr(model, f"{kind}_step")(state, data)
    if not isinstance(found, tuple) or len(found) != 2:
        raise MultinetError(
            f"Expected {kind}_step(self, state, data) to return a pair, of "
            f"{'the outputs' if kind == 'predict' else 'a dict of logs'} and the new "
            f"state, got {type(found).__name__}."
        )
    result, new = found
    if kind == "predict":  # as in Keras, this state is what a call may change
        groups, state, new = groups[1:], state[1:], (new,)
    if len(new) != len(groups):
        raise MultinetError(
            f"Expected {kind}_step to return a state of {len(groups)} lists, "
            f"{', '.join(_GROUPS[kind])}, got {len(new)}."
        )
    for name, *parts in zip(_GROUPS[kind][-len(groups) :], groups, state, new):
        _assign(f"{kind}_step", name, *parts)
    return result


def _assign(
    step: str,
    name: str,
    variables: Sequence[Variable],
    before: Sequence[Tensor],
    after: Sequence[Tensor],
) -> None:
    if len(after) != len(variables):
        raise MultinetError(
            f"Expected {step} to return {len(variables)} values of {name}, got "
            f"{len(after)}."
        )
    for variable, old, new in zip(variables, before, after):
        if new is not old:
            variable.assign(new)
