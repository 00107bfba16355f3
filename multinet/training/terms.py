"""The losses that compile was told, each with the outputs that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import optree

from multinet import losses
from multinet.losses.base import LossFunctionWrapper
from multinet.names import is_ours
from multinet.training.matching import Structure, per_output, unknown_output
from multinet.typing import Tree

Path = tuple[Any, ...]


class Term(NamedTuple):
    """A loss, the outputs that it takes, its weight, and its name in the logs.

    `place` is the number of an output, or a tree of numbers where the loss takes
    several outputs as they are nested.
    """

    loss: losses.Loss
    place: Tree
    weight: Tree
    label: str

    @property
    def output(self) -> int | None:
        """The only output that it takes, None for a tree of them."""
        return self.place if isinstance(self.place, int) else None

    def pick(self, leaves: Sequence[Any]) -> Tree:
        """Return what stands for its outputs in a list of one for each."""
        return optree.tree_map(lambda i: leaves[i], self.place)


class Terms:
    """Finds the losses of outputs in what compile was told.

    One loss is for each of the outputs. A tree is like that of the outputs: a name or
    a loss of Multinet's stands for each output below its place, while a function or a
    class of the user's gets them as they are nested; None, and a key that is left out,
    have no loss. A list in a place where the outputs have none is several losses for
    that place, and a list of as many losses as there are outputs below is one for each.
    """

    def __init__(
        self, structure: Structure, names: Sequence[str], shows_names: bool
    ) -> None:
        self.structure, self.names = structure, list(names)
        self.shows_names = shows_names
        self.found: list[Term] = []

    def find(self, given: Tree, weights: Tree) -> list[Term]:
        """Return the losses with their outputs and weights."""
        node: Any = self.structure.tree
        if isinstance(given, dict) and not self.structure.nested:
            given = per_output(given, self.names, "loss")
            if isinstance(weights, dict):
                weights = per_output(weights, self.names, "loss_weights")
            node = list(range(self.structure.count))
        elif not _is_tree(given):
            node = list(range(self.structure.count))
            given = [given] * len(node)
        packed = _packed(weights, given)
        self._visit(given, packed, node, ())
        if packed is None and weights is not None:
            each = self._each(weights)
            self.found = [t._replace(weight=t.pick(each)) for t in self.found]
        return self.found

    def _each(self, weights: Tree) -> list[Any]:
        """Return a weight for each output."""
        if self.structure.nested:
            return self.structure.given(weights, "loss_weights")
        return per_output(weights, self.names, "loss_weights")

    def _visit(self, given: Any, weight: Any, node: Any, path: Path) -> None:
        below = optree.tree_leaves(node)
        if given is None:
            return
        if isinstance(given, dict):
            if not isinstance(node, dict):
                raise self.structure.unlike(given, node, "loss")
            for key, inner in given.items():
                if key not in node:
                    raise unknown_output("loss", key, list(node))
                self._visit(inner, _at(weight, key), node[key], (*path, key))
        elif not isinstance(given, list | tuple):
            places = [node] if _takes_trees(given) else below
            for place in places:
                self._add(given, weight, place, path)
        elif len(given) == len(below) and not any(map(_is_tree, given)):
            for i, (inner, place) in enumerate(zip(given, below, strict=True)):
                self._visit(inner, _at(weight, i), place, path)
        elif isinstance(node, type(given)) or _fits(given, node):
            if len(given) != len(node):
                raise self.structure.unlike(given, node, "loss")
            for i, inner in enumerate(given):
                self._visit(inner, _at(weight, i), node[i], (*path, i))
        else:
            for i, inner in enumerate(given):
                self._visit(inner, _at(weight, i), node, path)

    def _add(self, given: Any, weight: Any, place: Any, path: Path) -> None:
        loss = losses.resolve(given)
        if isinstance(place, int):
            name = self.names[place] if self.shows_names else label_of(given, loss)
            label = self.structure.label(place, name)
        else:
            tree = self.structure.tree
            keys = tree if isinstance(tree, dict) else self.names
            label = "/".join(map(str, path)) or "_".join(keys)
        self.found.append(Term(loss, place, weight, label))


def label_of(given: Tree, loss: losses.Loss) -> str:
    """Return what the logs call a loss: the name of a function that was given, or its
    own.
    """
    if isinstance(given, str):
        found = losses.get(given)
        return found.name if isinstance(found, losses.Loss) else given
    if callable(given) and not isinstance(given, losses.Loss | type):
        return name_of(given, "loss")
    return loss.name


def name_of(function: Tree, other: str) -> str:
    """Return the name of a function, `other` for what has none."""
    return getattr(function, "__name__", other).strip("<>")


def _takes_trees(given: Any) -> bool:
    """Return whether a loss is the user's, which is told several outputs at once."""
    loss = losses.resolve(given)
    made = loss.fn if isinstance(loss, LossFunctionWrapper) else type(loss)
    return not is_ours(made)


def _is_tree(given: Any) -> bool:
    return isinstance(given, list | tuple | dict)


def _fits(given: Any, node: Any) -> bool:
    """Return whether a tree is like that of outputs, whatever its lists are."""
    if not _is_tree(given):
        return True
    if isinstance(given, dict) or isinstance(node, dict):
        return isinstance(given, dict) and isinstance(node, dict)
    return (
        isinstance(node, list | tuple)
        and len(given) == len(node)
        and all(map(_fits, given, node))
    )


def _packed(weights: Any, given: Any) -> Any:
    """Return weights in the tree of the losses, None where they have another form."""
    leaves, form = optree.tree_flatten(given, none_is_leaf=True)
    if weights is None or isinstance(weights, int | float):
        return weights
    flat = optree.tree_leaves(weights, none_is_leaf=True)
    if len(flat) != len(leaves):
        return None
    return optree.tree_unflatten(form, flat)


def _at(weights: Any, key: Any) -> Any:
    """Return the weight of an item; one number is for all."""
    return weights[key] if _is_tree(weights) else weights
