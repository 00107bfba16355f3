"""Trees that users give for the outputs of a model, matched with that of these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import optree

from multinet.errors import ArgumentError, UnknownOutput, unknown_name
from multinet.typing import Tree


class Structure:
    """The tree of a model's outputs, in which some stand inside of others.

    `given` says what a tree means for each output: a tree like that of the outputs,
    down to any depth, where one value stands for all outputs below it and None, or a
    key that is left out, for none; or a list of as many values as there are outputs.
    """

    def __init__(self, outputs: Tree) -> None:
        leaves, form = optree.tree_flatten(outputs)
        self.count = len(leaves)
        self.tree: Tree = optree.tree_unflatten(form, range(self.count))
        self.paths: list[tuple[Any, ...]] = optree.tree_paths(self.tree)

    @property
    def nested(self) -> bool:
        """Whether there is more than one level."""
        return any(len(path) > 1 for path in self.paths)

    def given(self, tree: Tree, what: str) -> list[Any]:
        """Return one value for each output."""
        flat = isinstance(tree, list | tuple) and len(tree) == self.count
        if flat and not any(isinstance(each, list | tuple | dict) for each in tree):
            return list(tree)
        return list(self._given(tree, self.tree, what))

    def _given(self, tree: Any, node: Any, what: str) -> list[Any]:
        if isinstance(node, int):
            return [tree]
        if not isinstance(tree, list | tuple | dict):
            return [tree] * len(optree.tree_leaves(node))
        if isinstance(node, dict):
            if not isinstance(tree, dict):
                raise self.unlike(tree, node, what)
            unknown = [key for key in tree if key not in node]
            if unknown:
                raise unknown_output(what, unknown[0], node)
            pairs = [(tree.get(key), node[key]) for key in sorted(node)]
        else:
            if isinstance(tree, dict) or len(tree) != len(node):
                raise self.unlike(tree, node, what)
            pairs = list(zip(tree, node, strict=True))
        return [x for part in pairs for x in self._given(*part, what)]

    def unlike(self, tree: Tree, node: Tree, what: str) -> ArgumentError:
        """Return the error for a tree of another form than a part of the outputs."""
        kind = "one output"
        if isinstance(node, dict):
            kind = f"a dict of {sorted(node)}"
        elif isinstance(node, list | tuple):
            kind = f"a list of {len(node)}"
        came = f"{type(tree).__name__} of {len(tree)}"
        return ArgumentError(
            f"Expected {what} in the structure of the outputs, which has {kind} "
            f"where a {came} came. None stands for outputs without one."
        )

    def label(self, output: int, name: str) -> str:
        """Return what the logs call an output: its path, its name for a number."""
        if not self.nested:
            return name
        *path, last = self.paths[output]
        return "/".join(map(str, (*path, name if isinstance(last, int) else last)))


def unknown_output(what: str, name: object, known: Iterable[str]) -> UnknownOutput:
    """Return the error for a name that no output has."""
    return UnknownOutput(str(unknown_name(f"output in {what}", name, known)))


def per_output(value: Tree, names: Sequence[str], what: str) -> list[Any]:
    """Return one entry for each output: a value for all, a list, a dict by name."""
    if isinstance(value, dict):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise unknown_output(what, unknown[0], names)
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple):
        if len(value) != len(names):
            raise ArgumentError(
                f"Expected {what} for {len(names)} outputs {list(names)}, got "
                f"{len(value)}."
            )
        return list(value)
    return [value] * len(names)


def beside(losses: Sequence[Any], given: Tree) -> list[Any] | None:
    """Return the targets of outputs if there are as many as losses; None if not.

    So outputs without a loss need none.
    """
    wanted = [i for i, loss in enumerate(losses) if loss is not None]
    flat = list(given) if isinstance(given, list | tuple) else [given]
    nested = any(isinstance(each, list | tuple | dict) for each in flat)
    if nested or len(flat) != len(wanted) or len(wanted) == len(losses):
        return None
    found: list[Any] = [None] * len(losses)
    for i, target in zip(wanted, flat, strict=True):
        found[i] = target
    return found
