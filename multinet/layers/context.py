"""Masks: which positions of a tensor count.

A mask says which positions of a tensor count. Tensors are the backend's own, so masks
are kept beside them, by identity, and end with the call. What a call outside of any
other returned keeps its mask for as long as the tensor lives. `mask_of` reads it on
every backend. Programs of Keras read `_keras_mask`, which those tensors show that take
attributes; nothing here reads it.
"""

from __future__ import annotations

import weakref
from typing import Any

import optree

from multinet import calls
from multinet.calls import CallContext, active, loose
from multinet.registry import current
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Tensor, Tensors


def mask_of(tensor: Tensor) -> Tensor | None:
    """Return the bool mask of a tensor, shaped as its first axes, or None.

    It is that which a layer gave its output: of a symbolic tensor, a symbolic one.
    """
    if type(tensor) is KerasTensor:
        return tensor._keras_mask
    return calls.mask_of(tensor)


def masks_in(tree: Tensors) -> Tensors | None:
    """Return the masks of a tensor or of a tree of them; None if there is none."""
    context = active.get()
    if not loose and (context is None or not context.masks):
        return None
    if current().is_tensor(tree):
        return mask_of(tree)
    masks = optree.tree_map(mask_of, tree)
    return masks if optree.tree_leaves(masks) else None


def set_mask(tensor: Tensor, mask: Tensor | None) -> None:
    """Give a tensor a mask, for the rest of the call in progress if there is one."""
    context = active.get()
    if mask is None:
        return
    _show(tensor, mask)
    if context is not None:
        context.masks[id(tensor)] = (tensor, mask)
    else:
        _loosen(tensor, mask)


def set_masks(tree: Tensors, masks: Tensors | None) -> None:
    """Give the tensors of a tree their masks, a tree with None where there is none."""
    tensors, given = (
        optree.tree_leaves(part, none_is_leaf=True)  # type: ignore[arg-type]
        for part in (tree, masks)
    )
    for tensor, mask in zip(tensors, given):
        set_mask(tensor, mask)


def _show(tensor: Any, mask: Any) -> None:
    """Let programs read the mask on the tensor, if it takes attributes."""
    try:
        tensor._keras_mask = mask
    except AttributeError:  # of NumPy, and in a trace of JAX: `mask_of` tells there
        return


def keep_masks(context: CallContext, outputs: Tensors) -> None:
    """Keep the masks of what an outermost call returned."""
    if current().symbolic:
        return
    for tensor in optree.tree_leaves(outputs):
        if id(tensor) in context.masks:
            _loosen(tensor, context.masks[id(tensor)][1])


def _loosen(tensor: Any, mask: Any) -> None:
    key = id(tensor)
    loose[key] = (weakref.ref(tensor, lambda _: loose.pop(key, None)), mask)
