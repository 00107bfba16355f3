"""What is given for the inputs of a graph, in their structure or a like one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import optree

from multinet.errors import ArgumentError
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Tree


class Entered(Protocol):
    """A graph: its inputs as they were given, and flat."""

    inputs: Tree
    flat_inputs: list[KerasTensor]


def match(graph: Entered, inputs: Tree, told: set[str] | None = None) -> list[Any]:
    """Return the value of each input, whatever structure they were given in.

    Of a structure that has a clear meaning and is another there is a warning, unless
    it is among those `told` before.
    """
    found: dict[int, Any] = {}
    if not _pair_up(graph.inputs, inputs, found):
        return _flat(graph.inputs, graph.flat_inputs, inputs)
    if told is not None and not _is_alike(graph.inputs, inputs):
        _tell(graph.inputs, str(optree.tree_structure(inputs)), told)
    return [found[id(slot)] for slot in graph.flat_inputs]


def _tell(wanted: Any, given: str, told: set[str]) -> None:
    """Warn of another structure; the first words are those that filters look for which
    programs for Keras have.
    """
    if given in told:
        return
    told.add(given)
    names = optree.tree_map(lambda slot: slot.name, wanted)
    warnings.warn(
        "The structure of `inputs` doesn't match the expected structure, which is "
        f"{names}. A list stands for a dict in the order in which its keys were "
        "declared, and keys that are no inputs are left out.",
        stacklevel=2,
    )


def _flat(wanted: Any, slots: Sequence[KerasTensor], inputs: Any) -> list[Any]:
    """Return the values of inputs given otherwise: by name, or one after another.

    Keys have no order here, so a dict on one side alone must have the names.
    """
    names = [slot.name for slot in slots]
    if isinstance(inputs, dict) and not isinstance(wanted, dict):
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ArgumentError(
                f"Expected inputs named {names}, got {sorted(inputs)}: {missing} "
                "missing."
            )
        return [inputs[name] for name in names]
    if isinstance(inputs, dict):
        absent = sorted(set(wanted) - set(inputs))
        if absent:
            raise ArgumentError(f"The inputs lack {absent}; got {sorted(inputs)}.")
    leaves: list[Any] = optree.tree_leaves(inputs, none_is_leaf=True)  # type: ignore[arg-type]
    if len(leaves) != len(slots):
        remedy = (
            " Give inputs and targets apart, fit(x, y), or several inputs as a list."
            if isinstance(inputs, tuple) and len(inputs) == 2
            else ""
        )
        raise ArgumentError(
            f"Expected {len(slots)} inputs {names}, got {len(leaves)}.{remedy}"
        )
    if len(slots) > 1 and (_has_dict(wanted) or _has_dict(inputs)):
        tree = optree.tree_map(lambda slot: slot.name, wanted)  # type: ignore[arg-type]
        raise ArgumentError(
            f"Expected inputs in the structure {tree}, got another: give them in that "
            "one, so that each has its name."
        )
    return leaves


def _pair_up(wanted: Any, given: Any, found: dict[int, Any]) -> bool:
    """Note the value given for each placeholder; return whether structures match.

    A list stands for a dict in the order in which its keys were declared.
    """
    if type(wanted) is KerasTensor:
        found[id(wanted)] = given
        return not isinstance(given, list | tuple | dict)
    if isinstance(wanted, dict) and isinstance(given, dict):
        if any(name not in given for name in wanted):
            return False
        given = [given[name] for name in wanted]
    if not isinstance(given, list | tuple) or len(given) != len(wanted):
        return False
    parts = wanted.values() if isinstance(wanted, dict) else wanted
    return all(_pair_up(part, value, found) for part, value in zip(parts, given))


def _is_alike(wanted: Any, given: Any) -> bool:
    """Return whether no list stands for a dict, and no key is left out."""
    if type(wanted) is KerasTensor:
        return True
    if isinstance(wanted, dict):
        return (
            isinstance(given, dict)
            and len(given) == len(wanted)
            and all(_is_alike(wanted[key], given[key]) for key in wanted)
        )
    return all(map(_is_alike, wanted, given))


def _has_dict(tree: Any) -> bool:
    if isinstance(tree, dict):
        return True
    return isinstance(tree, list | tuple) and any(map(_has_dict, tree))
