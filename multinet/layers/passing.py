"""How masks pass a layer: to its `call`, and from its inputs to its outputs."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optree

from multinet.calls import CallContext, active
from multinet.layers.context import mask_of, masks_in, set_mask
from multinet.layers.signatures import holds_tensors
from multinet.symbolic.tensor import KerasTensor, OpCall, record
from multinet.typing import AnyLayer, Tensors, Tree

_HOME = __name__.partition(".")[0] + "."


def asks(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a call may have a mask although no tensor has one beside it.

    One that is given; and for a tree of tensors without masks it is a tree of None, as
    in Keras.
    """
    first = type(args[0]) if args else None
    return "mask" in kwargs or len(args) > 1 or first in (list, tuple, dict)


def give_masks(
    layer: AnyLayer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, dict[str, Any], Any]:
    """Return the arguments with the masks that `call` asks for, and the first's.

    `mask` is that of the only argument with tensors, a tree for a tree; of several,
    `query` say, each has its own, `query_mask`.
    """
    names = layer._spec.call
    given = dict(zip(names, args)) | kwargs
    tensors = [name for name in given if holds_tensors(given[name])]
    for name in tensors:
        wanted = "mask" if len(tensors) == 1 else f"{name}_mask"
        if wanted in names and given.get(wanted) is None:
            mask = masks_of_all(given[name])
            place = names.index(wanted)
            if place < len(args):
                args = (*args[:place], mask, *args[place + 1 :])
            elif mask is not None:
                kwargs = {**kwargs, wanted: mask}
            given[wanted] = mask
    first = given.get("mask")
    if first is None and tensors and names:
        first = masks_in(given.get(names[0]))
    return args, kwargs, first


def masks_of_all(tree: Tensors) -> Tensors | None:
    """Return the mask of a tensor, or those of a tree with None where there is none."""
    masks = masks_in(tree)
    if masks is None and isinstance(tree, list | tuple | dict):
        return optree.tree_map(lambda _: None, tree)  # type: ignore[arg-type]
    return masks


def mask_outputs(
    layer: AnyLayer, inputs: Tensors, previous: Tensors | None, outputs: Tensors
) -> None:
    """Give the outputs of a call the masks that the layer computes of its inputs'."""
    if not layer.supports_masking:
        if not any(name.endswith("mask") for name in layer._spec.call):
            warnings.warn(
                f"{layer.name} ({type(layer).__name__}) got an input with a mask, "
                "which it neither uses nor passes on: masked positions count from "
                "here on. Set supports_masking = True in a layer that keeps "
                "positions apart, or override compute_mask.",
                stacklevel=_depth(),
            )
        return
    leaves = optree.tree_leaves(outputs)
    if all(mask_of(leaf) is not None for leaf in leaves):
        return
    if previous is None:
        previous = masks_of_all(inputs)
    masks = layer.compute_mask(inputs, previous)
    if masks is None:
        return
    for leaf, mask in zip(leaves, optree.tree_leaves(masks, none_is_leaf=True)):
        if mask_of(leaf) is None:
            set_mask(leaf, mask)


def _depth() -> int:
    """Return how far down the stack the program is, whose line a warning names."""
    frame, depth = sys._getframe(1), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_HOME):
        frame, depth = frame.f_back, depth + 1
    return depth


# -- symbolic tensors ------------------------------------------------------------------


@contextmanager
def symbolic_masks(tree: Tree) -> Iterator[CallContext]:
    """Know the masks of symbolic tensors beside the shapes that a call will see."""
    context = active.get()
    if context is None:
        with CallContext() as made, symbolic_masks(tree):
            yield made
        return
    for leaf in optree.tree_leaves(tree):
        if type(leaf) is KerasTensor and leaf.mask is not None:
            context.masks[id(leaf.array)] = leaf.array, leaf.mask
    yield context


def keep_symbolic(outputs: Tensors) -> None:
    """Keep the masks of what a symbolic call gave."""
    for leaf in optree.tree_leaves(outputs):
        if type(leaf) is KerasTensor:
            leaf.mask = mask_of(leaf.array)


def mask_tensor(layer: AnyLayer, output: KerasTensor) -> KerasTensor:
    """Return the symbolic mask of an output: what `compute_mask` makes of the inputs.

    Where the layer sets it in `call`, as a model does, it is read beside the output.
    """
    node: Any = output.node
    given = dict(zip(layer._spec.call, node.args)) | node.kwargs
    first = node.args[0] if node.args else given.get(layer._spec.call[0])
    if not layer._is_model:
        previous = given.get("mask")
        if previous is None:
            previous = optree.tree_map(lambda leaf: leaf._keras_mask, first)
        masks = layer.compute_mask(first, previous)
        leaves = optree.tree_leaves(masks, none_is_leaf=True)
        for leaf, mask in zip(optree.tree_leaves(node.outputs), leaves):
            if leaf is output and mask is not None:
                return mask
    return record(MaskReader(), lambda _: output.mask, (output,), {})


class MaskReader(OpCall):
    """The operation of a graph that reads the mask beside a tensor."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(mask_of, "mask", name)

    def __reduce__(self) -> tuple[Any, ...]:
        return MaskReader, (self.name,)
